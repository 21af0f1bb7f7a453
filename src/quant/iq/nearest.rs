//! For each combination of digits: the grid point it is, or the points around it.
//!
//! Built once for a grid, on first use (a few milliseconds). Follows `iq2xs_init_impl` and `iq3xs_init_impl`: the neighbours of a
//! combination that is no point are the points at its few smallest distances, nearest first, then by number.

/// A grid of points of `G` digits, prepared for the search.
pub(super) struct Grid<const G: usize> {
    /// Digits of each point.
    points: Vec<[u8; G]>,
    /// For each combination of digits: a point, or −1 − where its neighbours begin.
    map: Vec<i32>,
    /// Runs of a length followed by so many points.
    neighbours: Vec<u16>,
    /// Bits of a digit.
    bits: usize,
}

impl<const G: usize> Grid<G> {
    /// Prepares a grid whose digits run from 0 to `max_digit` in `bits` bits; `distances` is how many of the smallest distances
    /// count as near.
    pub(super) fn new(points: Vec<[u8; G]>, bits: usize, max_digit: u8, distances: usize) -> Self {
        let mut grid = Self { points, map: vec![-1; 1 << (bits * G)], neighbours: Vec::new(), bits };
        for i in 0..grid.points.len() {
            let at = grid.combination(&grid.points[i]);
            grid.map[at] = i as i32;
        }
        let mut distance = vec![0u32; grid.points.len()];
        for at in 0..grid.map.len() {
            let digits: [u8; G] = std::array::from_fn(|i| (at >> (bits * i) & ((1 << bits) - 1)) as u8);
            if grid.map[at] >= 0 || digits.iter().any(|&d| d > max_digit) {
                continue;
            }
            for (d, point) in distance.iter_mut().zip(&grid.points) {
                *d = point.iter().zip(&digits).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum();
            }
            let start = grid.neighbours.len();
            grid.neighbours.push(0);
            let mut level = distance.iter().min().copied();
            for _ in 0..distances {
                let Some(this) = level else { break };
                let near = distance.iter().enumerate().filter(|&(_, &d)| d == this);
                grid.neighbours.extend(near.map(|(i, _)| i as u16));
                level = distance.iter().filter(|&&d| d > this).min().copied();
            }
            grid.neighbours[start] = (grid.neighbours.len() - start - 1) as u16;
            grid.map[at] = -1 - start as i32;
        }
        grid
    }

    /// The combination number of digits.
    #[inline(always)]
    fn combination(&self, digits: &[u8; G]) -> usize {
        digits.iter().enumerate().fold(0, |u, (i, &d)| u | usize::from(d) << (self.bits * i))
    }

    /// The point with these digits; 0 where there is none.
    pub(super) fn point(&self, digits: &[u8; G]) -> u16 {
        self.map.get(self.combination(digits)).map_or(0, |&p| p.max(0) as u16)
    }

    /// The point with these digits, or the points around them.
    #[inline(always)]
    pub(super) fn find(&self, digits: &[u8; G]) -> Result<u16, &[u16]> {
        let at = self.map[self.combination(digits)];
        if at >= 0 {
            return Ok(at as u16);
        }
        let start = (-1 - at) as usize;
        Err(&self.neighbours[start + 1..][..usize::from(self.neighbours[start])])
    }

    /// The digits of a point.
    #[inline(always)]
    pub(super) fn digits(&self, point: u16) -> &[u8; G] {
        &self.points[usize::from(point)]
    }

    /// Makes `digits` a point: if they are none, the neighbour with the least weighted error at this scale. True if they were.
    #[inline(always)]
    pub(super) fn snap(&self, digits: &mut [u8; G], x: &[f32], w: &[f32], scale: f32) -> bool {
        let Err(near) = self.find(digits) else { return true };
        let (mut best, mut found) = (f32::MAX, near.first().copied().unwrap_or(0));
        for &p in near {
            let mut error = 0f32;
            for (i, &digit) in self.digits(p).iter().enumerate() {
                let diff = scale * f32::from(2 * digit + 1) - x[i];
                error += w[i] * diff * diff;
            }
            if error < best {
                (best, found) = (error, p);
            }
        }
        *digits = *self.digits(found);
        false
    }
}
