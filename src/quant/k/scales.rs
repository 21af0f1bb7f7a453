//! Sub-block scales packed in twelve bytes: sixteen signed 6-bit ones (Q3_K), or eight unsigned 6-bit ones with eight minima
//! (Q4_K, Q5_K).
//!
//! ```text
//! Q3_K         byte j (0–7):   low nibbles of scale j and scale j+8
//!              byte 8+j (0–3): two high bits of scales j, j+4, j+8, j+12
//! Q4_K, Q5_K   byte j (0–3):   scale j in six bits, two high bits of scale j+4
//!              byte 4+j (0–3): minimum j in six bits, two high bits of minimum j+4
//!              byte 8+j (0–3): low nibbles of scale j+4 and minimum j+4
//! ```

/// Packs sixteen 6-bit values.
#[inline(always)]
pub(super) fn pack16(l: &[u8; 16]) -> [u8; 12] {
    let mut out = [0; 12];
    for (j, &l) in l.iter().enumerate() {
        out[j % 8] |= (l & 15) << (4 * (j / 8));
        out[8 + j % 4] |= (l >> 4) << (2 * (j / 4));
    }
    out
}

/// Inverse of [`pack16`].
#[inline(always)]
pub(super) fn unpack16(b: &[u8; 12]) -> [u8; 16] {
    std::array::from_fn(|j| ((b[j % 8] >> (4 * (j / 8))) & 15) | ((b[8 + j % 4] >> (2 * (j / 4))) & 3) << 4)
}

/// Packs eight scales and eight minima. A value above 63 (a wrapped negative one) spills over as in the reference.
#[inline(always)]
pub(super) fn pack8(scales: &[u8; 8], mins: &[u8; 8]) -> [u8; 12] {
    let mut out = [0; 12];
    for j in 0..4 {
        out[j] = scales[j] | (scales[j + 4] >> 4) << 6;
        out[j + 4] = mins[j] | (mins[j + 4] >> 4) << 6;
        out[j + 8] = (scales[j + 4] & 15) | (mins[j + 4] & 15) << 4;
    }
    out
}

/// Inverse of [`pack8`]: scales, minima.
#[inline(always)]
pub(super) fn unpack8(b: &[u8; 12]) -> ([u8; 8], [u8; 8]) {
    let (mut scales, mut mins) = ([0; 8], [0; 8]);
    for j in 0..4 {
        scales[j] = b[j] & 63;
        mins[j] = b[j + 4] & 63;
        scales[j + 4] = (b[j + 8] & 15) | (b[j] >> 6) << 4;
        mins[j + 4] = (b[j + 8] >> 4) | (b[j + 4] >> 6) << 4;
    }
    (scales, mins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_inverts() {
        for seed in 0..64u8 {
            let l: [u8; 16] =
                std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(seed.wrapping_mul(11)) & 63);
            assert_eq!(unpack16(&pack16(&l)), l);
            let (s, m): ([u8; 8], [u8; 8]) = (std::array::from_fn(|i| l[i]), std::array::from_fn(|i| l[i + 8]));
            assert_eq!(unpack8(&pack8(&s, &m)), (s, m));
        }
    }
}
