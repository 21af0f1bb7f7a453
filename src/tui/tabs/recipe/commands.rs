//! The commands of the Recipe tab.

use super::state::{Field, Row};
use crate::tui::core::Scope::{Form, Targets};
use crate::tui::core::commands::command;
use crate::tui::core::{Cmd, Command, State};

fn composing(s: &State) -> bool {
    s.recipe.source().is_some()
}

fn can_start(s: &State) -> bool {
    s.recipe.can_start()
}

fn on_target(s: &State) -> bool {
    composing(s) && matches!(s.recipe.row(), Row::Target(_))
}

fn on_step(s: &State) -> bool {
    composing(s) && matches!(s.recipe.row(), Row::Step(_))
}

fn on_form(s: &State) -> bool {
    composing(s) && !slides(s) && !s.recipe.fields().is_empty()
}

fn has_options(s: &State) -> bool {
    composing(s) && !s.recipe.options().is_empty()
}

fn on_option(s: &State) -> bool {
    composing(s) && !slides(s) && s.recipe.current_field().is_some_and(|f| !f.is_heading())
}

/// On a heading whose options are folded.
fn on_folded(s: &State) -> bool {
    let r = &s.recipe;
    let group = r.current_field().filter(|f| f.is_heading() && !slides(s)).and(r.current_group());
    group.is_some_and(|g| !r.unfolded.contains(&g))
}

/// On a heading whose options are shown.
fn on_unfolded(s: &State) -> bool {
    let r = &s.recipe;
    let group = r.current_field().filter(|f| f.is_heading() && !slides(s)).and(r.current_group());
    group.is_some_and(|g| r.unfolded.contains(&g))
}

/// On an option below a heading that is unfolded, which has no list of values to go through.
fn below_heading(s: &State) -> bool {
    let r = &s.recipe;
    r.current_group().is_some_and(|g| r.unfolded.contains(&g))
}

fn can_add_step(s: &State) -> bool {
    composing(s) && !slides(s) && s.recipe.row() == Row::AddStep
}

fn on_choice(s: &State) -> bool {
    s.recipe.current_field().is_some_and(|f| !s.recipe.choices(f).is_empty())
}

fn has_value(s: &State) -> bool {
    // A target always has a format.
    let fixed = |label: &str| label == "format" && s.recipe.current_target().is_some();
    s.recipe.current_field().is_some_and(|f| !fixed(f.label()) && s.recipe.value(f).is_some())
}

fn many_targets(s: &State) -> bool {
    on_target(s) && s.recipe.document.recipe.targets.len() > 1
}

fn many_steps(s: &State) -> bool {
    on_step(s) && s.recipe.document.recipe.pipeline.len() > 1
}

fn slides(s: &State) -> bool {
    s.recipe.slider.is_some()
}

fn can_slide(s: &State) -> bool {
    s.recipe.can_slide()
}

/// On the budget, whose arrow keys are free for the slider.
fn on_budget(s: &State) -> bool {
    can_slide(s) && s.recipe.current_field().is_some_and(|f| matches!(f, Field::Budget))
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::DropBudget,
        "budget.drop",
        &["esc"],
        &[Targets, Form],
        "Leave the slider; the budget stays as it was",
        "keep",
        slides,
    ),
    command(Cmd::Start, "recipe.start", &["r"], &[Targets, Form], "Start a job in its own process", "run", can_start),
    command(
        Cmd::Start,
        "recipe.why-not",
        &["r"],
        &[Targets, Form],
        "Start a job; shows why if the recipe cannot run",
        "",
        |s| !s.recipe.starting && !can_start(s),
    ),
    command(
        Cmd::EnterRow,
        "recipe.open-row",
        &["enter", "l", "right"],
        &[Targets],
        "Go to its options",
        "options",
        on_form,
    ),
    command(Cmd::AddTarget, "recipe.add-here", &["enter"], &[Targets], "Choose another target", "add", |s| {
        composing(s) && !slides(s) && s.recipe.row() == Row::Add
    }),
    command(Cmd::AddStep, "recipe.add-step-here", &["enter"], &[Targets], "Choose a step", "add", can_add_step),
    command(
        Cmd::Unfold,
        "option.unfold",
        &["enter", "l", "right", "space"],
        &[Form],
        "Show the options below the heading",
        "unfold",
        on_folded,
    ),
    command(
        Cmd::Fold,
        "option.fold",
        &["enter", "h", "left", "space"],
        &[Form],
        "Hide the options below the heading that have no value",
        "fold",
        on_unfolded,
    ),
    command(Cmd::Edit, "option.edit", &["enter"], &[Form], "Edit the option, or choose from a list", "edit", on_option),
    command(Cmd::ValuePrev, "option.previous", &["h", "left"], &[Form], "Previous value", "", on_choice),
    command(Cmd::ValueNext, "option.next", &["l", "right", "space"], &[Form], "Next value", "change", on_choice),
    command(
        Cmd::Fold,
        "option.fold-group",
        &["h", "left"],
        &[Form],
        "Go to the heading and fold its options",
        "",
        below_heading,
    ),
    command(
        Cmd::TakeBudget,
        "budget.take",
        &["enter"],
        &[Targets, Form],
        "Take the size at the slider as the budget",
        "take",
        slides,
    ),
    command(Cmd::BudgetLess, "budget.left", &["h", "left"], &[Form], "Slide the budget down", "", on_budget),
    command(Cmd::BudgetMore, "budget.right", &["l", "right"], &[Form], "Slide the budget up", "slide", on_budget),
    command(Cmd::ClearFilter, "option.filter-clear", &["esc"], &[Form], "Show all options again", "", |s| {
        !s.recipe.filter.is_empty()
    }),
    command(
        Cmd::ClearField,
        "option.clear",
        &["x", "delete"],
        &[Form],
        "Reset the option to its default",
        "clear",
        has_value,
    ),
    command(
        Cmd::AddTarget,
        "recipe.add",
        &["a"],
        &[Targets, Form],
        "Add a target; all targets are written from one read of the source",
        "add",
        composing,
    ),
    command(
        Cmd::AddStep,
        "recipe.add-step",
        &["A"],
        &[Targets, Form],
        "Add a step; steps change the model or all targets",
        "",
        composing,
    ),
    command(
        Cmd::Purpose,
        "recipe.purpose",
        &["w"],
        &[Targets, Form],
        "Choose the targets by what the model is for",
        "",
        composing,
    ),
    command(
        Cmd::Budget,
        "recipe.budget",
        &["b"],
        &[Targets, Form],
        "Set a budget: 760MB, or 4.25 bits per weight",
        "budget",
        |s| s.recipe.forecast_target_index().is_some(),
    ),
    command(
        Cmd::BudgetLess,
        "budget.less",
        &["("],
        &[Targets, Form],
        "Slide the budget down: mix, loss, memory and layers follow at once",
        "",
        can_slide,
    ),
    command(Cmd::BudgetMore, "budget.more", &[")"], &[Targets, Form], "Slide the budget up", "", can_slide),
    command(
        Cmd::PlotFigure,
        "recipe.figure",
        &["v"],
        &[Targets, Form],
        "Show losses as KL divergences, or in dB",
        "",
        |s| s.recipe.forecast_state.forecast().is_some_and(|f| f.divergence.is_some()),
    ),
    command(
        Cmd::StopMeasuring,
        "recipe.measure-stop",
        &["m"],
        &[Targets, Form],
        "Stop measuring on the text; what was measured is kept",
        "stop",
        |s| s.recipe.is_measuring(),
    ),
    command(
        Cmd::MeasureAgain,
        "recipe.measure",
        &["m"],
        &[Targets, Form],
        "Go on measuring on the text",
        "measure",
        |s| s.recipe.measuring_stopped,
    ),
    command(
        Cmd::Delete,
        "recipe.delete",
        &["d", "delete"],
        &[Targets],
        "Remove the target; u restores it",
        "delete",
        on_target,
    ),
    command(
        Cmd::Delete,
        "recipe.delete-step",
        &["d", "delete"],
        &[Targets],
        "Remove the step; u restores it",
        "delete",
        on_step,
    ),
    command(Cmd::Duplicate, "recipe.duplicate", &["D"], &[Targets], "Duplicate the target", "", on_target),
    command(Cmd::MoveDown, "recipe.move-down", &["J"], &[Targets], "Move the target down", "", many_targets),
    command(Cmd::MoveUp, "recipe.move-up", &["K"], &[Targets], "Move the target up", "", many_targets),
    command(Cmd::MoveDown, "recipe.step-down", &["J"], &[Targets], "Move the step down", "", many_steps),
    command(Cmd::MoveUp, "recipe.step-up", &["K"], &[Targets], "Move the step up", "", many_steps),
    command(Cmd::Undo, "recipe.undo", &["u"], &[Targets, Form], "Undo the last change", "undo", |s| {
        s.recipe.history.can_undo()
    }),
    command(Cmd::Redo, "recipe.redo", &["U", "ctrl-r"], &[Targets, Form], "Redo the change", "", |s| {
        s.recipe.history.can_redo()
    }),
    command(Cmd::Save, "recipe.save", &["s"], &[Targets, Form], "Save the recipe to a file", "save", composing),
    command(
        Cmd::Filter,
        "option.filter",
        &["/"],
        &[Targets, Form],
        "Find an option by its name, another name or its help",
        "find",
        has_options,
    ),
    command(
        Cmd::NewRecipe,
        "recipe.new",
        &["N"],
        &[Targets, Form],
        "Begin a new recipe for the same model; u restores the old one",
        "",
        composing,
    ),
    command(
        Cmd::SourceNext,
        "recipe.next-source",
        &["]"],
        &[Targets, Form],
        "Of several models: show the forecast of the next one",
        "next model",
        |s| s.recipe.is_batch(),
    ),
    command(
        Cmd::SourcePrev,
        "recipe.previous-source",
        &["["],
        &[Targets, Form],
        "Of several models: show the forecast of the previous one",
        "",
        |s| s.recipe.is_batch(),
    ),
    command(
        Cmd::OpenRecipe,
        "recipe.open",
        &["o"],
        &[Targets, Form],
        "Open a recipe: from this folder, built in, or by path",
        "open",
        |_| true,
    ),
    command(
        Cmd::EditOutside,
        "recipe.editor",
        &["e"],
        &[Targets, Form],
        "Edit the recipe in $EDITOR",
        "$EDITOR",
        composing,
    ),
    command(
        Cmd::Zoom,
        "recipe.zoom",
        &["z"],
        &[Targets, Form],
        "Show the forecast and its plot at full width",
        "plot",
        composing,
    ),
    command(
        Cmd::StartDetached,
        "recipe.start-detached",
        &["R"],
        &[Targets, Form],
        "Start and stay here; Jobs shows it",
        "",
        can_start,
    ),
];
