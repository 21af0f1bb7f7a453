//! The protobuf wire format: a reader over a slice that never goes past it, and a writer.
//! Layout: <https://protobuf.dev/programming-guides/encoding/>.

use crate::model::{ModelError, Result};

/// The value of one field; groups (deprecated, wire types 3 and 4) are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Reads the fields of one message in order.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    base: u64,
}

impl<'a> Reader<'a> {
    /// A reader over a message that starts at `base` in its file.
    pub(super) fn new(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, pos: 0, base }
    }

    /// Offset of the next byte in the file.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// The next field's number and value; `None` at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>> {
        if self.pos == self.bytes.len() {
            return Ok(None);
        }
        let at = self.offset();
        let tag = self.varint()?;
        if tag >> 3 == 0 {
            return Err(ModelError::bad("a protobuf field has number 0").at(at));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let at = self.offset();
                let len = self.varint()?;
                let left = self.bytes.len() - self.pos;
                let Some(len) = usize::try_from(len).ok().filter(|&n| n <= left) else {
                    return Err(ModelError::bad(format!("a field has {len} bytes, but only {left} are left")).at(at));
                };
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(ModelError::bad(format!("unknown protobuf wire type {other}")).at(at)),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.pos.saturating_add(n);
        let Some(out) = self.bytes.get(self.pos..end) else {
            return Err(ModelError::bad("the protobuf message ends within a field").at(self.offset()));
        };
        self.pos = end;
        Ok(out)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ModelError::bad("a protobuf varint is longer than 64 bits").at(self.offset()))
    }
}

/// Appends fields to a message.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    fn raw_varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    pub(super) fn varint(&mut self, field: u64, v: u64) {
        self.raw_varint(field << 3);
        self.raw_varint(v);
    }

    /// A signed `int32`/`enum`: negative numbers take ten bytes.
    pub(super) fn int(&mut self, field: u64, v: i64) {
        self.varint(field, v as u64);
    }

    pub(super) fn float(&mut self, field: u64, v: f32) {
        self.raw_varint(field << 3 | 5);
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, field: u64, v: &[u8]) {
        self.raw_varint(field << 3 | 2);
        self.raw_varint(v.len() as u64);
        self.0.extend_from_slice(v);
    }
}
