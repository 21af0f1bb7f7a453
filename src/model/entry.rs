//! One tensor: its name, shape, encoding and lazy data.

use super::{Name, Piece, Result, Role, TensorClass};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Produces any range of a tensor's rows, as bytes in the entry's encoding. Implementations are cheap to share and safe to
/// call from many threads at once.
pub trait TensorData: Send + Sync {
    /// Fills `dst` with rows `rows` (`dst.len()` is their exact encoded size).
    ///
    /// # Errors
    /// I/O errors and files that changed or ended early, naming the file and the place.
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()>;

    /// Fills `dst` with the bytes `bytes` of row `row`, counted from the beginning of the encoded row. Both ends are between two
    /// blocks of the encoding. Takes no more memory than `dst` and a constant, however long the row is.
    ///
    /// # Errors
    /// As [`TensorData::read_rows`].
    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()>;

    /// The matrix that this is the transpose of, if it is a view of one: who needs columns reads its rows.
    fn transpose_of(&self) -> Option<&TensorEntry> {
        None
    }

    /// The file that contains the rows, if it is a single one; views and generated tensors have none.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// The offset of the first row in [`TensorData::file`], if the rows are there one after the other in the encoding of the entry.
    fn offset(&self) -> Option<u64> {
        None
    }
}

/// A named tensor whose data is produced on demand.
#[derive(Clone)]
pub struct TensorEntry {
    /// The name in its ecosystem.
    pub name: Name,
    /// Dimensions, outermost first.
    pub shape: Shape,
    /// How the elements are encoded.
    pub encoding: Encoding,
    /// The rows.
    pub data: Arc<dyn TensorData>,
    /// Identity of the storage behind it: two entries with the same value are tied (share memory in the checkpoint).
    pub storage: Option<u64>,
    /// Its role, layer and kind. Those of a tensor that nothing has identified until `arch::identify` sets them.
    pub class: TensorClass,
}

impl TensorEntry {
    /// An entry without a storage identity that was not identified.
    pub fn new(
        name: impl Into<Name>,
        shape: impl Into<Shape>,
        encoding: impl Into<Encoding>,
        data: Arc<dyn TensorData>,
    ) -> Self {
        let class = TensorClass::default();
        Self { name: name.into(), shape: shape.into(), encoding: encoding.into(), data, storage: None, class }
    }

    /// The same tensor under another name, which has to be identified again.
    #[must_use]
    pub fn renamed(&self, name: impl Into<Name>) -> Self {
        Self { name: name.into(), class: TensorClass::default(), ..self.clone() }
    }

    /// The same tensor under the name of another one, with its class.
    #[must_use]
    pub(crate) fn named_like(&self, other: &Self) -> Self {
        Self { name: other.name.clone(), class: other.class, ..self.clone() }
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        self.class.role
    }

    /// The layer it belongs to.
    pub fn layer(&self) -> Option<u32> {
        self.class.layer
    }

    /// The name of its kind: that of its [`TensorKind`](super::TensorKind), or its own name without layer and suffix. The whole name
    /// for a tensor that was not identified.
    pub fn kind(&self) -> &str {
        if let Some(kind) = self.class.kind {
            return kind.name();
        }
        let (from, to) = self.class.stem;
        self.name.get(usize::from(from)..usize::from(to).min(self.name.len())).unwrap_or(&self.name)
    }

    /// Elements of one row.
    pub fn cols(&self) -> u64 {
        self.shape.cols()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.shape.rows()
    }

    /// Matrices stacked in one tensor, as the experts of a mixture are: the third dimension from inside; 1 for a plain matrix.
    pub(crate) fn stacked(&self) -> u64 {
        self.shape.0.iter().rev().nth(2).copied().unwrap_or(1)
    }

    /// Encoded bytes of one row; 0 if the row is not a multiple of the block length (readers refuse such tensors).
    pub(crate) fn row_bytes(&self) -> u64 {
        self.encoding.row_bytes(self.cols()).unwrap_or(0)
    }

    /// Encoded bytes of the whole tensor.
    pub fn bytes(&self) -> u64 {
        self.encoding.tensor_bytes(&self.shape).unwrap_or(0)
    }

    /// Encoded bytes of a piece.
    pub(crate) fn piece_bytes(&self, piece: &Piece) -> u64 {
        self.encoding.row_bytes(piece.width()).unwrap_or(0).saturating_mul(piece.rows.end - piece.rows.start)
    }

    /// Fills `dst`, which it brings to the right length, with a piece.
    ///
    /// # Errors
    /// As [`TensorData::read_rows`].
    pub(crate) fn read_piece(&self, piece: &Piece, dst: &mut Vec<u8>) -> Result<()> {
        dst.resize(usize::try_from(self.piece_bytes(piece)).unwrap_or(usize::MAX), 0);
        if !piece.is_part() {
            return self.data.read_rows(piece.rows.clone(), dst);
        }
        let start = self.encoding.row_bytes(piece.cols.start).unwrap_or(0);
        self.data.read_part(piece.rows.start, start..start + dst.len() as u64, dst)
    }

    /// Reads a range of rows into a fresh buffer. For small tensors and tests; writers reuse their buffers.
    ///
    /// # Errors
    /// As [`TensorData::read_rows`].
    pub fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        let len = (rows.end - rows.start).saturating_mul(self.row_bytes());
        let mut out = vec![0u8; usize::try_from(len).unwrap_or(usize::MAX)];
        self.data.read_rows(rows, &mut out)?;
        Ok(out)
    }

    /// Reads the whole tensor into a fresh buffer. For small tensors and tests.
    ///
    /// # Errors
    /// As [`TensorData::read_rows`].
    pub fn read_all(&self) -> Result<Vec<u8>> {
        self.read(0..self.rows())
    }
}

impl fmt::Debug for TensorEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} [{}]", self.name, self.encoding, self.shape)
    }
}
