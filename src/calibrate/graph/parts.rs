//! Which samples are for what.

/// Numbers of the samples that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Those that ranges are found on.
    pub observed: Vec<usize>,
    /// Those that outputs are compared on: the last quarter, at least one.
    pub held_out: Vec<usize>,
}

impl Parts {
    /// The parts of so many samples, of which at most `most` are used, evenly spread. A lone sample is in both parts.
    pub(crate) fn of(count: usize, most: Option<usize>) -> Self {
        let n = most.unwrap_or(count).clamp(1, count.max(1));
        let used: Vec<usize> = (0..n.min(count)).map(|i| i * count / n).collect();
        if used.len() < 2 {
            return Self { observed: used.clone(), held_out: used };
        }
        let (observed, held_out) = used.split_at(used.len() - (used.len() / 4).max(1));
        Self { observed: observed.to_vec(), held_out: held_out.to_vec() }
    }

    /// True if the same sample is in both parts.
    pub(crate) fn overlap(&self) -> bool {
        self.observed.iter().any(|s| self.held_out.contains(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_quarter_is_held_out() {
        let parts = Parts::of(8, None);
        assert_eq!((parts.observed, parts.held_out), (vec![0, 1, 2, 3, 4, 5], vec![6, 7]));
        let parts = Parts::of(2, None);
        assert_eq!(
            (parts.observed.as_slice(), parts.held_out.as_slice(), parts.overlap()),
            (&[0][..], &[1][..], false)
        );
        assert!(Parts::of(1, None).overlap());
        let parts = Parts::of(3200, Some(32));
        assert_eq!((parts.observed.len(), parts.held_out.len(), parts.held_out[7]), (24, 8, 3100));
        assert_eq!(Parts::of(4, Some(100)), Parts::of(4, None));
        assert_eq!(Parts::of(0, None).observed, Vec::<usize>::new());
    }
}
