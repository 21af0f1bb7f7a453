//! What `remold doctor` says of the terminal: what was decided about it and by which word of the environment.

use super::{caps, multiplexer};
use crate::monitor::Check;
use crate::tui::core::MIN_SIZE;
use crate::tui::look::Depth;
use std::io::IsTerminal;

const TERMINAL: &str = "terminal";

/// Everything about the terminal of this process, which need not have one.
pub(in crate::tui) fn terminal_checks() -> Vec<Check> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let size = terminal.then(|| crossterm::terminal::size().ok()).flatten();
    let mut all = facts(terminal, size, caps::var);
    all.extend(multiplexer::checks(caps::var));
    all
}

fn facts(terminal: bool, size: Option<(u16, u16)>, var: impl Fn(&str) -> Option<String>) -> Vec<Check> {
    let term = var("TERM").unwrap_or_default();
    let named = |name: &str| var(name).map_or_else(|| format!("{name} not set"), |v| format!("{name}={v}"));
    let mut all = Vec::new();
    all.push(match (terminal, term.as_str()) {
        (false, _) => {
            Check::fine(TERMINAL, "kind", "none (a pipe or a script): commands work, the workbench needs one")
        }
        (true, "") => Check::note(TERMINAL, "kind", "TERM is not set", "Set TERM, for example to xterm-256color."),
        (true, "dumb") => Check::note(TERMINAL, "kind", "TERM=dumb", "Set TERM to the terminal's type."),
        (true, name) => Check::fine(TERMINAL, "kind", format!("TERM={name}")),
    });
    let ssh = match var("SSH_CONNECTION") {
        Some(_) => Check::fine(TERMINAL, "ssh", "yes: progress is drawn at most four times per second"),
        None => Check::fine(TERMINAL, "ssh", "no"),
    };
    if !terminal {
        all.push(ssh);
        return all;
    }
    all.push(colours(&var, &named));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(|n| var(n).is_some());
    let why = match (term.as_str(), locale) {
        ("linux" | "dumb", _) => named("TERM"),
        (_, Some(name)) => named(name),
        (_, None) => "no locale is set".to_owned(),
    };
    all.push(if caps::ascii(&var) {
        let remedy = "For better glyphs, use a UTF-8 locale such as LANG=C.UTF-8 and a terminal that supports it.";
        Check::note(TERMINAL, "glyphs", format!("ASCII, because {why}"), remedy)
    } else {
        Check::fine(TERMINAL, "glyphs", format!("UTF-8 ({why}); `remold --ascii` draws ASCII"))
    });
    all.extend(size.map(|(w, h)| {
        let fact = format!("{w} × {h}");
        if w < MIN_SIZE.0 || h < MIN_SIZE.1 {
            let remedy = format!("The workbench needs at least {} × {}.", MIN_SIZE.0, MIN_SIZE.1);
            return Check::note(TERMINAL, "size", fact, remedy);
        }
        Check::fine(TERMINAL, "size", fact)
    }));
    all.push(Check::fine(TERMINAL, "mouse", "buttons and wheel; shift selects text; `remold --no-mouse` turns it off"));
    all.push(clipboard(&var, &term));
    all.push(Check::fine(TERMINAL, "whole frames", "requested (DEC 2026); a terminal without support may flicker"));
    all.push(ssh);
    all
}

fn colours(var: &impl Fn(&str) -> Option<String>, named: &impl Fn(&str) -> String) -> Check {
    match Depth::from_env(var) {
        Depth::Mono if var("NO_COLOR").is_some() => {
            Check::fine(TERMINAL, "colours", format!("none ({})", named("NO_COLOR")))
        }
        Depth::Mono => Check::fine(TERMINAL, "colours", format!("none ({})", named("TERM"))),
        Depth::True => Check::fine(TERMINAL, "colours", format!("24-bit ({})", named("COLORTERM"))),
        Depth::Ansi256 => {
            let fact = format!("256 ({}, {})", named("TERM"), named("COLORTERM"));
            Check::fine(TERMINAL, "colours", fact)
        }
        Depth::Ansi16 => {
            let remedy = "If the terminal supports more, set TERM=xterm-256color or COLORTERM=truecolor.";
            Check::note(TERMINAL, "colours", format!("16 ({}, {})", named("TERM"), named("COLORTERM")), remedy)
        }
    }
}

/// Terminals that are known to take the clipboard by OSC 52 as they come.
const CLIPBOARD: [&str; 8] = ["kitty", "wezterm", "ghostty", "foot", "alacritty", "iterm", "contour", "rio"];

fn clipboard(var: &impl Fn(&str) -> Option<String>, term: &str) -> Check {
    const WHAT: &str = "clipboard";
    let program = var("TERM_PROGRAM").unwrap_or_default().to_lowercase();
    let known = |name: &&str| program.contains(*name) || term.to_lowercase().contains(*name);
    if var("TMUX").is_some() || var("STY").is_some() {
        return Check::fine(TERMINAL, WHAT, "y copies through the multiplexer (OSC 52), which may block it; see below");
    }
    if CLIPBOARD.iter().any(known) || var("WT_SESSION").is_some() {
        return Check::fine(TERMINAL, WHAT, "y copies through the terminal (OSC 52)");
    }
    if term == "linux" || program == "apple_terminal" || var("VTE_VERSION").is_some() {
        let remedy = "Select with shift and the mouse instead, or use a terminal with OSC 52.";
        return Check::note(TERMINAL, WHAT, "this terminal probably ignores y (no OSC 52)", remedy);
    }
    Check::fine(TERMINAL, WHAT, "y copies if the terminal allows OSC 52; xterm: allowWindowOps")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::CheckStatus;

    fn checks(pairs: &'static [(&str, &str)]) -> Vec<Check> {
        facts(true, Some((30, 10)), move |k| pairs.iter().find(|(n, _)| *n == k).map(|(_, v)| (*v).to_owned()))
    }

    #[track_caller]
    fn has(all: &[Check], what: &str, status: CheckStatus, part: &str) {
        let check = all.iter().find(|c| c.what == what).unwrap();
        assert!(check.status == status && check.fact.contains(part), "{check:?}");
        assert_eq!(check.remedy.is_some(), status != CheckStatus::Fine, "{check:?}");
    }

    #[test]
    fn every_decision_names_the_word_it_came_from() {
        let all = checks(&[("TERM", "xterm-kitty"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")]);
        has(&all, "colours", CheckStatus::Fine, "COLORTERM=truecolor");
        has(&all, "glyphs", CheckStatus::Fine, "LANG=C.UTF-8");
        has(&all, "clipboard", CheckStatus::Fine, "OSC 52");
        has(&all, "size", CheckStatus::Note, "30 × 10");
        has(&all, "ssh", CheckStatus::Fine, "no");
        let all = checks(&[("TERM", "linux"), ("LC_ALL", "C"), ("SSH_CONNECTION", "1 2 3 4")]);
        has(&all, "colours", CheckStatus::Note, "TERM=linux");
        has(&all, "glyphs", CheckStatus::Note, "TERM=linux");
        has(&all, "clipboard", CheckStatus::Note, "ignores");
        has(&all, "ssh", CheckStatus::Fine, "yes");
        has(&checks(&[("TERM", "xterm"), ("NO_COLOR", "1")]), "colours", CheckStatus::Fine, "NO_COLOR=1");
        has(&checks(&[]), "kind", CheckStatus::Note, "TERM is not set");
    }
}
