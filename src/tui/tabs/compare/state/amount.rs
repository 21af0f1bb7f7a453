//! How much of a text models are evaluated on: the first windows of it, and about how long that takes.

use super::CompareState;

/// Tokens of a window.
const WINDOW: u64 = 512;

/// Products that a core adds up in a second, in round figures.
const SPEED: f64 = 5e9;

/// How much of the text is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Amount {
    /// 4 windows: a first look.
    Least,
    /// 16 windows, 4,096 scored tokens: enough to tell file types apart.
    #[default]
    Usual,
    /// 64 windows.
    More,
    /// The whole text.
    All,
}

impl Amount {
    const EACH: [Self; 4] = [Self::Least, Self::Usual, Self::More, Self::All];

    /// The most windows; 0 for all.
    pub fn windows(self) -> usize {
        match self {
            Self::Least => 4,
            Self::Usual => 16,
            Self::More => 64,
            Self::All => 0,
        }
    }

    /// In words.
    pub(crate) fn title(self) -> String {
        match self.windows() {
            0 => "all of it".to_owned(),
            n => format!("first {n} windows"),
        }
    }

    /// One step more, or less.
    #[must_use]
    pub(crate) fn step(self, more: bool) -> Self {
        let at = Self::EACH.iter().position(|a| *a == self).unwrap_or(0);
        let to = if more { at + 1 } else { at.saturating_sub(1) };
        Self::EACH[to.min(Self::EACH.len() - 1)]
    }
}

impl CompareState {
    /// Seconds that the evaluation takes at most, roughly: each parameter is multiplied once for each token. Nothing for the whole text, whose
    /// length is not known before it is read, and for models whose sizes are not known.
    pub(crate) fn evaluation_seconds(&self, cores: usize) -> Option<f64> {
        let windows = Some(self.quality.amount.windows()).filter(|n| *n > 0)? as u64;
        let parameters = (0..self.columns.len()).map(|column| Some(self.variant(column)?.parameters));
        let parameters: u64 = parameters.sum::<Option<u64>>()?;
        Some(parameters as f64 * (windows * WINDOW) as f64 / (SPEED * cores.max(1) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_at_both_ends() {
        let mut amount = Amount::default();
        let mut up = Vec::new();
        for _ in 0..3 {
            amount = amount.step(true);
            up.push(amount.windows());
        }
        assert_eq!(up, [64, 0, 0]);
        for _ in 0..5 {
            amount = amount.step(false);
        }
        assert_eq!((amount, amount.title().as_str()), (Amount::Least, "first 4 windows"));
    }
}
