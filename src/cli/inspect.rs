//! `inspect`: what a model file or folder holds, from its headers alone.

use super::args::InspectArgs;
use super::text::{Style, bytes, count, cut, plural, safe, table, table_of};
use super::{Exit, inspect_graph, note, out, print, refuse};
use crate::arch;
use crate::formats;
use crate::model::{Defect, FormatId, MetaArray, MetaValue, Model, ModelError, Result, TensorEntry};
use crate::units::quoted;
use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use std::path::Path;

/// How deep a folder of models is searched.
const SCAN_DEPTH: usize = 4;
/// Width at which a metadata value is cut, unless all is asked for.
const VALUE_WIDTH: usize = 72;

/// Columns of what is wrong with a model, in the table of a folder.
const REASON_WIDTH: usize = 160;

/// `remold inspect`.
pub(crate) fn run(args: &InspectArgs) -> Exit {
    // A repository of the Hugging Face cache is one model, however many snapshots it has.
    let repository = formats::hf::Repository::at(&args.path).is_some();
    let found = if args.path.is_dir() && !repository { formats::scan(&args.path, SCAN_DEPTH) } else { Vec::new() };
    let many = !found.is_empty() && !found.iter().any(|f| f.path == args.path);
    let result = if many {
        folder(&args.path, &found, args.json);
        let flags = [("--tensors", args.tensors), ("--metadata", args.metadata), ("--config", args.config)];
        for (flag, _) in flags.into_iter().filter(|(_, given)| *given) {
            let what = format!("{flag} is for one model, and this folder has {}", plural(found.len(), "model"));
            note(&format!("{} {what}\n", Style::stderr().warning("warning:")));
        }
        Ok(())
    } else {
        arch::open(&args.path).and_then(|m| one(&m, args))
    };
    match result {
        Ok(()) => Exit::Done,
        Err(e) => refuse(&e),
    }
}

fn folder(path: &Path, found: &[formats::Found], as_json: bool) {
    if as_json {
        for f in found {
            let line = json!({
                "path": f.path, "format": f.format.map(FormatId::name), "title": f.title, "bytes": f.bytes, "files": f.files, "tensors": f.tensors,
                "parameters": f.parameters, "architecture": f.architecture, "state": f.defect.map(Defect::word),
                "warnings": f.warnings, "error": f.error,
            });
            print::json(&line);
        }
        return;
    }
    let style = Style::stdout();
    let mut rows = vec![["model", "format", "architecture", "parameters", "size", ""].map(str::to_owned).to_vec()];
    for f in found {
        let name = f.path.strip_prefix(path).unwrap_or(&f.path).display().to_string();
        rows.push(vec![
            safe(&name),
            f.format.map_or("?", FormatId::name).to_owned(),
            safe(f.architecture.as_deref().unwrap_or("")),
            if f.parameters == 0 { String::new() } else { count(f.parameters) },
            bytes(f.bytes),
            match &f.error {
                Some(e) => {
                    // The row names the file already.
                    let fact = safe(f.fact.as_deref().unwrap_or(e));
                    let word = f.defect.map(|d| format!("{}: ", d.word())).unwrap_or_default();
                    style.error(&cut(&format!("{word}{fact}"), REASON_WIDTH))
                }
                None if f.defect.is_some() => {
                    let path = safe(&quoted(&f.path.to_string_lossy()));
                    style.error(&format!("{}: see `remold inspect {path}`", f.defect.map_or("", Defect::word)))
                }
                None if f.files > 1 => style.dim(&format!("{} files", f.files)),
                None => String::new(),
            },
        ]);
    }
    out(&table(&rows, &[false, false, false, true, true, false]));
}

fn one(model: &Model, args: &InspectArgs) -> Result<()> {
    if args.json {
        print::json(&AsJson(model));
        return Ok(());
    }
    let style = Style::stdout();
    if args.config && !model.sidecars.has("config.json") {
        return Err(ModelError::request("there is no config.json beside the tensors to list the fields of")
            .in_file(&model.path)
            .with_hint("Leave out --config; the metadata is what the file has about the model."));
    }
    out(&summary(model, style));
    if let Some(graph) = &model.graph {
        out(&inspect_graph::text(graph, args.metadata, style));
    }
    if args.config {
        let table = arch::to_gguf(model, &arch::GgufOptions::default())?.config_table;
        let rows: Vec<Vec<String>> =
            table.iter().map(|f| vec![safe(&f.name), f.status.name().to_owned(), safe(&f.detail)]).collect();
        out(&format!("\n{}\n{}", style.bold("config.json"), indent(&super::text::table(&rows, &[false; 3]))));
    }
    if !model.metadata.is_empty() {
        let width = if args.metadata { usize::MAX } else { VALUE_WIDTH };
        let rows: Vec<Vec<String>> =
            model.metadata.iter().map(|(k, v)| vec![safe(k), v.type_name().to_owned(), value(v, width)]).collect();
        out(&format!("\n{}\n{}", style.bold("metadata"), indent(&table(&rows, &[false; 3]))));
    }
    if args.tensors {
        let row = |i: usize| {
            let t = &model.tensors[i];
            let shape: Vec<String> = t.shape.0.iter().map(u64::to_string).collect();
            vec![safe(&t.name), t.encoding.to_string(), shape.join("×"), bytes(t.bytes()), t.role().to_string()]
        };
        out(&format!("\n{}\n", style.bold("tensors")));
        out(&table_of(model.tensors.len(), row, &[false, false, false, true, false], "  "));
    }
    Ok(())
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("  {l}\n")).collect()
}

/// Architecture in GGUF words (GGUF) or as `config.json` names it.
pub(crate) fn architecture(model: &Model) -> Option<String> {
    model.network.as_ref()?.declared().map(str::to_owned)
}

fn by<K: Eq + std::hash::Hash>(model: &Model, key: impl Fn(&TensorEntry) -> K) -> IndexMap<K, u64> {
    let mut map = IndexMap::new();
    for t in &model.tensors {
        *map.entry(key(t)).or_insert(0) += t.bytes();
    }
    map.sort_by(|_, a, _, b| b.cmp(a));
    map
}

fn shares<K: std::fmt::Display>(map: &IndexMap<K, u64>) -> String {
    let total: u64 = map.values().sum();
    let part = |(k, v): (&K, &u64)| format!("{k} {:.0} %", *v as f64 * 100.0 / total.max(1) as f64);
    map.iter().map(part).collect::<Vec<_>>().join(" · ")
}

fn summary(model: &Model, style: Style) -> String {
    let mut rows = vec![
        vec!["format".to_owned(), format!("{} ({})", model.format, plural(model.files.len(), "file"))],
        vec!["architecture".to_owned(), architecture(model).map_or_else(|| "not declared".to_owned(), |a| safe(&a))],
        vec![
            "parameters".to_owned(),
            format!("{} in {}", count(model.parameters()), plural(model.tensors.len(), "tensor")),
        ],
        vec!["tensor data".to_owned(), bytes(model.tensor_bytes())],
    ];
    if !model.tensors.is_empty() {
        rows.push(vec!["by type".to_owned(), shares(&by(model, |t| t.encoding))]);
        rows.push(vec!["by role".to_owned(), shares(&by(model, TensorEntry::role))]);
    }
    if let Some(adapter) = arch::adapter(model) {
        rows.push(vec!["adapter".to_owned(), safe(&format!("{}; merge it before converting", adapter.describe()))]);
    }
    if let Some(quantized) = arch::quantized(model) {
        rows.push(vec!["quantized".to_owned(), safe(&quantized.describe())]);
    }
    if let Some(config) = model.config() {
        let keys = [
            "num_hidden_layers",
            "n_layer",
            "hidden_size",
            "n_embd",
            "num_attention_heads",
            "n_head",
            "num_key_value_heads",
            "intermediate_size",
            "vocab_size",
            "max_position_embeddings",
            "n_positions",
            "num_local_experts",
            "num_experts",
        ];
        let facts: Vec<String> =
            keys.iter().filter_map(|k| config.get(k).filter(|v| !v.is_null()).map(|v| format!("{k} {v}"))).collect();
        rows.push(vec!["config".to_owned(), safe(&facts.join(" · "))]);
    }
    if !model.sidecars.0.is_empty() {
        rows.push(vec!["files".to_owned(), safe(&model.sidecars.0.keys().cloned().collect::<Vec<_>>().join(" "))]);
    }
    let mut text =
        format!("{}\n{}", style.bold(&safe(&model.path.to_string_lossy())), indent(&table(&rows, &[false, false])));
    for o in &model.opaque {
        text.push_str(&format!("  not converted: {}\n", safe(o)));
    }
    if let Err(e) = model.check_readable() {
        text.push_str(&format!("  {} {}\n", style.warning("unreadable:"), safe(&e.to_string())));
    }
    text.push_str(&super::plan_text::warnings(&model.warnings, style));
    text
}

/// A metadata value in one line; arrays show how many and the first few.
fn value(v: &MetaValue, width: usize) -> String {
    cut(&safe(&plain(v)), width)
}

fn plain(v: &MetaValue) -> String {
    match v {
        MetaValue::Str(s) => s.replace('\n', "⏎"),
        MetaValue::Array(a) => format!("{} × {}", a.len(), array_head(a)),
        scalar => scalar.scalar_text().unwrap_or_default(),
    }
}

fn array_head(a: &MetaArray) -> String {
    const SHOWN: usize = 6;
    match a {
        MetaArray::Nested(v) => format!("arrays of {}", v.first().map_or(0, MetaArray::len)),
        a => a.texts(SHOWN, |s| format!("{:?}", String::from_utf8_lossy(s))).join(", "),
    }
}

/// A model as `inspect --json` prints it, written piece by piece: as a value, a million tensors take gigabytes.
struct AsJson<'a>(&'a Model);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let model = self.0;
        let mut map = serializer.serialize_map(None)?;
        let adapter = arch::adapter(model)
            .map(|a| json!({"kind": a.kind, "rank": a.rank, "base": a.base, "unmerged": a.unmerged}));
        map.serialize_entry("adapter", &adapter)?;
        map.serialize_entry("quantized", &arch::quantized(model).map(|q| q.describe()))?;
        let unreadable: Vec<_> = model.unreadable.iter().map(|u| json!({"name": u.name, "what": u.what})).collect();
        map.serialize_entry("unreadable", &unreadable)?;
        map.serialize_entry("path", &model.path)?;
        map.serialize_entry("format", model.format.name())?;
        map.serialize_entry("files", &model.files)?;
        map.serialize_entry("architecture", &architecture(model))?;
        map.serialize_entry("parameters", &model.parameters())?;
        map.serialize_entry("bytes", &model.tensor_bytes())?;
        map.serialize_entry("tensors", &Tensors(model))?;
        let metadata: serde_json::Map<String, serde_json::Value> = model
            .metadata
            .iter()
            .map(|(k, v)| (k.clone(), json!({"type": v.type_name(), "value": plain(v)})))
            .collect();
        map.serialize_entry("metadata", &metadata)?;
        map.serialize_entry("graph", &model.graph.as_deref().map(inspect_graph::value))?;
        map.serialize_entry("sidecars", &model.sidecars.0.keys().collect::<Vec<_>>())?;
        map.serialize_entry("opaque", &model.opaque)?;
        map.serialize_entry("warnings", &model.warnings)?;
        map.end()
    }
}

/// The tensors of a model, one object each.
struct Tensors<'a>(&'a Model);

impl Serialize for Tensors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.tensors.iter().map(|t| {
            json!({
                "name": t.name, "type": t.encoding.name(), "shape": t.shape.0, "bytes": t.bytes(),
                "layer": t.layer(), "kind": t.kind(), "role": t.role(),
            })
        }))
    }
}
