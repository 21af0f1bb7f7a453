//! The commands of the Compare tab, and those that bring models to it.

use super::Scope::{Columns, Details, JobList, Tensors, Tree};
use super::{Cmd, Command, command};
use crate::job::JobState;
use crate::tui::core::state::State;

fn on_model(s: &State) -> bool {
    s.models.node().is_some_and(|n| n.model.is_some())
}

fn ended(s: &State) -> bool {
    s.jobs.current().is_some_and(|j| j.state == JobState::Finished)
        && s.jobs.view.as_ref().is_some_and(|v| v.plan.as_ref().is_some_and(|p| !p.outputs.is_empty()))
}

fn several(s: &State) -> bool {
    s.compare.columns.len() > 1
}

fn measured(s: &State) -> bool {
    s.compare.is_measured()
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::MarkModel,
        "models.mark",
        &["space"],
        &[Tree],
        "Mark this model for a comparison, or take the mark away",
        "mark",
        on_model,
    ),
    command(
        Cmd::CompareModels,
        "models.compare",
        &["v"],
        &[Tree, Details],
        "Compare the marked models and this one",
        "compare",
        |s| on_model(s) || !s.models.marked.is_empty(),
    ),
    command(
        Cmd::CompareModels,
        "jobs.compare",
        &["v"],
        &[JobList, super::Scope::Job],
        "Compare the source with what was made of it",
        "compare",
        ended,
    ),
    command(Cmd::AddColumn, "compare.add", &["a"], &[Columns], "Add a model of those found; six at most", "add", |s| {
        s.compare.has_room() && s.models.count() > 0
    }),
    command(Cmd::RemoveColumn, "compare.remove", &["d"], &[Columns], "Take this model out", "remove", |s| {
        !s.compare.columns.is_empty()
    }),
    command(
        Cmd::PinBaseline,
        "compare.baseline",
        &["b"],
        &[Columns],
        "Make this model the baseline that the others are measured against",
        "baseline",
        |s| s.compare.selected > 0,
    ),
    command(
        Cmd::CompareTensors,
        "compare.tensors",
        &["enter"],
        &[Columns],
        "List the tensors, most lost first",
        "tensors",
        measured,
    ),
    command(
        Cmd::Chart,
        "compare.chart",
        &["tab", "]", "["],
        &[Columns],
        "Errors by layer or by kind",
        "kinds",
        measured,
    ),
    command(
        Cmd::CompareOrder,
        "compare.order",
        &["s"],
        &[Columns],
        "Order the models by size, error, name",
        "order",
        |s| s.compare.columns.len() > 2,
    ),
    command(
        Cmd::CompareOrder,
        "compare.sort",
        &["s"],
        &[Tensors],
        "Sort the tensors by error, file order, name",
        "sort",
        measured,
    ),
    command(
        Cmd::Export,
        "compare.export",
        &["E"],
        &[Columns, Tensors],
        "Write the comparison to a file: .md, .csv or .json",
        "export",
        measured,
    ),
    command(Cmd::ColumnPrev, "compare.left", &["h", "left"], &[Columns, Tensors], "The model to the left", "", several),
    command(
        Cmd::ColumnNext,
        "compare.right",
        &["l", "right"],
        &[Columns, Tensors],
        "The model to the right",
        "",
        several,
    ),
];
