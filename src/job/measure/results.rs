//! What earlier evaluations measured of some models, as long as the files are what they were then.
//!
//! Results are comparable if they come from the same input (the tokens of all windows), the same baseline and the same rounding. Those of one
//! [`Basis`] are in one [`MeasuredSet`]; results of different texts are never in the same set.

use super::super::number::numbers;
use super::super::{JobFolder, JobKind, JobState, JobSummary, Measurement};
use super::report::{Baseline, EvaluationReport, FileRecord, MeasuredModel, MeasurementReport, TextRecord};
use crate::forward::Rounding;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most evaluations that are looked at, the newest ones.
const MOST_JOBS: usize = 500;

/// What results have in common that are comparable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Basis {
    /// The text, as the newest of the evaluations had it.
    pub text: TextRecord,
    /// What the models were compared with.
    pub baseline: Option<Baseline>,
    /// How the inputs of products were rounded.
    pub rounding: Rounding,
}

impl Basis {
    /// True if figures of both may stand in one column.
    fn is_comparable(&self, other: &Self) -> bool {
        let base = |b: &Option<Baseline>| b.as_ref().map(|b| real(&b.path));
        self.text.windows_sha256 == other.text.windows_sha256
            && self.rounding == other.rounding
            && base(&self.baseline) == base(&other.baseline)
    }
}

/// What was measured of one model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MeasuredResult {
    /// The job that measured it.
    pub job: String,
    /// When that job was begun last.
    pub when: jiff::Timestamp,
    /// The model with its values.
    pub model: MeasuredModel,
}

/// Comparable results of some models.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MeasuredSet {
    /// What they have in common.
    pub basis: Basis,
    /// What was measured on, in a few words, as the newest of the evaluations says it.
    pub measured_on: String,
    /// What a reader should know, from the same.
    pub notes: Vec<String>,
    /// Wall seconds of the same.
    pub seconds: f64,
    /// For each path that was asked for, in that order: the newest result, if there is one.
    pub results: Vec<Option<MeasuredResult>>,
    /// The baseline's own values, where it is a model.
    pub baseline: Option<MeasuredResult>,
}

impl MeasuredSet {
    /// Models with a result.
    pub(crate) fn found(&self) -> usize {
        self.results.iter().flatten().count()
    }

    /// The jobs that its results are from, newest first.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let mut all: Vec<&MeasuredResult> = self.results.iter().flatten().collect();
        all.sort_by_key(|r| std::cmp::Reverse(r.when));
        let mut jobs: Vec<String> = all.into_iter().map(|r| r.job.clone()).collect();
        jobs.dedup();
        jobs
    }

    /// When the newest of its results was measured.
    pub(crate) fn when(&self) -> Option<jiff::Timestamp> {
        self.results.iter().flatten().map(|r| r.when).max()
    }

    /// True if the results are relative to this model, or to nothing.
    pub(crate) fn is_against(&self, baseline: &Path) -> bool {
        self.basis.baseline.as_ref().is_none_or(|b| real(&b.path) == real(baseline))
    }
}

/// The valid results of the models at `paths`, by basis. The basis with results of the most models comes first; of several, the newest.
/// A result is valid if no file of the model and of its baseline has changed since.
pub(crate) fn measured(root: &Path, paths: &[PathBuf]) -> Vec<MeasuredSet> {
    let wanted: Vec<PathBuf> = paths.iter().map(|p| real(p)).collect();
    let mut sets: Vec<MeasuredSet> = Vec::new();
    let all: BTreeSet<u64> = numbers(root).collect();
    let evaluations = all.iter().rev().map(|n| JobFolder { dir: root.join(n.to_string()) });
    // Newest first, so the first result of a model is the one that counts.
    for folder in evaluations.filter(|f| JobKind::of(f) == JobKind::Evaluation).take(MOST_JOBS) {
        let Some(MeasurementReport::Evaluation(report)) = folder.measured() else { continue };
        let of_interest = report.models.iter().any(|m| wanted.contains(&real(&m.path)));
        if !of_interest || !baseline_holds(&report) {
            continue;
        }
        let Some(when) = finished(&folder) else { continue };
        let basis = Basis { text: report.text.clone(), baseline: report.baseline.clone(), rounding: report.rounding };
        let at = sets.iter().position(|s| s.basis.is_comparable(&basis)).unwrap_or_else(|| {
            sets.push(MeasuredSet {
                basis,
                measured_on: report.measured_on.clone(),
                notes: report.notes.clone(),
                seconds: report.seconds,
                results: vec![None; paths.len()],
                baseline: None,
            });
            sets.len() - 1
        });
        let set = &mut sets[at];
        for model in report.models.iter().filter(|m| m.holds()) {
            let result = || MeasuredResult { job: folder.id(), when, model: model.clone() };
            let path = real(&model.path);
            for (place, _) in wanted.iter().enumerate().filter(|(_, p)| **p == path) {
                set.results[place].get_or_insert_with(result);
            }
            if model.is_baseline {
                set.baseline.get_or_insert_with(result);
            }
        }
    }
    sets.retain(|s| s.found() > 0);
    // Stable: of equal ones the newest stays first.
    sets.sort_by_key(|s| std::cmp::Reverse(s.found()));
    sets
}

/// The newest evaluation of this user that has not ended, of some of these models and no others, the first of them its baseline.
pub(crate) fn unfinished(root: &Path, paths: &[PathBuf]) -> Option<JobSummary> {
    let wanted: Vec<PathBuf> = paths.iter().map(|p| real(p)).collect();
    let is_wanted = |folder: &JobFolder| {
        let Ok(Measurement::Evaluation(request)) = folder.measurement() else { return false };
        let e = request.evaluation;
        let baseline = e.baseline.as_ref().map(|b| real(b));
        e.data.is_some() && baseline.as_ref() == wanted.first() && e.models.iter().all(|m| wanted.contains(&real(m)))
    };
    let all: BTreeSet<u64> = numbers(root).collect();
    let folders = all.iter().rev().map(|n| JobFolder { dir: root.join(n.to_string()) });
    let mut evaluations = folders.filter(|f| JobKind::of(f) == JobKind::Evaluation).take(MOST_JOBS);
    evaluations.find_map(|folder| {
        let live = is_wanted(&folder) && folder.check_here().is_ok();
        live.then(|| folder.summary()).filter(|summary| !summary.state.ended())
    })
}

/// When an evaluation that finished was begun last.
fn finished(folder: &JobFolder) -> Option<jiff::Timestamp> {
    let history = folder.history();
    let when = history.attempts.all().last().map(|a| a.begun).or(history.created)?;
    (history.state == JobState::Finished).then_some(when)
}

fn baseline_holds(report: &EvaluationReport) -> bool {
    let Some(base) = &report.baseline else { return true };
    !base.files.is_empty() && base.files.iter().all(FileRecord::holds)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::report::MeasuredValue;
    use super::super::{EvaluationRequest, Measurement};
    use super::*;
    use crate::engine::{EventBody, EventSink};
    use crate::files::FileStamp;
    use crate::quality::Evaluation;

    /// Makes a finished evaluation of some models on a text.
    fn job(root: &Path, text: &str, base: Option<&Path>, models: &[(&Path, f64)]) {
        let evaluation = Evaluation::of(models.iter().map(|(p, _)| p.to_path_buf()).collect());
        let request = Measurement::Evaluation(EvaluationRequest::from(evaluation));
        let folder = JobFolder::create_measurement(root, &request).unwrap();
        let record = |path: &Path| FileRecord::of(&(path.to_owned(), FileStamp::of_path(path).unwrap()));
        let model = |(path, kld): &(&Path, f64)| MeasuredModel {
            path: path.to_path_buf(),
            files: vec![record(path)],
            values: vec![MeasuredValue { metric: "kld_mean".into(), value: *kld, ..MeasuredValue::default() }],
            ..MeasuredModel::default()
        };
        let report = MeasurementReport::Evaluation(EvaluationReport {
            models: models.iter().map(model).collect(),
            baseline: base.map(|b| Baseline { label: "b".into(), path: b.to_owned(), files: vec![record(b)] }),
            text: TextRecord { windows_sha256: text.to_owned(), ..TextRecord::default() },
            ..EvaluationReport::default()
        });
        folder.write("report.json", &serde_json::to_vec(&report).unwrap()).unwrap();
        let sink = EventSink::new(&folder.id()).with_file(&folder.path("events.jsonl")).unwrap();
        sink.send(EventBody::Queued { title: "x".into() });
        sink.send(EventBody::Started { pid: 1, threads: 1 });
        sink.send(EventBody::Finished { seconds: 1.0, peak_rss: 1 });
    }

    #[test]
    fn the_newest_valid_results_are_found_and_texts_are_not_mixed() {
        let dir = tempfile::tempdir().unwrap();
        let (root, at) = (dir.path().join("jobs"), |name: &str| dir.path().join(name));
        for name in ["a", "b", "c", "base"] {
            std::fs::write(at(name), name).unwrap();
        }
        let (a, b, c, base) = (at("a"), at("b"), at("c"), at("base"));
        job(&root, "one", Some(&base), &[(&a, 1.0), (&b, 2.0)]);
        job(&root, "one", Some(&base), &[(&a, 1.5)]);
        job(&root, "two", Some(&base), &[(&a, 7.0)]);
        job(&root, "one", None, &[(&c, 9.0)]);
        let paths = [a.clone(), b.clone(), c.clone()];
        let kld = |set: &MeasuredSet| {
            let value = |r: &Option<MeasuredResult>| r.as_ref().and_then(|r| Some(r.model.get("kld_mean")?.value));
            set.results.iter().map(value).collect::<Vec<_>>()
        };
        let found: Vec<_> = measured(&root, &paths).iter().map(kld).collect();
        assert_eq!(found, [vec![Some(1.5), Some(2.0), None], vec![None, None, Some(9.0)], vec![Some(7.0), None, None]]);
        // A changed file has no results; a changed baseline takes away all that were compared with it.
        std::fs::write(&a, "another").unwrap();
        let found: Vec<_> = measured(&root, &paths).iter().map(kld).collect();
        assert_eq!(found, [vec![None, None, Some(9.0)], vec![None, Some(2.0), None]]);
        std::fs::write(&base, "another").unwrap();
        let found: Vec<_> = measured(&root, &paths).iter().map(kld).collect();
        assert_eq!(found, [vec![None, None, Some(9.0)]]);
    }

    #[test]
    fn an_evaluation_that_goes_on_is_found_by_its_models() {
        let dir = tempfile::tempdir().unwrap();
        let (root, at) = (dir.path().join("jobs"), |name: &str| dir.path().join(name));
        let request = |models: &[&str], baseline: &str| {
            let evaluation = Evaluation::of(models.iter().map(|m| at(m)).collect());
            let evaluation = Evaluation { baseline: Some(at(baseline)), data: Some(at("text")), ..evaluation };
            Measurement::Evaluation(EvaluationRequest::from(evaluation))
        };
        let folder = JobFolder::create_measurement(&root, &request(&["base", "a"], "base")).unwrap();
        JobFolder::create_measurement(&root, &request(&["base", "c"], "base")).unwrap();
        JobFolder::create_measurement(&root, &request(&["base", "a"], "a")).unwrap();
        let found = |models: &[&str]| {
            unfinished(&root, &models.iter().map(|m| at(m)).collect::<Vec<_>>()).map(|summary| summary.id)
        };
        assert_eq!(found(&["base", "a", "b"]), Some(folder.id()));
        assert_eq!(found(&["base", "b"]), None);
        let sink = EventSink::new(&folder.id()).with_file(&folder.path("events.jsonl")).unwrap();
        sink.send(EventBody::Queued { title: "x".into() });
        sink.send(EventBody::Cancelled { seconds: 1.0 });
        assert_eq!(found(&["base", "a", "b"]), None);
    }
}
