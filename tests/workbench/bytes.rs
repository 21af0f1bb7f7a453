//! What a frame costs on the wire: nothing when nothing changed, little when little did.

use super::sample;
use remold::tui::core::{Action, Level};
use remold::tui::look::{Depth, Look, Theme};
use remold::tui::runtime::Screen;
use remold::tui::view::{Ui, draw};

struct Wire {
    screen: Screen,
    ui: Ui,
    look: Look,
}

impl Wire {
    fn new(columns: u16, rows: u16) -> Self {
        let theme = Theme::load("dark", None, Depth::Ansi256).unwrap();
        Self { screen: Screen::fixed(columns, rows).unwrap(), ui: Ui::default(), look: Look { theme, ascii: false } }
    }

    fn frame(&mut self, b: &sample::Bench) -> usize {
        let (ui, look) = (&mut self.ui, &self.look);
        self.screen.frame(|f| draw(&b.state, ui, f.buffer_mut(), look)).unwrap().len()
    }
}

#[test]
fn a_frame_like_the_one_before_costs_nothing() {
    for keys in ["1", "c", "3", "6", "?"] {
        let mut b = sample::start();
        b.job(0.62).keys("1").planned().keys("1").keys(keys).act(Action::Resize(160, 50));
        let mut wire = Wire::new(160, 50);
        assert!(wire.frame(&b) > 1_000, "the first frame is whole");
        assert_eq!(wire.frame(&b), 0, "{keys}");
        b.act(Action::Tick(b.state.now + jiff::SignedDuration::from_secs(1)));
        assert_eq!(wire.frame(&b), 0, "the clock alone changes nothing: {keys}");
    }
}

#[test]
fn progress_a_step_of_the_cursor_and_a_message_cost_little() {
    let mut b = sample::start();
    b.job(0.5).act(Action::Resize(160, 50));
    let mut wire = Wire::new(160, 50);
    wire.frame(&b);
    let mut most = 0;
    for share in 51..80 {
        b.more_of_the_job(f64::from(share - 1) / 100.0, f64::from(share) / 100.0);
        most = most.max(wire.frame(&b));
    }
    assert!((1..=4_096).contains(&most), "a tick of progress: {most} bytes");
    let mut b = sample::start();
    b.act(Action::Resize(160, 50));
    let mut wire = Wire::new(160, 50);
    wire.frame(&b);
    b.keys("c<esc>").act(Action::Notice(Level::Warn, "one thing to look at".into()));
    wire.frame(&b);
    let later = b.state.now + jiff::SignedDuration::from_secs(5);
    b.act(Action::Tick(later));
    let gone = wire.frame(&b);
    assert!((1..=800).contains(&gone), "a message that goes: {gone} bytes");
}
