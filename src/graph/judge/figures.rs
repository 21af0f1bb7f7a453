//! How far apart two values of the same name are.

use super::Tolerance;
use crate::graph::Elem;
use crate::graph::eval::{Data, Difference, Tensor, Value};

/// The difference of two values, and whether it is within the tolerance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figures {
    /// The sums.
    pub difference: Difference,
    /// The largest finite |x|.
    pub largest: f64,
    /// Elements that are not equal.
    pub differing: u64,
    /// True within the tolerance. Integers, truth values and texts have to be equal.
    pub passed: bool,
}

impl Figures {
    /// The figures of `y`, which stands for `x`.
    ///
    /// # Errors
    /// Other kinds of values, types that do not compare, other shapes.
    pub(crate) fn of(x: &Value, y: &Value, tolerance: Tolerance) -> Result<Self, String> {
        let (x, y) = match (x, y) {
            (Value::Tensor(x), Value::Tensor(y)) => (x, y),
            _ => {
                let difference = Difference::of_values(x, y)?;
                let mut f = Self { difference, largest: f64::NAN, differing: 0, passed: false };
                f.passed = f.within(tolerance);
                return Ok(f);
            }
        };
        if x.dims != y.dims {
            return Err(format!("its shape is {:?} instead of {:?}", y.dims, x.dims));
        }
        match (&*x.data, &*y.data) {
            (Data::Str(a), Data::Str(b)) => return Ok(Self::equal(a.iter().zip(b).filter(|(a, b)| a != b).count())),
            (Data::Complex(_), Data::Complex(_)) => return Self::of(&parts(x).into(), &parts(y).into(), tolerance),
            _ => {}
        }
        if kind(x) != kind(y) {
            return Err(format!("its type is {} instead of {}", y.elem, x.elem));
        }
        let difference = Difference::of(x, y)?;
        if !x.elem.is_float() {
            let (a, b) = (x.to_ints()?, y.to_ints()?);
            let differing = a.iter().zip(&b).filter(|(a, b)| a != b).count() as u64;
            return Ok(Self { difference, largest: largest(x)?, differing, passed: differing == 0 });
        }
        let mut f = Self { difference, largest: largest(x)?, differing: differing(x, y)?, passed: false };
        f.passed = f.within(tolerance);
        Ok(f)
    }

    /// The largest difference as a share of the largest number; 0 without a difference, infinite where all numbers are zero.
    pub(crate) fn relative(&self) -> f64 {
        if self.difference.max_abs == 0.0 { 0.0 } else { self.difference.max_abs / self.largest }
    }

    fn within(&self, tolerance: Tolerance) -> bool {
        self.difference.not_finite == 0
            && match tolerance {
                Tolerance::Relative(share) if self.largest.is_nan() => self.difference.max_abs <= share,
                Tolerance::Relative(share) => self.difference.max_abs <= share * self.largest,
                Tolerance::Cosine(least) => self.difference.cosine() >= least,
            }
    }

    /// Of texts.
    fn equal(differing: usize) -> Self {
        Self { difference: Difference::default(), largest: 0.0, differing: differing as u64, passed: differing == 0 }
    }
}

/// True for types whose values stand for each other: a graph in half precision gives other floats than one in single precision.
fn kind(t: &Tensor) -> (bool, bool) {
    (t.elem.is_float(), t.elem == Elem::Bool)
}

/// Real and imaginary parts, as numbers.
fn parts(t: &Tensor) -> Tensor {
    let numbers = match &*t.data {
        Data::Complex(v) => v.iter().flatten().copied().collect(),
        _ => Vec::new(),
    };
    Tensor::numbers(Elem::F64, [&t.dims[..], &[2]].concat(), numbers)
}

fn largest(t: &Tensor) -> Result<f64, String> {
    Ok(match &*t.data {
        Data::F32(v) => v.iter().filter(|x| x.is_finite()).fold(0.0f64, |a, x| a.max(f64::from(x.abs()))),
        _ => t.to_numbers()?.into_iter().filter(|x| x.is_finite()).fold(0.0, |a, x| a.max(x.abs())),
    })
}

fn differing(x: &Tensor, y: &Tensor) -> Result<u64, String> {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let n = match (&*x.data, &*y.data) {
        (Data::F32(x), Data::F32(y)) => x.iter().zip(y).filter(|(a, b)| !same((**a).into(), (**b).into())).count(),
        _ => x.to_numbers()?.into_iter().zip(y.to_numbers()?).filter(|(a, b)| !same(*a, *b)).count(),
    };
    Ok(n as u64)
}
