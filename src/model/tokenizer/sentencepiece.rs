//! `tokenizer.model`: SentencePiece's `ModelProto`
//! (fields: <https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto>).

use super::wire::{Reader, Value, Writer};
use super::{MAX_VOCAB, charsmap};
use crate::model::{ModelError, Result};
use std::collections::HashSet;

/// What a piece is for (`ModelProto.SentencePiece.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "names of the format")]
pub(crate) enum PieceType {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

impl PieceType {
    fn from_code(code: u64) -> Option<Self> {
        [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte]
            .into_iter()
            .find(|t| *t as u64 == code)
    }
}

/// One entry of the vocabulary; its index is its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// The text, as bytes; UTF-8 in every file that SentencePiece itself writes.
    pub text: Vec<u8>,
    /// Log probability (unigram) or minus the merge rank (BPE).
    pub score: f32,
    /// What it is for.
    pub kind: PieceType,
}

/// The algorithm (`TrainerSpec.ModelType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "names of the format")]
pub(crate) enum ModelType {
    #[default]
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Char = 4,
}

/// What remold uses of a SentencePiece model. Unknown fields are skipped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SentencePieceModel {
    /// The vocabulary.
    pub pieces: Vec<Piece>,
    /// The algorithm.
    pub model_type: ModelType,
    /// Unknown characters are spelled with the byte pieces.
    pub byte_fallback: bool,
    /// A space is put before the text.
    pub add_dummy_prefix: bool,
    /// Runs of spaces are joined, spaces at the ends removed.
    pub remove_extra_whitespaces: bool,
    /// The compiled normalisation rules; empty for identity.
    pub precompiled_charsmap: Vec<u8>,
    /// Ids in the trainer specification: unknown, begin, end, padding; −1 where there is none.
    pub special_ids: [i32; 4],
}

impl Default for SentencePieceModel {
    /// The defaults of the format.
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            model_type: ModelType::Unigram,
            byte_fallback: false,
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
            precompiled_charsmap: Vec::new(),
            special_ids: [0, 1, 2, -1],
        }
    }
}

impl SentencePieceModel {
    /// Parses a `tokenizer.model`.
    ///
    /// # Errors
    /// When the bytes are not a protobuf message, a piece is empty, defined twice, of an unknown type or not UTF-8, a score is not finite,
    /// there is not exactly one unknown piece, the byte pieces are not those of byte fallback, or the normalization rules are damaged:
    /// what SentencePiece itself refuses or cannot use.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut out = Self::default();
        let mut reader = Reader::new(bytes, 0);
        while let Some((field, value)) = reader.next()? {
            let Value::Bytes(body) = value else { continue };
            let base = reader.offset() - body.len() as u64;
            match field {
                1 => {
                    if out.pieces.len() == MAX_VOCAB {
                        return Err(ModelError::limit(format!("more than {MAX_VOCAB} pieces")).at(base));
                    }
                    let piece =
                        parse_piece(body, base).map_err(|e| e.field(format!("pieces[{}]", out.pieces.len())))?;
                    out.pieces.push(piece);
                }
                2 => out.parse_trainer(body, base)?,
                3 => out.parse_normalizer(body, base)?,
                _ => {}
            }
        }
        out.check()?;
        Ok(out)
    }

    fn parse_trainer(&mut self, body: &[u8], base: u64) -> Result<()> {
        let mut reader = Reader::new(body, base);
        while let Some((field, value)) = reader.next()? {
            let Value::Varint(v) = value else { continue };
            match field {
                3 => {
                    self.model_type = match v {
                        2 => ModelType::Bpe,
                        3 => ModelType::Word,
                        4 => ModelType::Char,
                        _ => ModelType::Unigram,
                    }
                }
                35 => self.byte_fallback = v != 0,
                40..=43 => self.special_ids[field as usize - 40] = v as i32,
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_normalizer(&mut self, body: &[u8], base: u64) -> Result<()> {
        let mut reader = Reader::new(body, base);
        while let Some((field, value)) = reader.next()? {
            match (field, value) {
                (2, Value::Bytes(map)) => self.precompiled_charsmap = map.to_vec(),
                (3, Value::Varint(v)) => self.add_dummy_prefix = v != 0,
                (4, Value::Varint(v)) => self.remove_extra_whitespaces = v != 0,
                _ => {}
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.pieces.is_empty() {
            return Err(ModelError::bad("not a SentencePiece model: it has no pieces"));
        }
        let mut seen = HashSet::with_capacity(self.pieces.len());
        for (id, piece) in self.pieces.iter().enumerate() {
            if !seen.insert(piece.text.as_slice()) {
                let text = String::from_utf8_lossy(&piece.text);
                return Err(
                    ModelError::bad(format!("the piece {text:?} is defined twice")).field(format!("pieces[{id}]"))
                );
            }
        }
        match self.pieces.iter().filter(|p| p.kind == PieceType::Unknown).count() {
            1 => {}
            n => return Err(ModelError::bad(format!("{n} unknown pieces, but there must be exactly one"))),
        }
        self.check_bytes()?;
        if !charsmap::is_sound(&self.precompiled_charsmap) {
            let error = ModelError::bad("the compiled normalization rules are damaged");
            return Err(error.field("normalizer_spec.precompiled_charsmap"));
        }
        Ok(())
    }

    /// The pieces of byte fallback: all 256 of them with it, none without (`ModelInterface::InitializePieces`, model_interface.cc).
    fn check_bytes(&self) -> Result<()> {
        let mut found = [false; 256];
        for (id, piece) in self.pieces.iter().enumerate().filter(|(_, p)| p.kind == PieceType::Byte) {
            let text = String::from_utf8_lossy(&piece.text);
            let what = match byte_of(&text) {
                Some(byte) if self.byte_fallback => {
                    found[usize::from(byte)] = true;
                    continue;
                }
                Some(_) => format!("byte piece {text:?} in a model without byte fallback"),
                None => format!("the piece {text:?} has the byte type but is not one of <0x00> to <0xFF>"),
            };
            return Err(ModelError::bad(what).field(format!("pieces[{id}]")));
        }
        let missing = found.iter().position(|f| !f).filter(|_| self.byte_fallback);
        missing.map_or(Ok(()), |byte| {
            Err(ModelError::bad(format!("the model has byte fallback but no byte piece <0x{byte:02X}>")))
        })
    }

    /// Writes the model as SentencePiece reads it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for p in &self.pieces {
            let mut piece = Writer::default();
            piece.bytes(1, &p.text);
            piece.float(2, p.score);
            if p.kind != PieceType::Normal {
                piece.int(3, p.kind as i64);
            }
            out.bytes(1, &piece.0);
        }
        let mut trainer = Writer::default();
        trainer.int(3, self.model_type as i64);
        trainer.int(4, self.pieces.len() as i64);
        trainer.varint(35, self.byte_fallback.into());
        for (i, &id) in self.special_ids.iter().enumerate() {
            trainer.int(40 + i as u64, id.into());
        }
        for (i, &id) in self.special_ids.iter().enumerate() {
            if let Some(piece) = usize::try_from(id).ok().and_then(|id| self.pieces.get(id)) {
                trainer.bytes(45 + i as u64, &piece.text);
            }
        }
        out.bytes(2, &trainer.0);
        let mut normalizer = Writer::default();
        normalizer.bytes(1, if self.precompiled_charsmap.is_empty() { b"identity" } else { b"user_defined" });
        normalizer.bytes(2, &self.precompiled_charsmap);
        normalizer.varint(3, self.add_dummy_prefix.into());
        normalizer.varint(4, self.remove_extra_whitespaces.into());
        normalizer.varint(5, 1);
        out.bytes(3, &normalizer.0);
        out.0
    }
}

/// The byte that `<0xNN>` represents; upper-case digits only.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (text == format!("<0x{byte:02X}>")).then_some(byte)
}

fn parse_piece(body: &[u8], base: u64) -> Result<Piece> {
    let mut piece = Piece { text: Vec::new(), score: 0.0, kind: PieceType::Normal };
    let mut reader = Reader::new(body, base);
    while let Some((field, value)) = reader.next()? {
        match (field, value) {
            (1, Value::Bytes(text)) => piece.text = text.to_vec(),
            (2, Value::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, Value::Varint(code)) => {
                piece.kind = PieceType::from_code(code)
                    .ok_or_else(|| ModelError::bad(format!("unknown piece type {code}")).at(base))?;
            }
            _ => {}
        }
    }
    if piece.text.is_empty() {
        return Err(ModelError::bad("an empty piece").at(base));
    }
    if std::str::from_utf8(&piece.text).is_err() {
        let text = String::from_utf8_lossy(&piece.text).into_owned();
        return Err(ModelError::bad(format!("the piece {text:?} is not UTF-8")).at(base));
    }
    if !piece.score.is_finite() {
        return Err(ModelError::bad(format!("a score of {}", piece.score)).at(base));
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> SentencePieceModel {
        let piece = |t: &str, score, kind| Piece { text: t.as_bytes().to_vec(), score, kind };
        SentencePieceModel {
            pieces: vec![
                piece("<unk>", 0.0, PieceType::Unknown),
                piece("<s>", 0.0, PieceType::Control),
                piece("</s>", 0.0, PieceType::Control),
                piece("b", -1.0, PieceType::Normal),
                piece("▁a", -1.5, PieceType::Normal),
            ],
            model_type: ModelType::Bpe,
            add_dummy_prefix: false,
            remove_extra_whitespaces: false,
            ..SentencePieceModel::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(SentencePieceModel::parse(&small().to_bytes()).unwrap(), small());
    }

    #[test]
    fn every_truncation_is_refused_or_a_shorter_model() {
        let bytes = small().to_bytes();
        for n in 0..bytes.len() {
            if let Ok(model) = SentencePieceModel::parse(&bytes[..n]) {
                assert!(model.pieces.len() <= 5);
            }
        }
    }

    #[test]
    fn damaged_pieces_and_rules_are_refused() {
        let with_bytes = || {
            let mut model = small();
            model.byte_fallback = true;
            let byte = |b: u8| Piece { text: format!("<0x{b:02X}>").into_bytes(), score: 0.0, kind: PieceType::Byte };
            model.pieces.extend((0..=255).map(byte));
            model
        };
        assert_eq!(SentencePieceModel::parse(&with_bytes().to_bytes()).unwrap(), with_bytes());
        type Damage = fn(&mut SentencePieceModel);
        let cases: [(&str, Damage); 9] = [
            ("not UTF-8", |m| m.pieces[3].text = vec![b'a', 0xff]),
            ("a score of NaN", |m| m.pieces[3].score = f32::NAN),
            ("a score of inf", |m| m.pieces[3].score = f32::INFINITY),
            ("\"<0y41>\" has the byte type", |m| m.pieces[5 + 0x41].text = b"<0y41>".to_vec()),
            ("\"<0x4a>\" has the byte type", |m| m.pieces[5 + 0x4a].text = b"<0x4a>".to_vec()),
            ("no byte piece <0x41>", |m| drop(m.pieces.remove(5 + 0x41))),
            ("no byte piece <0x41>", |m| m.pieces[5 + 0x41].kind = PieceType::Normal),
            ("without byte fallback", |m| m.byte_fallback = false),
            ("normalization rules are damaged", |m| m.precompiled_charsmap = vec![4, 0, 0, 0, 1, 2, 3, 4]),
        ];
        for (want, damage) in cases {
            let mut model = with_bytes();
            damage(&mut model);
            let error = SentencePieceModel::parse(&model.to_bytes()).unwrap_err().to_string();
            assert!(error.contains(want), "{error:?} does not say {want:?}");
        }
    }

    #[test]
    fn hostile_messages_are_refused() {
        let mut twice = small();
        twice.pieces[4].text = b"<s>".to_vec();
        let mut no_unk = small();
        no_unk.pieces.remove(0);
        let cases: [(&str, Vec<u8>); 6] = [
            ("no pieces", Vec::new()),
            ("defined twice", twice.to_bytes()),
            ("0 unknown pieces", no_unk.to_bytes()),
            ("bytes, but only", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            ("longer than 64 bits", vec![0xff; 11]),
            ("field has number 0", vec![0, 0]),
        ];
        for (want, bytes) in cases {
            let error = SentencePieceModel::parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(want), "{error:?} does not say {want:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = SentencePieceModel::parse(&bytes);
        }

        #[test]
        fn any_flipped_bit_is_parsed_or_refused(at in 0usize..1000, bit in 0u8..8) {
            let mut bytes = small().to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let _ = SentencePieceModel::parse(&bytes);
        }
    }
}
