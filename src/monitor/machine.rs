//! The whole machine: CPU, memory, GPUs.

use super::gpu::{Gpu, Gpus};
use sysinfo::System;

/// The state of the machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Machine {
    /// Its host name.
    pub host: String,
    /// Share of all cores in use since the last sample, 0 to 1.
    pub cpu: f64,
    /// Bytes of memory that are not available.
    pub memory_used: u64,
    /// Bytes of memory.
    pub memory_total: u64,
    /// GPUs that NVML reports.
    pub gpus: Vec<Gpu>,
}

/// Samples the machine; stores what it needs between two samples.
pub(crate) struct MachineSampler {
    system: Option<System>,
    host: String,
    gpus: Option<Gpus>,
}

impl Default for MachineSampler {
    fn default() -> Self {
        Self::new()
    }
}

impl MachineSampler {
    /// A sampler that starts now. Loads NVML, which may take a second.
    pub(crate) fn new() -> Self {
        let host = System::host_name().unwrap_or_default();
        let mut this = Self { system: System::new().ok(), host, gpus: Gpus::load().ok() };
        if let Some(system) = &mut this.system {
            system.refresh_cpu_usage();
        }
        this
    }

    /// The figures now.
    pub(crate) fn sample(&mut self) -> Machine {
        let gpus = self.gpus.as_ref().map(Gpus::sample).unwrap_or_default();
        let mut machine = Machine { host: self.host.clone(), gpus, ..Machine::default() };
        if let Some(system) = &mut self.system {
            system.refresh_cpu_usage();
            system.refresh_memory();
            machine.cpu = f64::from(system.global_cpu_usage() / 100.0).clamp(0.0, 1.0);
            (machine.memory_used, machine.memory_total) = memory(system);
        }
        machine
    }
}

/// Unavailable and total memory of the machine, or of the control group if that has less.
pub(super) fn memory(system: &System) -> (u64, u64) {
    let total = system.total_memory();
    match system.cgroup_limits().filter(|limit| limit.total_memory > 0 && limit.total_memory < total) {
        Some(limit) => (limit.rss.min(limit.total_memory), limit.total_memory),
        None => (total.saturating_sub(system.available_memory()), total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_memory_and_uses_some() {
        let machine = MachineSampler::new().sample();
        assert!(machine.memory_used > 0 && machine.memory_used <= machine.memory_total, "{machine:?}");
        assert!((0.0..=1.0).contains(&machine.cpu));
    }
}
