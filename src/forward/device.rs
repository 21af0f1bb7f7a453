//! The device that passes run on: the CPU, or in a build with the feature `cuda` or `metal` the first GPU.
//!
//! `REMOLD_DEVICE` chooses: `cpu`, `cuda` or `metal`. A device that is not there is an error; there is no fallback.

use super::Rounding;
use crate::model::{ModelError, Result};
use candle_core::Device;
use std::sync::OnceLock;

/// The environment variable that names the device.
pub(crate) const VARIABLE: &str = "REMOLD_DEVICE";

/// The device for passes with this rounding. Rounding as llama.cpp does is that of its CPU code, so it is done on the CPU.
///
/// # Errors
/// A device that this build or this machine does not have.
pub(super) fn device(rounding: Rounding) -> Result<Device> {
    // A device is opened once: each has its own context.
    static DEVICE: OnceLock<Device> = OnceLock::new();
    if rounding == Rounding::LlamaCpp {
        return Ok(Device::Cpu);
    }
    if let Some(device) = DEVICE.get() {
        return Ok(device.clone());
    }
    let asked = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
    let device = open(asked.as_deref().unwrap_or(DEFAULT))?;
    Ok(DEVICE.get_or_init(|| device).clone())
}

const DEFAULT: &str = if cfg!(feature = "cuda") {
    "cuda"
} else if cfg!(feature = "metal") {
    "metal"
} else {
    "cpu"
};

fn open(name: &str) -> Result<Device> {
    let failed = |e: candle_core::Error| {
        ModelError::request(format!("the GPU cannot be used: {e}"))
            .with_hint(format!("Set {VARIABLE}=cpu to compute on the CPU."))
    };
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" if cfg!(feature = "cuda") => Device::new_cuda(0).map_err(failed),
        "metal" if cfg!(feature = "metal") => Device::new_metal(0).map_err(failed),
        "cuda" | "metal" => Err(ModelError::request(format!("{VARIABLE} is {name}, but this build cannot use it"))
            .with_hint(format!("Build remold with `--features {name}`, or set {VARIABLE}=cpu."))),
        _ => Err(ModelError::request(format!("{VARIABLE} is `{name}`, which is not a device"))
            .with_hint("Devices: cpu, cuda, metal.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        assert!(matches!(open("cpu"), Ok(Device::Cpu)));
        assert!(open("tpu").is_err());
        if !cfg!(feature = "cuda") {
            let refused = open("cuda").unwrap_err();
            assert!(refused.to_string().contains("this build cannot use it"), "{refused}");
        }
    }
}
