//! Screens as snapshots: every tab at 80 × 24 and 160 × 50, with styles, without colour, in ASCII.

use super::plans;
use super::sample::{self, Bench};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use remold::tui::core::{Action, ErrorCard, Level};
use remold::tui::look::{Depth, Look, Theme};
use remold::tui::tabs::recipe::Planned;
use remold::tui::view::{Ui, draw};
use std::sync::Arc;

pub fn render(bench: &mut Bench, (w, h): (u16, u16), depth: Depth, ascii: bool) -> Buffer {
    bench.act(Action::Resize(w, h));
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    let look = Look { theme: Theme::load("dark", None, depth).unwrap(), ascii };
    draw(&bench.state, &mut Ui::default(), &mut buf, &look);
    buf
}

pub fn text(buf: &Buffer) -> String {
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
pub fn styled(buf: &Buffer) -> String {
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

pub fn check(name: &str, picture: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, picture));
}

pub const SMALL: (u16, u16) = (80, 24);
pub const LARGE: (u16, u16) = (160, 50);

pub fn both(name: &str, bench: &mut Bench) {
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
    let small = |name: &str, bench: &mut Bench| check(name, text(&render(bench, SMALL, Depth::True, false)));
    both("recipe", sample::start().planned());
    both("recipe-two", sample::start().two_targets());
    both("recipe-form", sample::start().two_targets().keys("k<tab>jj"));
    both("recipe-budget", sample::start().within_budget());
    both("recipe-add", sample::start().planned().keys("a"));
    both("recipe-types", sample::start().planned().keys("<tab>j<enter>iq"));
    both("recipe-plot", sample::start().two_targets().keys("z"));
    check("recipe-plot-ascii", text(&render(sample::start().two_targets().keys("z"), SMALL, Depth::Mono, true)));
    check("recipe-form-styled", styled(&render(sample::start().planned().keys("<tab>j"), SMALL, Depth::Ansi16, false)));
    small("recipe-measuring-80x24", sample::start().sized());
    small("recipe-option-80x24", sample::start().planned().keys("<tab>jjjj<enter>32k"));
    small("recipe-rules-80x24", sample::start().planned().keys("<tab>jjjjjj<enter>ffn_down = q6_k<enter>"));
    small("recipe-wrong-value-80x24", sample::start().planned().keys("<tab>jjjj<enter>many<enter>"));
    small("recipe-wrong-budget-80x24", sample::start().planned().keys("b760<enter>"));
    small("recipe-save-80x24", sample::start().planned().keys("s"));
    small("recipe-source-80x24", sample::start().planned().keys("gg<tab>"));
    small("recipe-add-row-80x24", sample::start().planned().keys("G"));
    small("recipe-no-target-80x24", sample::start().planned().keys("d"));
    small("recipe-replace-80x24", sample::start().replacing().keys("r"));
    small("recipe-library-80x24", sample::start().planned().keys("o").act(Action::Recipes(sample::library())));
    small("recipe-mistakes-80x24", sample::start().planned().act(Action::RecipeEdited(sample::mistakes())));
    both("recipe-exists", sample::start().in_the_way());
    small("recipe-exists-asks-80x24", sample::start().in_the_way().keys("r"));
    both("recipe-refused", sample::start().refused());
    small("recipe-many-80x24", sample::start().planned().keys("DDDDDDDDDDDDgg"));
    check("recipe-40x12", text(&render(sample::start().two_targets(), (40, 12), Depth::True, false)));
    let mut b = sample::start();
    b.planned().keys("b1MB<enter>");
    let few = ErrorCard {
        message: "target_size: 1.00 MB is too little: this model needs 499.9 MB at least without an importance matrix"
            .into(),
        hint: Some("Raise the budget, or give an importance matrix (--imatrix), which allows smaller types.".into()),
        wrong: true,
    };
    b.act(Action::Planned(b.state.recipe.request, Planned::refused(None, few)));
    b.act(Action::Forecasted(b.state.recipe.outlook.request, Ok(Arc::new(plans::forecast(None)))));
    both("recipe-too-small", &mut b);
}

#[test]
fn jobs() {
    both("jobs", sample::start().job(0.62));
    check("jobs-focus-80x24", text(&render(sample::start().job(0.62).keys("<enter>"), SMALL, Depth::True, false)));
    both("jobs-report", sample::start().job(1.0).keys("<enter>"));
    check("jobs-tensors-80x24", text(&render(sample::start().job(0.62).keys("<enter>]"), SMALL, Depth::True, false)));
    check("jobs-events-80x24", text(&render(sample::start().job(0.62).keys("<enter>]]]"), SMALL, Depth::True, false)));
    check("jobs-none-80x24", text(&render(sample::start().keys("3"), SMALL, Depth::True, false)));
}

#[test]
fn other_places() {
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
    for keys in ["", "<enter>]", "c", "cz", "c<tab>", "ca", "cs", "3", "4", "6", "?", ":", "T"] {
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
