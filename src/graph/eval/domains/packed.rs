//! `com.microsoft`: products with weights of a few bits.

use super::{Args, Evaluated, Tensor, one};
use crate::graph::eval::product::product;

/// `MatMulNBits`: `B` has N rows of blocks, each with `block_size` numbers of `bits` bits, the lowest bits first. Scales are one for each block; zero points
/// are packed like the numbers, row by row, or have the type of the scales. Without them the middle is zero.
pub(super) fn matmul(c: &Args<'_>) -> Evaluated {
    let (a, b, scales) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    let size = |name: &str| {
        usize::try_from(c.int(name, 0)).ok().filter(|n| *n > 0).ok_or(format!("its attribute {name:?} is missing"))
    };
    let (k, n, block) = (size("K")?, size("N")?, size("block_size")?);
    let bits = usize::try_from(c.int("bits", 4)).unwrap_or(0);
    if !matches!(bits, 2 | 4 | 8) || !(block * bits).is_multiple_of(8) {
        return Err(format!("it has {bits} bits and blocks of {block}"));
    }
    let blocks = k.div_ceil(block);
    let packed = b.stored_ints()?;
    c.count(&[n, blocks, block])?;
    let scale = scales.to_numbers()?;
    if packed.len() != n * blocks * block * bits / 8 || scale.len() != n * blocks {
        return Err(format!("its weights {:?} and scales {:?} do not fit K = {k}, N = {n}", b.dims, scales.dims));
    }
    let field = |bytes: &[i64], i: usize| (bytes[i * bits / 8] >> (i * bits % 8)) & ((1 << bits) - 1);
    let middle = f64::from(1 << (bits - 1));
    let zero_row = (blocks * bits).div_ceil(8);
    let zeros: Vec<f64> = match c.given(3)? {
        None => vec![middle; n * blocks],
        Some(z) if z.elem.is_float() && z.len() == n * blocks => z.to_numbers()?,
        Some(z) if z.len() == n * zero_row => {
            let own = z.stored_ints()?;
            (0..n * blocks).map(|i| field(&own[i / blocks * zero_row..][..zero_row], i % blocks) as f64).collect()
        }
        Some(z) => return Err(format!("its zero points have the shape {:?}", z.dims)),
    };
    let row = blocks * block * bits / 8;
    let mut weights = vec![0.0; k * n];
    for j in 0..n {
        let own = &packed[j * row..][..row];
        for i in 0..k {
            let at = j * blocks + i / block;
            weights[i * n + j] = (field(own, i) as f64 - zeros[at]) * scale[at];
        }
    }
    let mut y = product(c, a, &Tensor::numbers(a.elem, [k, n], weights))?;
    if let Some(bias) = c.given(5)? {
        y = crate::graph::eval::math::arithmetic(c, &y, bias, |a, b| a + b, |a, _| a)?;
    }
    one(y)
}
