//! Sends how far a measurement is, and holds it while its job is paused.

use crate::calibrate::{self, LayerCollected};
use crate::engine::{Coverage, EventBody, EventSink, Gate, MeasureProgress, Metric, Sample};
use crate::monitor::ProcessSampler;
use crate::quality::{self, LayerDivergence, PassPlace, Running};
use crate::task::locked;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Shortest time between two events of the same kind of progress.
const EVERY: Duration = Duration::from_millis(500);
/// The time left is said once this share of the work is done.
const SHARE_FOR_ETA: f64 = 0.02;

/// Sends the events of one run.
pub(super) struct Shown<'a> {
    pub(super) sink: &'a EventSink,
    pub(super) gate: &'a Gate,
    /// The baseline, as events name it.
    pub(super) baseline: Option<String>,
    /// How the inputs of products are rounded.
    pub(super) mode: &'static str,
    /// The model of an importance matrix.
    pub(super) model: String,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    sampler: ProcessSampler,
    sampled: Option<Instant>,
    placed: Option<Instant>,
    /// The share that was done when this run began: it may continue an earlier one.
    from: Option<f64>,
    fraction: f64,
    place: MeasureProgress,
    /// When the divergence after a layer of a model was sent.
    layers: HashMap<(PathBuf, u32), Instant>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(sink: &'a EventSink, gate: &'a Gate) -> Self {
        let state = State {
            sampler: ProcessSampler::new(),
            sampled: None,
            placed: None,
            from: None,
            fraction: 0.0,
            place: MeasureProgress::default(),
            layers: HashMap::new(),
        };
        Self {
            sink,
            gate,
            baseline: None,
            mode: "exact",
            model: String::new(),
            begun: Instant::now(),
            state: Mutex::new(state),
        }
    }

    /// So much is done. Waits while the job is paused.
    pub(super) fn advance(&self, fraction: f64) {
        self.gate.pass();
        let mut state = locked(&self.state);
        state.fraction = fraction;
        let from = *state.from.get_or_insert(fraction);
        if fraction < 1.0 && state.sampled.is_some_and(|t| t.elapsed() < EVERY) {
            return;
        }
        state.sampled = Some(Instant::now());
        let spent = self.begun.elapsed().saturating_sub(self.gate.closed_for()).as_secs_f64();
        let own = fraction - from;
        let eta = (own >= SHARE_FOR_ETA).then(|| spent * (1.0 - fraction) / own);
        let usage = state.sampler.sample();
        let sample = Sample { rss: usage.rss, cpu: usage.cores, fraction, eta, ..Sample::default() };
        drop(state);
        self.sink.send(EventBody::Sample(sample));
    }

    fn place(&self, place: MeasureProgress) {
        let mut state = locked(&self.state);
        // Another model or another batch is said at once.
        let new = (state.place.nth, state.place.batch, &state.place.step) != (place.nth, place.batch, &place.step)
            || place.layer == place.layers;
        state.place = place.clone();
        if !new && state.placed.is_some_and(|t| t.elapsed() < EVERY) {
            return;
        }
        state.placed = Some(Instant::now());
        drop(state);
        self.sink.send(EventBody::MeasureProgress(place));
    }
}

impl quality::Listener for Shown<'_> {
    fn progress(&self, done: usize, all: usize, _: &str) {
        self.advance(done as f64 / all.max(1) as f64);
    }

    fn place(&self, at: &PassPlace<'_>) {
        Shown::place(
            self,
            MeasureProgress {
                step: at.step.to_owned(),
                model: at.model.display().to_string(),
                nth: at.nth,
                models: at.models,
                layer: at.layer,
                layers: at.layers,
                batch: at.batch,
                batches: at.batches,
                coverage: None,
            },
        );
    }

    fn layer(&self, model: &Path, layer: u32, divergence: &LayerDivergence) {
        {
            let mut state = locked(&self.state);
            let is_last = state.place.batch + 1 >= state.place.batches;
            let key = (model.to_owned(), layer);
            if !is_last && state.layers.get(&key).is_some_and(|t| t.elapsed() < EVERY) {
                return;
            }
            state.layers.insert(key, Instant::now());
        }
        for (name, value) in [("hidden_rms", divergence.relative_rms()), ("hidden_cosine", divergence.cosine())] {
            self.sink.send(EventBody::Metric(Metric {
                name: name.to_owned(),
                value,
                model: model.display().to_string(),
                baseline: self.baseline.clone(),
                layer: Some(layer),
                mode: Some(self.mode.to_owned()),
                ..Metric::default()
            }));
        }
    }

    fn running(&self, model: &Path, running: &Running) {
        for (name, estimate) in &running.figures {
            self.sink.send(EventBody::MetricSoFar(Metric {
                name: (*name).to_owned(),
                value: estimate.value,
                uncertainty: estimate.uncertainty,
                model: model.display().to_string(),
                baseline: self.baseline.clone().filter(|_| name.starts_with("kld")),
                mode: Some(self.mode.to_owned()),
                ..Metric::default()
            }));
        }
    }
}

impl calibrate::Listener for Shown<'_> {
    fn layer(&self, done: &LayerCollected) {
        Shown::place(
            self,
            MeasureProgress {
                step: "layers".to_owned(),
                model: self.model.clone(),
                nth: 0,
                models: 1,
                layer: u32::try_from(done.layer + 1).ok(),
                layers: u32::try_from(done.layers).ok(),
                batch: done.pass,
                batches: done.passes,
                coverage: Some(Coverage { experts: done.experts, unreached: done.unreached, bytes: done.bytes }),
            },
        );
    }
}
