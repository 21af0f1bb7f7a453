//! The top bits of levels, apart from the others: bit k of byte j belongs to element 32·k + j.

use super::super_block::N;

/// Bytes of the top bits.
pub(super) const TOP_BITS: usize = N / 8;

/// Packs bit number `BIT` of each level.
#[inline(always)]
pub(super) fn pack<const BIT: u32>(l: &[u8; N], out: &mut [u8; TOP_BITS]) {
    let groups = l.as_chunks::<TOP_BITS>().0;
    let mut top = [0; TOP_BITS];
    for j in 0..TOP_BITS {
        for k in 0..8 {
            top[j] |= (groups[k][j] >> BIT & 1) << k;
        }
    }
    *out = top;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_at_its_place() {
        let l: [u8; N] = std::array::from_fn(|i| (i * 37 % 101 % 32) as u8);
        let mut top = [0; TOP_BITS];
        pack::<4>(&l, &mut top);
        for (i, l) in l.into_iter().enumerate() {
            assert_eq!(top[i % TOP_BITS] >> (i / TOP_BITS) & 1, l >> 4, "{i}");
        }
    }
}
