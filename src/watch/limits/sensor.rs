//! The measurements: time of day, memory, GPUs, space. `REMOLD_READINGS` names a JSON file that replaces the machine's figures, for tests:
//! `{"time": "12:00", "pressure": 5, "available": 1000, "gpus": [90], "free": 1000, "calm_seconds": 1}`; missing keys are measured.

use super::Limits;
use crate::monitor::Gpus;
use crate::plan;
use jiff::civil::Time;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a limit must not be crossed before exports continue: a trainer's GPU is idle for some seconds between two epochs.
const CALM: Duration = Duration::from_secs(30);
/// Longest file of readings.
const MAX_BYTES: u64 = 1 << 16;
/// Longest pressure text from the kernel.
const MAX_PRESSURE_BYTES: u64 = 4096;
const PRESSURE: &str = "/proc/pressure/memory";

/// The figures at one moment; absent where the system does not report them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Readings {
    /// Local time of day.
    pub time: Time,
    /// Share of the last ten seconds in which some process waited for memory, percent.
    pub pressure: Option<f64>,
    /// Bytes of available memory.
    pub available: Option<u64>,
    /// Load of each GPU in percent, by its number.
    pub gpus: Vec<(u32, f64)>,
    /// Bytes that are free where the exports go.
    pub free: Option<u64>,
    /// Size of that file system in bytes.
    pub total: Option<u64>,
    /// How long a limit must not be crossed before exports continue.
    pub calm: Duration,
}

/// Figures from a file instead of the machine.
#[derive(Debug, Default, Deserialize)]
struct SensorOverride {
    time: Option<String>,
    pressure: Option<f64>,
    available: Option<u64>,
    gpus: Option<Vec<f64>>,
    free: Option<u64>,
    calm_seconds: Option<f64>,
}

/// Measures what a rule needs.
#[derive(Debug)]
pub(crate) struct Sensor {
    gpus: Option<Gpus>,
    given: Option<PathBuf>,
}

impl Sensor {
    /// For a rule. Also returns why something that it needs cannot be measured here.
    pub(crate) fn new(care: &Limits) -> (Self, Vec<String>) {
        let given = std::env::var_os("REMOLD_READINGS").filter(|v| !v.is_empty()).map(PathBuf::from);
        let mut notes = Vec::new();
        let mut gpus = None;
        if care.gpu.is_some() && given.is_none() {
            match Gpus::load() {
                Ok(found) => gpus = Some(found),
                Err(_) => notes.push("no GPU reports its load (NVML): --yield-gpu has no effect".to_owned()),
            }
        }
        if care.pressure.is_some() && given.is_none() && pressure().is_none() {
            let why = "the kernel reports no memory pressure (PSI): --yield-memory-pressure has no effect";
            notes.push(why.to_owned());
        }
        (Self { gpus, given }, notes)
    }

    /// The figures now. `output` is where the exports go.
    pub(crate) fn read(&self, care: &Limits, output: &Path) -> Readings {
        let given = self.given();
        let time = given.time.as_deref().and_then(|t| t.parse().ok());
        let gpus = match &given.gpus {
            Some(loads) => (0..).zip(loads.iter().copied()).collect(),
            None => self.loads(),
        };
        Readings {
            time: time.unwrap_or_else(|| jiff::Zoned::now().time()),
            pressure: given.pressure.or_else(|| care.pressure.and_then(|_| pressure())),
            available: given.available.or_else(|| care.free_memory.and_then(|_| plan::available())),
            gpus,
            free: given.free.or_else(|| plan::free_bytes(output)),
            total: plan::total_bytes(output),
            calm: given.calm_seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or(CALM),
        }
    }

    fn given(&self) -> SensorOverride {
        let bytes = self.given.as_ref().and_then(|path| crate::files::read(path, MAX_BYTES).ok());
        bytes.and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default()
    }

    fn loads(&self) -> Vec<(u32, f64)> {
        let gpus = self.gpus.as_ref().map(Gpus::sample).unwrap_or_default();
        gpus.into_iter().filter_map(|gpu| Some((gpu.index, gpu.load? * 100.0))).collect()
    }
}

/// `some avg10` of the memory pressure.
fn pressure() -> Option<f64> {
    avg10(&crate::files::read_text(Path::new(PRESSURE), MAX_PRESSURE_BYTES).ok()?)
}

fn avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|l| l.strip_prefix("some "))?;
    line.split_whitespace().find_map(|w| w.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_text_about_pressure_is_read() {
        let text = "some avg10=2.35 avg60=1.00 avg300=0.10 total=123\nfull avg10=9.00 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(avg10(text), Some(2.35));
        assert_eq!(avg10("full avg10=9.00"), None);
        assert_eq!(avg10(""), None);
    }

    #[test]
    fn a_file_takes_the_place_of_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("readings.json");
        std::fs::write(&path, r#"{"time": "21:30", "gpus": [3, 97], "free": 7, "calm_seconds": 0.5}"#).unwrap();
        let sensor = Sensor { gpus: None, given: Some(path) };
        let readings = sensor.read(&Limits::default(), dir.path());
        assert_eq!(readings.time, jiff::civil::time(21, 30, 0, 0));
        assert_eq!((readings.gpus, readings.free), (vec![(0, 3.0), (1, 97.0)], Some(7)));
        assert_eq!(readings.calm, Duration::from_millis(500));
        assert!(readings.total.is_some(), "what is not given is measured");
    }
}
