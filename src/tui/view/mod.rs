//! What the views of all tabs share: the canvas, what surrounds and covers a tab, tables and panes. Views are pure functions
//! from the state to cells. They compute nothing that is not about drawing, and keep only scroll offsets and hit boxes ([`Ui`])
//! from one frame to the next. The view of a tab is in its folder of [`crate::tui::tabs`].

pub(in crate::tui) mod braille;
pub(in crate::tui) mod canvas;
pub(in crate::tui) mod chrome;
pub(in crate::tui) mod event;
pub(in crate::tui) mod heat;
pub(in crate::tui) mod leave;
pub(in crate::tui) mod overlay;
pub(in crate::tui) mod panes;
pub(in crate::tui) mod search;
pub(in crate::tui) mod status;
pub(in crate::tui) mod table;
pub(in crate::tui) mod tensor_name;

pub(crate) use canvas::{Canvas, fit_path};

use super::core::{Hit, State};
use super::look::{Look, ascii_buffer};
use super::tabs;
use crate::units::is_hidden;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::collections::HashMap;

/// What the views remember between frames.
#[derive(Clone, Debug, Default)]
pub struct Ui {
    /// First line shown, by list.
    offsets: HashMap<&'static str, usize>,
    /// Lines and titles that answer to a click.
    hits: Vec<(Rect, Hit)>,
    /// Panes that answer to the wheel.
    panes: Vec<(Rect, Hit)>,
    /// The line that has the cursor, in the pane with the keys.
    cursor: Option<Rect>,
}

impl Ui {
    /// What is under the pointer, for a click.
    pub(crate) fn hit(&self, x: u16, y: u16) -> Option<Hit> {
        self.hits.iter().rev().find(|(r, _)| r.contains(Position { x, y })).map(|(_, h)| *h)
    }

    /// The pane under the pointer, for the wheel.
    pub(crate) fn pane(&self, x: u16, y: u16) -> Option<Hit> {
        self.panes.iter().rev().find(|(r, _)| r.contains(Position { x, y })).map(|(_, h)| *h)
    }
}

/// Draws the whole screen.
pub fn draw(state: &State, ui: &mut Ui, buf: &mut Buffer, look: &Look) {
    ui.hits.clear();
    ui.panes.clear();
    ui.cursor = None;
    let area = buf.area;
    buf.set_style(area, look.theme.text);
    let mut c = Canvas { buf, look, ui };
    if area.width < crate::tui::core::MIN_SIZE.0 || area.height < crate::tui::core::MIN_SIZE.1 {
        chrome::too_small(&mut c, state, area);
    } else {
        let rows = state.status_rows();
        let body = Rect { y: area.y + 1, height: area.height - 2 - rows, ..area };
        chrome::tabs(&mut c, state, Rect { height: 1, ..area });
        tabs::shown(state).draw(&mut c, state, body);
        status::draw(&mut c, state, Rect { y: body.bottom(), height: rows, ..area });
        chrome::hints(&mut c, state, Rect { y: area.bottom() - 1, height: 1, ..area });
        overlay::draw(&mut c, state, body);
    }
    mask_hidden(buf);
    if look.ascii {
        ascii_buffer(buf);
    }
}

/// Replaces every character that a terminal would act on or that would be invisible with a sign: names and metadata of models
/// may hold anything. [`Canvas::text`] has done so for most; this is what no view can go around.
fn mask_hidden(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if cell.symbol().chars().any(is_hidden) {
            cell.set_char(char::REPLACEMENT_CHARACTER);
        }
    }
}
