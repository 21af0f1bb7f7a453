//! Memory and CPU of the own process, from the kernel's own counters.

use std::fs;
use std::time::Instant;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// What the process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Resident bytes now.
    pub rss: u64,
    /// Highest resident bytes so far; equals `rss` where the system does not report it.
    pub peak_rss: u64,
    /// CPU seconds so far, user and system.
    pub cpu_seconds: f64,
    /// Cores in use since the last sample.
    pub cores: f64,
}

/// Samples the own process; stores what it needs between two samples.
#[derive(Debug)]
pub(crate) struct ProcessSampler {
    system: Option<System>,
    last: (Instant, f64),
}

impl Default for ProcessSampler {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessSampler {
    /// A sampler that starts now.
    pub(crate) fn new() -> Self {
        let mut this = Self { system: System::new().ok(), last: (Instant::now(), 0.0) };
        this.last.1 = this.read().cpu_seconds;
        this
    }

    fn read(&mut self) -> Usage {
        let Ok(pid) = sysinfo::get_current_pid() else { return Usage::default() };
        let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
        let Some(system) = &mut self.system else { return Usage::default() };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        let Some(process) = system.process(pid) else { return Usage::default() };
        let rss = process.memory();
        let cpu_seconds = process.accumulated_cpu_time() as f64 / 1000.0;
        Usage { rss, peak_rss: peak_rss().unwrap_or(rss), cpu_seconds, cores: 0.0 }
    }

    /// The figures now.
    pub(crate) fn sample(&mut self) -> Usage {
        let mut usage = self.read();
        let now = Instant::now();
        let seconds = now.duration_since(self.last.0).as_secs_f64();
        if seconds > 0.0 {
            usage.cores = ((usage.cpu_seconds - self.last.1) / seconds).max(0.0);
        }
        self.last = (now, usage.cpu_seconds);
        usage
    }

    /// Begins to count anew: what [`ProcessSampler::since`] says is about the time from now on.
    pub(crate) fn begin() -> Usage {
        // The kernel forgets its high-water mark (proc_pid_clear_refs(5)). Where it does not, the mark counts only if it rises.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self::own_usage()
    }

    /// What the process used since `begun`: one that converts several models reports of each what that one needed.
    pub(crate) fn since(begun: &Usage) -> Usage {
        let now = Self::own_usage();
        let mark = if now.peak_rss > begun.peak_rss { now.peak_rss } else { now.rss.max(begun.rss) };
        Usage { peak_rss: mark, cpu_seconds: (now.cpu_seconds - begun.cpu_seconds).max(0.0), ..now }
    }

    /// The figures of the whole life of the own process.
    pub(crate) fn own_usage() -> Usage {
        Self { system: System::new().ok(), last: (Instant::now(), 0.0) }.read()
    }
}

/// `VmHWM` of `/proc/self/status`: the kernel's own high-water mark, in bytes.
fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_uses_something() {
        let usage = ProcessSampler::own_usage();
        assert!(usage.rss > 0 && usage.peak_rss >= usage.rss / 2, "{usage:?}");
    }

    #[test]
    fn what_was_used_before_does_not_count() {
        let burn = || {
            let until = Instant::now() + std::time::Duration::from_millis(60);
            while Instant::now() < until {
                std::hint::black_box(vec![1_u8; 1 << 16]);
            }
        };
        burn();
        let life = ProcessSampler::own_usage();
        let begun = ProcessSampler::begin();
        let used = ProcessSampler::since(&begun);
        assert!(used.cpu_seconds < life.cpu_seconds, "{used:?} of {life:?}");
        assert!(used.peak_rss >= begun.rss.min(used.rss), "{used:?} since {begun:?}");
    }
}
