//! Which token comes next.

/// How a token is chosen from logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sampling {
    /// The most probable one; of equal ones the first.
    Greedy,
    /// At random by probability, with logits divided by the temperature. The random number of a position depends on the seed and on the position
    /// only, so that models that predict the same say the same.
    Random {
        /// Divisor of the logits.
        temperature: f64,
        /// Where the random numbers begin.
        seed: u64,
    },
}

impl Sampling {
    /// The token at position `position` of the continuation.
    pub(crate) fn choose(self, logits: &[f32], position: usize) -> u32 {
        let most = greedy(logits);
        let Self::Random { temperature, seed } = self else { return most };
        let top = f64::from(logits.get(most as usize).copied().unwrap_or(0.0));
        let weight = |l: &f32| ((f64::from(*l) - top) / temperature).exp();
        let sum: f64 = logits.iter().map(weight).sum();
        let mut left = uniform(seed, position as u64) * sum;
        for (id, logit) in (0u32..).zip(logits) {
            left -= weight(logit);
            if left < 0.0 {
                return id;
            }
        }
        most
    }
}

fn greedy(logits: &[f32]) -> u32 {
    let mut best = (0u32, f32::NEG_INFINITY);
    for (id, logit) in (0u32..).zip(logits) {
        if *logit > best.1 {
            best = (id, *logit);
        }
    }
    best.0
}

/// A number from 0 to 1 (SplitMix64: Steele, Lea, Flood 2014).
fn uniform(seed: u64, number: u64) -> f64 {
    let mut z = seed.wrapping_add((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_tokens_and_probabilities_are_kept() {
        let logits = [0.0f32, 2.0f32.ln(), 1.0f32.ln(), -100.0];
        assert_eq!(Sampling::Greedy.choose(&logits, 0), 1);
        let random = |seed, position| Sampling::Random { temperature: 1.0, seed }.choose(&logits, position);
        let mut counts = [0usize; 4];
        for position in 0..20_000 {
            assert_eq!(random(7, position), random(7, position));
            counts[random(7, position) as usize] += 1;
        }
        assert!(counts[1].abs_diff(10_000) < 400 && counts[0].abs_diff(5_000) < 400 && counts[3] == 0, "{counts:?}");
        assert!((0..100).any(|p| random(7, p) != random(8, p)));
        let cold = Sampling::Random { temperature: 1e-3, seed: 7 };
        assert!((0..100).all(|p| cold.choose(&logits, p) == 1));
    }
}
