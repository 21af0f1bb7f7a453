//! Frequencies of rotary position embeddings, with every mapping of positions beyond the original context that is a change of frequencies.
//!
//! Computed in f64. Sources: RoFormer (arXiv:2104.09864), YaRN (arXiv:2309.00071, section 3) with the constants of llama.cpp
//! (`ggml_compute_forward_rope`), which are transformers' too.

/// A mapping of positions beyond the original context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scaling {
    /// Positions are divided by the factor.
    Linear(f64),
    /// YaRN with this factor.
    Yarn(f64),
}

/// What the frequencies depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frequencies<'a> {
    /// Elements of a head that are rotated.
    pub dimensions: usize,
    /// Base frequency.
    pub base: f64,
    /// The mapping, if there is one.
    pub scaling: Option<Scaling>,
    /// Divisors of the frequencies, one for each pair; 1 where there are none.
    pub factors: Option<&'a [f32]>,
    /// The original context, for YaRN.
    pub original_context: Option<u64>,
    /// Turns in the original context above which YaRN keeps a frequency, and below which it divides it.
    pub turns: (f64, f64),
}

/// YaRN's turns where nothing else is said.
pub(crate) const YARN_TURNS: (f64, f64) = (32.0, 1.0);

impl Frequencies<'_> {
    /// Angle per position of each pair.
    pub(crate) fn all(&self) -> Vec<f64> {
        let dims = self.dimensions as f64;
        let plain = |i: usize| {
            let factor = self.factors.and_then(|f| f.get(i)).map_or(1.0, |f| f64::from(*f));
            self.base.powf(-2.0 * i as f64 / dims) / factor
        };
        let all = 0..self.dimensions / 2;
        match self.scaling {
            None => all.map(plain).collect(),
            Some(Scaling::Linear(factor)) => all.map(|i| plain(i) / factor).collect(),
            Some(Scaling::Yarn(factor)) => {
                let original = self.original_context.unwrap_or(4096) as f64;
                // The pair that turns `turns` times in the original context.
                let pair =
                    |turns: f64| dims * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * self.base.ln());
                let low = pair(self.turns.0).floor().max(0.0);
                let high = pair(self.turns.1).ceil().min(dims - 1.0);
                let ramp = |i: usize| 1.0 - ((i as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
                all.map(|i| plain(i) / factor * (1.0 - ramp(i)) + plain(i) * ramp(i)).collect()
            }
        }
    }

    /// The factor of cosines and sines that belongs to the mapping.
    pub(crate) fn magnitude(&self) -> f64 {
        if let Some(Scaling::Yarn(factor)) = self.scaling { 1.0 + 0.1 * factor.ln() } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yarn_keeps_high_frequencies_and_divides_low_ones() {
        let plain = Frequencies {
            dimensions: 64,
            base: 10_000.0,
            scaling: None,
            factors: None,
            original_context: Some(2048),
            turns: YARN_TURNS,
        };
        let yarn = Frequencies { scaling: Some(Scaling::Yarn(4.0)), ..plain };
        let (a, b) = (plain.all(), yarn.all());
        assert_eq!((a[0], b[0]), (1.0, 1.0));
        assert!((b[31] * 4.0 - a[31]).abs() < 1e-12);
        assert!((yarn.magnitude() - 1.138_629_436).abs() < 1e-9);
        let linear = Frequencies { scaling: Some(Scaling::Linear(2.0)), ..plain };
        assert_eq!(linear.all()[0], 0.5);
    }
}
