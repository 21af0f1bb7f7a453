//! Elementwise operators.

use super::walk::{Places, broadcast};
use super::{Args, Data, Evaluated, Tensor, one};
use crate::graph::ops::axis_of;
use std::cmp::Ordering;

/// The first input, each number changed.
///
/// # Errors
/// It is no tensor of numbers.
pub(crate) fn float(c: &Args<'_>, f: impl Fn(f64) -> f64) -> Evaluated {
    let x = c.tensor(0)?;
    one(match &*x.data {
        // Without a list of `f64` in between.
        Data::F32(v) => {
            let rounded = v.iter().map(|x_i| super::round_to(x.elem, f(f64::from(*x_i)))).collect();
            Tensor::new(x.elem, x.dims.clone(), Data::F32(rounded))
        }
        _ => Tensor::numbers(x.elem, x.dims.clone(), x.to_numbers()?.into_iter().map(f).collect()),
    })
}

/// As [`float`], with another function for integers.
///
/// # Errors
/// As [`float`].
pub(crate) fn unary(c: &Args<'_>, f: fn(f64) -> f64, whole: fn(i128) -> i128) -> Evaluated {
    let x = c.tensor(0)?;
    if matches!(*x.data, Data::Int(_)) {
        return one(Tensor::ints(x.elem, x.dims.clone(), x.to_ints()?.into_iter().map(whole)));
    }
    float(c, f)
}

/// Whether each element of the first input is so.
///
/// # Errors
/// It is no tensor of numbers.
pub(crate) fn test(c: &Args<'_>, f: impl Fn(f64) -> bool) -> Evaluated {
    let x = c.tensor(0)?;
    one(Tensor::bools(x.dims.clone(), x.to_numbers()?.into_iter().map(f)))
}

/// The first two inputs. In old versions the second one may begin at an axis of the first one.
///
/// # Errors
/// Inputs that are no tensors or do not fit each other.
pub(crate) fn pair<'a>(c: &'a Args<'_>) -> Result<(&'a Tensor, Tensor), String> {
    let (a, b) = (c.tensor(0)?, c.tensor(1)?.clone());
    if c.version() >= 7 || !c.flag("broadcast", false) {
        return Ok((a, b));
    }
    let Some(axis) = c.int_attr("axis") else { return Ok((a, b)) };
    let axis = axis_of(axis, a.rank())?;
    let mut dims = b.dims.clone();
    let behind = (a.rank() - axis).checked_sub(dims.len()).ok_or("its input 1 has too many dimensions")?;
    dims.extend(std::iter::repeat_n(1, behind));
    let b = b.shaped(dims);
    Ok((a, b))
}

/// Two tensors of numbers with one function for floats and one for integers, in the type of the first.
///
/// # Errors
/// Other types; shapes that do not fit each other.
pub(crate) fn arithmetic(
    c: &Args<'_>,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(f64, f64) -> f64,
    whole: impl Fn(i128, i128) -> i128,
) -> Result<Tensor, String> {
    if a.elem != b.elem {
        return Err(format!("its inputs are {} and {}, and should have one type", a.elem, b.elem));
    }
    let dims = broadcast(&a.dims, &b.dims)?;
    let n = c.count(&dims)?;
    let places = || Places::stretched(&a.dims, &dims).zip(Places::stretched(&b.dims, &dims));
    if let (Data::F32(x), Data::F32(y)) = (&*a.data, &*b.data) {
        let of = |x: f32, y: f32| super::round_to(a.elem, f(x.into(), y.into()));
        let mut out = Vec::with_capacity(n);
        if a.dims == b.dims {
            out.extend(x.iter().zip(y).map(|(x, y)| of(*x, *y)));
        } else {
            out.extend(places().map(|(i, j)| of(x[i], y[j])));
        }
        return Ok(Tensor::new(a.elem, dims, Data::F32(out)));
    }
    if matches!(*a.data, Data::Int(_)) {
        let (x, y) = (a.to_ints()?, b.to_ints()?);
        let values: Vec<i128> = places().map(|(i, j)| whole(x[i], y[j])).collect();
        return Ok(Tensor::ints(a.elem, dims, values));
    }
    let (x, y) = (a.to_numbers()?, b.to_numbers()?);
    let values = places().map(|(i, j)| f(x[i], y[j])).collect();
    Ok(Tensor::numbers(a.elem, dims, values))
}

/// [`arithmetic`] of the first two inputs.
///
/// # Errors
/// As [`arithmetic`].
pub(crate) fn binary(c: &Args<'_>, f: fn(f64, f64) -> f64, whole: fn(i128, i128) -> i128) -> Evaluated {
    let (a, b) = pair(c)?;
    one(arithmetic(c, a, &b, f, whole)?)
}

/// [`arithmetic`] of all inputs, from the first to the last.
///
/// # Errors
/// As [`arithmetic`]; no inputs.
pub(crate) fn variadic(c: &Args<'_>, f: fn(f64, f64) -> f64, whole: fn(i128, i128) -> i128) -> Evaluated {
    let mut sum = c.tensor(0)?.clone();
    for t in c.tensors()?.into_iter().skip(1) {
        sum = arithmetic(c, &sum, t, f, whole)?;
    }
    one(sum)
}

/// How the elements of the first two inputs compare; NaN does not.
///
/// # Errors
/// Types that do not compare; shapes that do not fit each other.
pub(crate) fn compare(c: &Args<'_>, f: fn(Option<Ordering>) -> bool) -> Evaluated {
    let (a, b) = pair(c)?;
    let dims = broadcast(&a.dims, &b.dims)?;
    c.count(&dims)?;
    let places = Places::stretched(&a.dims, &dims).zip(Places::stretched(&b.dims, &dims));
    let values: Vec<bool> = match (&*a.data, &*b.data) {
        (Data::Str(x), Data::Str(y)) => places.map(|(i, j)| f(Some(x[i].cmp(&y[j])))).collect(),
        (Data::Int(_), Data::Int(_)) => {
            let (x, y) = (a.to_ints()?, b.to_ints()?);
            places.map(|(i, j)| f(Some(x[i].cmp(&y[j])))).collect()
        }
        _ => {
            let (x, y) = (a.to_numbers()?, b.to_numbers()?);
            places.map(|(i, j)| f(x[i].partial_cmp(&y[j]))).collect()
        }
    };
    one(Tensor::bools(dims, values))
}

/// Truth values or integers of one type, bit by bit.
///
/// # Errors
/// Other types; shapes that do not fit each other.
pub(crate) fn bits(c: &Args<'_>, f: fn(i128, i128) -> i128) -> Evaluated {
    let (a, b) = pair(c)?;
    if !matches!((&*a.data, &*b.data), (Data::Int(_), Data::Int(_))) {
        return Err(format!("its inputs are {} and {}, and should be integers or truth values", a.elem, b.elem));
    }
    one(arithmetic(c, a, &b, |x, _| x, f)?)
}

/// The larger one; NaN if one is.
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The smaller one; NaN if one is.
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// The error function, by its series around 0 (Abramowitz and Stegun, 7.1.6), all terms of which have one sign.
pub(crate) fn erf(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()
}

/// The logistic function.
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(1 + exp(x))` without overflow.
pub(crate) fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

/// The quotient, rounded towards 0; 0 for a division by 0.
pub(crate) fn quotient(a: i128, b: i128) -> i128 {
    a.checked_div(b).unwrap_or(0)
}

/// The rest with the sign of the divisor; 0 for a division by 0.
pub(crate) fn modulo(a: i128, b: i128) -> i128 {
    let rest = a.checked_rem(b).unwrap_or(0);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_error_function() {
        // Abramowitz and Stegun, table 7.1.
        for (x, want) in
            [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0), (-1.0, -0.842_700_792_9)]
        {
            assert!((erf(x) - want).abs() < 1e-9, "{x}");
        }
        assert_eq!((erf(0.0), erf(9.0), erf(f64::NEG_INFINITY)), (0.0, 1.0, -1.0));
    }

    #[test]
    fn rests_have_the_sign_of_the_divisor() {
        assert_eq!([modulo(7, 3), modulo(-7, 3), modulo(7, -3), modulo(7, 0)], [1, 2, -2, 0]);
        assert_eq!([quotient(-7, 2), quotient(7, 0)], [-3, 0]);
    }
}
