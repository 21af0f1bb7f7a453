//! The commands of the Models tab. Hits and filters have the same commands on several tabs; they are here because of their place in
//! the order of hints.

use super::state::Section;
use crate::tui::core::Scope::{Details, Job, Log, Tensors, Tree, WatchSources};
use crate::tui::core::commands::{always, command};
use crate::tui::core::{Cmd, Command, Focus, State, search};

fn on_model(s: &State) -> bool {
    s.models.node().is_some_and(|n| n.model.is_some())
}

fn on_row(s: &State) -> bool {
    s.models.node().is_some()
}

/// A text can be shown: that of a file, or `config.json` of a model that is a folder.
fn has_text(s: &State) -> bool {
    let m = &s.models;
    let file = m.focus == Focus::Details && m.details.section == Section::Files && m.section_len() > 0;
    on_model(s) && (file || m.current().is_none_or(|info| !info.is_file))
}

/// Two models are chosen: two marks, or one and the selected model.
fn two_models(s: &State) -> bool {
    let m = &s.models;
    let here = m.selected.as_ref().filter(|_| on_model(s)).filter(|p| !m.marked.contains(p));
    m.marked.len() == 2 || (m.marked.len() == 1 && here.is_some())
}

/// The details have a value to copy.
fn copies_value(s: &State) -> bool {
    let m = &s.models;
    m.focus == Focus::Details
        && matches!(m.details.section, Section::Metadata | Section::Tensors)
        && m.section_len() > 0
}

/// The table of tensors is shown, and no text over it.
fn shows_tensors(s: &State) -> bool {
    s.models.details.section == Section::Tensors && s.models.inspect.reading.is_none()
}

fn has_tokenizer(s: &State) -> bool {
    s.models.current().is_some_and(|i| !i.tokenizer.is_empty())
}

fn has_template(s: &State) -> bool {
    let tried = s.models.current().and_then(|i| s.models.inspect.tried(&i.path));
    s.models.details.section == Section::Tokenizer
        && tried.is_some_and(|t| t.as_ref().is_ok_and(|t| t.template.is_some()))
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::Open,
        "models.open",
        &["enter", "l", "right"],
        &[Tree],
        "Open a folder, or go to the details of a model",
        "open",
        on_row,
    ),
    command(Cmd::Close, "models.close", &["h", "left"], &[Tree], "Close the folder, or go to its parent", "", on_row),
    command(
        Cmd::Convert,
        "models.convert",
        &["c"],
        &[Tree, Details],
        "Convert the marked models, else this one or those of this folder: choose what to write",
        "convert",
        on_row,
    ),
    command(
        Cmd::HitNext,
        "hit.next",
        &["n"],
        &[Tree, Details, Job, Tensors, Log],
        "Go to the next match of the search, wrapping around",
        "next match",
        search::has_hits,
    ),
    command(
        Cmd::HitPrev,
        "hit.previous",
        &["N"],
        &[Tree, Details, Job, Tensors, Log],
        "Go to the previous match, wrapping around",
        "",
        search::has_hits,
    ),
    command(
        Cmd::ClearFilter,
        "filter.clear",
        &["esc"],
        &[Tree, Details, Job, Tensors, WatchSources, Log],
        "Clear the filter or the search",
        "clear",
        search::can_clear,
    ),
    command(Cmd::SectionNext, "section.next", &["]", "l", "right"], &[Details], "Next section", "", always),
    command(Cmd::SectionPrev, "section.previous", &["[", "h", "left"], &[Details], "Previous section", "", always),
    command(
        Cmd::MarkModel,
        "models.mark",
        &["space"],
        &[Tree],
        "Mark or unmark this model, or all in this folder, and go to the next line",
        "mark, down",
        on_row,
    ),
    command(Cmd::UnmarkModels, "models.unmark", &["u"], &[Tree], "Remove all marks", "unmark", |s| {
        !s.models.marked.is_empty()
    }),
    command(
        Cmd::CompareModels,
        "models.compare",
        &["v"],
        &[Tree, Details],
        "Compare the marked models; with fewer than two marks, include this one, or those of this folder",
        "compare",
        |s| on_row(s) || !s.models.marked.is_empty(),
    ),
    command(Cmd::SectionNext, "models.section", &["]"], &[Tree], "Next section of the details", "section", on_model),
    command(Cmd::SectionPrev, "models.section-back", &["["], &[Tree], "Previous section of the details", "", on_model),
    command(
        Cmd::Sort,
        "tensors.sort",
        &["s"],
        &[Details],
        "Sort tensors by file order, size, name, type",
        "sort",
        shows_tensors,
    ),
    command(
        Cmd::Reverse,
        "tensors.reverse",
        &["S"],
        &[Details],
        "Reverse the order of the tensors",
        "reverse",
        shows_tensors,
    ),
    command(
        Cmd::Filter,
        "filter",
        &["/"],
        &[Tree, Tensors, WatchSources, Log],
        "Filter the list as you type",
        "filter",
        always,
    ),
    command(
        Cmd::Filter,
        "filter.details",
        &["/"],
        &[Details],
        "Filter tensors or metadata; all words must match, ! negates",
        "filter",
        |s| !search::reads(s) && matches!(s.models.details.section, Section::Tensors | Section::Metadata),
    ),
    command(Cmd::Search, "value.search", &["/"], &[Details], "Search in the text", "search", search::reads),
    command(
        Cmd::TryText,
        "tokenizer.try",
        &["t", "enter"],
        &[Details],
        "Try the tokenizer on a text",
        "try a text",
        |s| s.models.details.section == Section::Tokenizer && has_tokenizer(s),
    ),
    command(
        Cmd::ReadValue,
        "value.read",
        &["enter"],
        &[Details],
        "Read the whole value, or the file, or close it",
        "read",
        |s| matches!(s.models.details.section, Section::Metadata | Section::Files) && s.models.current().is_some(),
    ),
    command(
        Cmd::ReadValue,
        "template.read",
        &["p"],
        &[Details],
        "Read the chat template, or close it",
        "template",
        has_template,
    ),
    command(
        Cmd::CopyValue,
        "copy.value",
        &["y"],
        &[Details],
        "Copy the value or the tensor's name to the clipboard",
        "copy",
        copies_value,
    ),
    command(
        Cmd::CheckValues,
        "health.check",
        &["n"],
        &[Details],
        "Check every value for NaN, zeros and copies; again to stop",
        "check values",
        |s| s.models.details.section == Section::Health && s.models.current().is_some(),
    ),
    command(Cmd::CopyPath, "copy.path", &["y"], &[Tree, Details], "Copy the path to the clipboard", "copy path", |s| {
        on_row(s) && !copies_value(s)
    }),
    command(
        Cmd::CopyName,
        "copy.name",
        &["Y"],
        &[Tree, Details],
        "Copy the command that inspects this model to the clipboard",
        "",
        on_row,
    ),
    command(
        Cmd::SortModels,
        "models.sort",
        &["s"],
        &[Tree],
        "Sort the models by name, size, date, parameters",
        "sort",
        on_row,
    ),
    command(
        Cmd::FindTensor,
        "models.find-tensor",
        &["f"],
        &[Tree],
        "Look for a tensor by name in all models",
        "find tensor",
        on_row,
    ),
    command(
        Cmd::CompareConfigs,
        "models.configs",
        &["="],
        &[Tree, Details],
        "Compare the configuration of two marked models, or of the marked one and this one",
        "",
        two_models,
    ),
    command(
        Cmd::OpenEditor,
        "models.editor",
        &["e"],
        &[Tree, Details],
        "Open the text file, or the folder, in $EDITOR",
        "",
        on_row,
    ),
    command(
        Cmd::OpenPager,
        "models.pager",
        &["o"],
        &[Tree, Details],
        "Open the text file, or the model's config.json, in $PAGER",
        "",
        has_text,
    ),
    command(Cmd::RenameModel, "models.rename", &["R"], &[Tree], "Rename the model with all its files", "", on_model),
    command(
        Cmd::DeleteModel,
        "models.delete",
        &["D"],
        &[Tree],
        "Delete the model with all its files; lists them and asks",
        "",
        on_model,
    ),
    command(Cmd::Rescan, "models.rescan", &["r"], &[Tree], "Scan for models again", "rescan", |s| !s.models.scanning),
    command(
        Cmd::WatchFolder,
        "models.watch",
        &["w"],
        &[Tree],
        "Watch this folder, or the opened one: export each complete checkpoint with the recipe; asks first",
        "watch",
        always,
    ),
    command(
        Cmd::Evaluate,
        "models.evaluate",
        &["E"],
        &[Tree, Details],
        "Evaluate the marked models, else this one, on a text: perplexity, and divergence from the model they were made from",
        "evaluate",
        |s| on_model(s) || !s.models.marked.is_empty(),
    ),
    command(
        Cmd::MakeImatrix,
        "models.imatrix",
        &["I"],
        &[Tree, Details],
        "Make an importance matrix of this model from a text",
        "",
        on_model,
    ),
];
