//! What the terminal sends, as actions.

use super::App;
use crate::tui::core::{Action, Code, Hit, Key};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use std::time::{Duration, Instant};

/// Two clicks on a line within this time are one that opens it.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

impl App {
    /// A click, or the second of two.
    fn click(&mut self, hit: Hit) -> Action {
        let again = self.clicked.take().is_some_and(|(when, what)| what == hit && when.elapsed() < DOUBLE_CLICK);
        if again {
            return Action::DoubleClick(hit);
        }
        self.clicked = Some((Instant::now(), hit));
        Action::Click(hit)
    }

    /// What an event of the terminal means, if anything.
    pub(super) fn action(&mut self, event: Event) -> Option<Action> {
        match event {
            Event::Key(k) if self.late.takes(&k) => None,
            Event::Key(k) if k.kind != KeyEventKind::Release => key(k.code, k.modifiers).map(Action::Key),
            Event::Paste(text) => Some(Action::Paste(text)),
            Event::Resize(w, h) => Some(Action::Resize(w, h)),
            Event::Mouse(m) => match m.kind {
                MouseEventKind::Down(MouseButton::Left) => {
                    let hit = self.ui.hit(m.column, m.row)?;
                    self.held = hit == Hit::Border && self.state.layer.is_none();
                    Some(self.click(hit))
                }
                // Only where it is released: pointer movements are not requested.
                MouseEventKind::Up(MouseButton::Left) => {
                    std::mem::take(&mut self.held).then_some(Action::Border(m.column))
                }
                MouseEventKind::ScrollDown => Some(Action::Wheel(self.pane(m.column, m.row)?, 3)),
                MouseEventKind::ScrollUp => Some(Action::Wheel(self.pane(m.column, m.row)?, -3)),
                _ => None,
            },
            _ => None,
        }
    }

    fn pane(&self, x: u16, y: u16) -> Option<Hit> {
        if self.state.layer.is_some() { Some(Hit::Layer(0)) } else { self.ui.pane(x, y) }
    }
}

/// A character that was typed before the screen was there.
pub(super) fn typed(c: char) -> Key {
    match c {
        '\r' => Key::plain(Code::Enter),
        '\t' => Key::plain(Code::Tab),
        c => Key::plain(Code::Char(c)),
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    let code = match code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    let has = |m| modifiers.contains(m);
    Some(Key { code, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) })
}
