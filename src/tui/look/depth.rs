//! How many colours the terminal shows, and how a colour is brought down to them.

use ratatui::style::Color;

/// Colours the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: `NO_COLOR`, or a terminal without any.
    Mono,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    /// The xterm palette.
    Ansi256,
    /// 24 bit.
    True,
}

/// Channel values of the xterm colour cube (xterm's 256colres.pl).
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// xterm's default values of the sixteen palette colours, to find the nearest.
const PALETTE: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

impl Depth {
    /// What the environment says: `NO_COLOR` (non-empty) or a dumb terminal mean none; `COLORTERM` and `TERM` decide the rest.
    pub(crate) fn from_env(var: impl Fn(&str) -> Option<String>) -> Self {
        let term = var("TERM").unwrap_or_default();
        if var("NO_COLOR").is_some_and(|v| !v.is_empty()) || term == "dumb" {
            return Self::Mono;
        }
        match var("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ if term.contains("256color") || term.contains("kitty") || term.contains("direct") => Self::Ansi256,
            _ => Self::Ansi16,
        }
    }

    /// The likest colour this depth can show.
    pub(crate) fn fit(self, color: Color) -> Color {
        match (self, color) {
            (Self::Mono, _) => Color::Reset,
            (Self::Ansi256, Color::Rgb(r, g, b)) => Color::Indexed(to_256([r, g, b])),
            (Self::Ansi16, Color::Rgb(r, g, b)) => to_16([r, g, b]),
            (Self::Ansi16, Color::Indexed(i)) if i >= 16 => to_16(from_256(i)),
            _ => color,
        }
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> i32 {
    // Weights close to the eye's: green counts most.
    [3, 6, 1].iter().zip(a.iter().zip(b)).map(|(w, (x, y))| w * (i32::from(*x) - i32::from(y)).pow(2)).sum()
}

fn from_256(i: u8) -> [u8; 3] {
    match i {
        16..=231 => {
            let n = usize::from(i - 16);
            [CUBE[n / 36], CUBE[n / 6 % 6], CUBE[n % 6]]
        }
        232.. => [8 + 10 * (i - 232); 3],
        _ => PALETTE[usize::from(i)].1,
    }
}

fn to_256(rgb: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|i| distance(from_256(*i), rgb)).unwrap_or(15)
}

fn to_16(rgb: [u8; 3]) -> Color {
    PALETTE.iter().min_by_key(|(_, p)| distance(*p, rgb)).map_or(Color::Reset, |(c, _)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |k| pairs.iter().find(|(n, _)| *n == k).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn environment_decides_the_depth() {
        assert_eq!(Depth::from_env(env(&[("TERM", "xterm"), ("COLORTERM", "truecolor")])), Depth::True);
        assert_eq!(Depth::from_env(env(&[("TERM", "screen-256color")])), Depth::Ansi256);
        assert_eq!(Depth::from_env(env(&[("TERM", "linux")])), Depth::Ansi16);
        assert_eq!(Depth::from_env(env(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("COLORTERM", "24bit")])), Depth::Mono);
        assert_eq!(Depth::from_env(env(&[("TERM", "linux"), ("NO_COLOR", "")])), Depth::Ansi16);
    }

    #[test]
    fn colours_come_down_to_the_nearest() {
        assert_eq!(Depth::Ansi256.fit(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(Depth::Ansi256.fit(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(Depth::Ansi16.fit(Color::Rgb(250, 250, 250)), Color::White);
        assert_eq!(Depth::Mono.fit(Color::Red), Color::Reset);
        assert_eq!(Depth::True.fit(Color::Rgb(1, 2, 3)), Color::Rgb(1, 2, 3));
    }
}
