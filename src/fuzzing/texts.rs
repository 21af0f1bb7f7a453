//! The readers of what the user and remold itself write: recipes, rules, importance matrices, log-probabilities, manifests, journals, settings.

use super::with_file;
use crate::cli;
use crate::engine::{self, Event, Report, manifest};
use crate::quality;
use crate::recipe::{self, Syntax};
use crate::transform::Imatrix;
use crate::tui::config;
use crate::tui::look::{Depth, Theme};

fn recipe(data: &[u8], syntax: Syntax) {
    // A file that is not UTF-8 is refused before it is parsed.
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = recipe::parse_text(text, syntax, None);
    }
}

/// A recipe in TOML.
pub fn fuzz_recipe_toml(data: &[u8]) {
    recipe(data, Syntax::Toml);
}

/// A recipe in YAML.
pub fn fuzz_recipe_yaml(data: &[u8]) {
    recipe(data, Syntax::Yaml);
}

/// A recipe in JSON.
pub fn fuzz_recipe_json(data: &[u8]) {
    recipe(data, Syntax::Json);
}

/// An importance matrix in llama.cpp's older form.
pub fn fuzz_imatrix_dat(data: &[u8]) {
    let _ = Imatrix::parse_dat(data, "a.dat");
}

/// A base file of llama-perplexity.
pub fn fuzz_logits_file(data: &[u8]) {
    with_file("base.logits", data, quality::read_logits_file);
}

/// Multiple-choice tasks: the three formats.
pub fn fuzz_tasks(data: &[u8]) {
    quality::parse_tasks(data);
}

/// The manifest of an output.
pub fn fuzz_manifest(data: &[u8]) {
    with_file("a.gguf.remold.json", data, |path| {
        let _ = manifest::read(path, |_| Ok(()));
    });
}

/// The journal of a job.
pub fn fuzz_journal(data: &[u8]) {
    with_file("journal", data, |path| {
        let _ = engine::read_journal(path);
    });
}

/// The events of a job, one a line, and its report.
pub fn fuzz_events(data: &[u8]) {
    for line in data.split(|b| *b == b'\n') {
        let _ = engine::from_json::<Event>(line);
    }
    let _ = engine::from_json::<Report>(data);
}

/// A file of rules for `remold watch`.
pub fn fuzz_watch_rules(data: &[u8]) {
    with_file("rules.toml", data, |path| {
        cli::read_watch_rules(path);
    });
}

/// A file of the workbench's configuration, read as each of them.
pub fn fuzz_workbench_files(data: &[u8]) {
    with_file("config.toml", data, |path| {
        let _ = config::read_settings(path);
        let _ = config::read_keys(path);
    });
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Theme::parse("fuzz", text, Depth::True);
        let _ = Theme::parse("fuzz", text, Depth::Ansi16);
    }
}
