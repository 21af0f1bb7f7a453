//! The worker for what has to read the model's weights: plans that meet a budget, and forecasts. They may take seconds, so
//! they are kept apart from the planner, whose answers are awaited at every key.
//!
//! One of each kind waits at most: the newest. Measurements are cached on disk, so an answer that is no longer needed
//! is still worth its time, unless the source or its importance matrix is another one now: then it is cancelled.

use super::effects;
use super::threads::Outbox;
use crate::recipe::options::{Options, reads_graph};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::tui::core::{Action, ForecastSource};
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two words of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// What is to be measured.
pub(super) enum MeasureRequest {
    /// The plan of a recipe with a budget.
    Plan(u64, Box<Recipe>),
    /// The forecast of a source for these options.
    Forecast(u64, Box<ForecastSource>, Box<Target>),
}

impl MeasureRequest {
    /// What decides the numbers: the source and the options that belong to it.
    fn subject(&self) -> Subject {
        match self {
            Self::Plan(_, recipe) => {
                let options = recipe.targets.iter().map(|t| of_model(&t.options)).find(|o| *o != Options::default());
                let path = recipe.source.path.clone().unwrap_or_default();
                let graphs = recipe.targets.iter().filter(|t| reads_graph(t)).cloned().collect();
                let source = ForecastSource { path, steps: recipe.pipeline.clone() };
                Subject(source, options.unwrap_or_default(), graphs)
            }
            Self::Forecast(_, source, target) => Subject((**source).clone(), of_model(&target.options), Vec::new()),
        }
    }
}

/// The options whose values belong to the source, such as its importance matrix.
fn of_model(options: &Options) -> Options {
    let mut options = options.clone();
    options.retain(|key| key.of_model);
    options
}

/// The source, the options that belong to it, and the targets that are graphs: what is found out about them is of no use to other targets.
#[derive(Clone, PartialEq)]
struct Subject(ForecastSource, Options, Vec<Target>);

/// MeasureRequest, and the flag that cancels it.
pub(super) struct Order {
    work: MeasureRequest,
    cancel: Arc<AtomicBool>,
}

/// The end that gives orders.
pub(super) struct MeasureRequests {
    sender: Sender<Order>,
    plan: Option<Current>,
    forecast: Option<Current>,
}

/// What is measured, and the flag that cancels it.
type Current = (Subject, Arc<AtomicBool>);

impl MeasureRequests {
    pub(super) fn new(sender: Sender<Order>) -> Self {
        Self { sender, plan: None, forecast: None }
    }

    /// Gives an order. Those for another source are cancelled, and those of the same kind for another importance matrix: the plan and
    /// the forecast of a recipe may be about different targets.
    pub(super) fn give(&mut self, work: MeasureRequest) {
        let subject = work.subject();
        let (own, other) = match &work {
            MeasureRequest::Plan(..) => (&mut self.plan, &mut self.forecast),
            MeasureRequest::Forecast(..) => (&mut self.forecast, &mut self.plan),
        };
        if let Some((_, old)) = other.take_if(|(s, _)| s.0 != subject.0) {
            old.store(true, Ordering::Relaxed);
        }
        if let Some((_, old)) = own.take_if(|(s, _)| *s != subject) {
            old.store(true, Ordering::Relaxed);
        }
        let cancel = own.get_or_insert_with(|| (subject, Arc::default())).1.clone();
        let _ = self.sender.send(Order { work, cancel });
    }

    /// Stops the plan of graphs, since another plan is wanted that needs no measuring.
    pub(super) fn drop_graphs(&mut self) {
        if let Some((_, cancel)) = self.plan.take_if(|(s, _)| !s.2.is_empty()) {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Stops what is measured. What was measured so far is kept on disk.
    pub(super) fn cancel(&mut self) {
        for (_, cancel) in self.plan.take().into_iter().chain(self.forecast.take()) {
            cancel.store(true, Ordering::Relaxed);
        }
    }
}

/// Carries out the newest plan, then the newest forecast.
pub(super) fn measurer(orders: &Receiver<Order>, out: &Outbox) {
    let (mut plan, mut forecast) = (None, None);
    loop {
        let first = if plan.is_none() && forecast.is_none() { orders.recv().ok() } else { None };
        if first.is_none() && plan.is_none() && forecast.is_none() {
            return;
        }
        for order in first.into_iter().chain(orders.try_iter()) {
            match order.work {
                MeasureRequest::Plan(..) => plan = Some(order),
                MeasureRequest::Forecast(..) => forecast = Some(order),
            }
        }
        if let Some(order) = plan.take().or_else(|| forecast.take()) {
            carry_out(order, out);
        }
    }
}

fn carry_out(order: Order, out: &Outbox) {
    let last_sent = Mutex::new(None::<Instant>);
    // Called from many threads: the screen does not need every tensor.
    let may_tell = || {
        let mut last_sent = last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last_sent.is_none_or(|t| t.elapsed() >= PROGRESS_INTERVAL);
        if due {
            *last_sent = Some(Instant::now());
        }
        due
    };
    let cancel = &order.cancel;
    if cancel.load(Ordering::Relaxed) {
        return;
    }
    find_gpu(out);
    let answer = match order.work {
        MeasureRequest::Plan(id, recipe) => {
            let progress = |done, all| {
                if may_tell() {
                    let _ = out.send(Action::PlanMeasured(id, done, all));
                }
            };
            let how = Task { threads: 0, progress: &progress, cancel };
            Action::Planned(id, effects::recipes::plan(&recipe, how))
        }
        MeasureRequest::Forecast(id, source, target) => {
            let progress = |done, all| {
                if may_tell() {
                    let _ = out.send(Action::ForecastMeasured(id, done, all));
                }
            };
            let forecast = effects::forecast(&source, &target, Task { threads: 0, progress: &progress, cancel });
            Action::Forecasted(id, forecast.map(Arc::new))
        }
    };
    // A cancelled request has no answer.
    if !cancel.load(Ordering::Relaxed) {
        let _ = out.send(answer);
    }
}

/// Says once which GPU there is: loading its library may take a second.
fn find_gpu(out: &Outbox) {
    static FOUND: std::sync::Once = std::sync::Once::new();
    FOUND.call_once(|| {
        let gpus = crate::monitor::Gpus::load().ok().map(|gpus| gpus.sample()).unwrap_or_default();
        if let Some((name, total)) = gpus.into_iter().find_map(|g| Some((g.name, g.memory?.total))) {
            let _ = out.send(Action::GpuFound(name, total));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::options::gguf;
    use crate::tui::tabs::recipe::PlanResponse;
    use crossbeam_channel::unbounded;

    fn forecast(id: u64, source: &str, target_bpw: Option<f64>, imatrix: Option<&str>) -> MeasureRequest {
        let target = Target::of(FormatId::Gguf)
            .with(&gguf::TARGET_BPW, target_bpw)
            .with(&gguf::IMATRIX, imatrix.map(Into::into));
        let source = ForecastSource { path: source.into(), ..ForecastSource::default() };
        MeasureRequest::Forecast(id, Box::new(source), Box::new(target))
    }

    #[test]
    fn another_source_or_imatrix_cancels_and_another_budget_does_not() {
        let (sender, receiver) = unbounded();
        let mut orders = MeasureRequests::new(sender);
        for work in [
            forecast(1, "/a", None, None),
            forecast(2, "/a", Some(4.0), None),
            forecast(3, "/a", Some(4.0), Some("/i")),
            forecast(4, "/b", Some(4.0), None),
        ] {
            orders.give(work);
        }
        let cancelled: Vec<bool> = receiver.try_iter().map(|o| o.cancel.load(Ordering::Relaxed)).collect();
        assert_eq!(cancelled, [true, true, true, false]);
        orders.give(forecast(5, "/b", None, None));
        assert!(orders.forecast.is_some_and(|(_, c)| !c.load(Ordering::Relaxed)));
    }

    #[test]
    fn the_plan_of_a_graph_is_stopped_by_another_recipe() {
        let (sender, receiver) = unbounded();
        let mut orders = MeasureRequests::new(sender);
        let plan = |id, quantization: &str| {
            let source = crate::recipe::Source { path: Some("/a".into()), ..Default::default() };
            let target = Target { quantization: Some(quantization.to_owned()), ..Target::of(FormatId::Onnx) };
            MeasureRequest::Plan(id, Box::new(Recipe { source, targets: vec![target], ..Recipe::default() }))
        };
        orders.give(plan(1, "int8"));
        orders.give(plan(2, "int4"));
        orders.drop_graphs();
        let cancelled: Vec<bool> = receiver.try_iter().map(|o| o.cancel.load(Ordering::Relaxed)).collect();
        assert_eq!(cancelled, [true, true]);
    }

    #[test]
    fn measuring_is_stopped_and_may_begin_again() {
        let (sender, receiver) = unbounded();
        let mut orders = MeasureRequests::new(sender);
        orders.give(forecast(1, "/a", None, None));
        orders.cancel();
        orders.give(forecast(2, "/a", None, None));
        let cancelled: Vec<bool> = receiver.try_iter().map(|o| o.cancel.load(Ordering::Relaxed)).collect();
        assert_eq!(cancelled, [true, false]);
    }

    #[test]
    fn a_plan_is_not_cancelled_by_the_forecast_of_a_target_with_another_imatrix() {
        let (sender, receiver) = unbounded();
        let mut orders = MeasureRequests::new(sender);
        let source = crate::recipe::Source { path: Some("/a".into()), ..Default::default() };
        let target = Target::of(FormatId::Gguf).with(&gguf::IMATRIX, Some("/i".into()));
        let recipe = Recipe { source, targets: vec![target], ..Recipe::default() };
        orders.give(MeasureRequest::Plan(1, Box::new(recipe)));
        orders.give(forecast(2, "/a", None, None));
        let cancelled = || receiver.try_iter().map(|o| o.cancel.load(Ordering::Relaxed)).collect::<Vec<bool>>();
        assert_eq!(cancelled(), [false, false]);
    }

    #[test]
    fn the_newest_of_each_kind_is_answered_and_nothing_cancelled() {
        let (sender, receiver) = unbounded();
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut orders = MeasureRequests::new(sender);
        let plan = |id| {
            let source = crate::recipe::Source { path: Some("/not/there".into()), ..Default::default() };
            MeasureRequest::Plan(id, Box::new(Recipe { source, ..Recipe::default() }))
        };
        orders.give(forecast(1, "/elsewhere", None, None));
        for work in
            [forecast(2, "/not/there", None, None), plan(3), plan(4), forecast(5, "/not/there", Some(4.0), None)]
        {
            orders.give(work);
        }
        drop(orders);
        measurer(&receiver, &out);
        drop(out);
        let mut ids = Vec::new();
        while let Ok(action) = answers.try_recv() {
            match action {
                Action::Planned(id, PlanResponse { plan: None, .. }) => ids.push(("plan", id)),
                Action::Forecasted(id, Err(_)) => ids.push(("forecast", id)),
                Action::GpuFound(..) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ids, [("plan", 4), ("forecast", 5)]);
    }
}
