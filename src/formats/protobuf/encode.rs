//! Lays out messages: bytes, and places for tensor data that is written later.
#![cfg_attr(not(any(test, feature = "fuzzing")), allow(dead_code, reason = "the target that writes ONNX comes next"))]

use crate::graph::Foreign;

/// A part of an encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The data of a tensor: its index and its size.
    Tensor(usize, u64),
}

/// Encodes one message. Fields are written in the order of the calls; foreign fields come before the first field with a higher number.
#[derive(Debug, Default)]
pub(crate) struct Encoder<'a> {
    parts: Vec<Part>,
    len: u64,
    foreign: &'a [Foreign],
}

impl<'a> Encoder<'a> {
    /// An encoder that puts these fields, sorted by number, in their places.
    pub(crate) fn with(foreign: &'a [Foreign]) -> Self {
        Self { foreign, ..Self::default() }
    }

    /// A copy of what was encoded so far.
    #[cfg(test)]
    pub(crate) fn verbatim(other: &Encoder<'_>) -> Self {
        Self { parts: other.parts.clone(), len: other.len, foreign: &[] }
    }

    /// An integer field. Negative numbers are given as `as u64`.
    pub(crate) fn varint(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.raw_varint(value);
    }

    /// A field of four bytes.
    pub(crate) fn fixed32(&mut self, number: u32, value: u32) {
        self.tag(number, 5);
        self.put(&value.to_le_bytes());
    }

    /// A field of bytes or text.
    pub(crate) fn bytes(&mut self, number: u32, value: &[u8]) {
        self.tag(number, 2);
        self.raw_varint(value.len() as u64);
        self.put(value);
    }

    /// As [`Encoder::bytes`], unless it is empty.
    pub(crate) fn text(&mut self, number: u32, value: &str) {
        if !value.is_empty() {
            self.bytes(number, value.as_bytes());
        }
    }

    /// A field whose contents are the data of a tensor.
    pub(crate) fn tensor(&mut self, number: u32, tensor: usize, bytes: u64) {
        self.tag(number, 2);
        self.raw_varint(bytes);
        self.parts.push(Part::Tensor(tensor, bytes));
        self.len += bytes;
    }

    /// A field whose contents are another message.
    pub(crate) fn message(&mut self, number: u32, message: Encoder<'_>) {
        self.tag(number, 2);
        let (parts, len) = message.finish();
        self.raw_varint(len);
        for part in parts {
            match part {
                Part::Bytes(bytes) => self.put(&bytes),
                tensor @ Part::Tensor(_, bytes) => {
                    self.parts.push(tensor);
                    self.len += bytes;
                }
            }
        }
    }

    /// The encoded message.
    pub(crate) fn finish(mut self) -> (Vec<Part>, u64) {
        self.foreign_below(u32::MAX);
        (self.parts, self.len)
    }

    /// The encoded message, for one without tensors.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let parts = self.finish().0.into_iter();
        parts.flat_map(|p| if let Part::Bytes(b) = p { b } else { Vec::new() }).collect()
    }

    fn tag(&mut self, number: u32, wire_type: u64) {
        self.foreign_below(number);
        self.raw_varint(u64::from(number) << 3 | wire_type);
    }

    fn foreign_below(&mut self, number: u32) {
        // Of two fields with one number the last one counts, which is the one that the graph knows.
        while let Some((first, rest)) = self.foreign.split_first().filter(|(f, _)| f.number <= number) {
            self.foreign = rest;
            self.put(&first.bytes);
        }
    }

    fn raw_varint(&mut self, mut value: u64) {
        let mut raw = [0u8; 10];
        let mut n = 0;
        loop {
            raw[n] = (value & 0x7f) as u8 | if value > 0x7f { 0x80 } else { 0 };
            n += 1;
            value >>= 7;
            if value == 0 {
                break;
            }
        }
        self.put(&raw[..n]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        match self.parts.last_mut() {
            Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(Part::Bytes(bytes.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_leave_places_in_nested_messages() {
        let mut inner = Encoder::default();
        inner.text(8, "w");
        inner.tensor(9, 3, 1000);
        let mut outer = Encoder::default();
        outer.message(5, inner);
        outer.varint(6, u64::MAX);
        let (parts, len) = outer.finish();
        assert_eq!(parts[0], Part::Bytes(vec![0x2a, 0xee, 0x07, 0x42, 1, b'w', 0x4a, 0xe8, 0x07]));
        assert_eq!(parts[1], Part::Tensor(3, 1000));
        assert_eq!(parts[2], Part::Bytes(vec![0x30, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]));
        assert_eq!(len, 9 + 1000 + 11);
    }

    #[test]
    fn foreign_fields_are_put_in_their_places() {
        let foreign = [
            Foreign { number: 2, bytes: [0x10, 5].into() },
            Foreign { number: 2, bytes: [0x10, 6].into() },
            Foreign { number: 9, bytes: [0x48, 7].into() },
        ];
        let mut e = Encoder::with(&foreign);
        e.varint(1, 1);
        e.varint(3, 2);
        assert_eq!(e.into_bytes(), [0x08, 1, 0x10, 5, 0x10, 6, 0x18, 2, 0x48, 7]);
    }
}
