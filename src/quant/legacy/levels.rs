//! Blocks of 32 levels of four or five bits: nibbles, with the fifth bits apart.
//!
//! ```text
//! 4 bits  ├ 16 bytes nibbles ─┤
//! 5 bits  ├ 32 high bits ─┼ 16 bytes nibbles ─┤
//! ```
//!
//! In a byte of nibbles, element j is low and element j + 16 high.

/// Elements of a block.
pub(super) const N: usize = 32;

/// Bytes of the fifth bits.
const HIGH: usize = N / 8;

/// Packs levels of `BITS` bits.
#[inline(always)]
pub(super) fn pack<const BITS: u32>(l: &[u8; N], out: &mut [u8]) {
    if BITS == 5 {
        out[..HIGH].copy_from_slice(&pack_fifth_bits(l));
        pack_nibbles(l, &mut out[HIGH..]);
    } else {
        pack_nibbles(l, out);
    }
}

/// Inverse of [`pack`].
#[inline(always)]
pub(super) fn unpack<const BITS: u32>(q: &[u8]) -> [u8; N] {
    if BITS == 5 {
        let mut l = unpack_nibbles(&q[HIGH..]);
        add_fifth_bits(&mut l, [q[0], q[1], q[2], q[3]]);
        l
    } else {
        unpack_nibbles(q)
    }
}

/// Packs the low four bits of each level.
#[inline(always)]
fn pack_nibbles(l: &[u8; N], out: &mut [u8]) {
    for (j, o) in out.iter_mut().enumerate().take(N / 2) {
        *o = (l[j] & 15) | (l[j + N / 2] << 4);
    }
}

/// Splits nibbles into levels.
#[inline(always)]
fn unpack_nibbles(q: &[u8]) -> [u8; N] {
    let mut l = [0; N];
    for (j, &b) in q.iter().enumerate().take(N / 2) {
        l[j] = b & 15;
        l[j + N / 2] = b >> 4;
    }
    l
}

/// Packs the fifth bits of the levels: bit j of a little-endian word belongs to element j.
#[inline(always)]
fn pack_fifth_bits(l: &[u8; N]) -> [u8; HIGH] {
    // One multiplication moves the lowest bits of eight bytes side by side.
    let eight = |l: [u8; 8]| {
        let bits = u64::from_le_bytes(l) >> 4 & 0x0101_0101_0101_0101;
        (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
    };
    std::array::from_fn(|i| eight(l.as_chunks().0[i]))
}

/// Adds the fifth bits to levels split from nibbles.
#[inline(always)]
fn add_fifth_bits(l: &mut [u8; N], high: [u8; HIGH]) {
    let high = u32::from_le_bytes(high);
    for (j, v) in l.iter_mut().enumerate() {
        *v |= ((high >> j & 1) as u8) << 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_inverts() {
        for seed in 0..64u8 {
            let l: [u8; N] = std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(seed) & 31);
            let mut five = [0; HIGH + N / 2];
            pack::<5>(&l, &mut five);
            assert_eq!(unpack::<5>(&five), l);
            let l = l.map(|l| l & 15);
            let mut four = [0; N / 2];
            pack::<4>(&l, &mut four);
            assert_eq!(unpack::<4>(&four), l);
        }
    }
}
