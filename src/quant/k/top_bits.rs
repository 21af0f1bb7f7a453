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

/// Adds the bits as number `BIT` to levels that do not have it.
#[inline(always)]
pub(super) fn add<const BIT: u32>(l: &mut [u8; N], top: &[u8; TOP_BITS]) {
    for j in 0..TOP_BITS {
        for k in 0..8 {
            l[TOP_BITS * k + j] |= (top[j] >> k & 1) << BIT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_inverts() {
        let l: [u8; N] = std::array::from_fn(|i| (i * 37 % 101 % 32) as u8);
        let mut top = [0; TOP_BITS];
        pack::<4>(&l, &mut top);
        let mut low = l.map(|l| l & 15);
        add::<4>(&mut low, &top);
        assert_eq!(low, l);
    }
}
