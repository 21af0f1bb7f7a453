//! Checks of the themes that come with the program: is everything distinguishable from its background, and from its neighbours, by
//! anybody. Tests only.

use super::{BUILT_IN, Depth, Theme};
use ratatui::style::{Color, Style};

/// Grounds that terminals have: the theme is for a dark one or for a pale one.
const DARK: [[u8; 3]; 2] = [[0, 0, 0], [30, 32, 38]];
const PALE: [[u8; 3]; 2] = [[255, 255, 255], [250, 248, 240]];

fn grounds(theme: &str) -> [[u8; 3]; 2] {
    if theme == "light" { PALE } else { DARK }
}

fn rgb(c: Option<Color>) -> Option<[u8; 3]> {
    match c {
        Some(Color::Rgb(r, g, b)) => Some([r, g, b]),
        _ => None,
    }
}

fn linear(v: u8) -> f64 {
    let v = f64::from(v) / 255.0;
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// Relative luminance (WCAG 2.2).
fn luminance([r, g, b]: [u8; 3]) -> f64 {
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Contrast ratio (WCAG 2.2), 1 to 21.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colour as seen without green (or red) receptors, in linear light: Viénot, Brettel and Mollon 1999, table of
/// the simplified method for sRGB.
fn seen(without_red: bool, c: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = c.map(linear);
    let (yellow, blue) = if without_red {
        (0.11238 * r + 0.88762 * g, 0.00401 * r - 0.00401 * g + b)
    } else {
        (0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b)
    };
    [yellow, yellow, blue]
}

fn colour(style: Style) -> [u8; 3] {
    rgb(style.fg).unwrap_or_else(|| panic!("{style:?} has no colour of its own"))
}

/// Themes that name their own colours; the others leave them to the terminal.
fn coloured() -> Vec<Theme> {
    let themes = BUILT_IN.iter().map(|(name, _)| Theme::load(name, None, Depth::True).unwrap());
    themes.filter(|t| rgb(t.text.fg).is_some()).collect()
}

#[test]
fn everything_to_read_stands_out_from_its_ground() {
    let mut low = Vec::new();
    for t in coloured() {
        for ground in grounds(&t.name) {
            let all = [
                ("text", t.text, 7.0),
                ("title", t.title, 7.0),
                ("dim", t.dim, 4.0),
                ("accent", t.accent, 4.5),
                ("good", t.good, 4.5),
                ("warn", t.warn, 4.5),
                ("bad", t.bad, 4.5),
                ("heat.6", t.heat6, 2.4),
                ("heat.0", t.heat0, 3.0),
            ];
            for (role, style, least) in all {
                let has = contrast(colour(style), ground);
                if has < least {
                    low.push(format!("{} {role} on {ground:?}: {has:.1} of {least}", t.name));
                }
            }
        }
        // The selection is laid over the text: its own colour where it has one.
        for (name, select) in [("select", t.select), ("select-idle", t.select_idle)] {
            let Some(under) = rgb(select.bg) else { continue };
            for (role, style, least) in [("text", t.text, 7.0), ("dim", t.dim, 3.0)] {
                let over = rgb(select.fg).unwrap_or_else(|| colour(style));
                let has = contrast(over, under);
                if has < least {
                    low.push(format!("{} {role} on {name}: {has:.1} of {least}", t.name));
                }
            }
        }
    }
    assert!(low.is_empty(), "{}", low.join("\n"));
}

#[test]
fn roles_of_text_are_told_apart() {
    for t in coloured() {
        let (text, dim, faint) = (colour(t.text), colour(t.dim), colour(t.faint));
        assert!(contrast(text, dim) >= 1.35, "{}: dim is like text", t.name);
        assert!(contrast(dim, faint) >= 1.35, "{}: faint is like dim", t.name);
        assert!(t.select != t.select_idle, "{}: a pane without the keys looks as if it had them", t.name);
    }
}

#[test]
fn heat_runs_from_what_stands_out_most_to_what_stands_out_least() {
    for t in coloured() {
        let ground = grounds(&t.name)[0];
        let heat: Vec<f64> = (0..7).map(|i| contrast(colour(t.heat(i)), ground)).collect();
        // Lightness alone distinguishes neighbours, whatever the hues are.
        assert!(heat.windows(2).all(|w| w[0] > w[1] * 1.2), "{}: {heat:?}", t.name);
    }
    // Sixteen colours have no order, but no two steps are alike.
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "mono") {
        let t = Theme::load(name, None, Depth::Ansi16).unwrap();
        for i in 0..7 {
            assert!((0..i).all(|j| t.heat(i) != t.heat(j)), "{name}: step {i} is like one before");
        }
    }
}

#[test]
fn the_theme_for_colour_blindness_needs_no_red_and_green() {
    let t = Theme::load("colour-blind", None, Depth::True).unwrap();
    for without_red in [true, false] {
        let states =
            [("good", t.good), ("warn", t.warn), ("bad", t.bad)].map(|(n, s)| (n, seen(without_red, colour(s))));
        for (i, (a, x)) in states.iter().enumerate() {
            for (b, y) in &states[i + 1..] {
                let far = x.iter().zip(y).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                assert!(far > 0.3, "{a} and {b} are {far:.2} apart");
            }
        }
    }
}
