//! The forecast: what the plan says of the outputs, what the estimate says of their errors, the plot of the alternatives.

use super::super::canvas::{Canvas, width};
use super::super::details::error_card;
use super::{plan, plot};
use crate::tui::core::{Field, State};
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (title, dim, text, warn) = (c.theme().title, c.theme().dim, c.theme().text, c.theme().warn);
    let used = c.text(area.x, area.y, area.width, "Forecast", title);
    let status = status(state);
    if usize::from(area.width.saturating_sub(used + 1)) >= width(&status) {
        c.right(area.right(), area.y, area.width, &status, dim);
    }
    c.rule(area.x, area.y + 1, area.width);
    let inner = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let wrong = Field::ALL.iter().find_map(|f| Some((f.label(), r.field_error(*f)?)));
    let used = match (&r.plan, wrong) {
        (Some(Ok(plan)), _) => return plan::draw(c, state, plan, inner),
        (Some(Err(card)), _) => {
            error_card(c, card, inner);
            let w = usize::from(inner.width.saturating_sub(2));
            let lines = |t: &str| super::super::canvas::wrap(t, w).len() as u16;
            lines(&card.message) + card.hint.as_deref().map_or(0, |h| 1 + lines(h))
        }
        (None, Some((label, error))) => {
            c.text(inner.x, inner.y, 1, "✗", warn);
            let text = format!("{label}: {error}");
            c.wrapped(inner.x + 2, inner.y, inner.width.saturating_sub(2), 3, &text, warn)
        }
        (None, None) if r.lacks_budget() => {
            let how = "Press b and say how large the file may be (760MB, 4.5GiB), or how many bits a weight may have (4.25). \
                Each tensor then gets the type with which the whole loses least.";
            c.wrapped(inner.x, inner.y, inner.width, 5, how, text)
        }
        (None, None) => {
            let progress = r.plan_measured.map_or_else(|| "planning…".to_owned(), measuring);
            c.text(inner.x, inner.y, inner.width, &progress, dim);
            1
        }
    };
    let rest = Rect { y: inner.y + used + 1, height: inner.height.saturating_sub(used + 1), ..inner };
    plot::draw(c, state, Rect { height: rest.height.min(plot::MOST), ..rest });
}

fn measuring((done, all): (usize, usize)) -> String {
    format!("measuring {done} of {all} tensors")
}

/// How far the estimate of errors is.
fn status(state: &State) -> String {
    let outlook = &state.recipe.outlook;
    match (&outlook.answer, outlook.measured) {
        _ if !outlook.waiting() && outlook.answer.is_none() => String::new(),
        (_, Some(far)) => measuring(far),
        (_, None) if outlook.waiting() => "estimating errors…".to_owned(),
        (Some(Err(_)), _) => "errors not estimated".to_owned(),
        _ if state.recipe.imatrix.is_empty() => "dB estimated from a sample".to_owned(),
        _ => "dB estimated with imatrix".to_owned(),
    }
}
