//! Casts, and quantization.

use super::small::{bits_of, exponent_of, value_of};
use super::walk::{Places, strides};
use super::{Args, Data, Tensor, text};
use crate::graph::Elem;

/// The tensor in another type. Floats become integers without their fraction; what does not fit wraps, and NaN becomes 0.
///
/// # Errors
/// Text that is no number; complex numbers.
pub(crate) fn cast(t: &Tensor, to: Elem, saturate: bool, round_mode: &str) -> Result<Tensor, String> {
    let dims = t.dims.clone();
    if t.elem == to {
        return Ok(t.clone());
    }
    if to == Elem::String {
        return Ok(Tensor::strings(dims, text::shown(t)?));
    }
    if let Data::Str(all) = &*t.data {
        let values = all.iter().map(|s| text::number(s)).collect::<Result<_, _>>()?;
        return Ok(Tensor::numbers(to, dims, values));
    }
    if let (Data::Int(_), false) = (&*t.data, to.is_float()) {
        return Ok(Tensor::ints(to, dims, t.to_ints()?));
    }
    let values = t.to_numbers()?;
    if to == Elem::Bool {
        return Ok(Tensor::bools(dims, values.into_iter().map(|x| x != 0.0)));
    }
    let small = to.is_float() && to.bits() <= 8;
    if !small {
        return Ok(Tensor::numbers(to, dims, values));
    }
    let bits =
        |x: f64| if to == Elem::F8E8M0 { exponent_of(x, saturate, round_mode) } else { bits_of(to, x, saturate) };
    Ok(Tensor::new(to, dims, Data::F32(values.into_iter().map(|x| value_of(to, bits(x))).collect())))
}

/// The smallest and the largest integer of a type.
pub(crate) fn range(elem: Elem) -> (i128, i128) {
    let bits = elem.bits().max(1);
    if matches!(elem, Elem::U2 | Elem::U4 | Elem::U8 | Elem::U16 | Elem::U32 | Elem::U64) {
        (0, (1 << bits) - 1)
    } else {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    }
}

/// For each element of a tensor the place of its scale: one for all, one for each slice along an axis, or one for each block.
///
/// # Errors
/// Scales that do not fit the tensor.
pub(crate) fn scale_places(c: &Args<'_>, dims: &[usize], scale: &[usize]) -> Result<Vec<usize>, String> {
    let bad = || format!("scales of the shape {scale:?} do not fit a tensor of {dims:?}");
    let n: usize = dims.iter().product();
    if scale.iter().product::<usize>() == 1 {
        return Ok(vec![0; n]);
    }
    let axis = crate::graph::ops::axis_of(c.int("axis", 1), dims.len())?;
    let block = usize::try_from(c.int("block_size", 0)).map_err(|_| bad())?;
    if block == 0 {
        if scale != [dims[axis]] {
            return Err(bad());
        }
        let mut steps = vec![0; dims.len()];
        steps[axis] = 1;
        return Ok(Places::new(dims, steps, 0).collect());
    }
    let fits = scale.len() == dims.len()
        && (0..dims.len()).all(|d| if d == axis { dims[d].div_ceil(block) == scale[d] } else { dims[d] == scale[d] });
    if !fits {
        return Err(bad());
    }
    let steps = strides(scale);
    let mut places = Vec::with_capacity(n);
    super::walk::each_index(dims, |index| {
        let one = |(d, i): (usize, &usize)| if d == axis { i / block } else { *i } * steps[d] as usize;
        places.push(index.iter().enumerate().map(one).sum());
    });
    Ok(places)
}

/// The nearest integer of a type to a quotient, ties to even.
pub(crate) fn nearest(elem: Elem, x: f64, zero: f64) -> i128 {
    let (low, high) = range(elem);
    // The zero point may be far away: the sum has to be rounded after the quotient.
    (x.round_ties_even() + zero).clamp(low as f64, high as f64) as i128
}

/// The zero points that belong to `scales` scales: zeros where there are none.
fn zero_points(zero: Option<&Tensor>, scales: usize) -> Result<Vec<f64>, String> {
    let zeros = zero.map(Tensor::to_numbers).transpose()?.unwrap_or_else(|| vec![0.0; scales]);
    if zeros.len() != scales {
        return Err(format!("it has {} zero points for {scales} scales", zeros.len()));
    }
    Ok(zeros)
}

/// Numbers quantized with scales and zero points.
///
/// # Errors
/// Scales that do not fit the tensor.
pub(crate) fn quantize(
    c: &Args<'_>,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
    to: Elem,
) -> Result<Tensor, String> {
    let places = scale_places(c, &x.dims, &scale.dims)?;
    let (values, scales) = (x.to_numbers()?, scale.to_numbers()?);
    let zeros = zero_points(zero, scales.len())?;
    let precision = c.elem_attr("precision")?.unwrap_or(if scale.elem == x.elem { x.elem } else { Elem::F32 });
    // Engines divide in the precision of the input, and that decides what is a tie.
    let divide = |x: f64, s: f64| match precision {
        Elem::F64 => x / s,
        _ => f64::from(super::round_to(precision, f64::from(x as f32 / s as f32))),
    };
    let quotients = values.iter().zip(&places).map(|(x, p)| (divide(*x, scales[*p]), zeros[*p]));
    if to.is_float() {
        let saturate = c.flag("saturate", true);
        let plain = Tensor::new(Elem::F64, x.dims.clone(), Data::F64(quotients.map(|(q, z)| q + z).collect()));
        return cast(&plain, to, saturate, "up");
    }
    Ok(Tensor::ints(to, x.dims.clone(), quotients.map(|(q, z)| nearest(to, q, z)).collect::<Vec<_>>()))
}

/// Integers or small floats as the numbers they stand for.
///
/// # Errors
/// Scales that do not fit the tensor.
pub(crate) fn dequantize(
    c: &Args<'_>,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
    to: Elem,
) -> Result<Tensor, String> {
    let places = scale_places(c, &x.dims, &scale.dims)?;
    let (values, scales) = (x.to_numbers()?, scale.to_numbers()?);
    let zeros = zero_points(zero, scales.len())?;
    let numbers = values.iter().zip(&places).map(|(x, p)| (x - zeros[*p]) * scales[*p]).collect();
    Ok(Tensor::numbers(to, x.dims.clone(), numbers))
}

/// The integers of a tensor without its zero point: one for all, or one for each row or column along the dimension from the end.
///
/// # Errors
/// Zero points that do not fit the tensor.
pub(crate) fn centered(t: &Tensor, zero: Option<&Tensor>, from_end: usize) -> Result<Vec<i128>, String> {
    let mut values = t.to_ints()?;
    let Some(zero) = zero else { return Ok(values) };
    let zeros = zero.to_ints()?;
    match zeros.as_slice() {
        [one] => values.iter_mut().for_each(|v| *v -= one),
        all => {
            let axis = t.rank().checked_sub(from_end).ok_or("its zero points do not fit")?;
            let dims: Vec<usize> = if zero.rank() == t.rank() {
                zero.dims.clone()
            } else {
                (0..t.rank()).map(|d| if d == axis { all.len() } else { 1 }).collect()
            };
            if super::walk::broadcast(&dims, &t.dims)? != t.dims {
                return Err(format!("zero points of {:?} do not fit a tensor of {:?}", zero.dims, t.dims));
            }
            let places = Places::stretched(&dims, &t.dims);
            values.iter_mut().zip(places).for_each(|(v, i)| *v -= all[i]);
        }
    }
    Ok(values)
}
