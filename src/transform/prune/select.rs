//! Which elements of a slice are set to zero.

/// A number that orders elements as their magnitudes do. NaN is above infinity, so it is never pruned before a number.
pub(super) fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// Marks the `zeros` elements of least magnitude; of equal ones the first.
pub(super) fn mark_least(values: &[f32], zeros: usize, scratch: &mut Vec<u32>, mut mark: impl FnMut(usize)) {
    if zeros == 0 {
        return;
    }
    if zeros >= values.len() {
        (0..values.len()).for_each(mark);
        return;
    }
    scratch.clear();
    scratch.extend(values.iter().map(|x| magnitude(*x)));
    let (less, threshold, _) = scratch.select_nth_unstable(zeros - 1);
    let threshold = *threshold;
    let below = less.iter().filter(|m| **m < threshold).count();
    let mut ties = zeros - below;
    for (i, x) in values.iter().enumerate() {
        let m = magnitude(*x);
        if m < threshold {
            mark(i);
        } else if m == threshold && ties > 0 {
            ties -= 1;
            mark(i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(values: &[f32], zeros: usize) -> Vec<usize> {
        let mut out = Vec::new();
        mark_least(values, zeros, &mut Vec::new(), |i| out.push(i));
        out
    }

    #[test]
    fn the_least_are_marked_and_the_first_of_equal_ones() {
        let values = [3.0, -1.0, 0.5, 1.0, f32::NAN, -0.0, f32::INFINITY, 1.0];
        assert!(marked(&values, 0).is_empty());
        assert_eq!(marked(&values, 2), [2, 5]);
        assert_eq!(marked(&values, 3), [1, 2, 5]);
        assert_eq!(marked(&values, 4), [1, 2, 3, 5]);
        assert_eq!(marked(&values, 7), [0, 1, 2, 3, 5, 6, 7]);
        assert_eq!(marked(&values, 8).len(), 8);
    }
}
