//! What is known of the tensor under the grid's cursor.

use crate::job::TensorState;
use crate::tui::core::units;
use crate::tui::tabs::jobs::{GridCursor, JobView};
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::tensor_name::fit_tensor;
use crate::units::small;
use ratatui::layout::Rect;

/// Rows it takes.
pub(super) const HEIGHT: u16 = 3;

pub(super) fn draw(c: &mut Canvas<'_>, view: &JobView, at: GridCursor, area: Rect) {
    let (dim, text, title, warn) = (c.theme().dim, c.theme().text, c.theme().title, c.theme().warn);
    let under = view.under(at);
    let Some(t) = under.first() else {
        c.text(area.x, area.y, area.width, "no tensor of this kind in this layer", dim);
        return;
    };
    let more = if under.len() > 1 { format!("  and {} more", under.len() - 1) } else { String::new() };
    let types = format!("  {} → {}  {}{more}", t.from, t.to, units::bytes(t.bytes));
    let available = usize::from(area.width).saturating_sub(width(&types));
    let name = fit_tensor(t.name.trim_end_matches(".weight"), available);
    c.spans(area.x, area.y, area.width, &[(&name, title), (&types, text)]);
    let figures = match t.state {
        TensorState::Waiting => "not started".to_owned(),
        TensorState::Working(f) => format!("{} done", units::percent(f)),
        TensorState::Done(None) => "unchanged: nothing was re-encoded".to_owned(),
        TensorState::Done(Some(db)) => {
            let part = |name: &str, value: Option<String>| value.map(|v| format!("  {name} {v}")).unwrap_or_default();
            format!(
                "weights {db:.1} dB{}{}{}",
                part("rmse", t.rmse.map(small)),
                part("max", t.max_abs.map(small)),
                part("cosine", t.cosine.map(|v| format!("{v:.6}"))),
            )
        }
    };
    c.text(area.x, area.y + 1, area.width, &figures, text);
    if let Some(note) = &t.note {
        c.text(area.x, area.y + 2, area.width, note, warn);
    }
}
