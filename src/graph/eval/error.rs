//! How far apart two tensors are: the measure of every comparison of what graphs compute.

use super::{Data, Tensor, Value};

/// The difference between values and those that stand for them. Figures of several tensors are added ([`Difference::add`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Difference {
    /// Number of pairs.
    pub elems: u64,
    /// The largest |x − y|.
    pub max_abs: f64,
    /// Pairs of which exactly one is finite, or both are not and differ. They are in no other figure but `elems`.
    pub not_finite: u64,
    /// Σ(x − y)²
    error: f64,
    /// Σx²
    source: f64,
    /// Σy²
    output: f64,
    /// Σxy
    dot: f64,
}

impl Difference {
    /// The difference of two tensors of numbers: `y` stands for `x`.
    ///
    /// # Errors
    /// Other shapes; tensors that are not numbers.
    pub(crate) fn of(x: &Tensor, y: &Tensor) -> Result<Self, String> {
        if x.dims != y.dims {
            return Err(format!("the shapes {:?} and {:?} differ", x.dims, y.dims));
        }
        let mut all = Self::default();
        match (&*x.data, &*y.data) {
            (Data::F32(x), Data::F32(y)) => {
                x.iter().zip(y).for_each(|(x, y)| all.pair(f64::from(*x), f64::from(*y)));
            }
            _ => x.to_numbers()?.into_iter().zip(y.to_numbers()?).for_each(|(x, y)| all.pair(x, y)),
        }
        Ok(all)
    }

    /// The difference of two values: tensors of numbers, or sequences of as many of them.
    ///
    /// # Errors
    /// Other kinds, numbers or shapes.
    pub(crate) fn of_values(x: &Value, y: &Value) -> Result<Self, String> {
        match (x, y) {
            (Value::Tensor(x), Value::Tensor(y)) => Self::of(x, y),
            (Value::Sequence(x), Value::Sequence(y)) if x.len() == y.len() => {
                let mut all = Self::default();
                for (x, y) in x.iter().zip(y) {
                    all.add(&Self::of_values(x, y)?);
                }
                Ok(all)
            }
            (Value::Sequence(x), Value::Sequence(y)) => {
                Err(format!("the sequences have {} and {} elements", x.len(), y.len()))
            }
            (Value::Nothing, Value::Nothing) => Ok(Self::default()),
            _ => Err("the values are of different kinds".to_owned()),
        }
    }

    fn pair(&mut self, x: f64, y: f64) {
        self.elems += 1;
        if x.is_finite() && y.is_finite() {
            let e = x - y;
            self.max_abs = self.max_abs.max(e.abs());
            self.error += e * e;
            self.source += x * x;
            self.output += y * y;
            self.dot += x * y;
        } else if x != y && !(x.is_nan() && y.is_nan()) {
            self.not_finite += 1;
        }
    }

    /// Adds the pairs of another tensor.
    pub(crate) fn add(&mut self, other: &Self) {
        self.elems += other.elems;
        self.max_abs = self.max_abs.max(other.max_abs);
        self.not_finite += other.not_finite;
        self.error += other.error;
        self.source += other.source;
        self.output += other.output;
        self.dot += other.dot;
    }

    /// True if all pairs are equal.
    pub(crate) fn is_none(&self) -> bool {
        self.max_abs == 0.0 && self.not_finite == 0
    }

    /// Σx²: the signal.
    pub(crate) fn signal(&self) -> f64 {
        self.source
    }

    /// Root mean square error; 0 for no pairs.
    pub(crate) fn rmse(&self) -> f64 {
        let finite = self.elems - self.not_finite;
        if finite == 0 { 0.0 } else { (self.error / finite as f64).sqrt() }
    }

    /// Signal to noise in dB: 10·log10(Σx² / Σ(x−y)²). Infinite without error; −∞ where values are not finite or there is no signal.
    pub(crate) fn snr_db(&self) -> f64 {
        if self.not_finite > 0 {
            f64::NEG_INFINITY
        } else if self.error == 0.0 {
            f64::INFINITY
        } else {
            10.0 * (self.source / self.error).log10()
        }
    }

    /// Cosine similarity of the finite pairs; 1 for equal ones, 0 if only one side is all zeros.
    pub(crate) fn cosine(&self) -> f64 {
        if self.error == 0.0 {
            return 1.0;
        }
        let norm = self.source.sqrt() * self.output.sqrt();
        if norm == 0.0 { 0.0 } else { (self.dot / norm).clamp(-1.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_pairs() {
        let (x, y) = (Tensor::floats([3], vec![3.0, 0.0, 4.0]), Tensor::floats([3], vec![3.0, 0.5, 4.0]));
        let d = Difference::of(&x, &y).unwrap();
        assert_eq!((d.elems, d.max_abs, d.signal()), (3, 0.5, 25.0));
        assert!((d.snr_db() - 20.0).abs() < 1e-12, "{}", d.snr_db());
        assert!((d.cosine() - 25.0 / (5.0 * 25.25f64.sqrt())).abs() < 1e-12);
        assert!((d.rmse() - (0.25f64 / 3.0).sqrt()).abs() < 1e-12);
        let same = Difference::of(&x, &x).unwrap();
        assert!(same.is_none() && same.snr_db() == f64::INFINITY && same.cosine() == 1.0);
        let mut both = d;
        both.add(&same);
        assert_eq!((both.elems, both.signal()), (6, 50.0));
        assert!(Difference::of(&x, &x.shaped([3, 1])).is_err());
    }

    #[test]
    fn values_that_are_not_finite_are_counted() {
        let x = Tensor::floats([4], vec![f32::NAN, f32::INFINITY, 1.0, 2.0]);
        let y = Tensor::floats([4], vec![f32::NAN, 1.0, f32::NAN, 2.0]);
        let d = Difference::of(&x, &y).unwrap();
        assert_eq!((d.not_finite, d.max_abs, d.snr_db()), (2, 0.0, f64::NEG_INFINITY));
        assert!(Difference::of(&x, &x).unwrap().is_none());
        let ints = Tensor::longs([2], vec![1, -3]);
        assert_eq!(Difference::of(&ints, &Tensor::longs([2], vec![1, 1])).unwrap().max_abs, 4.0);
        let list = Value::Sequence(vec![ints.clone().into(), ints.into()]);
        assert!(Difference::of_values(&list, &list).unwrap().is_none());
        assert!(Difference::of_values(&list, &Value::Nothing).is_err());
    }
}
