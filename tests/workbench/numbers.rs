//! Numbers on the screen: what explains them, and that they stay in view.

use super::plans;
use super::sample;
use super::screens::{LARGE, SMALL, plain, shows};
use remold::testing::tui::core::{Action, Layer};
use remold::testing::tui::tabs::recipe::PlanResponse;
use std::sync::Arc;

#[test]
fn the_help_has_a_page_of_words() {
    let mut b = sample::start();
    b.keys("?");
    shows(&mut b, SMALL, &["tab: what bpw, dB, imatrix … mean", "tab glossary"]);
    b.keys("<tab>");
    shows(&mut b, SMALL, &["Glossary", "bpw", "Bits per weight", "usual: 16 for bf16", "tab keys", "more"]);
    plain(&mut b);
    b.keys("imatrix");
    shows(&mut b, SMALL, &["output dB (imatrix)", "Importance matrix"]);
    b.keys("<esc><tab>");
    shows(&mut b, SMALL, &["Keys in this pane"]);
    b.keys("<esc>");
    assert!(b.state.layer.is_none());
    // From the palette too.
    b.keys(":glossary<enter>");
    assert!(matches!(&b.state.layer, Some(Layer::Help(h)) if h.glossary));
}

#[test]
fn three_targets_leave_room_for_the_plot() {
    let mut b = sample::start();
    b.planned().keys("aq8<enter>aq6<enter>");
    let mut plan = plans::two();
    plan.outputs.push(plan.outputs[0].clone());
    let (request, id) = (b.state.recipe.request, b.state.recipe.forecast_state.request);
    b.act(Action::Planned(request, PlanResponse::complete(Arc::new(plan))));
    b.act(Action::Forecasted(id, Ok(Arc::new(plans::forecast(None)))));
    shows(&mut b, (120, 36), &["3 outputs", "┤", "memory", "ready"]);
    shows(&mut b, LARGE, &["3 outputs", "┤"]);
}
