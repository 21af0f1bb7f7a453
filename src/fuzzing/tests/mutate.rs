//! A small deterministic mutator: what damages files, and what finds unchecked lengths.

/// Bytes at most, so that insertions do not add up.
const MAX_BYTES: usize = 256 << 10;

/// Numbers at which lengths and offsets go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 62,
    i64::MAX as u64,
    u64::MAX - 7,
    u64::MAX,
];

/// Texts that parsers of text treat in a special way.
const TEXTS: [&str; 16] = [
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "9223372036854775807",
    "null",
    "NaN",
    "\"\"",
    "\"\\u0000\"",
    "[[[[[[[[",
    "{\"a\":",
    "]",
    "}",
    "\n",
    "../../x",
    "\u{feff}",
];

/// Mutates inputs; the same seed gives the same mutations.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// Xorshift64*; Marsaglia's shifts, Vigna's multiplier.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`, 0 if that is 0.
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 32) as usize % n.max(1)
    }

    /// The input with one to four changes.
    pub(crate) fn mutate(&mut self, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut out = input.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut out, others);
            out.truncate(MAX_BYTES);
        }
        out
    }

    fn change(&mut self, out: &mut Vec<u8>, others: &[Vec<u8>]) {
        // Headers are in front: half of the places are in the first 256 bytes.
        let most = if self.below(2) == 0 { out.len().min(256) } else { out.len() };
        let at = self.below(most);
        let length = self.below(32).min(out.len() - at);
        match self.below(9) {
            0 if at < out.len() => out[at] ^= 1 << self.below(8),
            1 if at < out.len() => out[at] = self.next() as u8,
            2 => self.put_number(out, at),
            3 => drop(out.drain(at..at + length)),
            4 => {
                let copied = out[at..at + length].to_vec();
                out.splice(at..at, copied);
            }
            5 => out.truncate(at),
            6 => {
                let text = TEXTS[self.below(TEXTS.len())];
                out.splice(at..at + length.min(self.below(4)), text.bytes());
            }
            7 => self.replace_word(out, at),
            _ => {
                let other = &others[self.below(others.len())];
                let from = self.below(other.len());
                out.truncate(at);
                out.extend_from_slice(&other[from..]);
            }
        }
    }

    /// Overwrites some bytes by a number in either byte order.
    fn put_number(&mut self, out: &mut [u8], at: usize) {
        let number = NUMBERS[self.below(NUMBERS.len())];
        let width = [1, 2, 4, 8][self.below(4)];
        let bytes = if self.below(8) == 0 { (number << (64 - 8 * width)).to_be_bytes() } else { number.to_le_bytes() };
        let end = (at + width).min(out.len());
        out[at..end].copy_from_slice(&bytes[..end - at]);
    }

    /// Replaces the word or number of a text that begins behind `at`.
    fn replace_word(&mut self, out: &mut Vec<u8>, at: usize) {
        let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let Some(from) = out.iter().skip(at).position(word).map(|n| n + at) else { return };
        let to = out.iter().skip(from).position(|b| !word(b)).map_or(out.len(), |n| n + from);
        let text = TEXTS[self.below(TEXTS.len())];
        out.splice(from..to, text.bytes());
    }
}
