//! Rows of logits: softmax, divergence, most probable tokens. Loops are over eight lanes, so that compilers make vector instructions
//! of them, and sums are f64 in a fixed order.

use super::{Against, Position, TOP};

const LANES: usize = 8;
/// Elements looked at together when the largest are searched.
const CHUNK: usize = 64;
/// Probabilities of a rounded row below e^-16 do not count (llama-perplexity, `log_softmax`).
const LEAST: f32 = -16.0;

/// What the baseline says of a position.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BaseRow<'a> {
    /// Logits.
    Logits(&'a [f32]),
    /// Log-probabilities as a file of llama-perplexity has them.
    Rounded(RoundedRow<'a>),
}

/// A row of a `_logits_` file: the log-probability of token i is `scale × values[i] + min`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundedRow<'a> {
    /// Nats of one step.
    pub scale: f32,
    /// The least log-probability.
    pub min: f32,
    /// Steps above it.
    pub values: &'a [u16],
}

impl RoundedRow<'_> {
    fn log_p(&self, token: usize) -> f32 {
        self.scale * f32::from(self.values[token]) + self.min
    }
}

/// The largest values of a row, and the logarithm of the sum of all exponentials above the largest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub max: f32,
    pub log_sum: f64,
    pub top: [u32; TOP],
}

/// Scores a position: the model's row of logits, the baseline's row, and the right token. `None` if a value is not finite.
pub(crate) fn score(logits: &[f32], base: Option<BaseRow<'_>>, target: u32) -> Option<Position> {
    let row = row(logits)?;
    let at = target as usize;
    let nll = row.log_sum - (f64::from(*logits.get(at)?) - f64::from(row.max));
    let right = row.top[0] == target;
    let against = match base {
        None => None,
        Some(BaseRow::Logits(base)) => Some(against_logits(logits, &row, base, at)?),
        Some(BaseRow::Rounded(base)) => Some(against_rounded(logits, &row, base, at)?),
    };
    Some(Position { nll, right, against })
}

fn against_logits(logits: &[f32], row: &Row, base: &[f32], target: usize) -> Option<Against> {
    if base.len() != logits.len() {
        return None;
    }
    let (max, top) = largest(base)?;
    let (mut sums, mut products) = ([0.0f64; LANES], [0.0f64; LANES]);
    let mut add = |lane: usize, b: f32, v: f32| {
        let p = f64::from(exp(b - max));
        sums[lane] += p;
        products[lane] += p * (f64::from(b - max) - f64::from(v - row.max));
    };
    let (wide, rest) = base.as_chunks::<LANES>();
    let (wide_v, rest_v) = logits.as_chunks::<LANES>();
    for (b, v) in wide.iter().zip(wide_v) {
        for lane in 0..LANES {
            add(lane, b[lane], v[lane]);
        }
    }
    for (lane, (b, v)) in rest.iter().zip(rest_v).enumerate() {
        add(lane, *b, *v);
    }
    let (sum, product) = (sums.iter().sum::<f64>(), products.iter().sum::<f64>());
    let log_sum = sum.ln();
    Some(Against {
        nll: log_sum - (f64::from(base[target]) - f64::from(max)),
        right: top[0] as usize == target,
        kld: product / sum + row.log_sum - log_sum,
        same: same(&row.top, &top, logits.len()),
    })
}

fn against_rounded(logits: &[f32], row: &Row, base: RoundedRow<'_>, target: usize) -> Option<Against> {
    if base.values.len() != logits.len() || !base.scale.is_finite() || !base.min.is_finite() {
        return None;
    }
    let offset = f64::from(row.max) + row.log_sum;
    let mut sums = [0.0f64; LANES];
    let mut add = |lane: usize, b: u16, v: f32| {
        let log_p = base.scale * f32::from(b) + base.min;
        let p = if log_p > LEAST { f64::from(exp(log_p)) } else { 0.0 };
        sums[lane] += p * (f64::from(log_p) - f64::from(v) + offset);
    };
    let (wide, rest) = base.values.as_chunks::<LANES>();
    let (wide_v, rest_v) = logits.as_chunks::<LANES>();
    for (b, v) in wide.iter().zip(wide_v) {
        for lane in 0..LANES {
            add(lane, b[lane], v[lane]);
        }
    }
    for (lane, (b, v)) in rest.iter().zip(rest_v).enumerate() {
        add(lane, *b, *v);
    }
    let mut best = Best::default();
    // The order of the steps is that of the probabilities, unless a file says otherwise (a negative step).
    base.values.iter().enumerate().for_each(|(i, b)| best.offer(i as u32, f32::from(*b) * base.scale));
    Some(Against {
        nll: -f64::from(base.log_p(target)),
        right: best.ids[0] as usize == target,
        kld: sums.iter().sum(),
        same: same(&row.top, &best.ids, logits.len()),
    })
}

/// How many of the first tokens of two lists are the same.
fn same(a: &[u32; TOP], b: &[u32; TOP], vocabulary: usize) -> u8 {
    let alike = a.iter().zip(b).take(vocabulary).take_while(|(a, b)| a == b).count();
    // A vocabulary of less than five tokens agrees in what it has.
    if alike == vocabulary.min(TOP) { TOP as u8 } else { alike as u8 }
}

/// `None` if the row is empty or has a value that is not finite.
pub(super) fn row(logits: &[f32]) -> Option<Row> {
    let (max, top) = largest(logits)?;
    let mut sums = [0.0f64; LANES];
    let (wide, rest) = logits.as_chunks::<LANES>();
    for v in wide {
        for lane in 0..LANES {
            sums[lane] += f64::from(exp(v[lane] - max));
        }
    }
    for (lane, v) in rest.iter().enumerate() {
        sums[lane] += f64::from(exp(v - max));
    }
    Some(Row { max, log_sum: sums.iter().sum::<f64>().ln(), top })
}

/// The largest value and the places of the largest, in order; of equal values the first comes first.
fn largest(row: &[f32]) -> Option<(f32, [u32; TOP])> {
    if row.is_empty() {
        return None;
    }
    let mut best = Best::default();
    for (n, chunk) in row.chunks(CHUNK).enumerate() {
        let mut not_finite = false;
        let mut max = f32::NEG_INFINITY;
        for v in chunk {
            not_finite |= v.to_bits() & 0x7f80_0000 == 0x7f80_0000;
            max = if *v > max { *v } else { max };
        }
        if not_finite {
            return None;
        }
        if max > best.values[TOP - 1] {
            chunk.iter().enumerate().for_each(|(i, v)| best.offer((n * CHUNK + i) as u32, *v));
        }
    }
    Some((best.values[0], best.ids))
}

/// The largest values so far.
struct Best {
    values: [f32; TOP],
    ids: [u32; TOP],
}

impl Default for Best {
    fn default() -> Self {
        Self { values: [f32::NEG_INFINITY; TOP], ids: [u32::MAX; TOP] }
    }
}

impl Best {
    fn offer(&mut self, id: u32, value: f32) {
        if value <= self.values[TOP - 1] {
            return;
        }
        let place = self.values.iter().position(|v| value > *v).unwrap_or(TOP - 1);
        self.values[place..].rotate_right(1);
        self.ids[place..].rotate_right(1);
        (self.values[place], self.ids[place]) = (value, id);
    }
}

/// e^x for x ≤ 88, relative error below 2e-7; 0 below −87. Written so that it becomes vector instructions: the standard library's is a call.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5 × 2^23 rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, of which the first has few bits.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > -87.0 { x } else { -87.0 };
    let rounded = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    // Taylor series to r^7; |r| ≤ 0.35.
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let power = f32::from_bits((rounded.to_bits().wrapping_add(127)) << 23);
    if x > -87.0 { p * power } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like logits, the same in every run.
    fn logits(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..n).map(|_| (next() + next() + next() - 1.5) * 8.0 + 3.0).collect()
    }

    fn log_softmax(row: &[f32]) -> Vec<f64> {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|v| (f64::from(*v) - f64::from(max)).exp()).sum();
        row.iter().map(|v| f64::from(*v) - f64::from(max) - sum.ln()).collect()
    }

    #[test]
    fn the_exponential_is_accurate() {
        for i in 0..197_000 {
            let x = -(i as f32) * 4.4e-4;
            let (mine, wanted) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((mine - wanted).abs() <= 2e-7 * wanted, "{x}: {mine} {wanted}");
        }
        assert_eq!((exp(0.0), exp(-100.0), exp(-1e30)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn divergence_is_that_of_the_formula() {
        for (n, shift) in [(5, 0.0f32), (1000, 0.0), (4099, 30.0), (4099, -500.0)] {
            let base = logits(n, 1);
            let noise = logits(n, 2);
            for scale in [1e-3f32, 0.1, 1.0] {
                let model: Vec<f32> = base.iter().zip(&noise).map(|(b, e)| b + e * scale + shift).collect();
                let (b, m) = (log_softmax(&base), log_softmax(&model));
                let wanted: f64 = b.iter().zip(&m).map(|(b, m)| b.exp() * (b - m)).sum();
                let got = score(&model, Some(BaseRow::Logits(&base)), 3).unwrap();
                let against = got.against.unwrap();
                assert!((against.kld - wanted).abs() <= 1e-7 + 1e-6 * wanted, "{n} {scale}: {} {wanted}", against.kld);
                assert!((got.nll + m[3]).abs() < 1e-6, "{} {}", got.nll, m[3]);
                assert!((against.nll + b[3]).abs() < 1e-6);
            }
            let same = score(&base, Some(BaseRow::Logits(&base)), 0).unwrap().against.unwrap();
            assert!(same.kld.abs() < 1e-12 && same.same == 5, "{same:?}");
        }
    }

    #[test]
    fn the_order_of_the_most_probable_counts() {
        let base = [0.0, 9.0, 8.0, 7.0, 6.0, 5.0, 1.0];
        let mut model = base;
        model.swap(3, 4);
        let at = |model: &[f32], target| score(model, Some(BaseRow::Logits(&base)), target).unwrap();
        assert_eq!(at(&model, 1).against.unwrap().same, 2);
        assert!(at(&model, 1).right && at(&model, 1).against.unwrap().right && !at(&model, 2).right);
        // Equal values: the first.
        assert_eq!(row(&[1.0, 2.0, 2.0, 0.0]).unwrap().top[..3], [1, 2, 0]);
        assert_eq!(score(&[1.0, 2.0], Some(BaseRow::Logits(&[1.0, 2.0])), 0).unwrap().against.unwrap().same, 5);
        assert_eq!(score(&[1.0, 2.0], Some(BaseRow::Logits(&[2.0, 1.0])), 0).unwrap().against.unwrap().same, 0);
    }

    #[test]
    fn values_that_are_not_finite_are_found_everywhere() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN] {
            for at in [0, 63, 64, 99] {
                let mut row = logits(100, 3);
                row[at] = bad;
                assert!(score(&row, None, 0).is_none(), "{bad} at {at}");
                assert!(score(&logits(100, 3), Some(BaseRow::Logits(&row)), 0).is_none());
            }
        }
        assert!(score(&[], None, 0).is_none());
        assert!(score(&[1.0], None, 1).is_none());
    }
}
