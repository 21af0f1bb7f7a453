//! Which models are worth their size.

/// For each (size, loss) whether it is on the Pareto front: no other is at most as large and loses at most as much, and one of both less.
/// Points with a value that is not a number are not on it.
pub(crate) fn on_front(points: &[(f64, f64)]) -> Vec<bool> {
    let better = |a: &(f64, f64), b: &(f64, f64)| a.0 <= b.0 && a.1 <= b.1 && (a.0 < b.0 || a.1 < b.1);
    let front = |p: &(f64, f64)| !p.0.is_nan() && !p.1.is_nan() && !points.iter().any(|other| better(other, p));
    points.iter().map(front).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_model_that_loses_more_is_not_on_the_front() {
        let points = [(1.0, 0.5), (2.0, 0.1), (3.0, 0.2), (2.0, 0.1), (4.0, f64::NAN), (2.0, 0.3)];
        assert_eq!(on_front(&points), [true, true, false, true, false, false]);
        assert_eq!(on_front(&[]), [false; 0]);
    }
}
