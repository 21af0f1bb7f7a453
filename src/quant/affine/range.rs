//! The least and the largest of values, streamed.

/// Values that are compared at a time: several vectors of any instruction set.
const LANES: usize = 32;

/// The least and the largest of some values. Values that are not finite make it not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    /// The least.
    pub min: f32,
    /// The largest.
    pub max: f32,
    /// True if all values were finite.
    pub finite: bool,
}

impl Default for Range {
    /// The range of no values.
    fn default() -> Self {
        Self { min: f32::INFINITY, max: f32::NEG_INFINITY, finite: true }
    }
}

impl Range {
    /// The range of these values and of those before; `(0, 0)` where there are none.
    pub(crate) fn ends(self) -> (f32, f32) {
        if self.min > self.max { (0.0, 0.0) } else { (self.min, self.max) }
    }

    /// The range of both.
    #[must_use]
    pub(crate) fn join(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max), finite: self.finite && other.finite }
    }
}

/// Widens a range to more values.
pub(crate) fn widen(range: &mut Range, values: &[f32]) {
    let (mut min, mut max, mut bad) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES], [0u32; LANES]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            let v = chunk[i];
            min[i] = if v < min[i] { v } else { min[i] };
            max[i] = if v > max[i] { v } else { max[i] };
            bad[i] |= u32::from(v.to_bits() & 0x7f80_0000 == 0x7f80_0000);
        }
    }
    for v in rest {
        min[0] = min[0].min(*v);
        max[0] = max[0].max(*v);
        bad[0] |= u32::from(!v.is_finite());
    }
    for i in 0..LANES {
        *range = range.join(Range { min: min[i], max: max[i], finite: bad[i] == 0 });
    }
}

/// Widens the range of each column to one more row.
pub(crate) fn widen_each(ranges: &mut [Range], row: &[f32]) {
    for (range, v) in ranges.iter_mut().zip(row) {
        range.min = if *v < range.min { *v } else { range.min };
        range.max = if *v > range.max { *v } else { range.max };
        range.finite &= v.is_finite();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_depend_on_the_chunks() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 997) as f32 - 300.0).collect();
        for n in [1, 31, 32, 33, 1000] {
            let mut range = Range::default();
            values.chunks(n).for_each(|c| widen(&mut range, c));
            assert_eq!(range, Range { min: -300.0, max: 696.0, finite: true }, "chunks of {n}");
        }
        assert_eq!(Range::default().ends(), (0.0, 0.0));
    }

    #[test]
    fn one_value_that_is_not_finite_is_seen_wherever_it_is() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 40, 99] {
                let mut values = vec![1.0f32; 100];
                values[at] = bad;
                let mut range = Range::default();
                widen(&mut range, &values);
                assert!(!range.finite, "{bad} at {at}");
                let mut each = vec![Range::default(); 100];
                widen_each(&mut each, &values);
                assert_eq!(each.iter().filter(|r| !r.finite).count(), 1);
            }
        }
    }
}
