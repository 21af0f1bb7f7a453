//! Themes: TOML files that name a style for each role on the screen.
//!
//! A style is words: a colour, `on` a colour, and modifiers: `"#7aa2f7 bold"`, `"white on blue"`, `"reversed"`. Colours are
//! `#rrggbb`, the sixteen names (`red`, `bright-red`), a palette index, or `default`. A file may override a part only; the
//! rest comes from the built-in theme it inherits.

use super::Depth;
use crate::files;
use crate::model::Role;
use indexmap::IndexMap;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use toml::Spanned;

/// The themes that come with the program: name and file.
pub(crate) const BUILT_IN: [(&str, &str); 6] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../themes/colour-blind.toml")),
    ("ansi16", include_str!("../../../themes/ansi16.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// What is wrong with a theme, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeError {
    /// The theme.
    pub name: String,
    /// Line of its file, from 1; 0 when it is about no line.
    pub line: usize,
    /// The fact.
    pub message: String,
}

impl std::error::Error for ThemeError {}

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "theme {}: {}", self.name, self.message),
            line => write!(f, "theme {}, line {line}: {}", self.name, self.message),
        }
    }
}

/// Line of a byte of a text, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// Styles of a file by role, with the places of both words.
type Styles = IndexMap<Spanned<String>, Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    #[serde(default)]
    inherits: Option<Spanned<String>>,
    #[serde(default)]
    styles: Styles,
    #[serde(default)]
    ansi16: Styles,
}

macro_rules! theme {
    ($($(#[doc = $doc:literal])* $field:ident = $key:literal;)*) => {
        /// A style for each role on the screen.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Theme {
            /// Its name: the file's stem.
            pub name: String,
            $($(#[doc = $doc])* pub $field: Style,)*
        }

        impl Theme {
            /// Every role a theme file may set, and what it is for.
            pub const ROLES: &[(&str, &str)] = &[$(($key, concat!($($doc),*)),)*];

            fn set(&mut self, key: &str, style: Style) -> bool {
                match key {
                    $($key => self.$field = style,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

theme! {
    /// Ordinary text.
    text = "text";
    /// Labels and secondary text.
    dim = "dim";
    /// Borders, rules and unfilled parts.
    faint = "faint";
    /// Accent: the current tab, the focused pane, keys.
    accent = "accent";
    /// Titles.
    title = "title";
    /// The selected row of the focused pane, laid over its text.
    select = "select";
    /// The selected row of a pane without focus.
    select_idle = "select-idle";
    /// Done, no problems.
    good = "good";
    /// Warnings.
    warn = "warn";
    /// Errors.
    bad = "bad";
    /// Filled part of bars and gauges.
    bar = "bar";
    /// Tensors of the embedding.
    embedding = "role.embedding";
    /// Tensors of the attention.
    attention = "role.attention";
    /// Tensors of the feed-forward part.
    ffn = "role.ffn";
    /// Norms.
    norm = "role.norm";
    /// The output matrix.
    output = "role.output";
    /// Tensors of every other role.
    other = "role.other";
    /// Errors by tensor: below 15 dB, the largest.
    heat0 = "heat.0";
    /// Errors from 15 dB.
    heat1 = "heat.1";
    /// Errors from 20 dB.
    heat2 = "heat.2";
    /// Errors from 25 dB.
    heat3 = "heat.3";
    /// Errors from 30 dB.
    heat4 = "heat.4";
    /// Errors from 40 dB.
    heat5 = "heat.5";
    /// No error.
    heat6 = "heat.6";
    /// What is being worked on, in the grid of layers.
    working = "working";
}

/// How much a name has to be like another one to be meant.
const LIKE: f64 = 0.75;

/// A theme file has a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

impl Theme {
    /// A theme by name: a file of `folder` (`name.toml`) before a built-in one. In mono depth it is always the mono theme.
    ///
    /// # Errors
    /// An unknown name, or what is wrong in the file.
    pub fn load(name: &str, folder: Option<&Path>, depth: Depth) -> Result<Self, ThemeError> {
        let name = if depth == Depth::Mono { "mono" } else { name };
        let file = folder.map(|f| f.join(format!("{name}.toml")));
        let text = file.as_ref().and_then(|f| files::read_text(f, MAX_BYTES).ok());
        let text = match (&text, built_in(name)) {
            (Some(t), _) => t.as_str(),
            (None, Some(t)) => t,
            (None, None) => {
                let names = Self::names(folder);
                let like = |n: &&String| (strsim::jaro_winkler(n, name) * 1e6) as u64;
                let near = names.iter().max_by_key(like).filter(|n| strsim::jaro_winkler(n, name) >= LIKE);
                let instead = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("themes: {}", names.join(", ")),
                };
                let message = format!("there is no theme with this name; {instead}");
                return Err(ThemeError { name: name.to_owned(), line: 0, message });
            }
        };
        Self::parse(name, text, depth)
    }

    /// Reads a theme file.
    ///
    /// # Errors
    /// What is wrong in it, naming the key and the nearest known one.
    pub(crate) fn parse(name: &str, text: &str, depth: Depth) -> Result<Self, ThemeError> {
        let wrong = |at: usize, message: String| ThemeError { name: name.to_owned(), line: line(text, at), message };
        let file: ThemeFile =
            toml::from_str(text).map_err(|e| wrong(e.span().map_or(0, |s| s.start), e.message().replace('\n', " ")))?;
        let mut theme = match &file.inherits {
            Some(base) if base.get_ref() != name => {
                let (base, at) = (base.get_ref(), base.span().start);
                let text = built_in(base)
                    .ok_or_else(|| wrong(at, format!("inherits {base}, which is not a built-in theme")))?;
                Self::parse(base, text, depth)?
            }
            _ => Self::default(),
        };
        name.clone_into(&mut theme.name);
        let sixteen = (depth == Depth::Ansi16).then_some(&file.ansi16);
        for (key, words) in file.styles.iter().chain(sixteen.into_iter().flatten()) {
            let (role, at) = (key.get_ref().as_str(), key.span().start);
            let style = parse_style(words.get_ref(), depth).map_err(|e| wrong(at, format!("{role}: {e}")))?;
            if !theme.set(role, style) {
                let like = |(known, _): &&(&str, &str)| (strsim::jaro_winkler(known, role) * 1e6) as u64;
                let near = Self::ROLES.iter().max_by_key(like).map_or("", |(known, _)| known);
                return Err(wrong(at, format!("there is no role {role}; did you mean {near}?")));
            }
        }
        Ok(theme)
    }

    /// docs/themes.md.
    pub fn markdown() -> String {
        let names: Vec<String> = BUILT_IN.iter().map(|(n, _)| format!("`{n}`")).collect();
        let mut out = format!(
            "# Themes\n\n\
             Made from the roles in `src/tui/look/theme.rs` by `BLESS=1 cargo test --test workbench docs`; a test keeps it equal.\n\n\
             Built in: {}. `T` in the workbench chooses one with a preview, `theme = \"light\"` in `config.toml` or `--theme light` sets it. \
             `NO_COLOR` and terminals without colour get `mono`; `colour-blind` does not rely on red and green, and no theme relies on colour \
             alone.\n\n\
             Your own theme is a file `NAME.toml` in `$XDG_CONFIG_HOME/remold/themes` (`remold config path`). A file with the name of a built-in \
             theme replaces it. A running workbench applies changes immediately; a mistake is reported with its line and changes nothing.\n\n\
             ```toml\n\
             inherits = \"dark\"            # a built-in theme that supplies what you leave out\n\n\
             [styles]\n\
             accent = \"#ff9e64 bold\"      # #rrggbb, red, bright-red, a palette index 0 to 255, default\n\
             select = \"black on yellow\"   # on: the background\n\
             \"role.norm\" = \"dim italic\"  # modifiers: bold dim italic underlined reversed\n\n\
             [ansi16]                     # overrides [styles] on terminals with sixteen colours\n\
             accent = \"bright-yellow\"\n\
             ```\n\n\
             | role | for |\n\
             | --- | --- |\n",
            names.join(", ")
        );
        for (role, what) in Self::ROLES {
            out.push_str(&format!("| `{role}` | {} |\n", what.trim().trim_end_matches('.')));
        }
        out
    }

    /// Names of all themes: the built-in ones, then those of the folder.
    pub(crate) fn names(folder: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN.iter().map(|(n, _)| (*n).to_owned()).collect();
        let files = folder.and_then(|f| std::fs::read_dir(f).ok()).into_iter().flatten().flatten().take(256);
        let mut own: Vec<String> = files
            .map(|f| f.path())
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
            .filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned()))
            .filter(|n| !names.contains(n))
            .collect();
        own.sort();
        names.append(&mut own);
        names
    }

    /// The style of a tensor's role.
    pub(crate) fn role(&self, role: Role) -> Style {
        match role {
            Role::Embedding => self.embedding,
            Role::Attention => self.attention,
            Role::Ffn => self.ffn,
            Role::Norm => self.norm,
            Role::Output => self.output,
            Role::Other => self.other,
        }
    }

    /// The style of an error, 0 (the largest) to 6 (none).
    pub(crate) fn heat(&self, step: usize) -> Style {
        let all = [self.heat0, self.heat1, self.heat2, self.heat3, self.heat4, self.heat5, self.heat6];
        all[step.min(all.len() - 1)]
    }
}

fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(n, _)| *n == name).map(|(_, t)| *t)
}

fn parse_color(word: &str) -> Option<Color> {
    if let Some(hex) = word.strip_prefix('#') {
        let n = (hex.len() == 6).then(|| u32::from_str_radix(hex, 16).ok())??;
        let [_, r, g, b] = n.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    Some(match word {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => return word.parse().ok().map(Color::Indexed),
    })
}

fn parse_style(words: &str, depth: Depth) -> Result<Style, String> {
    let mut style = Style::default();
    let mut on = false;
    for word in words.split_whitespace() {
        let modifier = match word {
            "on" => {
                on = true;
                continue;
            }
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underlined" => Modifier::UNDERLINED,
            "reversed" => Modifier::REVERSED,
            _ => {
                let color = parse_color(word).ok_or_else(|| format!("{word} is neither a colour nor a modifier"))?;
                let color = depth.fit(color);
                style = if on { style.bg(color) } else { style.fg(color) };
                on = false;
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_sets_every_key() {
        for (name, text) in BUILT_IN {
            let file: ThemeFile = toml::from_str(text).unwrap();
            for (role, _) in Theme::ROLES {
                assert!(file.styles.keys().any(|k| k.get_ref() == role), "{name} lacks {role}");
            }
            for depth in [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::True] {
                Theme::load(name, None, depth).unwrap();
            }
        }
    }

    #[test]
    fn mono_has_no_colour_at_all() {
        let theme = Theme::load("dark", None, Depth::Mono).unwrap();
        assert_eq!(theme.name, "mono");
        for style in [theme.text, theme.accent, theme.select, theme.bad, theme.heat0, theme.ffn] {
            assert!(matches!(style.fg, None | Some(Color::Reset)) && matches!(style.bg, None | Some(Color::Reset)));
        }
        assert!(theme.select.add_modifier.contains(Modifier::REVERSED), "a selection must be visible without colour");
    }

    #[test]
    fn a_part_overrides_the_theme_it_inherits() {
        let t = Theme::parse("mine", "inherits = 'light'\n[styles]\naccent = '#ff0000 bold'", Depth::True).unwrap();
        let light = Theme::load("light", None, Depth::True).unwrap();
        assert_eq!(t.accent, Style::new().fg(Color::Rgb(255, 0, 0)).add_modifier(Modifier::BOLD));
        assert_eq!(t.good, light.good);
    }

    #[test]
    fn mistakes_are_named() {
        let err = |text| Theme::parse("mine", text, Depth::True).unwrap_err().to_string();
        assert_eq!(err("[styles]\nacent = 'red'"), "theme mine, line 2: there is no role acent; did you mean accent?");
        assert_eq!(err("[styles]\nbad = 'rad'"), "theme mine, line 2: bad: rad is neither a colour nor a modifier");
        assert!(err("inherits = 'nobody'").contains("not a built-in theme"));
        assert!(err("colours = 1").contains("colours"));
        assert!(err("[styles]\ntext = ").starts_with("theme mine, line 2: "));
        let unknown = Theme::load("drak", None, Depth::True).unwrap_err().to_string();
        assert_eq!(unknown, "theme drak: there is no theme with this name; did you mean dark?");
        let unlike = Theme::load("nosuch", None, Depth::True).unwrap_err().to_string();
        assert!(unlike.contains("; themes: ") && unlike.contains("high-contrast"), "{unlike}");
    }
}
