//! How the workbench looks: themes read from TOML, colour depth, the ASCII glyph set. Knows no screen.

#[cfg(test)]
mod contrast;
mod depth;
mod glyphs;
mod theme;

pub use depth::Depth;
pub(crate) use glyphs::{ascii_buffer, two_signs};
pub use theme::Theme;
pub(crate) use theme::{BUILT_IN, ThemeError, line};

/// Everything a view needs to know to draw: styles and whether only ASCII may be shown.
#[derive(Clone, Debug)]
pub struct Look {
    /// The styles.
    pub theme: Theme,
    /// True when the terminal (or the user) wants ASCII only. Views draw Unicode and [`ascii_buffer`] replaces it at the end;
    /// they only need this where a glyph has no single ASCII likeness (partial bars).
    pub ascii: bool,
}
