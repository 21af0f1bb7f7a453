//! The models of a comparison: opened, brought to common names, paired with the baseline.

use super::baseline::{Baseline, BaselineSource};
use super::comparison::{Comparison, Reshaped, TensorFigures, Unpaired, Variant};
use super::facts;
use super::graphs::{GraphModel, GraphRequest, Graphs, compare_outputs};
use super::names::{self, Both, Names};
use super::stamp::Stamp;
use crate::arch;
use crate::arch::graph::{GraphOptions, to_graph};
use crate::graph::Graph;
use crate::model::{ModelError, Result, SourceChecks, TensorEntry, Warning};
use crate::task::Task;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most models of one comparison: more columns than a screen or a page has.
pub(crate) const MAX_MODELS: usize = 6;
/// Default context for which memory is reported: that of most runtimes.
const CONTEXT: u64 = 4096;

/// Two to six models that hold the same network.
pub(crate) struct Set {
    pub(super) overview: Comparison,
    /// The files of each model when it was opened.
    pub(super) stamps: Vec<Stamp>,
    pub(super) pairs: Vec<Pair>,
    /// Checksums that the models carry for their own bytes.
    pub checks: SourceChecks,
    /// What was noticed when the models were opened: label of the model, warning.
    pub warnings: Vec<(String, Warning)>,
    /// The models as graphs, if one of them is a graph and the others are or become some.
    pub(super) graphs: Option<Arc<[GraphModel]>>,
}

/// A tensor of the baseline and its partners.
pub(super) struct Pair {
    /// Place among the tensors of the comparison.
    pub row: usize,
    /// The baseline's.
    pub base: TensorEntry,
    /// (variant, its tensor of the same name and shape).
    pub others: Vec<(usize, TensorEntry)>,
}

impl Set {
    /// Opens the models, reading headers and vocabularies only. Without a `baseline` it is the most precise of them. `context` is the number of tokens for which memory is reported; 4096,
    /// or what the networks can take if that is less, when nothing is asked.
    ///
    /// # Errors
    /// Too few or too many models, one given twice, one that cannot be read or brought to the names of the others, and models
    /// that share no tensor with the baseline.
    pub(crate) fn open(
        paths: &[PathBuf],
        baseline: Option<(usize, BaselineSource)>,
        context: Option<u64>,
    ) -> Result<Self> {
        check_number(paths)?;
        let mut models = Vec::new();
        for path in paths {
            models.push(Both::new(arch::open(path).map_err(|e| e.in_file(path))?));
        }
        let stamp = |m: &Both| Stamp::of(m.model.files.iter().map(AsRef::as_ref));
        let stamps = models.iter().map(stamp).collect();
        let checks = models.iter().flat_map(|m| m.model.checks.0.iter().cloned()).collect();
        let labels = labels(paths);
        let (graphs, mut warnings) = as_graphs(&models, &labels);
        let (names, tensors) = match &graphs {
            Some(graphs) => (Names::Own, graphs.iter().map(|g| g.model.tensors.clone()).collect()),
            None => names::common(&mut models)?,
        };
        let declared = |m: &Both| m.described()?.network.as_ref()?.context;
        let context = context.unwrap_or_else(|| models.iter().filter_map(declared).fold(CONTEXT, u64::min));
        let noticed = |(m, label): (&Both, &String)| {
            m.model.warnings.iter().map(|w| (label.clone(), w.clone())).collect::<Vec<_>>()
        };
        warnings.extend(models.iter().zip(&labels).flat_map(noticed));
        // The requested path, which is how a caller knows the model again.
        let variants = models.iter().zip(labels).zip(paths);
        let mut variants: Vec<Variant> =
            variants.map(|((m, label), path)| facts::variant(m, label, path, context)).collect();
        for (variant, graph) in variants.iter_mut().zip(graphs.iter().flatten()) {
            // Facts of checkpoints, which graphs do not have.
            (variant.facts, variant.memory_bytes) = Default::default();
            variant.built = graph.built;
        }
        let baseline = Baseline::of(&variants, baseline);
        let overview = Comparison {
            baseline,
            variants,
            names,
            context,
            tensors: Vec::new(),
            seconds: 0.0,
            evaluated: None,
            graphs: None,
        };
        let mut set = Self::pair(overview, &tensors, graphs.is_none())?;
        set.graphs = graphs.map(Into::into);
        set.stamps = stamps;
        set.checks = SourceChecks(checks);
        set.warnings = warnings;
        Ok(set)
    }

    /// The same, of models that were made from different sources: that is said of a baseline that was chosen among them.
    #[must_use]
    pub(crate) fn of_different_sources(mut self) -> Self {
        let source = &mut self.overview.baseline.source;
        if *source == BaselineSource::MostPrecise {
            *source = BaselineSource::DifferentSources;
        }
        self
    }

    /// What can be said before anything is measured: sizes, types, facts, tensors without a partner.
    pub(crate) fn overview(&self) -> &Comparison {
        &self.overview
    }

    /// True if the models are compared as graphs.
    pub(crate) fn has_graphs(&self) -> bool {
        self.graphs.is_some()
    }

    /// What the models give for the same inputs; `None` unless they are graphs. `say` is told what is done.
    ///
    /// # Errors
    /// Inputs that cannot be read.
    pub(crate) fn graph_outputs(
        &self,
        request: &GraphRequest,
        how: Task<'_>,
        say: &dyn Fn(&str),
    ) -> Result<Option<Graphs>> {
        let Some(graphs) = &self.graphs else { return Ok(None) };
        compare_outputs(graphs, self.overview.baseline.at, request, how, say).map(Some)
    }

    /// Pairs the tensors; those of `overview` are made here. `strict` refuses a model that shares none with the baseline.
    fn pair(mut overview: Comparison, tensors: &[Vec<TensorEntry>], strict: bool) -> Result<Self> {
        let b = overview.baseline.at;
        let base = &tensors[b];
        let by_name: Vec<HashMap<&str, &TensorEntry>> =
            tensors.iter().map(|all| all.iter().map(|t| (t.name.as_str(), t)).collect()).collect();
        let mut pairs = Vec::new();
        let mut unpaired = vec![Unpaired::default(); tensors.len()];
        for (row, t) in base.iter().enumerate() {
            let found = |v: usize| by_name[v].get(t.name.as_str()).copied();
            overview.tensors.push(TensorFigures {
                name: t.name.to_string(),
                layer: t.layer(),
                kind: t.kind().to_owned(),
                role: t.role(),
                shape: t.shape.0.clone(),
                types: (0..tensors.len()).map(|v| Some(found(v)?.encoding)).collect(),
                figures: vec![None; tensors.len()],
            });
            let mut others = Vec::new();
            for v in (0..tensors.len()).filter(|v| *v != b) {
                match found(v) {
                    None => unpaired[v].missing.push(t.name.to_string()),
                    Some(other) if squeezed(other) != squeezed(t) => unpaired[v].reshaped.push(Reshaped {
                        name: t.name.to_string(),
                        baseline: t.shape.0.clone(),
                        here: other.shape.0.clone(),
                    }),
                    Some(other) => others.push((v, other.clone())),
                }
            }
            if !others.is_empty() && t.bytes() > 0 {
                pairs.push(Pair { row, base: t.clone(), others });
            }
        }
        let known: HashSet<&str> = base.iter().map(|t| t.name.as_str()).collect();
        for (v, all) in tensors.iter().enumerate() {
            unpaired[v].extra =
                all.iter().filter(|t| !known.contains(t.name.as_str())).map(|t| t.name.to_string()).collect();
            let compared = pairs.iter().any(|p| p.others.iter().any(|(o, _)| *o == v));
            if strict && v != b && !compared {
                return Err(no_common_tensor(&overview, v));
            }
        }
        for (variant, unpaired) in overview.variants.iter_mut().zip(unpaired) {
            variant.unpaired = unpaired;
        }
        let stamps = vec![Stamp::default(); tensors.len()];
        Ok(Self { overview, stamps, pairs, checks: SourceChecks::default(), warnings: Vec::new(), graphs: None })
    }

    /// A set of tensors in memory, for tests.
    #[cfg(test)]
    pub(super) fn of(models: Vec<Vec<TensorEntry>>, baseline: usize) -> Result<Self> {
        let model = |(i, tensors): (usize, Vec<TensorEntry>)| {
            let mut model = crate::model::Model {
                path: format!("/m{i}").into(),
                format: crate::model::FormatId::Safetensors,
                files: Vec::new(),
                opened: Vec::new(),
                tensors,
                metadata: Default::default(),
                sidecars: Default::default(),
                opaque: Vec::new(),
                unreadable: Vec::new(),
                warnings: Vec::new(),
                checks: Default::default(),
                layer_origins: Default::default(),
                network: None,
                graph: None,
            };
            arch::identify(&mut model);
            let (path, tensors) = (model.path.clone(), model.tensors.clone());
            (facts::variant(&Both::new(model), format!("m{i}"), &path, 0), tensors)
        };
        let (variants, models): (Vec<_>, Vec<_>) = models.into_iter().enumerate().map(model).unzip();
        let names = super::Names::Own;
        let baseline = Baseline::of(&variants, Some((baseline, BaselineSource::Given)));
        Self::pair(
            Comparison {
                baseline,
                variants,
                names,
                context: 0,
                tensors: Vec::new(),
                seconds: 0.0,
                evaluated: None,
                graphs: None,
            },
            &models,
            true,
        )
    }
}

/// The models as graphs, if one of them is: a checkpoint becomes one as in a conversion, with the inputs of the others. If that is not
/// possible, a warning says why, and only tensors are compared.
fn as_graphs(models: &[Both], labels: &[String]) -> (Option<Vec<GraphModel>>, Vec<(String, Warning)>) {
    let given: Vec<&Graph> = models.iter().filter_map(|m| m.model.graph.as_deref()).collect();
    if given.is_empty() {
        return (None, Vec::new());
    }
    let names = |of: fn(&Graph) -> Vec<&crate::graph::Value>, part: &str| {
        given.iter().flat_map(|g| of(g)).any(|v| v.name.contains(part))
    };
    let options = GraphOptions {
        past: names(Graph::inputs, "past_key_values"),
        features: names(Graph::outputs, "last_hidden_state"),
    };
    let mut all = Vec::new();
    for (both, label) in models.iter().zip(labels) {
        let model = &both.model;
        if model.graph.is_some() {
            all.push(GraphModel { model: model.clone(), built: false });
            continue;
        }
        match to_graph(model, &options) {
            Ok(model) => all.push(GraphModel { model, built: true }),
            Err(e) => {
                let text = format!("no graph can be made of it, so outputs are not compared: {e}");
                return (None, vec![(label.clone(), Warning::new("compare.no-graph", text))]);
            }
        }
    }
    (Some(all), Vec::new())
}

fn check_number(paths: &[PathBuf]) -> Result<()> {
    let fail = |what: String, hint: &str| Err(ModelError::request(what).with_hint(hint));
    match paths.len() {
        0 | 1 => {
            return fail(
                "a comparison needs at least two models".into(),
                "Pass the original and the models made from it.",
            );
        }
        n if n > MAX_MODELS => {
            return fail(
                format!("{n} models are too many: a comparison takes at most {MAX_MODELS}"),
                "Compare fewer models.",
            );
        }
        _ => {}
    }
    let mut seen = HashSet::new();
    for path in paths {
        // A path that cannot be resolved is reported when it is opened.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !seen.insert(real) {
            let e = ModelError::request("the same model is given twice").in_file(path);
            return Err(e.with_hint("Pass each model once; two paths of the same file count as the same model."));
        }
    }
    Ok(())
}

fn no_common_tensor(overview: &Comparison, v: usize) -> ModelError {
    let (this, base) = (&overview.variants[v], &overview.variants[overview.baseline.at]);
    let arch = |v: &super::Variant| v.facts.get("architecture").map(|a| format!(" ({a})")).unwrap_or_default();
    let what = format!("no tensor has the same name and shape as one in {}{}", base.label, arch(base));
    let hint = format!(
        "Compare models of the same network in different types or formats; remold inspect shows the contents of {}{}.",
        this.label,
        arch(this)
    );
    ModelError::request(what).in_file(&this.path).with_hint(hint)
}

/// Dimensions without outer ones: formats differ in whether they keep them.
fn squeezed(t: &TensorEntry) -> &[u64] {
    let ones = t.shape.0.iter().take_while(|d| **d == 1).count();
    &t.shape.0[ones.min(t.shape.0.len().saturating_sub(1))..]
}

/// File names, with so much of the folder before them that no two are the same.
fn labels(paths: &[PathBuf]) -> Vec<String> {
    let tail = |path: &Path, parts: usize| {
        let all: Vec<_> = path.components().collect();
        let from = all.len().saturating_sub(parts);
        all[from..].iter().collect::<PathBuf>().display().to_string()
    };
    let full: Vec<PathBuf> = paths.iter().map(|p| p.canonicalize().unwrap_or_else(|_| p.clone())).collect();
    let longest = full.iter().map(|p| p.components().count()).max().unwrap_or(1);
    let label = |i: usize| {
        let unique = |n: &usize| (0..full.len()).all(|j| j == i || tail(&full[j], *n) != tail(&full[i], *n));
        tail(&full[i], (1..=longest).find(unique).unwrap_or(longest))
    };
    (0..full.len()).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn labels_say_as_much_as_they_must() {
        let paths = ["/x/a/m.gguf", "/x/b/m.gguf", "/x/b/n.gguf"].map(PathBuf::from);
        assert_eq!(labels(&paths), ["a/m.gguf", "b/m.gguf", "n.gguf"]);
    }

    #[test]
    fn tensors_without_a_partner_are_listed_and_unrelated_models_are_refused() {
        let v = |name: &str, n: usize| MemoryRows::f32_vector(name, &vec![1.0; n]);
        let set =
            Set::of(vec![vec![v("a", 4), v("b", 4), v("c", 4)], vec![v("a", 4), v("c", 5), v("d", 1)]], 0).unwrap();
        let u = &set.overview().variants[1].unpaired;
        assert_eq!((u.missing.as_slice(), u.extra.as_slice()), (&["b".to_owned()][..], &["d".to_owned()][..]));
        assert_eq!((u.reshaped[0].name.as_str(), u.reshaped[0].here.as_slice(), u.count()), ("c", &[5][..], 3));
        assert_eq!(set.pairs.len(), 1);
        let e = Set::of(vec![vec![v("a", 4)], vec![v("a", 5)]], 0).err().unwrap();
        assert!(e.to_string().contains("no tensor has the same name and shape"), "{e}");
    }

    #[test]
    fn outer_ones_do_not_count() {
        let t = |dims: &[u64]| TensorEntry {
            shape: crate::tensor::Shape(dims.to_vec()),
            ..MemoryRows::f32_vector("t", &[1.0])
        };
        assert_eq!(squeezed(&t(&[1, 1, 4, 2])), [4, 2]);
        assert_eq!(squeezed(&t(&[1, 1])), [1]);
        assert_eq!(squeezed(&t(&[])), [0u64; 0]);
    }
}
