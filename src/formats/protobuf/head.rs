//! The fields of a file as far as its first bytes show them, for probes.

use crate::formats::Head;

/// One field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadField {
    /// Its number.
    pub number: u64,
    /// The value, for integers.
    pub varint: Option<u64>,
    /// Bytes of the contents, for the rest.
    pub len: u64,
}

/// The top-level fields as far as the head contains them; `None` for anything that is not a field, then the end.
pub(crate) struct HeadFields<'a> {
    rest: &'a [u8],
    /// Bytes of the file from the start of `rest`.
    left: u64,
}

impl<'a> HeadFields<'a> {
    /// Those of a file.
    pub(crate) fn new(head: &Head<'a>) -> Self {
        Self { rest: head.bytes, left: head.len }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for (i, &byte) in self.rest.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                self.left = self.left.saturating_sub(i as u64 + 1);
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<HeadField> {
        let tag = self.varint()?;
        let number = tag >> 3;
        match tag & 7 {
            0 => Some(HeadField { number, varint: Some(self.varint()?), len: 0 }),
            2 => {
                let len = self.varint()?;
                if len > self.left {
                    return None;
                }
                self.left -= len;
                self.rest = self.rest.get(usize::try_from(len).ok()?..).unwrap_or_default();
                Some(HeadField { number, varint: None, len })
            }
            _ => None,
        }
    }
}

impl Iterator for HeadFields<'_> {
    type Item = Option<HeadField>;

    fn next(&mut self) -> Option<Option<HeadField>> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}
