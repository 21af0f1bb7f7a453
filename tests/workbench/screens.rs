//! Screens as snapshots. Each picture shows something that no other one does; what a picture would only repeat in another size,
//! without colour or in ASCII is asserted by [`shows`] and [`plain`].

use super::plans;
use super::sample::{self, Bench};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use remold::testing::model::{Hint, ModelError, OptionName, Remedy};
use remold::testing::recipe::keys::OptionGroup;
use remold::testing::recipe::options::gguf;
use remold::testing::tui::core::{Action, Level};
use remold::testing::tui::look::{Depth, Look, Theme};
use remold::testing::tui::tabs::recipe::PlanResponse;
use remold::testing::tui::view::{Ui, draw};
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
/// The narrowest and lowest screen.
pub const TINY: (u16, u16) = (40, 12);

/// Keeps the picture of a screen of this size.
pub fn picture(name: &str, bench: &mut Bench, size: (u16, u16)) {
    let (w, h) = size;
    check(&format!("{name}-{w}x{h}"), text(&render(bench, size, Depth::True, false)));
}

/// Asserts that a screen has these words.
pub fn shows(bench: &mut Bench, size: (u16, u16), words: &[&str]) {
    let picture = text(&render(bench, size, Depth::True, false));
    for word in words {
        assert!(picture.contains(word), "{word:?} is not on the screen:\n{picture}");
    }
}

/// Asserts that a screen needs no colours and no characters beyond ASCII, and says the same without them.
pub fn plain(bench: &mut Bench) {
    for size in [SMALL, LARGE, TINY] {
        let whole = text(&render(bench, size, Depth::True, false));
        let mono = render(bench, size, Depth::Mono, false);
        let none = ratatui::style::Color::Reset;
        assert!(mono.content.iter().all(|c| c.fg == none && c.bg == none), "a colour on\n{whole}");
        // Parts of a bar that differ in colour have shades of their own.
        let shades = |picture: &str| picture.replace(['▓', '▒', '░', '▚', '▤'], "█");
        assert_eq!(shades(&text(&mono)), shades(&whole), "without colour");
        let ascii = render(bench, size, Depth::True, true);
        assert!(ascii.content.iter().all(|c| c.symbol().is_ascii()), "not ASCII:\n{}", text(&ascii));
        let marks = |picture: &str| picture.matches('?').count();
        assert_eq!(marks(&text(&ascii)), marks(&whole), "a glyph has no ASCII likeness:\n{}", text(&ascii));
    }
}

#[test]
fn models() {
    // With styles it is the picture of 80 × 24, too.
    check("models-styled", styled(&render(&mut sample::start(), SMALL, Depth::True, false)));
    picture("models", &mut sample::start(), LARGE);
    picture("models", &mut sample::start(), TINY);
    check("models-ascii", text(&render(&mut sample::start(), SMALL, Depth::True, true)));
    check("models-filter-styled", styled(&render(sample::start().keys("/cp20"), SMALL, Depth::True, false)));
    plain(&mut sample::start());
    let broken = "/home/ada/runs/bert-base";
    let mut b = sample::start();
    b.keys("/bert<enter>");
    let error = ModelError::bad("names model-00003-of-00004.safetensors, which is not there")
        .in_file("bert-base/model.safetensors.index.json".as_ref())
        .with_hint("Is the download complete?");
    b.act(Action::Opened(broken.into(), Err((&error).into())));
    picture("models-broken", &mut b, SMALL);
}

#[test]
fn details() {
    // The tensors before and after their values are known.
    shows(sample::start().keys("<enter>]sjj"), SMALL, &["146 of 146", "sort: size ↓", "reading values…"]);
    picture("models-values", sample::start().keys("<enter>]sjj").looked_at(), LARGE);
    let values = &mut sample::start();
    values.keys("<enter>]sjj").looked_at();
    check("models-values-mono", styled(&render(values, SMALL, Depth::Mono, false)));
    plain(values);
    picture("models-metadata", sample::start().keys("<enter>]]/rope<enter>"), SMALL);
    picture("models-reading", sample::start().keys("<enter>]]/rope<enter><enter>"), SMALL);
    // The tokenizer before and after a text was tried.
    let untried = ["tokenizer class     PreTrainedTokenizerFast", "press t and type a text", "reading the vocabulary…"];
    shows(sample::start().keys("<enter>]]]"), SMALL, &untried);
    let trial = &mut sample::start();
    trial.keys("<enter>]]]tThe fox 🦊<enter>").tried();
    check("models-trial-mono", styled(&render(trial, SMALL, Depth::Mono, false)));
    shows(trial, LARGE, &["128 256 tokens, 280 147 merges", "<|begin_of_text|>"]);
    // The health before and after a check of every value.
    let unchecked =
        ["values: not checked   n reads all 2.47 GB", "config.unknown-field", "optimizer state: 292 tensors"];
    shows(sample::start().keys("<enter>]]]]]"), SMALL, &unchecked);
    picture("models-checked", sample::start().checked(), SMALL);
}

#[test]
fn recipe() {
    check("recipe-styled", styled(&render(sample::start().planned(), SMALL, Depth::Ansi256, false)));
    picture("recipe", sample::start().planned(), LARGE);
    picture("recipe", sample::start().two_targets(), TINY);
    plain(sample::start().planned());
    check("recipe-form-styled", styled(&render(sample::start().planned().keys("<tab>j"), SMALL, Depth::Ansi16, false)));
    shows(sample::start().two_targets(), LARGE, &["1 gguf Q4_K_M", "2 gguf within 760MB", "759.8 MB"]);
    shows(sample::start().two_targets().keys("k<tab>jj"), LARGE, &["─ target 1: gguf Q4_K_M", "▌ budget"]);
    picture("recipe-budget", sample::start().within_budget(), LARGE);
    plain(sample::start().within_budget());
    picture("recipe-measuring", sample::start().sized(), SMALL);
    picture("recipe-plot", sample::start().two_targets().keys("z"), LARGE);
    check("recipe-plot-ascii", text(&render(sample::start().two_targets().keys("z"), SMALL, Depth::Mono, true)));
    picture("recipe-many", sample::start().planned().keys("DDDDDDDDDDDDgg"), SMALL);
    // Lines of the list besides targets.
    shows(sample::start().planned().keys("gg<tab>"), SMALL, &["▌ path            exp42/checkpoint-2000", "densify"]);
    shows(sample::start().planned().keys("Gk"), SMALL, &["▌ +  add a target", "Press enter or a, and choose from a"]);
}

#[test]
fn recipe_pickers_and_lines() {
    picture("recipe-add", sample::start().planned().keys("a"), SMALL);
    picture("recipe-types", sample::start().planned().keys("<tab>j<enter>iq"), SMALL);
    let mut b = sample::start();
    b.planned().keys("o").act(Action::Recipes(sample::library()));
    let library = ["Open a recipe", "phone-and-server.toml", "has errors", "built in", "type its path"];
    shows(&mut b, SMALL, &library);
    let mut b = sample::start();
    b.planned().keys("<tab>jjjjjj<enter>32k");
    shows(&mut b, SMALL, &["▌ context_length  32k", "Context length to declare", "⏎ accept"]);
    let mut b = sample::start();
    b.planned().keys("<tab>jjj<enter>ffn_down = q6_k<enter>");
    shows(&mut b, SMALL, &["1 gguf Q4_K_M  1 rule", "▌ tensor_types    ffn_down = q6_k", "planning…"]);
}

#[test]
fn the_help_of_every_option_its_default_and_its_values_are_in_view() {
    let mut b = sample::start();
    b.planned().keys("<tab>");
    b.state.recipe.unfolded = OptionGroup::ALL.to_vec();
    for at in 0..b.state.recipe.fields().len() {
        b.state.recipe.field = at;
        let field = b.state.recipe.fields()[at];
        let picture = text(&render(&mut b, SMALL, Depth::True, false));
        // One line of the list is selected, and one of the form.
        assert_eq!(picture.matches('▌').count(), 2, "{picture}");
        let wanted: &[&str] = match field.label() {
            _ if field.is_heading() => &["Options: "],
            "format" => &["What to write.", "Enter lists the values."],
            "context_length" => &["Default: 131 072 (config).", "tokens."],
            "split_max_layers" => &["Default: none.", "layers."],
            "pure" => &["Default: no.", "Takes yes or no."],
            "effort" => &["Default: reference.", "reference, max."],
            _ => &["Default: "],
        };
        // Lines are broken at any blank.
        let foot =
            picture.lines().map(|l| l.split('│').next().unwrap_or_default().trim()).collect::<Vec<_>>().join(" ");
        for words in wanted {
            assert!(foot.contains(words), "{}: {words:?} is not on the screen:\n{picture}", field.label());
        }
    }
    let mut b = sample::start();
    b.planned().keys("<tab>/shard<enter>");
    shows(&mut b, SMALL, &["/ shard", "1 option", "▌ max_shard_size  one file", "Default: one file."]);
    plain(sample::start().planned().keys("<tab>G<enter>"));
}

#[test]
fn recipe_steps() {
    let mut b = sample::start();
    b.planned().keys("Asplit<enter>1GB<enter><esc>Aprune_l<enter>");
    b.keys("<esc>");
    picture("recipe-steps", &mut b, SMALL);
    b.keys("<esc>");
    shows(&mut b, LARGE, &["  steps", "▌  1 prune_layers  ✗ layers", "   2 split  max_size 1GB", "  +  add a step"]);
    plain(&mut b);
}

#[test]
fn recipe_troubles() {
    picture("recipe-wrong-value", sample::start().planned().keys("<tab>jjjjjj<enter>many<enter>"), SMALL);
    let budget = ["✗ budget: a size such as 760MB", "1 gguf Q4_K_M  ✗ budget", "▌ budget          ✗ 760"];
    shows(sample::start().planned().keys("b760<enter>"), SMALL, &budget);
    let none = ["✗ the recipe has no target, so there", "Press a and choose from a list."];
    shows(sample::start().planned().keys("d"), SMALL, &none);
    picture("recipe-exists", sample::start().in_the_way(), SMALL);
    shows(sample::start().in_the_way(), LARGE, &["written by job 7"]);
    shows(sample::start().in_the_way().keys("r"), SMALL, &["Replace existing files?", "written by job 7 "]);
    shows(
        sample::start().replacing().keys("r"),
        SMALL,
        &["Replace existing files?", "y replace   ⏎ esc back", "already exists"],
    );
    picture("recipe-mistakes", sample::start().planned().act(Action::RecipeEdited(sample::mistakes())), SMALL);
    picture("recipe-refused", sample::start().refused(), SMALL);
    plain(sample::start().refused());
    let mut b = sample::start();
    b.planned().keys("b1MB<enter>");
    let few = "1.00 MB is too little: this model needs 499.9 MB at least without an importance matrix";
    let hint = Hint::from("Raise the budget, or give an importance matrix")
        .then(Remedy::Aside(OptionName::IMATRIX))
        .then(", which allows smaller types.");
    let few = ModelError::request(few).in_option(&gguf::TARGET_SIZE).with_hint(hint);
    b.act(Action::Planned(b.state.recipe.request, PlanResponse::refused(None, (&few).into())));
    b.act(Action::Forecasted(b.state.recipe.forecast_state.request, Ok(Arc::new(plans::forecast(None)))));
    picture("recipe-too-small", &mut b, SMALL);
}

#[test]
fn jobs() {
    picture("jobs", sample::start().job(0.62), SMALL);
    check("jobs-styled", styled(&render(sample::start().job(0.62).keys("<enter>"), SMALL, Depth::Ansi16, false)));
    picture("jobs", sample::start().job(0.62).keys("<enter>"), TINY);
    plain(sample::start().job(0.62).keys("<enter>"));
    picture("jobs-tensors", sample::start().job(0.62).keys("<enter>]"), SMALL);
    shows(
        sample::start().job(0.62).keys("<enter>]]]"),
        SMALL,
        &["blk.8.ffn_down.weight  bf16 → Q4_K  weights 20.7 dB"],
    );
    shows(sample::start().keys("3"), SMALL, &["no jobs yet", "A job runs in its own process"]);
}

#[test]
fn messages_are_in_the_log() {
    let mut b = sample::start();
    b.act(Action::Notice(Level::Warn, "one thing to look at".into()));
    let long = "and one that went wrong, said in a sentence that is too long for one line of a small corner";
    b.act(Action::Notice(Level::Error, long.into()));
    shows(b.keys("6"), LARGE, &["1 error · 1 warning · 3 lines", "warn", "one thing to look at", long]);
}

#[test]
fn layers() {
    picture("help", sample::start().keys("?"), SMALL);
    shows(sample::start().keys("?"), LARGE, &["Keys in this pane", "Models: the tree", "Everywhere"]);
    shows(sample::start().keys("?zzz"), SMALL, &["/ zzz", "nothing matches"]);
    picture("palette", sample::start().keys(":tab"), SMALL);
    picture("themes", sample::start().keys("T"), SMALL);
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
}
