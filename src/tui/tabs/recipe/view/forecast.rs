//! The forecast: what the plan says of the outputs, what the estimate says of their errors, the plot of the alternatives.

use super::{plan, plot};
use crate::tui::core::State;
use crate::tui::view::canvas::{Canvas, width};
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (title, dim, text) = (c.theme().title, c.theme().dim, c.theme().text);
    let used = c.text(area.x, area.y, area.width, "Forecast", title);
    let status = status(state);
    if usize::from(area.width.saturating_sub(used + 1)) >= width(&status) {
        c.right(area.right(), area.y, area.width, &status, dim);
    }
    c.rule(area.x, area.y + 1, area.width);
    let inner = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let used = match r.ready() {
        Some(plan) => return plan::draw(c, state, plan, inner),
        None if !r.problems().is_empty() => problems(c, state, inner),
        None if r.source().is_none() => {
            let how = "No model chosen. Choose one in Models (1) and press c there, or enter the path of the source.";
            c.wrapped(inner.x, inner.y, inner.width, 3, how, text)
        }
        None => {
            let progress = r.plan_measured.map_or_else(|| "planning…".to_owned(), measuring);
            c.text(inner.x, inner.y, inner.width, &progress, dim);
            1
        }
    };
    let rest = Rect { y: inner.y + used + 1, height: inner.height.saturating_sub(used + 1), ..inner };
    plot::draw(c, state, Rect { height: rest.height.min(plot::MAX_HEIGHT), ..rest });
}

/// What is wrong, each with its place and what to do; gives the rows used.
fn problems(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let (bad, text, dim) = (c.theme().bad, c.theme().text, c.theme().dim);
    let width = area.width.saturating_sub(2);
    let mut y = area.y;
    let left = |y: u16| area.bottom().saturating_sub(y);
    for t in state.recipe.problems() {
        if left(y) < 2 {
            break;
        }
        c.text(area.x, y, 1, "✗", bad);
        // Paths as everywhere on the screen.
        let said = state.recipe.in_words(t).replace(&format!("{}/", state.base.display()), "");
        y += c.wrapped(area.x + 2, y, width, left(y).min(4), &said, text);
        if let Some(help) = &t.help {
            y += c.wrapped(area.x + 2, y, width, left(y).min(4), help, dim);
        }
        y += 1;
    }
    y - area.y
}

fn measuring((done, all): (usize, usize)) -> String {
    format!("measuring {done} of {all} tensors")
}

/// How far the estimate of errors is.
fn status(state: &State) -> String {
    let forecast_state = &state.recipe.forecast_state;
    match (&forecast_state.answer, forecast_state.measured) {
        _ if !forecast_state.waiting() && forecast_state.answer.is_none() => String::new(),
        (_, Some(far)) => measuring(far),
        (_, None) if forecast_state.waiting() => "estimating errors…".to_owned(),
        (Some(Err(_)), _) => "errors not estimated".to_owned(),
        (Some(Ok(f)), _) if f.imatrix.is_none() => "output dB, from a sample".to_owned(),
        _ => "output dB (imatrix), from a sample".to_owned(),
    }
}
