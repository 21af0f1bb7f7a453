//! What a frame costs on the wire: nothing when nothing changed, little when little did.

use super::sample;
use remold::testing::tui::core::{Action, Level};
use remold::testing::tui::look::{Depth, Look, Theme};
use remold::testing::tui::runtime::Screen;
use remold::testing::tui::view::{Ui, draw};

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

/// An escape sequence, C1's way to begin one, an override, a character without width.
const EVIL: &str = "e\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{200b}\u{7f}l";

#[test]
fn names_and_metadata_of_a_file_send_nothing_to_the_terminal() {
    use remold::testing::model::{MetaArray, MetaValue};
    use remold::testing::tui::core::FoundModel;
    use remold::testing::tui::tabs::models::{ModelInfo, Summary};
    use std::sync::Arc;
    let mut model = sample::model();
    for t in &mut model.tensors {
        t.name = format!("{EVIL}.{}", t.name).into();
    }
    remold::testing::arch::identify(&mut model);
    model.metadata.insert(format!("key.{EVIL}"), MetaValue::Str(format!("{EVIL}\n{EVIL}")));
    model.metadata.insert("list".into(), MetaValue::Array(MetaArray::Str(vec![EVIL.into(); 3])));
    model.opaque.push(format!("object {EVIL}"));
    model.warnings[0].text = format!("warning {EVIL}");
    let mut b = sample::start();
    let mut found = sample::found();
    let path = found[2].path.clone();
    let summary = Summary { architecture: Some(EVIL.into()), params: 7, dtype: EVIL.into(), warnings: 1 };
    found.push(FoundModel {
        path: path.with_file_name(format!("checkpoint-{EVIL}")),
        format: None,
        bytes: 5,
        modified: 0,
        defect: None,
        summary: Ok(summary),
    });
    b.act(Action::Found(found));
    let mut info = ModelInfo::digest(&model);
    info.path = path;
    info.files = vec![(format!("{EVIL}.safetensors"), 7)];
    b.act(Action::Opened(info.path.clone(), Ok(Arc::new(info))));
    b.act(Action::Notice(Level::Error, format!("something {EVIL}")));
    b.act(Action::Resize(160, 50));
    let mut screen = Screen::fixed(160, 50).unwrap();
    let theme = Theme::load("dark", None, Depth::Ansi256).unwrap();
    let (look, mut ui) = (Look { theme, ascii: false }, Ui::default());
    let mut seen = String::new();
    for keys in ["1", "<tab>", "jjj", "<tab>", "jj", "<enter>", "<esc>", "2", "3", "4", "6", "?"] {
        b.keys(keys);
        screen
            .frame(|f| {
                draw(&b.state, &mut ui, f.buffer_mut(), &look);
                for cell in &f.buffer_mut().content {
                    let acts = |c: char| {
                        c.is_control()
                            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                    };
                    assert!(!cell.symbol().chars().any(acts), "{keys}: {:?}", cell.symbol());
                    seen.push_str(cell.symbol());
                }
            })
            .unwrap();
    }
    assert!(
        seen.contains("e\u{fffd}]0;t\u{fffd}\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}l"),
        "the name is on a screen, with signs in it"
    );
}
