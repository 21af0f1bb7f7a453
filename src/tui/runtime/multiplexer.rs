//! What a terminal multiplexer between us and the terminal lets through. tmux is asked for its options; asking changes nothing.

use crate::monitor::Check;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

const AREA: &str = "multiplexer";

/// A server that does not answer by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Milliseconds that tmux may hold an escape back before a lone `esc` feels slow.
const MAX_ESCAPE: u32 = 100;

/// What there is between us and the terminal; nothing where there is nothing.
pub(super) fn checks(var: impl Fn(&str) -> Option<String>) -> Vec<Check> {
    if var("TMUX").is_some() {
        return tmux(&|option| ask(option));
    }
    if var("STY").is_some() {
        let remedy = "It does not pass on `y` to the clipboard, nor more than 256 colours; tmux does both.";
        return vec![Check::note(AREA, "screen", "GNU screen", remedy)];
    }
    Vec::new()
}

/// The value of a tmux option.
fn ask(option: &'static str) -> Option<String> {
    let (send, answer) = channel();
    crate::task::start(move || {
        let mut command = Command::new("tmux");
        command.args(["display-message", "-p", option]).stdin(Stdio::null()).stderr(Stdio::null());
        let _ = send.send(command.output().ok().filter(|o| o.status.success()));
    })
    .ok()?;
    let output = answer.recv_timeout(PATIENCE).ok().flatten()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|v| !v.is_empty())
}

fn tmux(ask: &dyn Fn(&'static str) -> Option<String>) -> Vec<Check> {
    let Some(version) = ask("#{version}") else {
        return vec![Check::fine(AREA, "tmux", "tmux does not respond")];
    };
    let mut all = vec![Check::fine(AREA, "tmux", format!("tmux {version}"))];
    match ask("#{escape-time}").and_then(|v| v.parse::<u32>().ok()) {
        Some(ms) if ms > MAX_ESCAPE => {
            let remedy = "In tmux.conf: set -sg escape-time 10";
            all.push(Check::note(AREA, "escape", format!("tmux delays esc by {ms} ms"), remedy));
        }
        Some(ms) => all.push(Check::fine(AREA, "escape", format!("tmux delays esc by {ms} ms"))),
        None => {}
    }
    if let Some(value) = ask("#{set-clipboard}") {
        all.push(if value == "on" {
            Check::fine(AREA, "clipboard", "tmux passes y on (set-clipboard on)")
        } else {
            let fact = format!("tmux does not pass y on (set-clipboard {value})");
            Check::note(AREA, "clipboard", fact, "In tmux.conf: set -s set-clipboard on")
        });
    }
    match ask("#{mouse}").as_deref() {
        Some("0" | "off") => {
            let remedy = "For clicks and the wheel in the workbench, in tmux.conf: set -g mouse on";
            all.push(Check::note(AREA, "mouse", "tmux does not pass the mouse on", remedy));
        }
        Some(_) => all.push(Check::fine(AREA, "mouse", "tmux passes the mouse on")),
        None => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::CheckStatus;

    #[test]
    fn what_tmux_holds_back_has_a_remedy() {
        let answers = |option: &'static str| {
            let all =
                [("#{version}", "3.4"), ("#{escape-time}", "500"), ("#{set-clipboard}", "external"), ("#{mouse}", "0")];
            all.iter().find(|(n, _)| *n == option).map(|(_, v)| (*v).to_owned())
        };
        let all = tmux(&answers);
        let notes: Vec<&str> = all.iter().filter(|c| c.status == CheckStatus::Note).map(|c| c.what).collect();
        assert_eq!(notes, ["escape", "clipboard", "mouse"]);
        assert_eq!(tmux(&|_| None).len(), 1, "one that does not answer says nothing more");
    }
}
