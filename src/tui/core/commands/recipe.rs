//! The commands of the Recipe tab.

use super::Scope::{Options, Presets};
use super::{Cmd, Command, command};
use crate::tui::core::state::State;

fn can_start(s: &State) -> bool {
    s.recipe.ready().is_some() && !s.recipe.starting
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::Choose,
        "recipe.start-chosen",
        &["enter"],
        &[Presets],
        "Ask once more, then start",
        "start…",
        can_start,
    ),
    command(
        Cmd::Budget,
        "recipe.budget-first",
        &["enter"],
        &[Presets],
        "Type the budget that is still wanting",
        "set budget",
        |s| s.recipe.source.is_some() && s.recipe.lacks_budget(),
    ),
    command(
        Cmd::Mark,
        "recipe.mark",
        &["space"],
        &[Presets],
        "Mark: several marked presets are written from one read",
        "mark",
        |s| s.recipe.source.is_some(),
    ),
    command(Cmd::Edit, "option.edit", &["enter"], &[Options], "Edit the option, or take its next value", "edit", |s| {
        s.recipe.source.is_some()
    }),
    command(Cmd::ValuePrev, "option.previous", &["h", "left"], &[Options], "Previous value", "", |s| {
        !s.recipe.current_field().is_text()
    }),
    command(Cmd::ValueNext, "option.next", &["l", "right", "space"], &[Options], "Next value", "change", |s| {
        !s.recipe.current_field().is_text()
    }),
    // Among the presets enter starts, which is the better hint for one who reads hints.
    command(Cmd::Start, "recipe.start", &["r"], &[Presets], "Start now: a job in its own process", "", can_start),
    command(
        Cmd::Start,
        "recipe.start-now",
        &["r"],
        &[Options],
        "Start now: a job in its own process",
        "run",
        can_start,
    ),
    command(
        Cmd::Budget,
        "recipe.budget",
        &["b"],
        &[Presets, Options],
        "A budget: 760MB, or 4.25 bits a weight",
        "budget",
        |s| s.recipe.source.is_some(),
    ),
    command(
        Cmd::Zoom,
        "recipe.zoom",
        &["z"],
        &[Presets, Options],
        "The forecast and its plot at full width",
        "plot",
        |s| s.recipe.source.is_some(),
    ),
];
