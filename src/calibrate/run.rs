//! Runs windows through a network and collects what goes into its weights.

use super::activations::Entry;
use super::collector::{Collector, OUTPUT};
use crate::files::{Checkpoint, Content, Part};
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
    /// The hidden states after the last norm, and every input of a weight on the way to an observer. `from` is the first layer to run, with
    /// the hidden state before it, if that is not the beginning.
    ///
    /// # Errors
    /// Those of reading; cancelled.
    fn states(
        &self,
        from: Option<(u32, &[f32])>,
        windows: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>>;
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

    fn states(
        &self,
        from: Option<(u32, &[f32])>,
        windows: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        self.states_observed(from, windows, task, observer)
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
        usize::try_from(self.memory / self.window_bytes(width).max(1)).unwrap_or(usize::MAX).max(1)
    }

    /// Bytes that one window takes: no less memory is used.
    pub(crate) fn window_bytes(&self, width: usize) -> u64 {
        let tokens = self.windows.first().map_or(1, Vec::len) as u64;
        tokens.saturating_mul(width as u64).saturating_mul(FLOATS_PER_WIDTH * size_of::<f32>() as u64)
    }
}

/// What was collected when a layer was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LayerCollected {
    /// The layer, from 0, and how many there are.
    pub layer: usize,
    /// Layers of the network.
    pub layers: usize,
    /// The pass, from 0.
    pub pass: usize,
    /// Passes over all layers.
    pub passes: usize,
    /// Experts of all layers so far, and how many of them got no token yet.
    pub experts: usize,
    /// Experts that got no token yet.
    pub unreached: usize,
    /// Bytes of the sums so far: about the size of the file.
    pub bytes: u64,
}

/// Hears how the collection goes on.
pub(crate) trait Listener: Sync {
    /// A layer is done.
    fn layer(&self, _done: &LayerCollected) {}
}

/// Hears nothing.
impl Listener for () {}

/// Where a collection is, with everything that it needs to go on from there.
struct State {
    collector: Collector,
    pass: usize,
    /// The last layer that is done in this pass, with the hidden state after it.
    layer: Option<u32>,
    hidden: Vec<f32>,
}

impl State {
    fn save(&self, checkpoint: &Checkpoint) {
        let (pass, done) = (self.pass, self.layer.map_or(0, |l| u64::from(l) + 1));
        let mut parts: Vec<Part<'_>> =
            vec![(format!("p{pass}-l{done}-sums"), Content::Bytes(self.collector.to_bytes().into()))];
        if done > 0 {
            parts.push((format!("p{pass}-l{done}-hidden"), Content::Floats(&self.hidden)));
        }
        checkpoint.save(&[pass as u64, done], &parts);
    }

    /// What was kept; `None` if there is nothing or if it does not fit. `empty` is a collector without sums.
    fn load(
        checkpoint: &Checkpoint,
        collection: Collection<'_>,
        network: &dyn Network,
        empty: Collector,
    ) -> Option<Self> {
        let stored = checkpoint.load()?;
        let [pass, done] = stored.at[..] else { return None };
        let pass = usize::try_from(pass).ok()?;
        let windows = collection.windows.chunks(collection.per_pass(network.width())).nth(pass)?;
        let collector = empty.with_bytes(&stored.bytes(&format!("p{pass}-l{done}-sums"))?)?;
        let mut state = Self { collector, pass, layer: None, hidden: Vec::new() };
        if done > 0 {
            state.layer = u32::try_from(done - 1).ok().filter(|l| (*l as usize) < network.layers());
            let tokens: usize = windows.iter().map(Vec::len).sum();
            let hidden = stored.floats(&format!("p{pass}-l{done}-hidden"))?;
            state.hidden = Some(hidden).filter(|h| h.len() == tokens * network.width())?;
            state.layer?;
        }
        Some(state)
    }
}

/// Passes the inputs on to the collector, tells the listener of each layer, and keeps the work.
struct Watch<'a> {
    state: &'a mut State,
    listener: &'a dyn Listener,
    checkpoint: Option<&'a Checkpoint>,
    at: LayerCollected,
}

impl Observer for Watch<'_> {
    fn input(&mut self, input: &Input<'_>) -> Result<()> {
        self.state.collector.input(input)
    }

    fn wants_layers(&self) -> bool {
        true
    }

    fn layer(&mut self, layer: u32, _: u32, hidden: &[f32]) -> Result<()> {
        let state = &mut *self.state;
        state.collector.commit();
        let (experts, unreached) = state.collector.coverage();
        let bytes = state.collector.bytes();
        self.listener.layer(&LayerCollected { layer: layer as usize, experts, unreached, bytes, ..self.at });
        if let Some(checkpoint) = self.checkpoint {
            state.layer = Some(layer);
            state.hidden.clear();
            state.hidden.extend_from_slice(hidden);
            if checkpoint.is_due() {
                state.save(checkpoint);
            }
        }
        Ok(())
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
    listener: &dyn Listener,
    checkpoint: Option<&Checkpoint>,
) -> Result<BTreeMap<String, Entry>> {
    let threads =
        if task.threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { task.threads };
    let empty = || Collector::new(collection.process_output, threads);
    let mut state = checkpoint.and_then(|c| State::load(c, collection, network, empty())).unwrap_or_else(|| State {
        collector: empty(),
        pass: 0,
        layer: None,
        hidden: Vec::new(),
    });
    let passes = collection.windows.chunks(collection.per_pass(network.width()));
    let (layers, all) = (network.layers(), passes.len());
    for (pass, windows) in passes.enumerate().skip(state.pass) {
        let progress = |done: usize, _: usize| (task.progress)(pass * layers + done.min(layers), all * layers);
        let at = LayerCollected { layers, pass, passes: all, ..LayerCollected::default() };
        state.pass = pass;
        let start = std::mem::take(&mut state.hidden);
        let from = state.layer.map(|l| (l + 1, start.as_slice()));
        let mut watch = Watch { state: &mut state, listener, checkpoint, at };
        let ran = network.states(from, windows, Task { progress: &progress, ..task }, &mut watch);
        if task.is_cancelled() {
            if state.hidden.is_empty() {
                state.hidden = start;
            }
            if let Some(checkpoint) = checkpoint.filter(|c| c.is_wanted()) {
                // What the layer at work has added is taken back.
                state.collector.roll_back();
                state.save(checkpoint);
            }
            return Err(ran.err().unwrap_or_else(|| ModelError::request("cancelled while collecting")));
        }
        let states = ran?;
        // What goes into the output matrix is what the last norm gives.
        if collection.process_output && network.has_output() {
            let columns = network.width();
            state.collector.input(&Input { weight: OUTPUT, values: &states, columns, expert: None })?;
        }
        state.collector.commit();
        (state.pass, state.layer) = (pass + 1, None);
        state.hidden.clear();
        if let Some(checkpoint) = checkpoint.filter(|c| pass + 1 < all && c.is_due()) {
            state.save(checkpoint);
        }
    }
    let entries = state.collector.finish();
    if entries.is_empty() {
        return Err(ModelError::unsupported("the network has no weights whose inputs are collected"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    /// Two layers of two columns; the second has experts, chosen by the parity of the token.
    struct Fake {
        has_output: bool,
        cancel_in: Option<usize>,
        cancel: AtomicBool,
        passes: Mutex<Vec<usize>>,
        /// Cancels when so many layers are done.
        stop_after: Option<usize>,
        ran: AtomicUsize,
    }

    fn fake() -> Fake {
        Fake {
            has_output: false,
            cancel_in: None,
            cancel: AtomicBool::new(false),
            passes: Mutex::default(),
            stop_after: None,
            ran: AtomicUsize::new(0),
        }
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

        fn states(
            &self,
            from: Option<(u32, &[f32])>,
            windows: &[Vec<u32>],
            task: Task<'_>,
            observer: &mut dyn Observer,
        ) -> Result<Vec<f32>> {
            self.passes.lock().unwrap().push(windows.len());
            let first = from.map_or(0, |(layer, _)| layer);
            let x = |id: &u32| [*id as f32 / 3.0, 1.0 - *id as f32];
            let values: Vec<f32> = windows.iter().flatten().flat_map(x).collect();
            let layer_done = |layer: u32, observer: &mut dyn Observer| {
                observer.layer(layer, 2, &values)?;
                let ran = self.ran.fetch_add(1, Ordering::Relaxed) + 1;
                if self.stop_after == Some(ran) {
                    self.cancel.store(true, Ordering::Relaxed);
                }
                Ok::<(), ModelError>(())
            };
            let give = |o: &mut dyn Observer, weight: &str, values: &[f32], expert| {
                o.input(&Input { weight, values, columns: 2, expert })
            };
            if first == 0 {
                give(observer, "blk.0.attn_q.weight", &values, None)?;
                layer_done(0, observer)?;
                (task.progress)(1, 2);
            }
            for n in 0..if first < 2 { 2_usize } else { 0 } {
                let chosen = windows.iter().flatten().filter(|id| **id as usize % 2 == n);
                let routed: Vec<f32> = chosen.flat_map(x).collect();
                give(observer, "blk.1.ffn_up_exps.weight", &routed, Some((n, 2)))?;
                // Stopped between two experts of a layer.
                if self.stop_after.is_some() && self.cancel.load(Ordering::Relaxed) {
                    return Err(ModelError::request("cancelled"));
                }
            }
            if first < 2 {
                layer_done(1, observer)?;
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
            let found = collect(&network, collection, Task::quiet(), &(), None).unwrap();
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
            let found = collect(&network, collection, Task::quiet(), &(), None).unwrap();
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
        let e = collect(&network, collection, task, &(), None).unwrap_err();
        assert!(e.to_string().contains("cancelled"), "{e}");
        assert_eq!(*seen.lock().unwrap(), [(1, 6), (2, 6), (3, 6), (4, 6)]);
    }

    /// Stopped after any layer, in the middle of the next one, a collection that is continued gives the same sums to the bit.
    #[test]
    fn an_interrupted_collection_continues_after_the_last_layer() {
        let (windows, dir) = (windows(), tempfile::tempdir().unwrap());
        let collection = Collection { windows: &windows, memory: 3 * WINDOW, process_output: true };
        let whole = Fake { has_output: true, ..fake() };
        let wanted = collect(&whole, collection, Task::quiet(), &(), None).unwrap();
        let layers = whole.ran.into_inner();
        for killed in [false, true] {
            for each in 1..=5 {
                let folder = dir.path().join(format!("{killed}-{each}"));
                let (mut ran, mut runs) = (0, 0);
                let found = loop {
                    let network = Fake { has_output: true, stop_after: Some(each), ..fake() };
                    let checkpoint = Checkpoint::new(&folder, "a", 1 << 20).wanted(move || !killed);
                    let checkpoint = if killed { checkpoint.every(Duration::ZERO) } else { checkpoint };
                    let task = Task { cancel: &network.cancel, ..Task::quiet() };
                    let result = collect(&network, collection, task, &(), Some(&checkpoint));
                    assert_eq!(checkpoint.trouble(), None);
                    ran += network.ran.load(Ordering::Relaxed);
                    runs += 1;
                    assert!(runs < 100);
                    if let Ok(found) = result {
                        break found;
                    }
                };
                assert_eq!(found, wanted, "killed {killed}, every {each} layers");
                assert_eq!(ran, layers, "killed {killed}, every {each} layers: no layer is run twice");
                assert!(runs > 1);
            }
        }
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
