//! Which exports are kept when a new one is made: the newest of a run, and the best by a figure that every export records.

use super::store::{Ended, Export, Exports};
use super::trend::Figures;
use std::collections::BTreeMap;
use std::path::Path;

/// A figure that exports can be compared by.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Its name, on the command line and in the state.
    pub name: &'static str,
    /// True where more is better.
    pub more_is_better: bool,
    /// Its unit.
    pub unit: &'static str,
    value: fn(&Figures) -> Option<f64>,
}

/// Every figure that an export records. Those behind the first two are there if the recipe has `[validate]` with data.
pub(crate) const METRICS: [Metric; 6] = [
    Metric { name: "weights_db", more_is_better: true, unit: "dB", value: |f| f.weights_db },
    Metric { name: "worst_tensor_db", more_is_better: true, unit: "dB", value: |f| f.worst_tensor_db },
    Metric { name: "perplexity", more_is_better: false, unit: "", value: |f| largest(f, "perplexity") },
    Metric { name: "kld_mean", more_is_better: false, unit: "", value: |f| largest(f, "kld_mean") },
    Metric { name: "cosine_mean", more_is_better: true, unit: "", value: |f| smallest(f, "cosine_mean") },
    Metric { name: "output_snr_db", more_is_better: true, unit: "dB", value: |f| smallest(f, "output_snr_db") },
];

/// The values of a metric that was measured, one an output.
fn measured<'f>(figures: &'f Figures, name: &'static str) -> impl Iterator<Item = f64> + 'f {
    figures.metrics.iter().filter(move |m| m.name == name).map(|m| m.value).filter(|v| v.is_finite())
}

fn largest(figures: &Figures, name: &'static str) -> Option<f64> {
    measured(figures, name).reduce(f64::max)
}

fn smallest(figures: &Figures, name: &'static str) -> Option<f64> {
    measured(figures, name).reduce(f64::min)
}

impl Metric {
    /// Their names.
    pub(crate) const NAMES: [&'static str; METRICS.len()] = {
        let mut names = [""; METRICS.len()];
        let mut i = 0;
        while i < METRICS.len() {
            names[i] = METRICS[i].name;
            i += 1;
        }
        names
    };

    /// True if it is measured by running the outputs, which a recipe with `[validate]` asks for.
    pub(crate) fn needs_validation(&self) -> bool {
        crate::quality::metric(self.name).is_some()
    }

    /// The metric of that name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|m| m.name == name)
    }
}

/// The recorded figures of an export, by metric.
pub(crate) fn recorded(figures: &Figures) -> BTreeMap<String, f64> {
    METRICS.iter().filter_map(|m| Some((m.name.to_owned(), (m.value)(figures)?))).collect()
}

/// How many exports of a run are kept. An export is kept if either count includes it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retention {
    /// The newest; all when both are absent, one when this alone is.
    pub last: Option<usize>,
    /// The best by a metric.
    pub best: Option<(usize, &'static Metric)>,
}

/// The exports of `unit`'s run that are not kept, each with the reason. `present` says whether an export's files still exist; exports without
/// files do not count. An export without the figure cannot be compared, so it is kept. One that a user asked for in addition does not count either,
/// and is kept.
pub(crate) fn surplus<'e>(
    exports: &'e Exports,
    unit: &str,
    keep: Retention,
    present: impl Fn(&Export) -> bool,
) -> Vec<(&'e Export, String)> {
    let run = |name: &str| Path::new(name).parent().map(Path::to_owned);
    let ours = |e: &&Export| {
        let ok = e.done.as_ref().is_some_and(|d| d.status == Ended::Ok);
        ok && !e.picked.extra && run(&e.picked.unit) == run(unit) && present(e)
    };
    let mut of_run: Vec<&Export> = exports.all().iter().filter(ours).collect();
    of_run.sort_by(|a, b| {
        let order = |e: &Export| (e.picked.step, e.picked.picked);
        order(b).partial_cmp(&order(a)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let last = keep.last.unwrap_or(if keep.best.is_some() { 1 } else { usize::MAX });
    let value = |e: &Export, m: &Metric| e.done.as_ref().and_then(|d| d.metrics.get(m.name).copied());
    // Indices of the best. The order is from new to old and the sort is stable, so the newer of two equal ones comes first.
    let best: Option<Vec<usize>> = keep.best.map(|(count, metric)| {
        let mut known: Vec<(usize, f64)> =
            of_run.iter().enumerate().filter_map(|(i, e)| Some((i, value(e, metric)?))).collect();
        known.sort_by(|a, b| if metric.more_is_better { b.1.total_cmp(&a.1) } else { a.1.total_cmp(&b.1) });
        known.into_iter().take(count).map(|(i, _)| i).collect()
    });
    let gone = of_run.iter().enumerate().skip(last).filter_map(|(i, export)| {
        let newest = if last == 1 { "not the newest".to_owned() } else { format!("not among the newest {last}") };
        let Some((count, metric)) = keep.best else { return Some((*export, newest)) };
        let figure = value(export, metric)?;
        if best.as_ref().is_some_and(|b| b.contains(&i)) {
            return None;
        }
        let best = if count == 1 { "not the best".to_owned() } else { format!("not among the best {count}") };
        let unit = if metric.unit.is_empty() { String::new() } else { format!(" {}", metric.unit) };
        // Two decimals are enough for decibels; a divergence is often below 0.01.
        let figure = if metric.unit.is_empty() { format!("{figure:.6}") } else { format!("{figure:.2}") };
        Some((*export, format!("{newest}, and {best} by {}: {figure}{unit}", metric.name)))
    });
    gone.collect()
}

#[cfg(test)]
mod tests {
    use super::super::store::{Done, Picked};
    use super::*;

    fn export(unit: &str, step: u64, db: Option<f64>) -> Export {
        let picked = Picked {
            unit: unit.into(),
            source: unit.into(),
            fingerprint: format!("{step:032x}"),
            recipe: "r".into(),
            step: Some(step),
            job: step.to_string(),
            picked: 1.0,
            outputs: Vec::new(),
            written: Vec::new(),
            files: Vec::new(),
            pin: None,
            extra: false,
        };
        let done = Done {
            job: picked.job.clone(),
            unit: unit.into(),
            fingerprint: picked.fingerprint.clone(),
            status: Ended::Ok,
            why: None,
            done: 1.0,
            files: Vec::new(),
            metrics: db.map(|db| ("weights_db".to_owned(), db)).into_iter().collect(),
        };
        Export { picked, done: Some(done) }
    }

    fn gone(exports: &Exports, last: Option<usize>, best: Option<usize>) -> Vec<u64> {
        let keep = Retention { last, best: best.map(|n| (n, &METRICS[0])) };
        let found = surplus(exports, "a/checkpoint-1000", keep, |e| e.picked.step != Some(7));
        found.iter().filter_map(|(e, _)| e.picked.step).collect()
    }

    #[test]
    fn the_newest_of_each_run_stay() {
        let steps = [("a/c-300", 300), ("a/c-100", 100), ("b/c-50", 50), ("a/c-1000", 1000)];
        let exports = Exports::of(steps.map(|(unit, step)| export(unit, step, None)).into());
        assert_eq!(gone(&exports, Some(2), None), [100]);
        assert_eq!(gone(&exports, Some(1), None), [300, 100]);
        assert!(gone(&exports, Some(3), None).is_empty() && gone(&exports, None, None).is_empty());
    }

    #[test]
    fn what_was_asked_for_in_addition_stays_and_does_not_count() {
        let mut all =
            [("a/c-100", 100), ("a/c-200", 200), ("a/c-300", 300)].map(|(unit, step)| export(unit, step, None));
        all[0].picked.extra = true;
        assert!(gone(&Exports::of(all.to_vec()), Some(2), None).is_empty());
        all[2].picked.extra = true;
        assert!(gone(&Exports::of(all.to_vec()), Some(1), None).is_empty());
    }

    #[test]
    fn the_best_stay_beside_the_newest() {
        let all = [(100, 22.0), (200, 25.0), (300, 24.0), (400, 25.0), (500, 20.0), (7, 99.0)];
        let mut all: Vec<Export> =
            all.into_iter().map(|(step, db)| export(&format!("a/c-{step}"), step, Some(db))).collect();
        let exports = Exports::of(all.clone());
        assert_eq!(gone(&exports, Some(1), Some(2)), [300, 100], "the newest and the two best stay");
        assert_eq!(gone(&exports, None, Some(1)), [300, 200, 100], "of two equal ones the newer stays");
        assert_eq!(gone(&exports, Some(3), Some(1)), [200, 100]);
        // An export that cannot be compared is not removed for its quality.
        all.push(export("a/c-50", 50, None));
        let exports = Exports::of(all);
        assert_eq!(gone(&exports, Some(1), Some(2)), [300, 100]);
        assert_eq!(gone(&exports, Some(4), None), [100, 50]);
        let keep = Retention { last: None, best: Some((2, &METRICS[0])) };
        let why = surplus(&exports, "a/x", keep, |_| true).pop().unwrap().1;
        assert_eq!(why, "not the newest, and not among the best 2 by weights_db: 22.00 dB");
    }

    #[test]
    fn figures_with_data_take_the_worst_output() {
        let metric = |name: &str, value: f64| crate::engine::Metric { name: name.into(), value, ..Default::default() };
        let metrics = vec![
            metric("kld_mean", 0.1),
            metric("kld_mean", 0.3),
            metric("cosine_mean", 0.9),
            metric("cosine_mean", 0.8),
            metric("perplexity", f64::NAN),
        ];
        let found = recorded(&Figures { metrics, ..Figures::default() });
        let found: Vec<(&str, f64)> = found.iter().map(|(name, v)| (&**name, *v)).collect();
        assert_eq!(found, [("cosine_mean", 0.8), ("kld_mean", 0.3)]);
        assert!(!METRICS[0].needs_validation() && METRICS[2..].iter().all(Metric::needs_validation));
    }
}
