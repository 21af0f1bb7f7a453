//! The two orders of nibbles in a block.

/// Byte j holds elements 2j and 2j + 1 (until 2023-05-12).
pub(in crate::quant) const PAIRS: bool = true;
/// Byte j holds elements j and j + half of the block.
pub(in crate::quant) const HALVES: bool = false;

/// Splits the nibbles of a block of `N` elements.
#[inline(always)]
pub(super) fn split<const PAIRED: bool, const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut levels = [0; N];
    for (j, b) in bytes.iter().enumerate().take(N / 2) {
        let (low, high) = if PAIRED { (2 * j, 2 * j + 1) } else { (j, j + N / 2) };
        levels[low] = b & 15;
        levels[high] = b >> 4;
    }
    levels
}

/// Packs the low four bits of 32 levels in today's order.
#[inline(always)]
pub(super) fn pack(levels: &[u8; 32], out: &mut [u8]) {
    for (j, o) in out.iter_mut().enumerate().take(16) {
        *o = (levels[j] & 15) | (levels[j + 16] << 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_hold_the_same_levels() {
        let bytes: [u8; 16] = std::array::from_fn(|i| (i * 37 + 11) as u8);
        let paired: [u8; 32] = split::<PAIRS, 32>(&bytes);
        assert_eq!((paired[0], paired[1], paired[31]), (bytes[0] & 15, bytes[0] >> 4, bytes[15] >> 4));
        let mut packed = [0; 16];
        pack(&paired, &mut packed);
        assert_eq!(split::<HALVES, 32>(&packed), paired);
    }
}
