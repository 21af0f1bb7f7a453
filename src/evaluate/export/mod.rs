//! A comparison as a file: Markdown or HTML to read, CSV for a table program, JSON for a script.

mod csv;
mod markdown;

use super::comparison::Comparison;
use super::report;
use crate::files::{FileStamp, paths, write_output_with};
use crate::formats;
use crate::model::{Hint, ModelError, Remedy, Result, check_output_folder};
use crate::units::{escape_json, escape_lines};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportKind {
    /// The table, errors by layer and kind, what has no partner.
    Markdown,
    /// A line for each tensor of each model.
    Csv,
    /// Everything.
    Json,
    /// A report with plots.
    Html,
}

/// A file to write a comparison to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Export {
    /// Where.
    pub path: PathBuf,
    /// What, as the name's ending says.
    pub kind: ExportKind,
    /// A file that is there may be replaced.
    replace: bool,
}

impl Export {
    /// An export to `path`, whose ending says what is written.
    ///
    /// # Errors
    /// An ending that is none of these; a file that is there already.
    pub(crate) fn to(path: &Path) -> Result<Self> {
        let kind = Self::kind_of(path)?;
        if path.exists() {
            let hint = Hint::from("Remove it")
                .then(Remedy::OnCommandLine(", replace it with --force"))
                .then(", or choose another name.");
            return Err(ModelError::request("the file exists already").in_file(path).with_hint(hint));
        }
        check_output_folder(path)?;
        Ok(Self { path: path.to_owned(), kind, replace: false })
    }

    /// As [`Self::to`]; a file that is there is replaced, but none of `inputs`, and nothing in a folder that is one of them.
    ///
    /// # Errors
    /// As [`Self::to`]; a file that is or belongs to an input; a folder.
    pub(crate) fn replacing(path: &Path, inputs: &[PathBuf]) -> Result<Self> {
        let Ok(there) = FileStamp::of_path(path) else { return Self::to(path) };
        let is_input = |input: &PathBuf| FileStamp::of_path(input).is_ok_and(|stamp| stamp.same_file(&there));
        if inputs.iter().any(is_input) {
            let hint = "Choose another name; inputs are never replaced.";
            return Err(ModelError::request("the file is also an input").in_file(path).with_hint(hint));
        }
        if inputs.iter().any(|input| formats::inside_source(path, input).is_some()) {
            let hint = "Choose another name; inputs are never replaced.";
            return Err(ModelError::request("the file belongs to an input").in_file(path).with_hint(hint));
        }
        if !path.is_file() {
            let hint = "Choose the name of a file.";
            return Err(ModelError::request("it is not a regular file").in_file(path).with_hint(hint));
        }
        // The name says what is written; that it is taken is no reason to refuse it here.
        let kind = Self::kind_of(path)?;
        check_output_folder(path)?;
        Ok(Self { path: path.to_owned(), kind, replace: true })
    }

    /// What a name's ending says.
    fn kind_of(path: &Path) -> Result<ExportKind> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        Ok(match ending.as_str() {
            "md" | "markdown" => ExportKind::Markdown,
            "csv" => ExportKind::Csv,
            "json" => ExportKind::Json,
            "html" | "htm" => ExportKind::Html,
            _ => {
                let hint = "Use a name that ends in .html (report with plots), .md (report), .csv (one line per tensor) or .json (everything).";
                return Err(ModelError::request("unknown file extension").in_file(path).with_hint(hint));
            }
        })
    }

    /// The text of the file.
    pub(crate) fn text(&self, comparison: &Comparison) -> String {
        // Names of tensors may hold anything, and such files are looked at in terminals too.
        match self.kind {
            ExportKind::Markdown => escape_lines(&markdown::text(comparison)).into_owned(),
            ExportKind::Csv => escape_lines(&csv::text(comparison)).into_owned(),
            ExportKind::Json => {
                let text = serde_json::to_string_pretty(comparison).unwrap_or_default();
                format!("{}\n", escape_json(&text))
            }
            // Escapes each text itself.
            ExportKind::Html => report::html(comparison),
        }
    }

    /// Writes the file; what another program has put there meanwhile is left alone.
    ///
    /// # Errors
    /// Those of the file system; nothing half-written stays.
    pub(crate) fn write(&self, comparison: &Comparison) -> Result<()> {
        let text = self.text(&from_here(comparison));
        let write = |file: &mut BufWriter<File>| file.write_all(text.as_bytes());
        write_output_with(&self.path, self.replace, write).map_err(|e| ModelError::io(&self.path, "writing", e))
    }
}

/// The comparison with paths relative to the folder that the process runs in, where that is near: a report is sent to others, and its
/// command is run there.
fn from_here(comparison: &Comparison) -> Comparison {
    let mut shown = comparison.clone();
    let inputs = shown.graphs.iter_mut().filter_map(|g| g.data.as_mut());
    let text = shown.evaluated.iter_mut().map(|e| &mut e.text).chain(inputs);
    for path in shown.variants.iter_mut().map(|v| &mut v.path).chain(text) {
        *path = paths::from_here(path);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::set::Set;
    use super::*;
    use crate::model::MemoryRows;
    use crate::task::Task;

    fn comparison() -> Comparison {
        let v = |name: &str, by: f32| MemoryRows::f32_vector(name, &[1.0, 2.0 + by]);
        let base = vec![v("blk.0.ffn_up.weight", 0.0), v("odd,\"name\"|", 0.0), v("gone", 0.0)];
        let other = vec![v("blk.0.ffn_up.weight", 0.5), v("odd,\"name\"|", 0.0)];
        Set::of(vec![base, other], 0).unwrap().measure(Task::quiet()).unwrap()
    }

    #[test]
    fn markdown_says_which_models_are_hardly_the_same_network() {
        let v = |name: &str| MemoryRows::f32_vector(name, &[1.0, 2.0]);
        let models = vec![vec![v("a"), v("b"), v("c")], vec![v("a")]];
        let c = Set::of(models, 0).unwrap().measure(Task::quiet()).unwrap();
        let why = c.doubt(1).unwrap();
        let text = markdown::text(&c);
        assert!(text.contains(&format!("does not look like the same network: {why}.")), "{text}");
        assert!(!markdown::text(&comparison()).contains("same network"));
    }

    #[test]
    fn the_ending_decides_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert_eq!(Export::to(&at("a.MD")).unwrap().kind, ExportKind::Markdown);
        assert_eq!(Export::to(&at("a.html")).unwrap().kind, ExportKind::Html);
        let e = Export::to(&at("a.pdf")).unwrap_err();
        assert!(e.hint().unwrap().text().contains(".csv"), "{e}");
        let c = comparison();
        let export = Export::to(&at("a.json")).unwrap();
        export.write(&c).unwrap();
        assert!(Export::to(&at("a.json")).unwrap_err().to_string().contains("exists already"));
        assert!(export.write(&c).is_err(), "made between the check and the writing");
        // Asked for, it is replaced, but no input is.
        std::fs::write(at("a.json"), "old").unwrap();
        Export::replacing(&at("a.json"), &[at("model")]).unwrap().write(&c).unwrap();
        assert!(Export::replacing(&at("a.json"), &[at("a.json")]).unwrap_err().to_string().contains("input"));
        std::fs::create_dir(at("model")).unwrap();
        std::fs::write(at("model/config.json"), "{}").unwrap();
        assert!(Export::replacing(&at("model/config.json"), &[at("model")]).is_err());
        std::fs::create_dir(at("d.md")).unwrap();
        assert!(Export::replacing(&at("d.md"), &[]).is_err());
        let value: serde_json::Value = serde_json::from_slice(&std::fs::read(at("a.json")).unwrap()).unwrap();
        let back: Comparison = serde_json::from_value(value).unwrap();
        assert_eq!(back, c);
    }

    #[test]
    fn paths_are_those_from_here() {
        let mut c = comparison();
        let here = std::env::current_dir().unwrap();
        c.variants[0].path = here.join("models/base");
        c.variants[1].path = here.join("out/x.gguf");
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.md", "a.html", "a.csv", "a.json"] {
            let path = dir.path().join(name);
            Export::to(&path).unwrap().write(&c).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains(&*here.to_string_lossy()), "{name}: {text}");
            assert!(name == "a.csv" || text.contains("out/x.gguf"), "{name}: {text}");
        }
    }

    #[test]
    fn csv_has_a_line_for_each_tensor_and_quotes() {
        let text = csv::text(&comparison());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].starts_with("variant,tensor,layer,kind,role,shape,baseline_type,type,state,elements,rmse"));
        assert!(lines[1].starts_with("m1,blk.0.ffn_up.weight,0,ffn_up,ffn,2,f32,f32,differs,2,0.3535"), "{}", lines[1]);
        assert!(lines[2].contains("\"odd,\"\"name\"\"|\"") && lines[2].contains(",identical,"), "{}", lines[2]);
        assert!(lines[3].contains(",missing,"), "{}", lines[3]);
    }

    #[test]
    fn markdown_has_tables_and_what_is_missing() {
        let text = markdown::text(&comparison());
        for part in [
            "# Comparison",
            "m0 (baseline)",
            "| output dB |",
            "| weights dB |",
            "Baseline: m0, named by the user.",
            "## By kind, weights dB, most lost first",
            "## By layer",
            "## By kind",
            "`gone`",
            "odd,\"name\"\\|",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
