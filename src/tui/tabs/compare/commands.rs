//! The commands of the Compare tab, and the one that brings a job's models to it.

use super::state::Chart;
use crate::job::JobState;
use crate::tui::core::Scope::{Columns, Job, JobList, Tensors};
use crate::tui::core::commands::command;
use crate::tui::core::{Cmd, Command, State};

fn made_something(s: &State) -> bool {
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
        Cmd::CompareModels,
        "jobs.compare",
        &["v"],
        &[JobList, Job],
        "Compare the source with its outputs",
        "compare",
        made_something,
    ),
    command(
        Cmd::CompareTensors,
        "compare.tensors",
        &["enter"],
        &[Columns],
        "List the tensors, largest error first",
        "tensors",
        measured,
    ),
    command(
        Cmd::ColumnNext,
        "compare.right",
        &["l", "right"],
        &[Columns, Tensors],
        "Select the next model",
        "next",
        several,
    ),
    command(
        Cmd::Chart,
        "compare.kinds",
        &["tab", "]", "["],
        &[Columns],
        "Show errors by kind of tensor below the table",
        "kinds",
        |s| measured(s) && s.compare.chart == Chart::Layers,
    ),
    command(
        Cmd::Chart,
        "compare.layers",
        &["tab", "]", "["],
        &[Columns],
        "Show errors by layer below the table",
        "layers",
        |s| measured(s) && s.compare.chart == Chart::Kinds,
    ),
    command(
        Cmd::Measure,
        "compare.measure",
        &["m"],
        &[Columns],
        "Change the measure of the curves: weights dB, 1 − cosine, RMSE",
        "measure",
        |s| measured(s) && s.compare.chart == Chart::Layers,
    ),
    command(
        Cmd::PinBaseline,
        "compare.baseline",
        &["b"],
        &[Columns],
        "Make the selected model the baseline for the others",
        "baseline",
        |s| s.compare.selected > 0,
    ),
    command(Cmd::AddColumn, "compare.add", &["a"], &[Columns, Tensors], "Add a model, up to six", "add", |s| {
        s.compare.has_room() && s.models.count() > 0
    }),
    command(Cmd::RemoveColumn, "compare.remove", &["d"], &[Columns], "Remove the selected model", "remove", |s| {
        !s.compare.columns.is_empty()
    }),
    command(
        Cmd::Export,
        "compare.export",
        &["E"],
        &[Columns, Tensors],
        "Write the comparison to a file: .html, .md, .csv or .json",
        "export",
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
        Cmd::CompareContext,
        "compare.context",
        &["c"],
        &[Columns],
        "Show memory for a longer context, up to the models' maximum",
        "context",
        measured,
    ),
    command(
        Cmd::ColumnPrev,
        "compare.left",
        &["h", "left"],
        &[Columns, Tensors],
        "Select the previous model",
        "",
        several,
    ),
];
