//! Walks over the elements of tensors: strides, broadcasting, and the places that a view of a tensor has in it.

/// The distance between two elements along each dimension, of a tensor without gaps.
pub(crate) fn strides(dims: &[usize]) -> Vec<isize> {
    let mut strides = vec![1isize; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(dims[i] as isize);
    }
    strides
}

/// The dimensions that two shapes broadcast to.
///
/// # Errors
/// Shapes that do not fit each other.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    let one = |i| match (at(a, i), at(b, i)) {
        (1, y) => Ok(y),
        (x, 1) => Ok(x),
        (x, y) if x == y => Ok(x),
        _ => Err(format!("shapes {a:?} and {b:?} do not fit each other")),
    };
    (0..rank).map(one).collect()
}

/// Strides of a tensor as if it had the dimensions it broadcasts to.
pub(crate) fn stretched(dims: &[usize], to: &[usize]) -> Vec<isize> {
    let own = strides(dims);
    let skip = to.len().saturating_sub(dims.len());
    (0..to.len()).map(|i| if i < skip || dims[i - skip] == 1 { 0 } else { own[i - skip] }).collect()
}

/// The places of the elements of a view, outermost dimension first.
pub(crate) struct Places {
    dims: Vec<usize>,
    strides: Vec<isize>,
    index: Vec<usize>,
    at: isize,
    left: usize,
}

impl Places {
    /// A view with these dimensions and strides that begins at a place. All its elements are within the tensor.
    pub(crate) fn new(dims: &[usize], strides: Vec<isize>, start: usize) -> Self {
        let left = dims.iter().product();
        Self { dims: dims.to_vec(), strides, index: vec![0; dims.len()], at: start as isize, left }
    }

    /// The elements of a tensor as if it had the dimensions it broadcasts to.
    pub(crate) fn stretched(dims: &[usize], to: &[usize]) -> Self {
        Self::new(to, stretched(dims, to), 0)
    }
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let place = self.at as usize;
        for d in (0..self.dims.len()).rev() {
            self.index[d] += 1;
            self.at = self.at.wrapping_add(self.strides[d]);
            if self.index[d] < self.dims[d] {
                break;
            }
            // Steps over a single element may be of any size.
            self.at = self.at.wrapping_sub(self.strides[d].wrapping_mul(self.dims[d] as isize));
            self.index[d] = 0;
        }
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Places {}

/// Calls `each` with every index of a tensor of these dimensions, outermost dimension first.
pub(crate) fn each_index(dims: &[usize], mut each: impl FnMut(&[usize])) {
    if dims.contains(&0) {
        return;
    }
    let mut index = vec![0; dims.len()];
    loop {
        each(&index);
        let mut d = dims.len();
        loop {
            if d == 0 {
                return;
            }
            d -= 1;
            index[d] += 1;
            if index[d] < dims[d] {
                break;
            }
            index[d] = 0;
        }
    }
}

/// As [`each_index`], until an error.
///
/// # Errors
/// That of `each`.
pub(crate) fn try_each_index(
    dims: &[usize],
    mut each: impl FnMut(&[usize]) -> Result<(), String>,
) -> Result<(), String> {
    let mut result = Ok(());
    each_index(dims, |i| {
        if result.is_ok() {
            result = each(i);
        }
    });
    result
}

/// Elements before, along and behind an axis.
pub(crate) fn around(dims: &[usize], axis: usize) -> (usize, usize, usize) {
    (dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_walked_in_order() {
        assert_eq!(strides(&[2, 3, 4]), [12, 4, 1]);
        let turned: Vec<usize> = Places::new(&[3, 2], vec![1, 3], 0).collect();
        assert_eq!(turned, [0, 3, 1, 4, 2, 5]);
        let back: Vec<usize> = Places::new(&[3], vec![-2], 5).collect();
        assert_eq!(back, [5, 3, 1]);
        let row: Vec<usize> = Places::stretched(&[3], &[2, 3]).collect();
        assert_eq!(row, [0, 1, 2, 0, 1, 2]);
        assert_eq!(Places::new(&[], vec![], 0).collect::<Vec<_>>(), [0]);
        assert_eq!(Places::new(&[0, 3], vec![3, 1], 0).count(), 0);
        assert!(broadcast(&[2], &[3]).is_err());
        assert_eq!(broadcast(&[4, 1], &[3]).unwrap(), [4, 3]);
        let mut seen = Vec::new();
        each_index(&[2, 2], |i| seen.push(i.to_vec()));
        assert_eq!(seen, [[0, 0], [0, 1], [1, 0], [1, 1]]);
    }
}
