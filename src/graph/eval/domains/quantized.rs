//! `com.microsoft`: operators on integers with scales and zero points. Inputs and outputs are dequantized, computed in floats, and quantized again.

use super::{Args, Evaluated, Tensor, one};
use crate::graph::Elem;
use crate::graph::eval::quantize::nearest;
use crate::graph::eval::{Data, math, norm, shape};

/// The numbers that the integers at an input stand for; scale and zero point follow it.
fn numbers(c: &Args<'_>, at: usize) -> Result<Tensor, String> {
    let (x, scale) = (c.tensor(at)?, c.tensor(at + 1)?.number()?);
    let zero = c.number_if(at + 2)?.unwrap_or(0.0);
    let values = x.to_numbers()?.into_iter().map(|v| (v - zero) * scale).collect();
    Ok(Tensor::new(Elem::F64, x.dims.clone(), Data::F64(values)))
}

/// Numbers as integers of a type; scale and zero point are inputs from `at` on.
fn quantized(c: &Args<'_>, y: &Tensor, elem: Elem, at: usize) -> Evaluated {
    let (scale, zero) = (c.tensor(at)?.number()?, c.number_if(at + 1)?.unwrap_or(0.0));
    let values: Vec<i128> = y.to_numbers()?.into_iter().map(|v| nearest(elem, v / scale, zero)).collect();
    one(Tensor::ints(elem, y.dims.clone(), values))
}

fn pair(c: &Args<'_>, f: fn(f64, f64) -> f64) -> Evaluated {
    let y = math::arithmetic(c, &numbers(c, 0)?, &numbers(c, 3)?, f, |a, _| a)?;
    quantized(c, &y, c.tensor(0)?.elem, 6)
}

/// `QLinearAdd`.
pub(super) fn add(c: &Args<'_>) -> Evaluated {
    pair(c, |a, b| a + b)
}

/// `QLinearMul`.
pub(super) fn mul(c: &Args<'_>) -> Evaluated {
    pair(c, |a, b| a * b)
}

/// `QLinearConcat`: scale and zero point of the output come first.
pub(super) fn concat(c: &Args<'_>) -> Evaluated {
    let parts: Vec<Tensor> = (2..c.inputs.len()).step_by(3).map(|at| numbers(c, at)).collect::<Result<_, _>>()?;
    let parts: Vec<&Tensor> = parts.iter().collect();
    let axis = c.axis(0, parts.first().map_or(0, |t| t.rank()))?;
    c.count(&[parts.iter().map(|t| t.len()).fold(0, usize::saturating_add)])?;
    quantized(c, &shape::concat(&parts, axis)?, c.tensor(2)?.elem, 0)
}

/// `QLinearSoftmax`. Its attribute `opset` says whether the dimensions from the axis on are one line.
pub(super) fn softmax(c: &Args<'_>) -> Evaluated {
    let x = numbers(c, 0)?;
    let axis = c.axis(-1, x.rank())?;
    let y = if c.int("opset", 13) >= 13 {
        shape::lines(&x, axis, norm::softmax)?
    } else {
        let inner: usize = x.dims[axis..].iter().product();
        let flat = x.shaped([x.len() / inner.max(1), inner]);
        shape::lines(&flat, 1, norm::softmax)?.shaped(x.dims.clone())
    };
    quantized(c, &y, c.tensor(0)?.elem, 3)
}
