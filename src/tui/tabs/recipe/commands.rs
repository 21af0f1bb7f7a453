//! The commands of the Recipe tab.

use super::state::Row;
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

fn on_form(s: &State) -> bool {
    composing(s) && matches!(s.recipe.row(), Row::Source | Row::About | Row::Target(_))
}

fn on_choice(s: &State) -> bool {
    s.recipe.current_field().is_some_and(|f| !s.recipe.choices(f).is_empty())
}

fn has_value(s: &State) -> bool {
    // A target always has a format.
    let fixed = |label: &str| label == "format" && s.recipe.current_target().is_some();
    s.recipe.current_field().is_some_and(|f| !fixed(f.label()) && s.recipe.value(f).is_some())
}

fn many(s: &State) -> bool {
    on_target(s) && s.recipe.document.recipe.targets.len() > 1
}

pub(super) const COMMANDS: &[Command] = &[
    command(Cmd::Start, "recipe.start", &["r"], &[Targets, Form], "Start a job in its own process", "run", can_start),
    command(
        Cmd::Start,
        "recipe.why-not",
        &["r"],
        &[Targets, Form],
        "Start a job; shows why if the recipe cannot run",
        "",
        |s| !s.recipe.starting,
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
        composing(s) && s.recipe.row() == Row::Add
    }),
    command(Cmd::Edit, "option.edit", &["enter"], &[Form], "Edit the option, or choose from a list", "edit", on_form),
    command(Cmd::ValuePrev, "option.previous", &["h", "left"], &[Form], "Previous value", "", on_choice),
    command(Cmd::ValueNext, "option.next", &["l", "right", "space"], &[Form], "Next value", "change", on_choice),
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
        Cmd::Budget,
        "recipe.budget",
        &["b"],
        &[Targets, Form],
        "Set a budget: 760MB, or 4.25 bits per weight",
        "budget",
        |s| s.recipe.forecast_target_index().is_some(),
    ),
    command(
        Cmd::Delete,
        "recipe.delete",
        &["d", "delete"],
        &[Targets],
        "Remove the target; u restores it",
        "delete",
        |s| matches!(s.recipe.row(), Row::Target(_) | Row::Step(_)),
    ),
    command(Cmd::Duplicate, "recipe.duplicate", &["D"], &[Targets], "Duplicate the target", "", on_target),
    command(Cmd::MoveDown, "recipe.move-down", &["J"], &[Targets], "Move the target down", "", many),
    command(Cmd::MoveUp, "recipe.move-up", &["K"], &[Targets], "Move the target up", "", many),
    command(Cmd::Undo, "recipe.undo", &["u"], &[Targets, Form], "Undo the last change", "undo", |s| {
        s.recipe.history.can_undo()
    }),
    command(Cmd::Redo, "recipe.redo", &["U", "ctrl-r"], &[Targets, Form], "Redo the change", "", |s| {
        s.recipe.history.can_redo()
    }),
    command(Cmd::Save, "recipe.save", &["s"], &[Targets, Form], "Save the recipe to a file", "save", composing),
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
