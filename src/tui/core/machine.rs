//! Figures of the machine while a job runs, and how the line above shows them.

use super::Series;
use crate::monitor::{Gpu, Machine};

/// No machine has more GPUs.
const MAX_GPUS: usize = 256;

/// What the machine did lately.
#[derive(Clone, Debug, Default)]
pub struct MachineView {
    /// The newest figures.
    pub now: Machine,
    /// Bytes free where the followed job writes.
    pub disk_free: Option<u64>,
    /// Share of all cores in use.
    pub cpu: Series,
    /// Bytes of memory in use.
    pub memory: Series,
    /// Load of each GPU by its number.
    pub gpus: Vec<Series>,
}

impl MachineView {
    /// Takes new figures in.
    pub(crate) fn take(&mut self, machine: Machine, disk_free: Option<u64>) {
        self.cpu.push(machine.cpu);
        self.memory.push(machine.memory_used as f64);
        // By number: one that is lost meanwhile does not lend its figures to the next.
        let most = machine.gpus.iter().map(|g| g.index as usize + 1).max().unwrap_or(0);
        self.gpus.resize(most.min(MAX_GPUS), Series::default());
        for gpu in &machine.gpus {
            if let (Some(series), Some(load)) = (self.gpus.get_mut(gpu.index as usize), gpu.load) {
                series.push(load);
            }
        }
        (self.now, self.disk_free) = (machine, disk_free);
    }

    /// `host  cpu 35%  ram 21/128G  gpu0 41/139G`, rounded so that it seldom changes; the parts that come last may be cut off.
    pub(crate) fn parts(&self) -> Vec<String> {
        const STEP: f64 = 5.0;
        let m = &self.now;
        let cpu = (m.cpu * 100.0 / STEP).round() * STEP;
        let mut parts = vec![format!("cpu {cpu:.0}%"), format!("ram {}", of(m.memory_used, m.memory_total))];
        let gpu = |g: &Gpu| Some(format!("gpu{} {}", g.index, g.memory.map(|m| of(m.used, m.total))?));
        parts.extend(m.gpus.iter().filter_map(gpu));
        parts
    }
}

/// `21/128G`, and `1.5/7.9G` where there is little.
fn of(used: u64, total: u64) -> String {
    let digits = usize::from(total < 16_000_000_000);
    format!("{:.digits$}/{:.digits$}G", used as f64 / 1e9, total as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::GpuMemory;

    #[test]
    fn the_line_is_rounded() {
        let memory = Some(GpuMemory { used: 41_200_000_000, total: 139_000_000_000 });
        let gpu = Gpu { memory, load: Some(0.5), ..Gpu::default() };
        let mut view = MachineView::default();
        let machine = |cpu| Machine {
            cpu,
            memory_used: 21_400_000_000,
            memory_total: 128_000_000_000,
            gpus: vec![gpu.clone()],
            ..Machine::default()
        };
        view.take(machine(0.331), None);
        let before = view.parts();
        assert_eq!(before, ["cpu 35%", "ram 21/128G", "gpu0 41/139G"]);
        view.take(machine(0.368), None);
        assert_eq!(view.parts(), before);
        assert_eq!((view.cpu.0.len(), view.gpus.len()), (2, 1));
        // The other one sends no figures, and the previous one is lost.
        let known = Gpu { index: 2, memory, load: Some(0.9), ..Gpu::default() };
        let split = Gpu { index: 1, ..Gpu::default() };
        view.take(Machine { gpus: vec![split, known], ..Machine::default() }, None);
        assert_eq!(view.parts()[2..], ["gpu2 41/139G"]);
        assert_eq!(view.gpus.iter().map(|s| s.last()).collect::<Vec<_>>(), [0.5, 0.0, 0.9]);
        assert_eq!(of(1_540_000_000, 7_900_000_000), "1.5/7.9G");
    }
}
