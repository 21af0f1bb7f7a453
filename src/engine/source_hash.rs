//! Hashes of source tensors, computed from the bytes that are read for the conversion anyway.
//!
//! What is hashed are the bytes that are handed to the encoder: the rows of the source tensor in the encoding and the order in which the output
//! takes them. They are hashed in pieces ([`plan::hash_cut`]: as many whole rows as 262144 elements hold or, where they do not hold one,
//! parts of a row), each with XXH3-128. A tensor of one piece has the hash of that piece; a tensor of several has the XXH3-128 of their hashes
//! in order, 16 bytes each, in the canonical (big-endian) form. So the value depends on the tensor alone, not on threads or on the outputs.

use super::work::Work;
use crate::model::{Piece, TensorEntry};
use crate::plan::{self, Prepared};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::atomic::{AtomicU64, Ordering};
use twox_hash::XxHash3_128;

/// A hash of 128 bits, as 32 hexadecimal digits in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hash128(pub [u8; 16]);

impl Hash128 {
    /// XXH3-128 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(bytes).to_be_bytes())
    }

    /// As text.
    pub fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// From text.
    fn parse(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32 && !text.starts_with('+'))?;
        Some(Self(number.to_be_bytes()))
    }
}

impl Serialize for Hash128 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Hash128 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a hash of 32 hexadecimal digits"))
    }
}

/// The hash of a source tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceHash {
    /// Of the whole tensor.
    pub whole: Hash128,
    /// Those of its pieces, where there are several. A million tensors have this field, and it is nearly always absent.
    #[allow(
        clippy::box_collection,
        reason = "most tensors have no pieces, and a box takes a third of the room of a vector"
    )]
    pub pieces: Option<Box<Vec<Hash128>>>,
}

impl SourceHash {
    /// From the hashes of all pieces, in order. `None` where there is no piece.
    pub(crate) fn of_pieces(pieces: Vec<Hash128>) -> Option<Self> {
        match pieces.as_slice() {
            [] => None,
            [one] => Some(Self { whole: *one, pieces: None }),
            several => {
                let bytes: Vec<u8> = several.iter().flat_map(|h| h.0).collect();
                Some(Self { whole: Hash128::of(&bytes), pieces: Some(Box::new(pieces)) })
            }
        }
    }

    /// The hash that piece number `k` has.
    pub(crate) fn piece(&self, k: usize) -> Option<&Hash128> {
        match &self.pieces {
            Some(pieces) => pieces.get(k),
            None => (k == 0).then_some(&self.whole),
        }
    }
}

/// Calls `take` with the number and the hash of each piece that `raw`, the bytes of `piece` of `entry`, consists of.
pub(crate) fn hash_pieces(entry: &TensorEntry, piece: &Piece, raw: &[u8], mut take: impl FnMut(usize, Hash128)) {
    let cut = plan::hash_cut(entry);
    let (elems, bytes) = entry.encoding.unit();
    let step = usize::try_from(cut.largest() / elems.max(1) * bytes).unwrap_or(usize::MAX).max(1);
    let first = usize::try_from(cut.number(piece)).unwrap_or(usize::MAX);
    for (i, part) in raw.chunks(step).enumerate() {
        take(first.saturating_add(i), Hash128::of(part));
    }
}

/// The hashes of the pieces of all source tensors that are read in a run. Each is written once.
#[derive(Debug)]
pub(crate) struct SourceHashes {
    /// By group, the number of its first piece; one more at the end.
    first: Vec<u32>,
    pieces: Vec<[AtomicU64; 2]>,
}

impl SourceHashes {
    /// Room for the pieces of everything in `work`.
    pub(crate) fn new(prepared: &Prepared, work: &Work) -> Self {
        let (mut first, mut all) = (Vec::with_capacity(work.groups() + 1), 0u32);
        for group in 0..work.groups() {
            first.push(all);
            let pieces = work.source(prepared, group).map_or(0, |entry| plan::hash_cut(entry).pieces());
            all = all.saturating_add(u32::try_from(pieces).unwrap_or(u32::MAX));
        }
        first.push(all);
        Self { first, pieces: (0..all).map(|_| Default::default()).collect() }
    }

    /// Hashes `raw`, the bytes of `piece` of `entry`, which is the source of this group.
    pub(crate) fn note(&self, group: usize, entry: &TensorEntry, piece: &Piece, raw: &[u8]) {
        let Some(first) = self.first.get(group) else { return };
        hash_pieces(entry, piece, raw, |k, hash| {
            let Some(place) = self.pieces.get((*first as usize).saturating_add(k)) else { return };
            let (high, low) = hash.0.split_at(8);
            let number = |b: &[u8]| b.try_into().map_or(0, u64::from_be_bytes);
            place[0].store(number(high), Ordering::Relaxed);
            place[1].store(number(low), Ordering::Relaxed);
        });
    }

    /// The hash of a group's source, all of whose chunks were read.
    pub(crate) fn of(&self, group: usize) -> Option<SourceHash> {
        let (from, to) = (*self.first.get(group)?, *self.first.get(group + 1)?);
        let hash = |place: &[AtomicU64; 2]| {
            let number = |n: &AtomicU64| u128::from(n.load(Ordering::Relaxed));
            Hash128((number(&place[0]) << 64 | number(&place[1])).to_be_bytes())
        };
        SourceHash::of_pieces(self.pieces.get(from as usize..to as usize)?.iter().map(hash).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn the_value_is_that_of_the_reference() {
        // `printf abc | xxhsum -H2` of xxHash 0.8.2.
        assert_eq!(Hash128::of(b"abc").hex(), "06b05ab6733a618578af5f94892f3950");
        let hash = Hash128::of(b"");
        assert_eq!(hash.hex(), "99aa06d3014798d86001c324468d497f");
        let text = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<Hash128>(&text).unwrap(), hash);
        for bad in ["", "99aa", "zzaa06d3014798d86001c324468d497f", "+9aa06d3014798d86001c324468d497f"] {
            assert!(serde_json::from_str::<Hash128>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_chunk_of_several_pieces_gives_the_hashes_of_each() {
        let values: Vec<f32> = (0..300_000).map(|i| i as f32).collect();
        let entry = MemoryRows::f32_vector("t", &values);
        let cut = plan::hash_cut(&entry);
        assert_eq!(cut.pieces(), 2);
        let all = cut.times(2).piece(0);
        let mut raw = Vec::new();
        entry.read_piece(&all, &mut raw).unwrap();
        let mut joined = Vec::new();
        hash_pieces(&entry, &all, &raw, |k, hash| joined.push((k, hash)));
        let mut single = Vec::new();
        for k in 0..2 {
            entry.read_piece(&cut.piece(k), &mut raw).unwrap();
            hash_pieces(&entry, &cut.piece(k), &raw, |k, hash| single.push((k, hash)));
        }
        assert_eq!(joined, single);
        let pieces: Vec<Hash128> = single.into_iter().map(|(_, h)| h).collect();
        let hash = SourceHash::of_pieces(pieces.clone()).unwrap();
        assert_eq!(hash.whole, Hash128::of(&[pieces[0].0, pieces[1].0].concat()));
        assert_eq!(hash.piece(1), Some(&pieces[1]));
    }
}
