//! Screens as snapshots: every tab at 80 × 24 and 160 × 50, with styles, without colour, in ASCII.

use super::sample::{self, Bench};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use remold::tui::core::{Action, ErrorCard, Level};
use remold::tui::look::{Depth, Look, Theme};
use remold::tui::view::{Ui, draw};
use std::sync::Arc;

fn render(bench: &mut Bench, (w, h): (u16, u16), depth: Depth, ascii: bool) -> Buffer {
    bench.act(Action::Resize(w, h));
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    let look = Look { theme: Theme::load("dark", None, depth).unwrap(), ascii };
    draw(&bench.state, &mut Ui::default(), &mut buf, &look);
    buf
}

fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buf.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            line.push_str(symbol);
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Below the text a second picture with a letter for each style, and what the letters mean.
fn styled(buf: &Buffer) -> String {
    let mut known: Vec<Style> = Vec::new();
    let mut letters = String::new();
    for y in 0..buf.area.height {
        let mut line = String::new();
        for x in 0..buf.area.width {
            let cell = &buf[(x, y)];
            // Foreground of a blank cannot be seen.
            let style =
                if cell.symbol() == " " { Style::new().bg(cell.bg).add_modifier(cell.modifier) } else { cell.style() };
            let at = known.iter().position(|s| *s == style).unwrap_or_else(|| {
                known.push(style);
                known.len() - 1
            });
            line.push(char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[at]));
        }
        letters.push_str(&line);
        letters.push('\n');
    }
    let legend: Vec<String> = known
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let color = |c: Option<ratatui::style::Color>| c.map_or("-".to_owned(), |c| c.to_string());
            format!(
                "{} {} on {} {:?}",
                char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[i]),
                color(s.fg),
                color(s.bg),
                s.add_modifier
            )
        })
        .collect();
    format!("{}\n{letters}\n{}\n", text(buf), legend.join("\n"))
}

fn check(name: &str, picture: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, picture));
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (160, 50);

fn both(name: &str, bench: &mut Bench) {
    check(&format!("{name}-80x24"), text(&render(bench, SMALL, Depth::True, false)));
    check(&format!("{name}-160x50"), text(&render(bench, LARGE, Depth::True, false)));
}

#[test]
fn models() {
    both("models", &mut sample::start());
    both("models-tensors", sample::start().keys("<enter>]sjj"));
    check(
        "models-metadata-80x24",
        text(&render(sample::start().keys("<enter>]]/rope<enter>"), SMALL, Depth::True, false)),
    );
    check("models-tokenizer-80x24", text(&render(sample::start().keys("<enter>]]]"), SMALL, Depth::True, false)));
    both("models-values", sample::start().keys("<enter>]sjj").looked_at());
    check(
        "models-values-mono",
        styled(&render(sample::start().keys("<enter>]sjj").looked_at(), SMALL, Depth::Mono, false)),
    );
    check(
        "models-values-ascii",
        text(&render(sample::start().keys("<enter>]sjj").looked_at(), SMALL, Depth::True, true)),
    );
    both("models-trial", sample::start().keys("<enter>]]]tThe fox 🦊<enter>").tried());
    check(
        "models-trial-mono",
        styled(&render(sample::start().keys("<enter>]]]tThe fox 🦊<enter>").tried(), SMALL, Depth::Mono, false)),
    );
    check("models-filter-styled", styled(&render(sample::start().keys("/cp20"), SMALL, Depth::True, false)));
    check(
        "models-reading-80x24",
        text(&render(sample::start().keys("<enter>]]/rope<enter><enter>"), SMALL, Depth::True, false)),
    );
    check("models-checked-80x24", text(&render(sample::start().checked(), SMALL, Depth::True, false)));
    check("models-health-80x24", text(&render(sample::start().keys("<enter>]]]]]"), SMALL, Depth::True, false)));
    let broken = "/home/ada/runs/bert-base";
    let mut b = sample::start();
    b.keys("/bert<enter>");
    let card = remold::tui::core::ErrorCard {
        message: "bert-base/model.safetensors.index.json: names model-00003-of-00004.safetensors, which is not there"
            .into(),
        hint: Some("Is the download complete?".into()),
        wrong: true,
    };
    b.act(Action::Opened(broken.into(), Err(card)));
    check("models-broken-80x24", text(&render(&mut b, SMALL, Depth::True, false)));
}

#[test]
fn recipe() {
    both("recipe", sample::start().planned());
    both("recipe-budget", sample::start().within_budget());
    both("recipe-plot", sample::start().within_budget().keys("z"));
    check("recipe-plot-ascii", text(&render(sample::start().within_budget().keys("z"), SMALL, Depth::Mono, true)));
    check("recipe-measuring-80x24", text(&render(sample::start().sized(), SMALL, Depth::True, false)));
    let marks = "jjj jj gg ";
    check("recipe-marks-80x24", text(&render(sample::start().planned().keys(marks), SMALL, Depth::True, false)));
    check(
        "recipe-option-80x24",
        text(&render(sample::start().planned().keys("<tab>jjjj<enter>32k"), SMALL, Depth::True, false)),
    );
    check("recipe-no-budget-80x24", text(&render(sample::start().planned().keys("j"), SMALL, Depth::True, false)));
    check(
        "recipe-wrong-budget-80x24",
        text(&render(sample::start().planned().keys("b760<enter>"), SMALL, Depth::True, false)),
    );
    let mut b = sample::start();
    b.planned().keys("b1MB<enter>");
    let small = ErrorCard {
        message:
            "target_size: 1000000 bytes are too few: this model needs 499871616 at least without an importance matrix"
                .into(),
        hint: Some("Raise the budget, or give an importance matrix (--imatrix), which allows smaller types.".into()),
        wrong: true,
    };
    b.act(Action::Planned(b.state.recipe.request, Err(small)));
    b.act(Action::Forecasted(b.state.recipe.outlook.request, Ok(Arc::new(sample::forecast(None)))));
    both("recipe-too-small", &mut b);
    check("recipe-confirm-80x24", text(&render(sample::start().planned().keys("<enter>"), SMALL, Depth::True, false)));
}

#[test]
fn jobs() {
    both("jobs", sample::start().job(0.62));
    check("jobs-focus-80x24", text(&render(sample::start().job(0.62).keys("<enter>"), SMALL, Depth::True, false)));
    both("jobs-report", sample::start().job(1.0).keys("<enter>]]]"));
    check("jobs-tensors-80x24", text(&render(sample::start().job(0.62).keys("<enter>]"), SMALL, Depth::True, false)));
    check("jobs-events-80x24", text(&render(sample::start().job(0.62).keys("<enter>]]"), SMALL, Depth::True, false)));
    check("jobs-none-80x24", text(&render(sample::start().keys("3"), SMALL, Depth::True, false)));
}

#[test]
fn other_places() {
    both("compare", sample::start().keys("4"));
    both("watch", sample::start().keys("5"));
    let mut b = sample::start();
    b.act(Action::Notice(Level::Warn, "one thing to look at".into()));
    b.act(Action::Notice(
        Level::Error,
        "and one that went wrong, said in a sentence that is too long for one line of a small corner".into(),
    ));
    both("log", b.keys("6"));
}

#[test]
fn layers() {
    both("help", sample::start().keys("?"));
    check("help-filtered-80x24", text(&render(sample::start().keys("?sort"), SMALL, Depth::True, false)));
    check("palette-80x24", text(&render(sample::start().keys(":tab"), SMALL, Depth::True, false)));
    check("themes-80x24", text(&render(sample::start().keys("T"), SMALL, Depth::True, false)));
}

#[test]
fn styles() {
    check("models-styled", styled(&render(&mut sample::start(), SMALL, Depth::True, false)));
    check("recipe-styled", styled(&render(sample::start().planned(), SMALL, Depth::Ansi256, false)));
    check("jobs-styled", styled(&render(sample::start().job(0.62).keys("<enter>"), SMALL, Depth::Ansi16, false)));
}

#[test]
fn without_colour_and_in_ascii() {
    for (name, bench) in [
        ("models", &mut sample::start()),
        ("recipe", sample::start().planned()),
        ("jobs", sample::start().job(0.62).keys("<enter>")),
    ] {
        let mono = render(bench, SMALL, Depth::Mono, false);
        assert!(mono.content.iter().all(|c| {
            let none = ratatui::style::Color::Reset;
            c.fg == none && c.bg == none
        }));
        check(&format!("{name}-mono"), styled(&mono));
        let ascii = render(bench, SMALL, Depth::True, true);
        assert!(ascii.content.iter().all(|c| c.symbol().is_ascii()));
        assert!(!text(&ascii).replace("? help", "").contains('?'), "a glyph has no ASCII likeness");
        check(&format!("{name}-ascii"), text(&ascii));
    }
}

#[test]
fn every_size_draws() {
    for keys in ["", "<enter>]", "c", "cz", "3", "4", "6", "?", ":", "T"] {
        let mut b = sample::start();
        b.job(0.62).keys("1").planned().keys("1").keys(keys);
        for w in (1..130).step_by(7) {
            for h in (1..40).step_by(3) {
                render(&mut b, (w, h), Depth::True, w % 2 == 0);
            }
        }
    }
    check("too-small", text(&render(&mut sample::start(), (39, 11), Depth::True, false)));
    check("models-40x12", text(&render(&mut sample::start(), (40, 12), Depth::True, false)));
    check("jobs-40x12", text(&render(sample::start().job(0.62).keys("<enter>"), (40, 12), Depth::True, false)));
}
