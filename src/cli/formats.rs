//! `formats`: what can be read, written and made, from the registries themselves.

use super::args::FormatsArgs;
use super::text::{Style, table};
use super::{Exit, out, print};
use crate::arch;
use crate::formats::{self, FormatSpec};
use crate::model::FormatId;
use crate::plan;
use crate::quant::{Encoding, can_quantize};
use crate::recipe;
use crate::transform::FileType;
use indexmap::IndexMap;
use serde::Serialize;

/// What `--json` prints.
#[derive(Serialize)]
struct All {
    formats: Vec<Format>,
    architectures: IndexMap<&'static str, Vec<&'static str>>,
    /// What may follow the `=` in `--tensor-type PATTERN=TYPE`.
    tensor_types: &'static [&'static str],
}

#[derive(Serialize)]
struct Format {
    name: FormatId,
    about: &'static str,
    /// False for a format that is only recognized, so that an error can name it.
    read: bool,
    write: bool,
    aliases: &'static [&'static str],
    extensions: Vec<&'static str>,
    /// What may follow the format in `--to FORMAT:QUANT`.
    quantizations: Vec<&'static str>,
    presets: Vec<Preset>,
}

/// A target that the workbench offers.
#[derive(Serialize)]
struct Preset {
    name: String,
    about: &'static str,
    needs_imatrix: bool,
}

/// `remold formats`.
pub(crate) fn run(args: &FormatsArgs) -> Exit {
    if args.json {
        print::json(&All {
            formats: formats::FORMATS.iter().map(|f| format(f)).collect(),
            architectures: architectures(),
            tensor_types: recipe::TENSOR_TYPES,
        });
    } else {
        out(&text(Style::stdout()));
    }
    Exit::Done
}

fn format(spec: &FormatSpec) -> Format {
    let presets = plan::presets().filter(|p| p.format == spec.id);
    Format {
        name: spec.id,
        about: spec.about,
        read: spec.read.is_some(),
        write: spec.write.is_some(),
        aliases: spec.aliases,
        extensions: spec.extensions.iter().chain(spec.rare_extensions).copied().collect(),
        quantizations: if spec.write.is_some() { quantizations(spec.id) } else { Vec::new() },
        presets: presets.map(|p| Preset { name: p.name(), about: p.about, needs_imatrix: p.needs_imatrix }).collect(),
    }
}

/// The words after `FORMAT:`, without those that this version cannot make.
pub(super) fn quantizations(format: FormatId) -> Vec<&'static str> {
    let made = |word: &&&str| match FileType::parse(word).map(FileType::base) {
        Some(Encoding::Block(b)) => can_quantize(b),
        _ => true,
    };
    recipe::types_of(format).iter().filter(made).copied().collect()
}

/// The names of architectures in GGUF, each with the classes of Hugging Face that become it.
fn architectures() -> IndexMap<&'static str, Vec<&'static str>> {
    let mut all: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for family in arch::supported() {
        all.entry(family.gguf_arch).or_default().extend(family.hf_classes);
    }
    all
}

fn text(style: Style) -> String {
    let mut rows = vec![["format", "read", "write", ""].map(str::to_owned).to_vec()];
    for spec in formats::FORMATS {
        let read = if spec.read.is_some() { "yes" } else { "recognized" };
        let write = if spec.write.is_some() { "yes" } else { "no" };
        rows.push([spec.id.name(), read, write, spec.about].map(str::to_owned).to_vec());
    }
    let mut text = table(&rows, &[false; 4]);
    if formats::FORMATS.iter().any(|f| f.read.is_none()) {
        text.push_str(&style.dim("recognized: an error names the format; its files cannot be converted"));
        text.push('\n');
    }
    let rows: Vec<Vec<String>> =
        architectures().into_iter().map(|(name, classes)| vec![name.to_owned(), classes.join(" ")]).collect();
    text.push_str(&format!("\n{} (Hugging Face ⇄ GGUF)\n{}", style.bold("architectures"), table(&rows, &[false; 2])));
    text.push_str(&format!("\n{} (--to FORMAT:NAME)\n", style.bold("quantizations")));
    let rows: Vec<Vec<String>> =
        formats::written().iter().map(|format| vec![format.to_string(), quantizations(*format).join(" ")]).collect();
    text.push_str(&table(&rows, &[false; 2]));
    let types = recipe::TENSOR_TYPES.join(" ");
    text.push_str(&format!("\n{} (--tensor-type PATTERN=NAME)\n{types}\n", style.bold("types of single tensors")));
    text
}
