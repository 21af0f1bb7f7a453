//! The two file forms of importance matrices.
//!
//! Layouts: llama.cpp's `common/imatrix-loader.cpp`. GGUF form: per tensor `NAME.in_sum2` \[experts, columns\] and
//! `NAME.counts` \[experts, 1\], both `f32`; the value is the quotient, 1 for an expert that was never called. Legacy `.dat` form
//! (little-endian): i32 entries, each {i32 name length, name, i32 calls, i32 values, f32 × values}, then optionally i32 chunks
//! and {i32 length, data set name}; the value is the stored one divided by the calls.

use super::{AGAIN, Imatrix, MAX_BYTES, UnreachedMatrices};
use crate::model::{MetaArray, MetaValue, Model, ModelError, Piece, Result, TensorEntry, decode_piece};
use indexmap::IndexMap;
use std::collections::{BTreeMap, HashMap};

/// Elements read at a time.
const READ_ELEMS: u64 = 256 << 10;

/// Longest name or data set accepted, bytes; real ones are under 200.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// Sums and counts as a file has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawMatrix {
    /// By tensor name, sorted.
    pub entries: BTreeMap<String, RawEntry>,
    /// The data sets it was made from.
    pub datasets: Vec<String>,
    /// Chunks of text it was made from, if the file says it.
    pub chunks: u32,
    /// Tokens of a chunk; `None` in the legacy form, which counts calls, not tokens.
    pub chunk_size: Option<u32>,
}

/// Sums and counts of one tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawEntry {
    /// Sums of squares: columns × matrices, matrix by matrix.
    pub sums: Vec<f32>,
    /// Tokens (or calls) of each matrix; at least one. The number of sums is a multiple of their number.
    pub counts: Vec<u64>,
}

impl Imatrix {
    /// From an opened GGUF file written by llama-imatrix. `file` is the name to store.
    ///
    /// # Errors
    /// Not an imatrix; sums without counts; shapes that disagree; I/O.
    pub fn from_model(model: &Model, file: &str) -> Result<Self> {
        let raw = RawMatrix::from_model(model)?;
        let (mut entries, mut unseen) = (IndexMap::new(), IndexMap::new());
        for (name, entry) in raw.entries {
            let (values, experts) = means(entry, &name)?;
            if experts.unseen > 0 {
                unseen.insert(name.clone(), experts);
            }
            entries.insert(name, values);
        }
        let mut imatrix = Self::from_entries(entries)?;
        imatrix.file = file.to_owned();
        imatrix.dataset = raw.datasets.into_iter().next();
        imatrix.chunks = raw.chunks;
        imatrix.unseen = unseen;
        Ok(imatrix)
    }

    /// From the bytes of a legacy `.dat` file. `file` is the name to store.
    ///
    /// # Errors
    /// Lengths that are negative or exceed the file; values that are not finite.
    pub(crate) fn parse_dat(bytes: &[u8], file: &str) -> Result<Self> {
        let raw = RawMatrix::parse_dat(bytes)?;
        let mut entries = IndexMap::new();
        for (name, entry) in raw.entries {
            let calls = entry.counts.first().copied().unwrap_or(1);
            let scale = calls as f32;
            let mut values = entry.sums;
            values.iter_mut().for_each(|v| *v /= scale);
            not_all_zero(&values, &format!("{calls} calls")).map_err(|e| e.field(&name))?;
            entries.insert(name, values);
        }
        let mut imatrix = Self::from_entries(entries)?;
        imatrix.file = file.to_owned();
        imatrix.chunks = raw.chunks;
        imatrix.dataset = raw.datasets.into_iter().next();
        Ok(imatrix)
    }
}

impl RawMatrix {
    /// From an opened GGUF file written by llama-imatrix.
    ///
    /// # Errors
    /// Not an imatrix; sums without counts; counts that are no numbers of tokens; shapes that disagree; I/O.
    pub(crate) fn from_model(model: &Model) -> Result<Self> {
        let key = |k: &str| model.metadata.get(k).ok_or_else(|| not_an_imatrix(&format!("{k} is missing")));
        let number = |v: &MetaValue| v.as_u64().and_then(|v| u32::try_from(v).ok());
        let datasets = match key("imatrix.datasets")? {
            MetaValue::Array(MetaArray::Str(v)) => v.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect(),
            _ => Vec::new(),
        };
        let chunks = number(key("imatrix.chunk_count")?).unwrap_or(0);
        let chunk_size = number(key("imatrix.chunk_size")?);
        if model.tensor_bytes() > MAX_BYTES {
            let what = format!("it has {} bytes, more than any importance matrix", model.tensor_bytes());
            return Err(ModelError::limit(what));
        }
        let by_name: HashMap<&str, &TensorEntry> = model.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        let mut entries = BTreeMap::new();
        for sums in &model.tensors {
            let Some(name) = sums.name.strip_suffix(".in_sum2") else { continue };
            let counts = *by_name
                .get(format!("{name}.counts").as_str())
                .ok_or_else(|| ModelError::bad("sums without counts").field(&sums.name))?;
            entries.insert(name.to_owned(), raw_entry(sums, counts)?);
        }
        if entries.is_empty() {
            return Err(not_an_imatrix("it has no sums"));
        }
        Ok(Self { entries, datasets, chunks, chunk_size })
    }

    /// From the bytes of a legacy `.dat` file. The sums are those of as many tokens as the counts have calls.
    ///
    /// # Errors
    /// Lengths that are negative or exceed the file; calls that are not positive.
    pub(crate) fn parse_dat(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader { bytes, at: 0 };
        let n = r.count("entries")?;
        let mut entries = BTreeMap::new();
        // The form has no magic number: a file that does not begin with the name of a tensor is taken for another kind of file.
        if n > 0 && !r.begins_with_a_name() {
            return Err(not_an_imatrix("it is not GGUF and does not begin as the legacy form does"));
        }
        for _ in 0..n {
            let name = r.text()?;
            let calls = r.int()?;
            let n = r.count("values")?;
            if n == 0 {
                return Err(r.bad("an entry without values").field(name));
            }
            let raw = r.take(n.saturating_mul(4))?;
            let Some(calls) = u64::try_from(calls).ok().filter(|c| *c > 0) else {
                return Err(r.bad(&format!("an entry of {calls} calls")).field(name).with_hint(AGAIN));
            };
            let sums = raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            entries.insert(name, RawEntry { sums, counts: vec![calls] });
        }
        if entries.is_empty() {
            return Err(r.bad("no entries"));
        }
        let mut matrix = Self { entries, ..Self::default() };
        if r.at < bytes.len() {
            matrix.chunks = u32::try_from(r.int()?).unwrap_or(0);
            if r.at < bytes.len() {
                matrix.datasets.extend(Some(r.text()?).filter(|s| !s.is_empty()));
            }
        }
        Ok(matrix)
    }
}

/// The sums and counts of a tensor, checked against each other.
fn raw_entry(sums: &TensorEntry, counts: &TensorEntry) -> Result<RawEntry> {
    let (n_sums, n_counts) = (sums.shape.elems(), counts.shape.elems());
    let (Some(n_sums), Some(n_counts @ 1..)) = (n_sums, n_counts) else {
        return Err(ModelError::bad("no counts").field(&counts.name));
    };
    if n_sums % n_counts != 0 {
        return Err(ModelError::bad(format!("{n_sums} sums for {n_counts} counts")).field(&sums.name));
    }
    let count = |(n, count): (usize, f32)| {
        if !count.is_finite() || count < 0.0 {
            let what = format!("count {n} is {count}, which is not a number of tokens");
            return Err(ModelError::bad(what).field(&counts.name).with_hint(AGAIN));
        }
        // Counts are whole numbers stored as floats; the reference rounds them.
        Ok(count.round() as u64)
    };
    let counts = read_floats(counts)?.into_iter().enumerate().map(count).collect::<Result<_>>()?;
    Ok(RawEntry { sums: read_floats(sums)?, counts })
}

/// The mean of the squared activations of each column, from their sums and the counts of tokens.
fn means(entry: RawEntry, name: &str) -> Result<(Vec<f32>, UnreachedMatrices)> {
    let RawEntry { sums: mut values, counts } = entry;
    let columns = values.len() / counts.len().max(1);
    let mut experts = UnreachedMatrices { unseen: 0, of: counts.len() };
    for (n, (expert, count)) in values.chunks_mut(columns.max(1)).zip(&counts).enumerate() {
        if *count > 0 {
            let of = match counts.len() {
                1 => format!("{count} tokens"),
                _ => format!("matrix {n}, which has {count} tokens"),
            };
            not_all_zero(expert, &of).map_err(|e| e.field(format!("{name}.in_sum2")))?;
        }
        // An expert that no token reached, which llama-imatrix writes with zeros.
        experts.unseen += usize::from(*count == 0);
        expert.iter_mut().for_each(|v| *v = if *count > 0 { *v / *count as f32 } else { 1.0 });
    }
    Ok((values, experts))
}

/// Refuses values that are all zero: no input of a layer is zero in every column, and a quantizer cannot use weights of zero.
fn not_all_zero(values: &[f32], of: &str) -> Result<()> {
    if values.iter().any(|v| *v != 0.0) {
        return Ok(());
    }
    Err(ModelError::bad(format!("all importance values of {of} are zero")).with_hint(AGAIN))
}

fn not_an_imatrix(why: &str) -> ModelError {
    ModelError::bad(format!("not an importance matrix: {why}"))
        .with_hint("Pass the file that `remold imatrix` or llama-imatrix wrote, with its metadata.")
}

fn read_floats(entry: &TensorEntry) -> Result<Vec<f32>> {
    if entry.encoding != crate::tensor::DType::F32.into() {
        return Err(ModelError::bad(format!("{} instead of f32", entry.encoding)).field(&entry.name));
    }
    // The reader has checked that the file holds these bytes, and the caller how many there are.
    let mut out = vec![0f32; usize::try_from(entry.shape.elems().unwrap_or(0)).unwrap_or(0)];
    let (mut scratch, mut rest) = (Vec::new(), &mut out[..]);
    for piece in Piece::rows(entry, 0..entry.rows()).split(READ_ELEMS, true) {
        let (now, later) = rest.split_at_mut(usize::try_from(piece.elems()).unwrap_or(usize::MAX).min(rest.len()));
        decode_piece(entry, &piece, &mut scratch, now)?;
        rest = later;
    }
    Ok(out)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bad(&self, what: &str) -> ModelError {
        ModelError::bad(format!("{what} in a legacy importance matrix")).at(self.at as u64)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let left = self.bytes.len() - self.at;
        let Some(taken) = self.bytes[self.at..].get(..n) else {
            return Err(self.bad(&format!("{n} bytes needed, {left} left")));
        };
        self.at += n;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32> {
        let b = self.take(4)?;
        Ok(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn count(&mut self, what: &str) -> Result<usize> {
        usize::try_from(self.int()?).map_err(|_| self.bad(&format!("a negative number of {what}")))
    }

    /// True if a length and so many printable characters come next.
    fn begins_with_a_name(&self) -> bool {
        let rest = &self.bytes[self.at..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return false };
        let length = usize::try_from(i32::from_le_bytes(*length)).ok().filter(|n| (1..=MAX_TEXT_BYTES).contains(n));
        let name = length.and_then(|n| rest.get(..n));
        name.is_some_and(|name| str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control)))
    }

    fn text(&mut self) -> Result<String> {
        let n = self.count("characters")?;
        if n > MAX_TEXT_BYTES {
            return Err(self.bad(&format!("a name of {n} bytes")));
        }
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::transform::llama_quantize::golden_tests::{fake_model, golden};

    #[test]
    fn the_legacy_file_of_llama_imatrix_opens() {
        let Some(path) = golden("imatrix/tiny-llama.imatrix.dat") else { return };
        let bytes = std::fs::read(path).unwrap();
        let m = Imatrix::parse_dat(&bytes, "x.dat").unwrap();
        assert_eq!((m.entries.len(), m.chunks, m.dataset.as_deref()), (28, 37, Some("calib.txt")));
        assert_eq!(m.get("blk.0.ffn_down.weight").map(<[f32]>::len), Some(768));
        assert_eq!(m.columns_of_row("blk.0.ffn_down.weight", 768, 256, 255).map(<[f32]>::len), Some(768));
        assert_eq!(m.columns_of_row("blk.0.ffn_down.weight", 768, 256, 256), None);
        // A truncated file is refused, or it lost only the optional end.
        for cut in (0..bytes.len()).step_by(97) {
            if let Ok(part) = Imatrix::parse_dat(&bytes[..cut], "x.dat") {
                assert_eq!(part.entries, m.entries);
            }
        }
    }

    fn imatrix_model(counts: &[f32]) -> Model {
        let sums = MemoryRows::f32_vector("blk.0.ffn_up_exps.weight.in_sum2", &[2.0, 4.0, 8.0, 0.5]);
        let mut metadata = crate::model::Metadata::new();
        metadata.insert("imatrix.datasets".into(), MetaArray::Str(vec![b"a.txt".to_vec(), b"b.txt".to_vec()]).into());
        metadata.insert("imatrix.chunk_count".into(), 3u32.into());
        metadata.insert("imatrix.chunk_size".into(), 512u32.into());
        let tensors = vec![sums, MemoryRows::f32_vector("blk.0.ffn_up_exps.weight.counts", counts)];
        let mut model = fake_model(metadata, Vec::new());
        model.tensors = tensors;
        model
    }

    #[test]
    fn a_gguf_matrix_is_sums_over_counts_and_one_for_unseen_experts() {
        let m = Imatrix::from_model(&imatrix_model(&[4.0, 0.0]), "m.gguf").unwrap();
        assert_eq!(m.get("blk.0.ffn_up_exps.weight"), Some(&[0.5, 1.0, 1.0, 1.0][..]));
        assert_eq!((m.file.as_str(), m.dataset.as_deref(), m.chunks), ("m.gguf", Some("a.txt"), 3));
        assert_eq!(m.columns_of_row("blk.0.ffn_up_exps.weight", 2, 10, 10), Some(&[1.0, 1.0][..]));
        assert_eq!(m.unseen["blk.0.ffn_up_exps.weight"], UnreachedMatrices { unseen: 1, of: 2 });
        assert!(Imatrix::from_model(&imatrix_model(&[1.0, 1.0, 1.0]), "").is_err());
        let mut without = imatrix_model(&[1.0]);
        without.metadata.shift_remove("imatrix.chunk_size");
        assert!(Imatrix::from_model(&without, "").is_err());
        let mut unpaired = imatrix_model(&[1.0]);
        unpaired.tensors.pop();
        assert!(Imatrix::from_model(&unpaired, "").is_err());
    }

    #[test]
    fn values_and_counts_that_no_program_computes_are_refused() {
        let refused = |model: &Model, want: &str| {
            let e = Imatrix::from_model(model, "").unwrap_err().to_string();
            assert!(e.contains("blk.0.ffn_up_exps.weight") && e.contains(want), "{want}: {e}");
        };
        for (count, want) in [(-5.0, "-5"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            refused(&imatrix_model(&[4.0, count]), want);
        }
        let name = "blk.0.ffn_up_exps.weight.in_sum2";
        for (sums, want) in [
            ([2.0, -4.0, 8.0, 0.5], "-1"),
            ([2.0, f32::NAN, 8.0, 0.5], "NaN"),
            ([2.0, f32::INFINITY, 8.0, 0.5], "inf"),
            ([0.0, 0.0, 8.0, 0.5], "zero"),
        ] {
            let mut model = imatrix_model(&[4.0, 2.0]);
            model.tensors[0] = MemoryRows::f32_vector(name, &sums);
            refused(&model, want);
        }
        // What llama-imatrix writes for experts that no token reached.
        let mut model = imatrix_model(&[4.0, 0.0]);
        model.tensors[0] = MemoryRows::f32_vector(name, &[2.0, 4.0, 0.0, 0.0]);
        assert_eq!(
            Imatrix::from_model(&model, "").unwrap().get("blk.0.ffn_up_exps.weight"),
            Some(&[0.5, 1.0, 1.0, 1.0][..])
        );

        let dat = |calls: i32, values: [f32; 2]| {
            let mut bytes = 1i32.to_le_bytes().to_vec();
            bytes.extend([1i32.to_le_bytes(), (b'w' as i32).to_le_bytes()].concat()[..5].iter());
            bytes.extend([calls.to_le_bytes(), 2i32.to_le_bytes()].concat());
            values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
            Imatrix::parse_dat(&bytes, "")
        };
        assert_eq!(dat(2, [1.0, 4.0]).unwrap().get("w"), Some(&[0.5, 2.0][..]));
        for (calls, values) in
            [(0, [1.0, 4.0]), (-5, [1.0, 4.0]), (2, [0.0, 0.0]), (2, [-1.0, 1.0]), (2, [f32::NAN, 1.0])]
        {
            let e = dat(calls, values).unwrap_err().to_string();
            assert!(e.starts_with("w: "), "{calls} {values:?}: {e}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_legacy_reader_panic(bytes in proptest::collection::vec(0u8..=255, 0..200), n in 0i32..9) {
            let mut with_count = n.to_le_bytes().to_vec();
            with_count.extend(&bytes);
            let _ = Imatrix::parse_dat(&bytes, "");
            let _ = Imatrix::parse_dat(&with_count, "");
        }
    }
}
