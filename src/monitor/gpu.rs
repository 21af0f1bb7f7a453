//! GPUs through NVML, NVIDIA's management library. It is loaded at run time: without it, there are no GPUs.
//!
//! A GPU may report little: a split one (MIG) has no load and reports its memory to the administrator only, one that shares the machine's
//! memory has none to report, a driver before 510 does not support the query. An unknown figure is absent, never zero.

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use std::ffi::OsStr;

/// Memory and load of a GPU.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Gpu {
    /// Its number, the same as in `nvidia-smi`. A GPU that reports nothing leaves a gap.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its memory, if known.
    pub memory: Option<GpuMemory>,
    /// Share of the time it works, 0 to 1, if known.
    pub load: Option<f64>,
}

/// Memory of a GPU, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GpuMemory {
    /// In use.
    pub used: u64,
    /// In total.
    pub total: u64,
}

/// Why there are no GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoGpus {
    /// No library: no driver of NVIDIA is installed.
    NoLibrary,
    /// The library exists and reports why it cannot work.
    Refused(String),
}

/// The GPUs of this machine.
#[derive(Debug)]
pub(crate) struct Gpus(Nvml);

impl Gpus {
    /// Loads the library.
    ///
    /// # Errors
    /// No library, or its error: no driver loaded, a driver of another version, no permission.
    pub(crate) fn load() -> Result<Self, NoGpus> {
        // The name without a number comes only with the development package. Another name is tried only if the library is missing: one that
        // fails has reported why.
        let nvml = match Nvml::builder().lib_path(OsStr::new("libnvidia-ml.so.1")).init() {
            Err(NvmlError::LibloadingError(_)) => Nvml::init(),
            other => other,
        };
        nvml.map(Self).map_err(|e| match e {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => NoGpus::NoLibrary,
            e => NoGpus::Refused(e.to_string()),
        })
    }

    /// The version of the driver.
    pub(crate) fn driver(&self) -> Option<String> {
        self.0.sys_driver_version().ok()
    }

    /// Every GPU that can be queried.
    pub(crate) fn sample(&self) -> Vec<Gpu> {
        let count = self.0.device_count().unwrap_or(0);
        // A GPU without permission, or lost from the bus, has no handle; the others keep their numbers.
        (0..count).filter_map(|index| Some(of(index, &self.0.device_by_index(index).ok()?))).collect()
    }
}

fn of(index: u32, device: &Device<'_>) -> Gpu {
    Gpu {
        index,
        name: device.name().unwrap_or_else(|_| "unnamed GPU".to_owned()),
        memory: memory(device).or_else(|| parts(device)),
        load: device.utilization_rates().ok().map(|u| f64::from(u.gpu.min(100)) / 100.0),
    }
}

fn memory(device: &Device<'_>) -> Option<GpuMemory> {
    let info = device.memory_info().ok()?;
    (info.total > 0).then_some(GpuMemory { used: info.used, total: info.total })
}

/// The memory of the parts of a split GPU that this user may see.
fn parts(device: &Device<'_>) -> Option<GpuMemory> {
    // The maximum number of parts: an empty slot returns an error.
    let count = device.mig_device_count().ok()?;
    let all = (0..count).filter_map(|i| memory(&device.mig_device_by_index(i).ok()?));
    all.reduce(|a, b| GpuMemory { used: a.used.saturating_add(b.used), total: a.total.saturating_add(b.total) })
}
