//! The commands of the Compare tab, and the one that brings a job's models to it.

use super::state::Chart;
use crate::job::JobState;
use crate::tui::core::Scope::{Cells, Columns, Job, JobList, Quality, Speech, Tensors};
use crate::tui::core::commands::{always, command};
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

fn has_models(s: &State) -> bool {
    s.compare.columns.len() > 1
}

fn evaluated(s: &State) -> bool {
    s.compare.is_evaluated()
}

fn spoken(s: &State) -> bool {
    s.compare.speech.positions() > 0
}

fn of_tensor(s: &State) -> bool {
    measured(s) && s.compare.tensor().is_some()
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
        Cmd::Quality,
        "compare.quality",
        &["e"],
        &[Columns],
        "Measure quality on a text: perplexity, KL divergence, and which model to ship",
        "quality",
        has_models,
    ),
    command(
        Cmd::CompareMap,
        "compare.map",
        &["M"],
        &[Columns],
        "Show errors by kind and layer for every model",
        "map",
        measured,
    ),
    command(
        Cmd::Speech,
        "compare.speech",
        &["p"],
        &[Columns],
        "Let all models continue a prompt, side by side",
        "prompt",
        has_models,
    ),
    command(
        Cmd::TensorShapes,
        "compare.histograms",
        &["enter"],
        &[Tensors],
        "Show the values of the tensor: histograms of baseline, model and error",
        "histograms",
        |s| of_tensor(s) && s.compare.shapes.is_none(),
    ),
    command(
        Cmd::TensorShapes,
        "compare.histograms-hide",
        &["enter"],
        &[Tensors],
        "Hide the values of the tensor",
        "hide",
        |s| s.compare.shapes.is_some(),
    ),
    command(
        Cmd::MoreBits,
        "compare.more-bits",
        &["+"],
        &[Tensors],
        "Compose a recipe that gives this tensor about two bits more",
        "more bits",
        of_tensor,
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
        "compare.sizes",
        &["tab", "]", "["],
        &[Columns],
        "Show loss against size below the table",
        "sizes",
        |s| measured(s) && s.compare.chart == Chart::Kinds,
    ),
    command(
        Cmd::Chart,
        "compare.layers",
        &["tab", "]", "["],
        &[Columns],
        "Show errors by layer below the table",
        "layers",
        |s| measured(s) && s.compare.chart == Chart::Sizes,
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
    command(Cmd::QualityText, "quality.text", &["e"], &[Quality], "Measure on a text", "text", |s| {
        has_models(s) && s.compare.quality.running.is_none()
    }),
    command(
        Cmd::QualityOther,
        "quality.other",
        &["t"],
        &[Quality],
        "Show the figures of another text that the models were measured on",
        "other text",
        |s| s.compare.quality.running.is_none() && s.compare.quality.has_other_text(),
    ),
    command(Cmd::StopPage, "quality.stop", &["x"], &[Quality], "Cancel the evaluation", "stop", |s| {
        s.compare.quality.running.is_some()
    }),
    command(
        Cmd::QualityLimit,
        "quality.limit",
        &["L"],
        &[Quality],
        "Change the limit of the mean KLD: strict 0.01, usual 0.05, loose 0.1",
        "limit",
        evaluated,
    ),
    command(
        Cmd::Chart,
        "quality.chart",
        &["tab", "]", "["],
        &[Quality],
        "Switch the chart: loss by size, error by layer",
        "chart",
        evaluated,
    ),
    command(Cmd::ColumnNext, "quality.right", &["l", "right"], &[Quality], "Select the next model", "next", several),
    command(Cmd::ColumnPrev, "quality.left", &["h", "left"], &[Quality], "Select the previous model", "", several),
    command(
        Cmd::TensorShapes,
        "map.histograms",
        &["enter"],
        &[Cells],
        "Show the values of the tensor: histograms of baseline, model and error",
        "histograms",
        |s| of_tensor(s) && s.compare.shapes.is_none(),
    ),
    command(
        Cmd::TensorShapes,
        "map.histograms-hide",
        &["enter"],
        &[Cells],
        "Hide the values of the tensor",
        "hide",
        |s| s.compare.shapes.is_some(),
    ),
    command(
        Cmd::MoreBits,
        "map.more-bits",
        &["+"],
        &[Cells],
        "Compose a recipe that gives this tensor about two bits more",
        "more bits",
        of_tensor,
    ),
    command(Cmd::ColumnNext, "map.next-model", &["tab", "]"], &[Cells], "Select the next model", "model", several),
    command(
        Cmd::ColumnPrev,
        "map.previous-model",
        &["backtab", "["],
        &[Cells],
        "Select the previous model",
        "",
        several,
    ),
    command(Cmd::CellNext, "map.right", &["l", "right"], &[Cells], "Next layer", "layer", always),
    command(Cmd::CellPrev, "map.left", &["h", "left"], &[Cells], "Previous layer", "", always),
    command(Cmd::SpeechPrompt, "speech.prompt", &["p"], &[Speech], "Give the models a prompt", "prompt", |s| {
        has_models(s) && !s.compare.speech.running
    }),
    command(Cmd::StopPage, "speech.stop", &["x"], &[Speech], "Stop the models", "stop", |s| s.compare.speech.running),
    command(
        Cmd::CellNext,
        "speech.right",
        &["l", "right"],
        &[Speech],
        "Next token of the baseline's text",
        "token",
        spoken,
    ),
    command(
        Cmd::CellPrev,
        "speech.left",
        &["h", "left"],
        &[Speech],
        "Previous token of the baseline's text",
        "",
        spoken,
    ),
    command(
        Cmd::SpeechDifference,
        "speech.difference",
        &["d"],
        &[Speech],
        "Go to the first token that a model says differently",
        "difference",
        |s| s.compare.speech.first_difference().is_some(),
    ),
    command(Cmd::ColumnNext, "speech.next-model", &["tab", "]"], &[Speech], "Select the next model", "model", several),
    command(
        Cmd::ColumnPrev,
        "speech.previous-model",
        &["backtab", "["],
        &[Speech],
        "Select the previous model",
        "",
        several,
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
