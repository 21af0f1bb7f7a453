//! What is said to the terminal beside the screen: clipboard (OSC 52) and notifications (OSC 9, OSC 777), through tmux and GNU
//! screen as well. The terminal sends no answer, so there is no way to know whether it worked.

use crate::tui::core::Notify;
use crate::units::is_hidden;
use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;

/// Text for the clipboard at most: xterm and others take 100 000 bytes of base64.
const MAX_CLIPBOARD: usize = 74_000;
/// Characters of a notification at most.
const MAX_NOTE: usize = 160;
/// Bytes in one string that old versions of GNU screen pass on.
const SCREEN_PIECE: usize = 200;

/// The multiplexer between this program and the terminal, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multiplexer {
    Nothing,
    Tmux,
    Screen,
}

impl Multiplexer {
    pub(super) fn from_env(var: impl Fn(&str) -> Option<String>) -> Self {
        let term = var("TERM").unwrap_or_default();
        if var("TMUX").is_some() || term.starts_with("tmux") {
            Self::Tmux
        } else if var("STY").is_some() {
            Self::Screen
        } else {
            // TERM=screen alone may be either, and what one passes on the other would print.
            Self::Nothing
        }
    }

    /// The sequence in what makes it pass.
    fn wrap(self, sequence: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(sequence.len() + 16);
        match self {
            Self::Nothing => out.extend_from_slice(sequence),
            Self::Tmux => {
                out.extend_from_slice(b"\x1bPtmux;");
                for b in sequence {
                    // Inside, an escape is two.
                    out.extend_from_slice(if *b == 0x1b { b"\x1b\x1b" } else { std::slice::from_ref(b) });
                }
                out.extend_from_slice(b"\x1b\\");
            }
            Self::Screen => {
                for piece in sequence.chunks(SCREEN_PIECE) {
                    out.extend_from_slice(b"\x1bP");
                    out.extend_from_slice(piece);
                    out.extend_from_slice(b"\x1b\\");
                }
            }
        }
        out
    }
}

/// Text for the terminal's clipboard.
///
/// # Errors
/// Text that terminals would drop or cut.
pub(super) fn clipboard(text: &str, between: Multiplexer) -> Result<Vec<u8>, String> {
    if text.len() > MAX_CLIPBOARD {
        return Err(format!("not copied: {} bytes exceed the limit of terminals ({MAX_CLIPBOARD})", text.len()));
    }
    let mut sequence = String::new();
    // Writing to a string does not fail.
    let _ = CopyToClipboard::to_clipboard_from(text).write_ansi(&mut sequence);
    // Ended by a bell: the other end of a string would end the string around it, too.
    if sequence.ends_with("\x1b\\") {
        sequence.truncate(sequence.len() - 2);
        sequence.push('\x07');
    }
    let mut out = between.wrap(sequence.as_bytes());
    if between == Multiplexer::Tmux {
        // tmux itself listens (`set-clipboard on`) or passes on (`allow-passthrough on`): whichever it is set to.
        out.extend_from_slice(sequence.as_bytes());
    }
    Ok(out)
}

/// A notification, as the terminal is known to take one.
pub(super) fn notification(
    text: &str,
    how: Notify,
    between: Multiplexer,
    var: impl Fn(&str) -> Option<String>,
) -> Vec<u8> {
    let clean: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(MAX_NOTE).collect();
    let how = if how == Notify::Auto { auto(var) } else { how };
    match how {
        Notify::Off | Notify::Auto => Vec::new(),
        Notify::Bell => b"\x07".to_vec(),
        Notify::Osc9 => between.wrap(format!("\x1b]9;remold: {clean}\x07").as_bytes()),
        Notify::Osc777 => between.wrap(format!("\x1b]777;notify;remold;{}\x07", clean.replace(';', ",")).as_bytes()),
    }
}

/// OSC 9 is known to most, and passed over in silence by others; the consoles would print it.
fn auto(var: impl Fn(&str) -> Option<String>) -> Notify {
    match var("TERM").unwrap_or_default().as_str() {
        "linux" | "dumb" => Notify::Bell,
        t if t.starts_with("foot") || t.starts_with("rxvt") => Notify::Osc777,
        _ => Notify::Osc9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |k| pairs.iter().find(|(n, _)| *n == k).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn the_environment_says_what_is_between() {
        assert_eq!(Multiplexer::from_env(env(&[("TERM", "tmux-256color")])), Multiplexer::Tmux);
        assert_eq!(Multiplexer::from_env(env(&[("TERM", "screen"), ("TMUX", "/tmp/x,1,0")])), Multiplexer::Tmux);
        assert_eq!(Multiplexer::from_env(env(&[("TERM", "screen"), ("STY", "1.pts")])), Multiplexer::Screen);
        assert_eq!(Multiplexer::from_env(env(&[("TERM", "screen-256color")])), Multiplexer::Nothing);
    }

    #[test]
    fn a_copy_passes_through_what_is_between() {
        let plain = b"\x1b]52;c;YS9i\x07".to_vec();
        assert_eq!(clipboard("a/b", Multiplexer::Nothing).unwrap(), plain);
        let tmux = [b"\x1bPtmux;\x1b\x1b]52;c;YS9i\x07\x1b\\".as_slice(), &plain].concat();
        assert_eq!(clipboard("a/b", Multiplexer::Tmux).unwrap(), tmux);
        let long = clipboard(&"x".repeat(1000), Multiplexer::Screen).unwrap();
        let pieces: Vec<&[u8]> = long.split(|b| *b == b'\\').collect();
        assert!(pieces.len() > 6 && pieces.iter().all(|p| p.len() <= SCREEN_PIECE + 3), "in strings that screen takes");
        assert!(
            clipboard(&"x".repeat(80_000), Multiplexer::Nothing).unwrap_err().starts_with("not copied: 80000 bytes")
        );
    }

    #[test]
    fn a_notification_carries_no_sequence_of_its_own() {
        let text = "finished: a\x1b]0;evil\x07;b";
        let sent =
            |how| String::from_utf8(notification(text, how, Multiplexer::Nothing, env(&[("TERM", "xterm")]))).unwrap();
        assert_eq!(sent(Notify::Osc9), "\x1b]9;remold: finished: a ]0;evil ;b\x07");
        assert_eq!(sent(Notify::Auto), sent(Notify::Osc9));
        assert_eq!(sent(Notify::Osc777), "\x1b]777;notify;remold;finished: a ]0,evil ,b\x07");
        assert_eq!((sent(Notify::Bell), sent(Notify::Off)), ("\x07".into(), String::new()));
        assert_eq!(auto(env(&[("TERM", "linux")])), Notify::Bell);
        assert_eq!(auto(env(&[("TERM", "foot")])), Notify::Osc777);
    }
}
