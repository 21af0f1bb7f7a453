//! GPUs through NVML, NVIDIA's management library. It is loaded when the program runs: where it is not, there are no GPUs.

use nvml_wrapper::Nvml;
use std::ffi::OsStr;

/// What a GPU holds and does.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Bytes of its memory in use.
    pub memory_used: u64,
    /// Bytes of its memory.
    pub memory_total: u64,
    /// Share of the time it works, 0 to 1.
    pub load: f64,
}

/// The GPUs of this machine.
#[derive(Debug)]
pub struct Gpus(Nvml);

impl Gpus {
    /// Loads the library.
    ///
    /// # Errors
    /// What NVML says: no library, no driver.
    pub fn load() -> Result<Self, String> {
        // The name without a number comes with the developer's package alone.
        let numbered = Nvml::builder().lib_path(OsStr::new("libnvidia-ml.so.1")).init();
        numbered.or_else(|_| Nvml::init()).map(Self).map_err(|e| e.to_string())
    }

    /// The version of the driver.
    pub fn driver(&self) -> Option<String> {
        self.0.sys_driver_version().ok()
    }

    /// Every GPU that tells of itself.
    pub fn sample(&self) -> Vec<Gpu> {
        let devices = (0..self.0.device_count().unwrap_or(0)).filter_map(|i| self.0.device_by_index(i).ok());
        let gpu = |device: nvml_wrapper::Device<'_>| {
            let memory = device.memory_info().ok()?;
            Some(Gpu {
                name: device.name().unwrap_or_default(),
                memory_used: memory.used,
                memory_total: memory.total,
                load: device.utilization_rates().map_or(0.0, |u| f64::from(u.gpu) / 100.0),
            })
        };
        devices.filter_map(gpu).collect()
    }
}
