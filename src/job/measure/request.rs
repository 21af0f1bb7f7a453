//! The request of a measurement: `request.json` in the folder of its job.

use super::super::JobKind;
use super::PreparedMeasurement;
use crate::calibrate::Imatrix;
use crate::forward::Rounding;
use crate::model::{ModelError, Result};
use crate::quality::{self, Condition, Evaluation, SpeedRequest, TaskFile};
use crate::units::quoted;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the file that this program writes.
const VERSION: u32 = 1;
/// Models named in a title.
const NAMED: usize = 2;

/// What a job measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Measurement {
    /// Models are evaluated on a text.
    Evaluation(EvaluationRequest),
    /// An importance matrix is made.
    Imatrix(Imatrix),
}

/// An evaluation with the conditions that are checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EvaluationRequest {
    /// What is evaluated.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Conditions under which a check fails, as in `kld_mean > 0.01`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if: Vec<String>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    measurement: Measurement,
}

impl From<Evaluation> for EvaluationRequest {
    fn from(evaluation: Evaluation) -> Self {
        Self { evaluation, fail_if: Vec::new() }
    }
}

impl EvaluationRequest {
    /// The conditions.
    ///
    /// # Errors
    /// One that this version does not know.
    pub(crate) fn conditions(&self) -> Result<Vec<Condition>> {
        self.fail_if.iter().map(|text| Condition::parse(text).map_err(|e| e.field("--fail-if"))).collect()
    }
}

impl Measurement {
    /// The kind of its job.
    pub(crate) const fn kind(&self) -> JobKind {
        match self {
            Self::Evaluation(_) => JobKind::Evaluation,
            Self::Imatrix(_) => JobKind::Imatrix,
        }
    }

    /// What is measured, in a line for people.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Evaluation(r) => {
                let e = &r.evaluation;
                let base = e.baseline.as_ref().or(e.logits.as_ref());
                let others: Vec<String> = e.models.iter().filter(|m| Some(*m) != base).map(|m| name(m)).collect();
                let against = base.map(|b| format!(" against {}", name(b))).unwrap_or_default();
                let text = e.data.as_ref().map(|d| format!(" on {}", name(d))).unwrap_or_default();
                format!("evaluate {}{against}{text}", listed(&others))
            }
            Self::Imatrix(r) => {
                let model = r.model.as_deref().map(name).unwrap_or_default();
                let text = r.data.as_ref().map(|d| format!(" on {}", name(d))).unwrap_or_default();
                format!("importance of {model}{text} → {}", name(&r.output))
            }
        }
    }

    /// The command line that measures the same again, from any folder.
    pub(crate) fn command(&self) -> String {
        let words = match self {
            Self::Evaluation(r) => evaluation_words(r),
            Self::Imatrix(r) => imatrix_words(r),
        };
        words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")
    }

    /// The same with paths that mean the same from every folder.
    #[must_use]
    pub(crate) fn absolute(&self) -> Self {
        // JSON has no place for bytes that are not text.
        let full = |path: &PathBuf| PathBuf::from(absolute(path).to_string_lossy().into_owned());
        let all = |paths: &[PathBuf]| paths.iter().map(full).collect::<Vec<_>>();
        match self {
            Self::Evaluation(r) => {
                let e = &r.evaluation;
                let evaluation = Evaluation {
                    models: all(&e.models),
                    baseline: e.baseline.as_ref().map(full),
                    data: e.data.as_ref().map(full),
                    logits: e.logits.as_ref().map(full),
                    save_logits: e.save_logits.as_ref().map(full),
                    tasks: e.tasks.iter().map(|t| TaskFile { path: full(&t.path), ..t.clone() }).collect(),
                    speed: e
                        .speed
                        .as_ref()
                        .map(|s| SpeedRequest { llama_cpp: s.llama_cpp.as_ref().map(full), ..s.clone() }),
                    ..e.clone()
                };
                Self::Evaluation(EvaluationRequest { evaluation, fail_if: r.fail_if.clone() })
            }
            Self::Imatrix(r) => Self::Imatrix(Imatrix {
                model: r.model.as_ref().map(full),
                data: r.data.as_ref().map(full),
                merge: all(&r.merge),
                output: full(&r.output),
                ..r.clone()
            }),
        }
    }

    /// Every file that it reads or writes.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Evaluation(r) => {
                let e = &r.evaluation;
                let single = [&e.baseline, &e.data, &e.logits, &e.save_logits].into_iter().flatten();
                let tasks = e.tasks.iter().map(|t| &t.path);
                e.models.iter().chain(single).chain(tasks).cloned().collect()
            }
            Self::Imatrix(r) => {
                let single = [&r.model, &r.data].into_iter().flatten();
                single.chain(&r.merge).chain([&r.output]).cloned().collect()
            }
        }
    }

    /// Opens everything and checks that it fits together.
    ///
    /// # Errors
    /// Requests that cannot be fulfilled.
    pub(crate) fn prepare(&self) -> Result<PreparedMeasurement> {
        Ok(match self {
            Self::Evaluation(r) => {
                let conditions = r.conditions()?;
                let prepared = quality::prepare(&r.evaluation, &conditions)?;
                PreparedMeasurement::Evaluation(Box::new(prepared), conditions)
            }
            Self::Imatrix(r) => PreparedMeasurement::Imatrix(Box::new(r.prepare()?)),
        })
    }

    /// Removes the file that an interrupted run has left outside the folder of its job.
    pub(in crate::job) fn remove_unfinished(&self, state: &Path) {
        if let Self::Evaluation(r) = self
            && let Some(path) = &r.evaluation.save_logits
        {
            let part = quality::part_of(path, Some(state));
            if std::fs::symlink_metadata(&part).is_ok_and(|m| m.is_file()) {
                let _ = std::fs::remove_file(part);
            }
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Values that JSON cannot hold.
    pub(in crate::job) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&File { version: VERSION, measurement: self.clone() })
    }

    /// The request in a file.
    ///
    /// # Errors
    /// A damaged file, and one of a later version.
    pub(in crate::job) fn from_json(bytes: &[u8]) -> Result<Self> {
        let file: File = crate::engine::from_json(bytes).map_err(|e| ModelError::bad(e.to_string()))?;
        if file.version > VERSION {
            let hint = "Use the version of remold that made the job, or a newer one.";
            return Err(
                ModelError::unsupported(format!("version {} of requests is unknown", file.version)).with_hint(hint)
            );
        }
        Ok(file.measurement)
    }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// `a.gguf and b.gguf`, `a.gguf, b.gguf and 3 more`.
fn listed(names: &[String]) -> String {
    match names {
        [] => "the baseline".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        more => format!("{} and {} more", more[..NAMED].join(", "), more.len() - NAMED),
    }
}

/// Words of a command.
struct Words(Vec<String>);

impl Words {
    fn path(&mut self, path: &Path) {
        self.0.push(absolute(path).to_string_lossy().into_owned());
    }

    fn option(&mut self, flag: &str, value: Option<&PathBuf>) {
        if let Some(path) = value {
            self.0.push(flag.to_owned());
            self.path(path);
        }
    }

    fn value(&mut self, flag: &str, value: Option<String>) {
        self.0.extend(value.into_iter().flat_map(|v| [flag.to_owned(), v]));
    }
}

fn evaluation_words(r: &EvaluationRequest) -> Vec<String> {
    let e = &r.evaluation;
    let mut words = Words(vec!["remold".to_owned(), "eval".to_owned()]);
    e.models.iter().for_each(|m| words.path(m));
    words.option("--baseline", e.baseline.as_ref());
    words.option("--data", e.data.as_ref());
    words.option("--logits", e.logits.as_ref());
    words.option("--save-logits", e.save_logits.as_ref());
    words.value("--context", e.context.map(|n| n.to_string()));
    words.value("--stride", (e.stride > 0).then(|| e.stride.to_string()));
    words.value("--chunks", (e.chunks > 0).then(|| e.chunks.to_string()));
    words.value("--as", (e.rounding != Rounding::Exact).then(|| e.rounding.name().to_owned()));
    for file in &e.tasks {
        words.option(file.kind.flag(), Some(&file.path));
    }
    words.value("--tasks", e.tasks.iter().find_map(|t| t.most).map(|n| n.to_string()));
    if let Some(speed) = &e.speed {
        words.0.push("--speed".to_owned());
        let usual = speed.repetitions == quality::REPETITIONS;
        words.value("--speed-runs", (!usual).then(|| speed.repetitions.to_string()));
        words.option("--llama-cpp", speed.llama_cpp.as_ref());
    }
    words.value("--memory", (e.memory != quality::DEFAULT_MEMORY).then(|| e.memory.to_string()));
    r.fail_if.iter().for_each(|c| words.value("--fail-if", Some(c.clone())));
    words.0
}

fn imatrix_words(r: &Imatrix) -> Vec<String> {
    let mut words = Words(vec!["remold".to_owned(), "imatrix".to_owned()]);
    r.model.iter().for_each(|m| words.path(m));
    words.option("--data", r.data.as_ref());
    r.merge.iter().for_each(|m| words.option("--merge", Some(m)));
    words.option("-o", Some(&r.output));
    words.value("--output-format", r.form.map(|f| f.name().to_owned()));
    words.value("--context", r.context.map(|n| n.to_string()));
    words.value("--chunks", r.chunks.map(|n| n.to_string()));
    words.value("--from-chunk", (r.from_chunk > 0).then(|| r.from_chunk.to_string()));
    words.value("--memory", r.memory.map(|n| n.to_string()));
    words.0.extend(r.process_output.then(|| "--process-output".to_owned()));
    words.0.extend(r.replace.then(|| "--force".to_owned()));
    words.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation() -> Measurement {
        Measurement::Evaluation(EvaluationRequest {
            evaluation: Evaluation {
                baseline: Some("/m/base".into()),
                data: Some("/t/it's.txt".into()),
                context: Some(256),
                rounding: Rounding::LlamaCpp,
                ..Evaluation::of(vec!["/m/a.gguf".into(), "/m/b.gguf".into()])
            },
            fail_if: vec!["kld_mean > 0.01".to_owned()],
        })
    }

    fn imatrix() -> Measurement {
        Measurement::Imatrix(Imatrix {
            model: Some("/m/a".into()),
            data: Some("/t/c.txt".into()),
            output: "/o/m.dat".into(),
            memory: Some(1 << 20),
            ..Imatrix::default()
        })
    }

    #[test]
    fn a_request_survives_its_file() {
        for request in [evaluation(), imatrix()] {
            let json = request.to_json().unwrap();
            assert_eq!(Measurement::from_json(&json).unwrap(), request, "{}", String::from_utf8_lossy(&json));
        }
        let later = br#"{"version": 2, "kind": "evaluation", "models": []}"#;
        assert!(Measurement::from_json(later).unwrap_err().to_string().contains("version 2"));
        let bare = br#"{"version": 1, "kind": "evaluation", "models": ["/a"]}"#;
        assert_eq!(
            Measurement::from_json(bare).unwrap(),
            Measurement::Evaluation(Evaluation::of(vec!["/a".into()]).into())
        );
    }

    #[test]
    fn all_files_of_a_request_are_known() {
        let paths = |m: Measurement| m.paths().iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(paths(evaluation()), ["/m/a.gguf", "/m/b.gguf", "/m/base", "/t/it's.txt"]);
        assert_eq!(paths(imatrix()), ["/m/a", "/t/c.txt", "/o/m.dat"]);
    }

    #[test]
    fn titles_and_commands_say_what_is_measured() {
        assert_eq!(evaluation().title(), "evaluate a.gguf and b.gguf against base on it's.txt");
        assert_eq!(
            evaluation().command(),
            r"remold eval /m/a.gguf /m/b.gguf --baseline /m/base --data '/t/it'\''s.txt' --context 256 --as llama.cpp --fail-if 'kld_mean > 0.01'"
        );
        assert_eq!(imatrix().title(), "importance of a on c.txt → m.dat");
        assert_eq!(imatrix().command(), "remold imatrix /m/a --data /t/c.txt -o /o/m.dat --memory 1048576");
    }
}
