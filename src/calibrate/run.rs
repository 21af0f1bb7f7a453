//! Runs windows through a network and collects what goes into its weights.

use super::activations::Entry;
use super::collector::{Collector, OUTPUT};
use crate::forward::{Forward, Input, Observer};
use crate::model::{ModelError, Result};
use crate::task::Task;
use std::collections::BTreeMap;

/// Memory of a pass if nothing else is asked. A pass reads all weights once, which takes a small part of its time from a few thousand tokens on.
pub(crate) const DEFAULT_MEMORY: u64 = 1 << 30;
/// Values that a layer has at work for a token, in widths of the hidden state, as in `quality::pass`.
const FLOATS_PER_WIDTH: u64 = 16;

/// What computes windows.
pub(crate) trait Network {
    /// Layers.
    fn layers(&self) -> usize;
    /// Width of the hidden state.
    fn width(&self) -> usize;
    /// True if there is an output matrix that is not the embedding.
    fn has_output(&self) -> bool;
    /// The hidden states after the last norm, and every input of a weight on the way to an observer.
    ///
    /// # Errors
    /// Those of reading; cancelled.
    fn states(&self, windows: &[Vec<u32>], task: Task<'_>, observer: &mut dyn Observer) -> Result<Vec<f32>>;
}

impl Network for Forward {
    fn layers(&self) -> usize {
        Self::layers(self) as usize
    }

    fn width(&self) -> usize {
        Self::width(self)
    }

    fn has_output(&self) -> bool {
        self.tensor(OUTPUT).is_some()
    }

    fn states(&self, windows: &[Vec<u32>], task: Task<'_>, observer: &mut dyn Observer) -> Result<Vec<f32>> {
        Self::states(self, windows, task, observer)
    }
}

/// What to collect from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collection<'a> {
    /// Windows of tokens.
    pub windows: &'a [Vec<u32>],
    /// Bytes for the windows that are computed together; the weights at work and the sums come on top.
    pub memory: u64,
    /// Collect the inputs of the output matrix too, unless it is the embedding.
    pub process_output: bool,
}

impl Collection<'_> {
    /// Windows computed together: at least one.
    pub(crate) fn per_pass(&self, width: usize) -> usize {
        let tokens = self.windows.first().map_or(1, Vec::len) as u64;
        let window = tokens.saturating_mul(width as u64).saturating_mul(FLOATS_PER_WIDTH * size_of::<f32>() as u64);
        usize::try_from(self.memory / window.max(1)).unwrap_or(usize::MAX).max(1)
    }
}

/// The sums of the inputs of each weight over all tokens. The task's progress counts layers over all passes.
///
/// # Errors
/// Those of the network; inputs that are NaN or infinite; a network without weights of layers; cancelled.
pub(crate) fn collect(
    network: &dyn Network,
    collection: Collection<'_>,
    task: Task<'_>,
) -> Result<BTreeMap<String, Entry>> {
    let threads =
        if task.threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { task.threads };
    let mut collector = Collector::new(collection.process_output, threads);
    let passes = collection.windows.chunks(collection.per_pass(network.width()));
    let (layers, all) = (network.layers(), passes.len());
    for (pass, windows) in passes.enumerate() {
        let progress = |done: usize, _: usize| (task.progress)(pass * layers + done.min(layers), all * layers);
        let states = network.states(windows, Task { progress: &progress, ..task }, &mut collector)?;
        if task.is_cancelled() {
            return Err(ModelError::request("cancelled while collecting"));
        }
        // What goes into the output matrix is what the last norm gives.
        if collection.process_output && network.has_output() {
            let columns = network.width();
            collector.input(&Input { weight: OUTPUT, values: &states, columns, expert: None })?;
        }
    }
    let entries = collector.finish();
    if entries.is_empty() {
        return Err(ModelError::unsupported("the network has no weights whose inputs are collected"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Two layers of two columns; the second has experts, chosen by the parity of the token.
    struct Fake {
        has_output: bool,
        cancel_in: Option<usize>,
        cancel: AtomicBool,
        passes: Mutex<Vec<usize>>,
    }

    fn fake() -> Fake {
        Fake { has_output: false, cancel_in: None, cancel: AtomicBool::new(false), passes: Mutex::default() }
    }

    impl Network for Fake {
        fn layers(&self) -> usize {
            2
        }

        fn width(&self) -> usize {
            2
        }

        fn has_output(&self) -> bool {
            self.has_output
        }

        fn states(&self, windows: &[Vec<u32>], task: Task<'_>, observer: &mut dyn Observer) -> Result<Vec<f32>> {
            self.passes.lock().unwrap().push(windows.len());
            let x = |id: &u32| [*id as f32 / 3.0, 1.0 - *id as f32];
            let values: Vec<f32> = windows.iter().flatten().flat_map(x).collect();
            let give = |o: &mut dyn Observer, weight: &str, values: &[f32], expert| {
                o.input(&Input { weight, values, columns: 2, expert })
            };
            give(observer, "blk.0.attn_q.weight", &values, None)?;
            (task.progress)(1, 2);
            for n in 0..2_usize {
                let chosen = windows.iter().flatten().filter(|id| **id as usize % 2 == n);
                let routed: Vec<f32> = chosen.flat_map(x).collect();
                give(observer, "blk.1.ffn_up_exps.weight", &routed, Some((n, 2)))?;
            }
            if self.cancel_in == Some(self.passes.lock().unwrap().len()) {
                self.cancel.store(true, Ordering::Relaxed);
            }
            (task.progress)(2, 2);
            Ok(values)
        }
    }

    /// Memory of a window of the network.
    const WINDOW: u64 = 5 * 2 * 4 * FLOATS_PER_WIDTH;

    fn windows() -> Vec<Vec<u32>> {
        (0..7).map(|w| (0..5).map(|i| (w * 31 + i * 17) % 101).collect()).collect()
    }

    #[test]
    fn the_sums_are_the_same_however_many_windows_are_in_a_pass() {
        let windows = windows();
        let sums = |batch: u64| {
            let network = fake();
            let collection = Collection { windows: &windows, memory: batch * WINDOW, process_output: false };
            let found = collect(&network, collection, Task::quiet()).unwrap();
            (found, network.passes.into_inner().unwrap())
        };
        let (whole, passes) = sums(100);
        assert_eq!(passes, [7]);
        assert_eq!(whole["blk.0.attn_q.weight"].counts, [35]);
        let routed = &whole["blk.1.ffn_up_exps.weight"].counts;
        assert_eq!(routed.iter().sum::<u64>(), 35);
        for (batch, wanted) in [(0, vec![1; 7]), (1, vec![1; 7]), (3, vec![3, 3, 1])] {
            let (found, passes) = sums(batch);
            assert_eq!((found == whole, passes), (true, wanted), "{batch}");
        }
    }

    #[test]
    fn the_input_of_the_output_is_what_the_last_norm_gives() {
        let windows = windows();
        for has_output in [false, true] {
            let network = Fake { has_output, ..fake() };
            let collection = Collection { windows: &windows, memory: 2 * WINDOW, process_output: true };
            let found = collect(&network, collection, Task::quiet()).unwrap();
            assert_eq!(found.get(OUTPUT), has_output.then(|| &found["blk.0.attn_q.weight"]));
        }
    }

    #[test]
    fn progress_counts_layers_of_all_passes_and_cancelling_ends_it() {
        let (windows, seen) = (windows(), Mutex::new(Vec::new()));
        let network = Fake { cancel_in: Some(2), ..fake() };
        let progress = |done: usize, all: usize| seen.lock().unwrap().push((done, all));
        let task = Task { threads: 1, progress: &progress, cancel: &network.cancel };
        let collection = Collection { windows: &windows, memory: 3 * WINDOW, process_output: false };
        let e = collect(&network, collection, task).unwrap_err();
        assert!(e.to_string().contains("cancelled"), "{e}");
        assert_eq!(*seen.lock().unwrap(), [(1, 6), (2, 6), (3, 6), (4, 6)]);
    }

    #[test]
    fn a_pass_has_a_bounded_number_of_windows() {
        let windows = vec![vec![0; 512]; 4];
        let collection = Collection { windows: &windows, memory: DEFAULT_MEMORY, process_output: false };
        assert_eq!(collection.per_pass(4096), 8);
        assert_eq!(collection.per_pass(usize::MAX), 1);
        assert_eq!(Collection { memory: 0, ..collection }.per_pass(8), 1);
    }
}
