//! Checks of the machine and the session that need no terminal: CPU, memory, GPU, limits, and what may end our processes.

use super::check::Check;
use super::gpu::{Gpu, Gpus, NoGpus};
use super::machine::memory;
use crate::quant;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::Path;
use sysinfo::System;

const MACHINE: &str = "machine";
const SYSTEM: &str = "system";

/// Least memory that is enough for a conversion and the rest of the system.
const MIN_MEMORY: u64 = 1 << 30;
/// Files of the largest split models, plus other files that a process has open.
const MIN_FILES: u64 = 1024;
/// Folders below a training run that are watched at once; the kernel's former default was this.
const MIN_WATCHES: u64 = 8192;
/// The kernel's default; every editor and file manager takes some.
const MIN_INSTANCES: u64 = 128;

/// All checks of the machine.
pub(crate) fn machine_checks() -> Vec<Check> {
    let mut all = vec![cpu(), memory_check(), gpu(), open_files()];
    all.extend(inotify());
    all.push(logind());
    all
}

/// `2.47 GB`.
pub(crate) fn gigabytes(n: u64) -> String {
    let value = n as f64 / 1e9;
    if value < 9.95 { format!("{value:.2} GB") } else { format!("{value:.0} GB") }
}

fn cpu() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (used, all) = (quant::instruction_set(), quant::instruction_sets());
    let fact = format!("{cores} cores, {}; quantizes with {used}", std::env::consts::ARCH);
    let best = all.last().copied().unwrap_or(used);
    if used != best {
        return Check::note(MACHINE, "cpu", fact, format!("REMOLD_ISA forbids {best}, which is faster; unset it."));
    }
    if cfg!(target_arch = "x86_64") && !all.contains(&"avx2") {
        let remedy = "This CPU has no AVX2: the same bytes take several times as long.";
        return Check::note(MACHINE, "cpu", fact, remedy);
    }
    Check::fine(MACHINE, "cpu", fact)
}

fn memory_check() -> Check {
    let Ok(mut system) = System::new() else { return Check::fine(MACHINE, "memory", "not reported by the system") };
    system.refresh_memory();
    let (used, total) = memory(&system);
    let limited = if total < system.total_memory() { " (limit of the control group)" } else { "" };
    let free = total.saturating_sub(used);
    let fact = format!("{} of {} available{limited}", gigabytes(free), gigabytes(total));
    if free < MIN_MEMORY {
        return Check::note(MACHINE, "memory", fact, "Close other programs, or use fewer --threads.");
    }
    Check::fine(MACHINE, "memory", fact)
}

fn gpu() -> Check {
    // Nothing is computed on a GPU, so having none is not a fault.
    let fine = |fact: String| Check::fine(MACHINE, "gpu", fact);
    let gpus = match Gpus::load() {
        Ok(gpus) => gpus,
        Err(NoGpus::NoLibrary) => {
            return fine("none found by NVML; remold does not need one".to_owned());
        }
        Err(NoGpus::Refused(why)) => {
            return fine(format!("no metrics: NVML says \"{why}\"; remold does not need a GPU"));
        }
    };
    let driver = gpus.driver().map(|d| format!(", driver {d}")).unwrap_or_default();
    let all = gpus.sample();
    if all.is_empty() {
        return fine(format!("none that this user may query{driver}; remold does not need one"));
    }
    let size = |g: &Gpu| g.memory.map_or_else(|| "memory unknown".to_owned(), |m| gigabytes(m.total));
    let names: Vec<String> = all.iter().map(|g| format!("{} {}", g.name, size(g))).collect();
    fine(format!("{}{driver}; shown, not used to convert", names.join(", ")))
}

fn open_files() -> Check {
    let limit = getrlimit(Resource::Nofile);
    match limit.current {
        Some(n) if n < MIN_FILES => {
            let remedy = format!("A model split into many files needs more: run `ulimit -n {MIN_FILES}` first.");
            Check::note(SYSTEM, "open files", format!("at most {n}"), remedy)
        }
        Some(n) => Check::fine(SYSTEM, "open files", format!("at most {n}")),
        None => Check::fine(SYSTEM, "open files", "no limit"),
    }
}

fn inotify() -> Option<Check> {
    let read = |name: &str| -> Option<u64> {
        fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok()
    };
    let (watches, instances) = (read("max_user_watches")?, read("max_user_instances")?);
    let fact = format!("{watches} watches, {instances} instances per user");
    let low = if watches < MIN_WATCHES {
        Some(("max_user_watches", MIN_WATCHES * 8))
    } else if instances < MIN_INSTANCES {
        Some(("max_user_instances", MIN_INSTANCES * 4))
    } else {
        None
    };
    Some(match low {
        Some((name, value)) => {
            let remedy = format!("Watching folders may fail; raise it with `sysctl fs.inotify.{name}={value}`.");
            Check::note(SYSTEM, "inotify", fact, remedy)
        }
        None => Check::fine(SYSTEM, "inotify", fact),
    })
}

/// Whether a logout ends jobs in other process groups.
fn logind() -> Check {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let linger = !user.is_empty() && Path::new("/var/lib/systemd/linger").join(&user).exists();
    if !Path::new("/run/systemd/seats").exists() {
        return Check::fine(SYSTEM, "logout", "no logind; jobs outlive the session");
    }
    let mut files = vec![Path::new("/etc/systemd/logind.conf").to_owned()];
    for folder in ["/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"] {
        let mut more: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        more.sort();
        files.extend(more);
    }
    let texts = files.iter().filter_map(|f| fs::read_to_string(f).ok());
    if kills(texts) && !linger {
        let remedy = "`loginctl enable-linger` lets jobs outlive the session.";
        return Check::note(
            SYSTEM,
            "logout",
            "logind ends your processes when you log out (KillUserProcesses)",
            remedy,
        );
    }
    Check::fine(SYSTEM, "logout", if linger { "jobs outlive the session (linger)" } else { "jobs outlive the session" })
}

/// The last setting of `KillUserProcesses` in the files.
fn kills(texts: impl Iterator<Item = String>) -> bool {
    let mut kills = false;
    for text in texts {
        for line in text.lines() {
            if let Some(("KillUserProcesses", value)) = line.trim().split_once('=').map(|(k, v)| (k.trim(), v.trim())) {
                kills = matches!(value.to_ascii_lowercase().as_str(), "yes" | "true" | "on" | "1");
            }
        }
    }
    kills
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_decides_who_ends_our_processes() {
        let files = |texts: &[&str]| kills(texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>().into_iter());
        assert!(!files(&["[Login]\n#KillUserProcesses=yes\n"]));
        assert!(files(&["[Login]\nKillUserProcesses=no\n", "KillUserProcesses = yes"]));
        assert!(!files(&["KillUserProcesses=yes", "KillUserProcesses=no"]));
        assert!(!files(&[]));
    }

    #[test]
    fn every_remedy_stands_beside_what_is_not_fine() {
        let all = machine_checks();
        assert!(all.iter().all(|c| c.remedy.is_some() == (c.status != super::super::CheckStatus::Fine)), "{all:?}");
        assert!(all.iter().any(|c| c.what == "cpu" && c.fact.contains(quant::instruction_set())), "{all:?}");
    }
}
