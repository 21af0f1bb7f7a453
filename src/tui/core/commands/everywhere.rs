//! The commands of several tabs, and those that count everywhere.

use super::Scope::{Details, Global, Job, JobList, Lists, Options, Presets, Tree};
use super::{Cmd, Command, always, command};

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::Zoom,
        "zoom",
        &["z"],
        &[Tree, Details, JobList, Job],
        "Give this pane the whole width, or back",
        "zoom",
        always,
    ),
    command(
        Cmd::FocusNext,
        "pane.next",
        &["tab", "backtab"],
        &[Tree, Details, Presets, Options, JobList, Job],
        "Go to the other pane",
        "pane",
        always,
    ),
    command(
        Cmd::Back,
        "back",
        &["esc"],
        &[Global],
        "Back: close what lies on top, leave the pane; never quits",
        "",
        always,
    ),
    command(Cmd::Down, "down", &["j", "down"], &[Lists], "Down", "", always),
    command(Cmd::Up, "up", &["k", "up"], &[Lists], "Up", "", always),
    command(Cmd::HalfDown, "half-page.down", &["ctrl-d"], &[Lists], "Half a page down", "", always),
    command(Cmd::HalfUp, "half-page.up", &["ctrl-u"], &[Lists], "Half a page up", "", always),
    command(Cmd::PageDown, "page.down", &["pagedown", "ctrl-f"], &[Lists], "A page down", "", always),
    command(Cmd::PageUp, "page.up", &["pageup", "ctrl-b"], &[Lists], "A page up", "", always),
    command(Cmd::Top, "top", &["g g", "home"], &[Lists], "To the first line", "", always),
    command(Cmd::Bottom, "bottom", &["G", "end"], &[Lists], "To the last line; in a log: follow", "", always),
    command(Cmd::Models, "tab.models", &["1"], &[Global], "Models: what there is", "", always),
    command(Cmd::Recipe, "tab.recipe", &["2"], &[Global], "Recipe: what to make of it", "", always),
    command(Cmd::Jobs, "tab.jobs", &["3"], &[Global], "Jobs: what is being made", "", always),
    command(Cmd::Compare, "tab.compare", &["4"], &[Global], "Compare: variants side by side", "", always),
    command(Cmd::Watch, "tab.watch", &["5"], &[Global], "Watch: exports of a training run (comes later)", "", always),
    command(Cmd::Log, "tab.log", &["6"], &[Global], "Log: everything that was said", "", always),
    command(Cmd::Theme, "theme", &["T"], &[Global], "Choose a theme; it shows while you move", "", |s| {
        s.theme != "mono" || s.themes.len() > 1
    }),
    command(Cmd::Redraw, "redraw", &["ctrl-l"], &[Global], "Draw everything again", "", always),
    command(
        Cmd::Suspend,
        "suspend",
        &["ctrl-z"],
        &[Global],
        "Back to the shell; fg returns here, jobs go on",
        "",
        always,
    ),
    command(Cmd::Palette, "palette", &[":", "ctrl-p"], &[Global], "Find a command by its name", "commands", always),
    command(Cmd::Help, "help", &["?", "f1"], &[Global], "This help", "help", always),
    command(Cmd::Quit, "quit", &["q", "ctrl-c"], &[Global], "Quit; jobs go on by themselves", "quit", always),
];
