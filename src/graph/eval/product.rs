//! Products of matrices.

use super::walk::{Places, broadcast, stretched};
use super::{Args, Data, Tensor};
use crate::graph::Elem;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// The elements of a tensor of floats as `f32`, or as `f64` where they are.
pub(crate) enum Floats<'a> {
    /// Of at most 32 bits.
    Single(&'a [f32]),
    /// Of 64 bits.
    Double(&'a [f64]),
}

/// `out[i, j] += Σ a[i, k] b[k, j]`, row by row.
fn rows<T: Copy + Into<f64>>(a: &[T], b: &[T], out: &mut [f64], k: usize, n: usize) {
    for (row, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
        for (x, other) in row.iter().zip(b.chunks_exact(n)) {
            let x: f64 = (*x).into();
            for (o, y) in out.iter_mut().zip(other) {
                *o += x * (*y).into();
            }
        }
    }
}

/// Rows from which on a product by blocks is faster than one row by row.
const FEW_ROWS: usize = 4;
/// Elements of a sum that are multiplied at a time.
const BLOCK: usize = 256;
/// Numbers of each factor that are converted at a time, at most, unless one element of the sums has more.
const CONVERTED: usize = 1 << 20;

/// `out[i, j] += Σ a[i, k] b[k, j]`, by blocks of the sum. The slices have at least these sizes.
fn blocks<T: Copy + Into<f64>>(a: &[T], b: &[T], out: &mut [f64], (m, k, n): (usize, usize, usize)) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let Ok(mut out) = ArrayViewMut2::from_shape((m, n), out) else { return };
    let block = (CONVERTED / m.max(n)).clamp(1, BLOCK);
    for first in (0..k).step_by(block) {
        let size = (k - first).min(block);
        left.clear();
        left.extend(a.chunks_exact(k).flat_map(|row| &row[first..first + size]).map(|x| (*x).into()));
        right.clear();
        right.extend(b[first * n..][..size * n].iter().map(|x| (*x).into()));
        let (left, right) = (ArrayView2::from_shape((m, size), &left), ArrayView2::from_shape((size, n), &right));
        let (Ok(left), Ok(right)) = (left, right) else { return };
        general_mat_mul(1.0, &left, &right, 1.0, &mut out);
    }
}

/// The product of two matrices of numbers, sums in `f64`.
pub(crate) fn matrices(a: &Floats<'_>, b: &Floats<'_>, m: usize, k: usize, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; m * n];
    if m * k * n == 0 {
        return out;
    }
    match (a, b) {
        (Floats::Single(a), Floats::Single(b)) if m < FEW_ROWS => rows(a, b, &mut out, k, n),
        (Floats::Double(a), Floats::Double(b)) if m < FEW_ROWS => rows(a, b, &mut out, k, n),
        (Floats::Single(a), Floats::Single(b)) => blocks(a, b, &mut out, (m, k, n)),
        (Floats::Double(a), Floats::Double(b)) => blocks(a, b, &mut out, (m, k, n)),
        _ => {}
    }
    out
}

/// `MatMul`: stacks of matrices broadcast, and vectors are rows or columns.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn product(c: &Args<'_>, a: &Tensor, b: &Tensor) -> Result<Tensor, String> {
    if a.elem != b.elem {
        return Err(format!("its inputs are {} and {}, and should have one type", a.elem, b.elem));
    }
    let shape = Shape::of(c, &a.dims, &b.dims)?;
    match (&*a.data, &*b.data) {
        (Data::Int(_), Data::Int(_)) => {
            let sums = integers(c, &shape, &a.to_ints()?, &b.to_ints()?)?;
            Ok(Tensor::ints(a.elem, shape.dims, sums))
        }
        (Data::F32(x), Data::F32(y)) => floats(c, a.elem, shape, x, y, Floats::Single),
        (Data::F64(x), Data::F64(y)) => floats(c, a.elem, shape, x, y, Floats::Double),
        _ => Err(format!("{} cannot be multiplied", a.elem)),
    }
}

fn floats<'a, T>(
    c: &Args<'_>,
    elem: Elem,
    shape: Shape,
    a: &'a [T],
    b: &'a [T],
    of: fn(&'a [T]) -> Floats<'a>,
) -> Result<Tensor, String> {
    let Shape { m, k, n, .. } = shape;
    let mut out = Vec::with_capacity(shape.all);
    for (i, j) in shape.stacks() {
        c.going()?;
        out.extend(matrices(&of(&a[i * m * k..][..m * k]), &of(&b[j * k * n..][..k * n]), m, k, n));
    }
    Ok(Tensor::numbers(elem, shape.dims, out))
}

/// The product of integers; `a` and `b` are already without their zero points.
///
/// # Errors
/// The evaluation is to stop.
pub(crate) fn integers(c: &Args<'_>, shape: &Shape, a: &[i128], b: &[i128]) -> Result<Vec<i128>, String> {
    let Shape { m, k, n, .. } = *shape;
    let narrow = |v: &[i128]| v.iter().map(|x| *x as i64).collect::<Vec<i64>>();
    let (a, b) = (narrow(a), narrow(b));
    let mut out = Vec::with_capacity(shape.all);
    for (i, j) in shape.stacks() {
        c.going()?;
        let mut sums = vec![0i64; m * n];
        for row in 0..m {
            for l in 0..k {
                let x = a[(i * m + row) * k + l];
                let (own, other) = (&mut sums[row * n..][..n], &b[(j * k + l) * n..][..n]);
                own.iter_mut().zip(other).for_each(|(o, y)| *o = o.wrapping_add(x.wrapping_mul(*y)));
            }
        }
        out.extend(sums.into_iter().map(i128::from));
    }
    Ok(out)
}

/// The shape of a product.
pub(crate) struct Shape {
    /// Rows, the sum, columns.
    pub m: usize,
    /// Elements of a sum.
    pub k: usize,
    /// Columns.
    pub n: usize,
    /// Dimensions of the product.
    pub dims: Vec<usize>,
    all: usize,
    stacks: (Vec<usize>, Vec<isize>, Vec<isize>),
}

impl Shape {
    /// The shape of the product of two tensors.
    ///
    /// # Errors
    /// Shapes that do not fit each other.
    pub(crate) fn of(c: &Args<'_>, a: &[usize], b: &[usize]) -> Result<Self, String> {
        let bad = || format!("the shapes {a:?} and {b:?} cannot be multiplied");
        let (own, other) = (a, b);
        let a = if own.len() == 1 { vec![1, own[0]] } else { own.to_vec() };
        let b = if other.len() == 1 { vec![other[0], 1] } else { other.to_vec() };
        let ([a_outer @ .., m, k], [b_outer @ .., k2, n]) = (a.as_slice(), b.as_slice()) else { return Err(bad()) };
        if k != k2 {
            return Err(bad());
        }
        let outer = broadcast(a_outer, b_outer)?;
        let mut dims = outer.clone();
        if own.len() > 1 {
            dims.push(*m);
        }
        if other.len() > 1 {
            dims.push(*n);
        }
        let all = c.count(&dims)?;
        let stacks = (outer.clone(), stretched(a_outer, &outer), stretched(b_outer, &outer));
        Ok(Self { m: *m, k: *k, n: *n, dims, all, stacks })
    }

    /// The matrices of both tensors that are multiplied.
    fn stacks(&self) -> impl Iterator<Item = (usize, usize)> {
        let (outer, a, b) = &self.stacks;
        Places::new(outer, a.clone(), 0).zip(Places::new(outer, b.clone(), 0))
    }
}
