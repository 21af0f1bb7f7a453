//! The range that loses the least information: Kullback-Leibler divergence between the values and the values in 128 levels.
//!
//! [`reference_entropy`] is what ONNX Runtime 1.32 computes (`get_entropy_threshold`), in `f32` and with sums in the order of NumPy. It cuts the
//! levels off to integers and gives values to bins that have none. [`entropy`] does neither, and shares the bins evenly among the levels. Neither has
//! the least error: both cut off what is rare.

use super::Histogram;

/// Levels that the values are put in.
const LEVELS: usize = 128;
/// What an empty bin is taken for.
const EPSILON: f32 = 1e-4;
/// More bins are joined before ranges are compared.
const MOST: usize = 4096;

/// The range of least divergence. Never wider than the values.
pub(crate) fn entropy(h: &Histogram) -> (f32, f32) {
    best(h, divergence)
}

/// The range that ONNX Runtime chooses, with 128 levels. Never wider than the values.
pub(crate) fn reference_entropy(h: &Histogram) -> (f32, f32) {
    best(h, reference_divergence)
}

/// The range with the least of a measure: of the bins in it, and of the values below and above them.
fn best(h: &Histogram, of: fn(&[u64], u64, u64) -> f64) -> (f32, f32) {
    let (counts, edges) = joined(h);
    let n = counts.len();
    let middle = n / 2;
    let mut sums = vec![0u64];
    counts.iter().for_each(|c| sums.push(sums[sums.len() - 1] + c));
    let mut found: Option<(f64, usize)> = None;
    for half in (LEVELS / 2).min(middle)..=middle {
        let (start, end) = (middle - half, (middle + half + 1).min(n));
        let d = of(&counts[start..end], sums[start], sums[n] - sums[end]);
        if found.is_none_or(|(least, _)| d < least) {
            found = Some((d, half));
        }
    }
    let half = found.map_or(middle, |f| f.1);
    h.within(edges[middle - half], edges[(middle + half + 1).min(n)])
}

/// The counts and edges of not too many bins.
fn joined(h: &Histogram) -> (Vec<u64>, Vec<f32>) {
    let (mut counts, mut edges) = (h.counts.clone(), h.edges());
    while counts.len() > MOST {
        // Bins are joined from the middle outwards, so that 0 stays an edge.
        let skip = counts.len() / 2 % 2;
        let mut next: Vec<u64> = counts[..skip].to_vec();
        let mut at: Vec<f32> = edges[..skip].to_vec();
        let inner = skip..counts.len() - skip;
        for i in inner.clone().step_by(2) {
            next.push(counts[i] + counts[i + 1]);
            at.push(edges[i]);
        }
        next.extend(&counts[inner.end..]);
        at.extend(&edges[inner.end..]);
        (counts, edges) = (next, at);
    }
    (counts, edges)
}

/// The divergence of the values from their levels, with what lies outside counted at the ends.
fn divergence(inside: &[u64], below: u64, above: u64) -> f64 {
    let n = inside.len();
    let mut p: Vec<f64> = inside.iter().map(|c| *c as f64).collect();
    p[0] += below as f64;
    p[n - 1] += above as f64;
    let level = |i: usize| i * LEVELS / n;
    let (mut sums, mut used) = ([0.0f64; LEVELS], [0.0f64; LEVELS]);
    for i in 0..n {
        sums[level(i)] += inside[i] as f64;
        used[level(i)] += f64::from(u8::from(p[i] > 0.0));
    }
    let (all, kept): (f64, f64) = (p.iter().sum(), sums.iter().sum());
    if all == 0.0 || kept == 0.0 {
        return f64::INFINITY;
    }
    let mut total = 0.0;
    for (i, p) in p.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        let q = sums[level(i)] / used[level(i)] / kept;
        if q <= 0.0 {
            return f64::INFINITY;
        }
        let p = p / all;
        total += p * (p / q).ln();
    }
    total
}

fn reference_divergence(inside: &[u64], below: u64, above: u64) -> f64 {
    let n = inside.len();
    let mut p = inside.to_vec();
    p[0] += below;
    p[n - 1] += above;
    let width = n / LEVELS;
    let mut q = vec![0u64; n];
    for level in 0..LEVELS {
        let bins = level * width..(level + 1) * width;
        let mut sum: u64 = inside[bins.clone()].iter().sum();
        if level == LEVELS - 1 {
            sum += inside[LEVELS * width..].iter().sum::<u64>();
        }
        let used = p[bins.clone()].iter().filter(|c| **c > 0).count() as u64;
        if let Some(each) = sum.checked_div(used) {
            q[bins].fill(each);
        }
    }
    match (smoothed(&p), smoothed(&q)) {
        (Some(mut p), Some(mut q)) => {
            normalize(&mut p);
            normalize(&mut q);
            let terms: Vec<f32> = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).collect();
            f64::from(pairwise(&terms))
        }
        _ => f64::INFINITY,
    }
}

/// Empty bins get a little, which the others give.
fn smoothed(counts: &[u64]) -> Option<Vec<f32>> {
    let used = counts.iter().filter(|c| **c > 0).count();
    let given = f64::from(EPSILON) * (counts.len() - used) as f64 / used as f64;
    if used == 0 || given >= 1.0 {
        return None;
    }
    Some(counts.iter().map(|c| if *c == 0 { EPSILON } else { *c as f32 - given as f32 }).collect())
}

fn normalize(values: &mut [f32]) {
    let sum = pairwise(values);
    values.iter_mut().for_each(|v| *v /= sum);
}

/// The sum in the order of NumPy: eight sums of up to 128 values, and sums of halves.
fn pairwise(values: &[f32]) -> f32 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(0.0, |a, v| a + v);
    }
    if n > 128 {
        let half = n / 2 - n / 2 % 8;
        return pairwise(&values[..half]) + pairwise(&values[half..]);
    }
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = chunks[0];
    for chunk in &chunks[1..] {
        sums.iter_mut().zip(chunk).for_each(|(s, v)| *s += v);
    }
    let whole = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    rest.iter().fold(whole, |a, v| a + v)
}
