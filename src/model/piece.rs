//! How tensors are cut for work in constant memory: runs of whole rows, or parts of a row that is too long for one piece.

use super::TensorEntry;
use std::ops::Range;

/// Parts of a row begin at multiples of this many elements: a multiple of every block length, so that each part is whole
/// blocks in every encoding. The longest blocks of ggml hold 256 elements.
pub(crate) const PART_ALIGN: u64 = 256;

/// A piece of a tensor: whole rows, or a part of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The rows; one when the piece is a part of a row.
    pub rows: Range<u64>,
    /// The elements of each row.
    pub cols: Range<u64>,
    /// Elements of a whole row.
    row_len: u64,
}

impl Piece {
    /// Whole rows of a tensor.
    pub fn rows(entry: &TensorEntry, rows: Range<u64>) -> Self {
        Self { rows, cols: 0..entry.cols(), row_len: entry.cols() }
    }

    /// A part of row `row` of a tensor.
    pub(crate) fn part(entry: &TensorEntry, row: u64, cols: Range<u64>) -> Self {
        Self { rows: row..row + 1, cols, row_len: entry.cols() }
    }

    /// Elements in the piece.
    pub(crate) fn elems(&self) -> u64 {
        (self.rows.end - self.rows.start).saturating_mul(self.width())
    }

    /// Elements of each row in the piece.
    pub(crate) fn width(&self) -> u64 {
        self.cols.end - self.cols.start
    }

    /// True if the piece is not whole rows.
    pub(crate) fn is_part(&self) -> bool {
        self.width() < self.row_len
    }

    /// Where in the tensor the piece begins, in elements.
    pub(crate) fn first_elem(&self) -> u64 {
        self.rows.start.saturating_mul(self.row_len).saturating_add(self.cols.start)
    }

    /// Row and column of element `i` of the piece.
    pub(crate) fn place(&self, i: usize) -> (u64, u64) {
        let (i, width) = (i as u64, self.width().max(1));
        (self.rows.start + i / width, self.cols.start + i % width)
    }

    /// The pieces of at most `most` elements that this one consists of, in order. Whole rows are cut only if `inside_rows` is
    /// set; without it a piece has at least one row.
    pub(crate) fn split(&self, most: u64, inside_rows: bool) -> impl Iterator<Item = Self> + use<> {
        let rows = self.rows.end - self.rows.start;
        let cut = if inside_rows || self.is_part() {
            Cut::new(rows, self.width(), most)
        } else {
            Cut::of_rows(rows, self.width(), most)
        };
        let Self { rows, cols, row_len } = self.clone();
        (0..cut.pieces()).map(move |k| {
            let (r, c) = cut.ranges(k);
            let within = |base: u64, range: Range<u64>| base + range.start..base + range.end;
            Self { rows: within(rows.start, r), cols: within(cols.start, c), row_len }
        })
    }
}

/// A tensor cut into pieces of at most a given number of elements: as many whole rows as that holds or, where it does not hold
/// one, parts of a row. Pieces are in the order of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    rows: u64,
    cols: u64,
    rows_each: u64,
    cols_each: u64,
}

impl Cut {
    /// Cuts `rows` rows of `cols` elements.
    pub(crate) fn new(rows: u64, cols: u64, most: u64) -> Self {
        let part = (most / PART_ALIGN * PART_ALIGN).max(PART_ALIGN);
        if cols <= part.max(most) {
            return Self::of_rows(rows, cols, most);
        }
        Self { rows, cols, rows_each: 1, cols_each: part }
    }

    /// Cuts between rows alone.
    fn of_rows(rows: u64, cols: u64, most: u64) -> Self {
        Self { rows, cols, rows_each: (most / cols.max(1)).clamp(1, rows.max(1)), cols_each: cols }
    }

    /// Cuts a tensor.
    pub(crate) fn of(entry: &TensorEntry, most: u64) -> Self {
        Self::new(entry.rows(), entry.cols(), most)
    }

    /// The same tensor in pieces that each join so many of these: whole rows, or parts of one row.
    #[must_use]
    pub(crate) fn times(self, pieces: u64) -> Self {
        let pieces = pieces.max(1);
        if self.within_rows() {
            return Self { cols_each: self.cols_each.saturating_mul(pieces).min(self.cols), ..self };
        }
        Self { rows_each: self.rows_each.saturating_mul(pieces).clamp(1, self.rows.max(1)), ..self }
    }

    /// The number of the piece that begins where `piece` begins: one of this cut, or one of a cut made from it with [`Cut::times`].
    pub(crate) fn number(&self, piece: &Piece) -> u64 {
        piece.rows.start / self.rows_each * self.parts() + piece.cols.start / self.cols_each.max(1)
    }

    /// True if pieces are parts of rows.
    pub(crate) fn within_rows(&self) -> bool {
        self.cols_each < self.cols
    }

    /// Number of pieces (saturating); none where there is no element but rows of none.
    pub(crate) fn pieces(&self) -> u64 {
        self.rows.div_ceil(self.rows_each).saturating_mul(self.parts())
    }

    /// Elements of the largest piece.
    pub(crate) fn largest(&self) -> u64 {
        self.rows_each.saturating_mul(self.cols_each)
    }

    /// Piece number `k` of `entry`, the tensor that was cut.
    pub(crate) fn piece(&self, k: u64) -> Piece {
        let (rows, cols) = self.ranges(k);
        Piece { rows, cols, row_len: self.cols }
    }

    fn parts(&self) -> u64 {
        self.cols.div_ceil(self.cols_each.max(1)).max(1)
    }

    fn ranges(&self, k: u64) -> (Range<u64>, Range<u64>) {
        let (row, part) = (k / self.parts() * self.rows_each, k % self.parts() * self.cols_each);
        (row..(row + self.rows_each).min(self.rows), part..(part + self.cols_each).min(self.cols))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::BlockType;

    #[test]
    fn parts_hold_whole_blocks_of_every_type() {
        for ty in BlockType::ALL {
            assert!(PART_ALIGN.is_multiple_of(ty.block_elems() as u64), "{ty}");
        }
    }

    #[test]
    fn joined_pieces_begin_where_one_of_their_own_does() {
        for (rows, cols, most, times) in
            [(7, 10, 30, 2), (1, 5000, 1024, 3), (3, 2600, 512, 4), (5, 4, 100, 9), (2, 300, 256, 1)]
        {
            let fine = Cut::new(rows, cols, most);
            let joined = fine.times(times);
            let mut next = 0;
            for k in 0..joined.pieces() {
                let piece = joined.piece(k);
                assert_eq!(fine.number(&piece), next, "{rows}x{cols}, piece {k}");
                next += piece.elems().div_ceil(fine.largest());
            }
            assert_eq!(next, fine.pieces(), "{rows}x{cols}");
        }
    }

    #[test]
    fn pieces_tile_the_tensor_in_order_and_are_no_larger_than_asked() {
        for (rows, cols, most) in
            [(1, 1, 9), (7, 32, 100), (3, 1000, 512), (1, 1 << 34, 1 << 18), (5, 0, 8), (0, 4, 8), (2, 300, 10)]
        {
            let cut = Cut::new(rows, cols, most);
            let mut next = 0;
            let few = cut.pieces() < 1000;
            for k in (0..cut.pieces()).filter(|k| few || *k < 3 || *k + 3 > cut.pieces()) {
                let piece = cut.piece(k);
                assert!(piece.elems() <= most.max(PART_ALIGN) && piece.elems() <= cut.largest(), "{piece:?}");
                assert_eq!(piece.is_part(), cut.within_rows());
                assert!(!few || piece.first_elem() == next, "{piece:?}");
                next = piece.first_elem() + piece.elems();
                assert!(cols == 0 || piece.place(0) == (piece.rows.start, piece.cols.start));
            }
            assert_eq!(next, rows * cols, "{cut:?}");
        }
    }

    #[test]
    fn a_piece_is_split_in_the_order_of_its_elements() {
        for (rows, cols, most, then) in [(8, 100, 800, 250), (1, 4096, 1024, 512), (1, 4096, 4096, 300)] {
            let piece = Cut::new(rows, cols, most).piece(0);
            let mut next = piece.first_elem();
            for sub in piece.split(then, true) {
                assert_eq!(sub.first_elem(), next);
                next += sub.elems();
            }
            assert_eq!(next, piece.first_elem() + piece.elems());
        }
        let rows: Vec<_> = Cut::new(3, 1000, 4000).piece(0).split(10, false).map(|p| p.cols.end).collect();
        assert_eq!(rows, [1000; 3], "rows stay whole where that is asked for");
    }
}
