//! Runs a child and measures its wall time, CPU time and peak memory, from `/proc` (Linux only, no unsafe code).

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Ticks per second of the times in `/proc/PID/stat`: 100 on every Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Seconds from start to end.
    pub wall: f64,
    /// Seconds of CPU, user and system, children included.
    pub cpu: f64,
    /// Highest resident memory, mapped files counted. Sampled each 2 ms from the kernel's own high-water mark.
    pub peak_bytes: u64,
}

/// Runs `command` to its end, its output thrown away.
///
/// # Errors
/// When it cannot be started or does not end with 0; the text holds the end of its stderr.
pub fn run(command: &mut Command) -> io::Result<Run> {
    let log = tempfile::NamedTempFile::new()?;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.reopen()?).spawn()?;
    let id = child.id();
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let wall = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak.fetch_max(memory_bytes(id, "VmHWM:").unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        // Left unreaped, so that its times can still be read.
        let waited = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let wall = began.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        waited.map(|_| wall)
    })?;
    let cpu = cpu_seconds(id).ok_or_else(|| io::Error::other("/proc does not tell the child's times"))?;
    let status = child.wait()?;
    if !status.success() {
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        let lines: Vec<&str> = text.trim().lines().collect();
        return Err(io::Error::other(format!("{status}: {}", lines[lines.len().saturating_sub(5)..].join(" / "))));
    }
    Ok(Run { wall, cpu, peak_bytes: peak.into_inner() })
}

/// The run with the middle wall time.
pub fn median(runs: &[Run]) -> Run {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    sorted[sorted.len() / 2]
}

/// A line of `/proc/PID/status` that is an amount of memory, as `VmHWM:`.
pub fn memory_bytes(id: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds of CPU: utime, stime, cutime and cstime (fields 14 to 17) of a process that has ended or lives.
pub fn cpu_seconds(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold anything, so count from its end: the next field is the third.
    let ticks = text[text.rfind(')')? + 2..].split(' ').skip(11).take(4);
    Some(ticks.filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND)
}
