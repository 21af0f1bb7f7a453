//! Asks the terminal for its background colour, to choose between a theme for dark and one for pale terminals.
//!
//! OSC 11 (xterm, "Change VT100 text background color to Pt", with `?` as the question), followed by a request for the device
//! attributes (DA1), which every terminal answers: where the second answer comes alone, the first one is not known there. Keys that
//! are typed meanwhile are kept. If keys are waiting already, nothing is asked; an answer that comes too late is ignored
//! ([`LateAnswer`]).

use super::{caps, terminal};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::{Duration, Instant};

/// The question, and the one that is always answered.
const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// The same over SSH.
const PATIENCE_SSH: Duration = Duration::from_millis(700);
/// Bytes read while waiting, at most.
const MAX_BYTES: usize = 4096;
/// Keys that an answer that comes late is taken for, at most.
const MAX_LATE: usize = 48;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The background is pale.
    pub pale: bool,
    /// What was typed meanwhile.
    pub typed: String,
    /// No answer came in time; it may still come.
    pub open: bool,
}

/// Looks at the environment, else asks the terminal, which must not be read by anything else meanwhile.
pub(super) fn ask() -> Answer {
    if let Some(pale) = caps::var("COLORFGBG").as_deref().and_then(named) {
        return Answer { pale, ..Answer::default() };
    }
    let term = caps::var("TERM").unwrap_or_default();
    if matches!(term.as_str(), "" | "linux" | "dumb") || caps::var("STY").is_some() || input(Duration::ZERO) {
        return Answer::default();
    }
    if crossterm::terminal::enable_raw_mode().is_err() {
        return Answer::default();
    }
    let patience = if caps::var("SSH_CONNECTION").is_some() { PATIENCE_SSH } else { PATIENCE };
    let answer = exchange(patience);
    let _ = crossterm::terminal::disable_raw_mode();
    answer
}

fn exchange(patience: Duration) -> Answer {
    if terminal::ask(QUESTION).is_err() {
        return Answer::default();
    }
    let end = Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut chunk = [0; 256];
    while bytes.len() < MAX_BYTES && take_apart(&bytes).is_none() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        if !input(left) {
            continue;
        }
        match rustix::io::read(std::io::stdin(), &mut chunk) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            Err(rustix::io::Errno::INTR) => {}
            _ => break,
        }
    }
    take_apart(&bytes).unwrap_or_else(|| Answer { typed: keys(&bytes), open: true, ..Answer::default() })
}

/// True if there is input within this time.
fn input(within: Duration) -> bool {
    let stdin = std::io::stdin();
    let mut fds = [rustix::event::PollFd::new(&stdin, rustix::event::PollFlags::IN)];
    let time = rustix::event::Timespec { tv_sec: within.as_secs() as i64, tv_nsec: i64::from(within.subsec_nanos()) };
    rustix::event::poll(&mut fds, Some(&time)).is_ok_and(|n| n > 0)
}

/// The answers and the keys in what was read; nothing before the last answer is there.
fn take_apart(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let attributes = text.find("\x1b[?")?;
    let end = attributes + text[attributes..].find('c')? + 1;
    let mut rest = format!("{}{}", &text[..attributes], &text[end..]);
    let mut pale = false;
    if let Some(start) = rest.find("\x1b]11;") {
        let answer = &rest[start..];
        let (stop, len) = match (answer.find('\x07'), answer.find("\x1b\\")) {
            (Some(bell), _) => (bell, 1),
            (None, Some(st)) => (st, 2),
            (None, None) => (answer.len(), 0),
        };
        pale = colour(&answer[5..stop]).is_some_and(is_pale);
        rest.replace_range(start..start + stop + len, "");
    }
    Some(Answer { pale, typed: keys(rest.as_bytes()), open: false })
}

/// Plain characters among what was typed; keys with sequences of their own are lost.
fn keys(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = text.split('\x1b').next().unwrap_or_default();
    plain.chars().filter(|c| !c.is_control() || matches!(c, '\r' | '\t')).collect()
}

/// `rgb:ffff/ffff/ffff`, with one to four digits each.
fn colour(text: &str) -> Option<[f64; 3]> {
    let digits = text.strip_prefix("rgba:").or_else(|| text.strip_prefix("rgb:"))?;
    let part = |d: &str| {
        let most = 16f64.powi(d.len() as i32) - 1.0;
        let value = u32::from_str_radix(d, 16).ok().filter(|_| (1..=4).contains(&d.len()))?;
        Some(f64::from(value) / most)
    };
    let mut parts = digits.split('/').map(part);
    Some([parts.next()??, parts.next()??, parts.next()??])
}

/// Brighter than the middle, as the eye weighs the colours (ITU-R BT.601).
fn is_pale([r, g, b]: [f64; 3]) -> bool {
    0.299 * r + 0.587 * g + 0.114 * b > 0.5
}

/// `COLORFGBG`, as rxvt and others set it: the background is the last number, of the sixteen colours.
fn named(text: &str) -> Option<bool> {
    let number: u8 = text.rsplit(';').next()?.parse().ok()?;
    (number < 16).then_some(number == 7 || number > 8)
}

/// Passes over an answer that comes as keys, after it was given up: from `alt-]` to its end.
#[derive(Debug, Default)]
pub(super) struct LateAnswer {
    /// An answer may still come.
    open: bool,
    inside: usize,
}

impl LateAnswer {
    /// Waits for an answer that did not come.
    pub(super) fn after(answer: &Answer) -> Self {
        Self { open: answer.open, inside: 0 }
    }

    /// True if the key is a part of the answer.
    pub(super) fn takes(&mut self, key: &KeyEvent) -> bool {
        if !self.open {
            return false;
        }
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        if self.inside == 0 {
            let begins = alt && key.code == KeyCode::Char(']');
            self.inside = usize::from(begins);
            return begins;
        }
        self.inside += 1;
        let bell = key.code == KeyCode::Char('g') && key.modifiers.contains(KeyModifiers::CONTROL);
        if bell || (alt && key.code == KeyCode::Char('\\')) || self.inside > MAX_LATE {
            *self = Self::default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_told_from_the_keys() {
        let of = |text: &str| take_apart(text.as_bytes()).map(|a| (a.pale, a.typed));
        assert_eq!(of("\x1b]11;rgb:ffff/ffff/f0f0\x1b\\\x1b[?62;22c"), Some((true, String::new())));
        assert_eq!(of("j\x1b]11;rgb:1e/1e/2e\x07\x1b[?1;2ck"), Some((false, "jk".into())));
        assert_eq!(of("\x1b[?6c"), Some((false, String::new())), "not known there");
        assert_eq!(of("\x1b]11;rgb:ffff/ffff/ffff\x1b\\"), None, "the second one is to come");
        assert_eq!(keys(b"ab\r\x1b[A"), "ab\r");
        assert_eq!(["15;0", "0;15", "0;default;7", "x"].map(named), [Some(false), Some(true), Some(true), None]);
        assert_eq!((colour("rgb:f/0/8"), colour("rgb:00000/0/0")), (Some([1.0, 0.0, 8.0 / 15.0]), None));
    }

    #[test]
    fn a_late_answer_is_no_key() {
        let key = |c, m| KeyEvent::new(KeyCode::Char(c), m);
        let mut late = LateAnswer { open: true, ..LateAnswer::default() };
        assert!(!late.takes(&key('j', KeyModifiers::NONE)));
        assert!(late.takes(&key(']', KeyModifiers::ALT)));
        assert!("11;rgb:ffff/q/q".chars().all(|c| late.takes(&key(c, KeyModifiers::NONE))));
        assert!(late.takes(&key('\\', KeyModifiers::ALT)));
        assert!(!late.takes(&key('q', KeyModifiers::NONE)) && !late.takes(&key(']', KeyModifiers::ALT)));
    }
}
