//! Arrays of NumPy from `.npz` archives, which are zip files with deflated members.

use std::collections::HashMap;
use std::path::Path;

/// An array, as stored: C order, little-endian.
pub(super) struct Array {
    pub(super) shape: Vec<u64>,
    pub(super) bytes: Vec<u8>,
}

impl Array {
    pub(super) fn floats(&self) -> Vec<f32> {
        self.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}

/// The arrays of an archive by name.
pub(super) fn read(path: &Path) -> HashMap<String, Array> {
    let bytes = std::fs::read(path).unwrap();
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    // The end of the central directory has 22 bytes, since these archives have no comment.
    let end = bytes.len() - 22;
    assert_eq!(u32_at(end), 0x0605_4b50, "{}", path.display());
    let (count, mut at) = (u16_at(end + 10), u32_at(end + 16));
    let mut found = HashMap::new();
    for _ in 0..count {
        let (method, packed) = (u16_at(at + 10), u32_at(at + 20));
        let (name, extra, comment) = (u16_at(at + 28), u16_at(at + 30), u16_at(at + 32));
        let local = u32_at(at + 42);
        let member = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap();
        let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
        let data = &bytes[data..data + packed];
        let data = if method == 8 { inflate(data) } else { data.to_vec() };
        found.insert(member.trim_end_matches(".npy").to_owned(), array(&data));
        at += 46 + name + extra + comment;
    }
    found
}

fn array(npy: &[u8]) -> Array {
    assert_eq!(&npy[..6], b"\x93NUMPY");
    let wide = npy[6] > 1;
    let len = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let from = if wide { 12 } else { 10 };
    let header = std::str::from_utf8(&npy[from..from + len]).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let (_, shape) = header.split_once("'shape': (").unwrap();
    let (shape, _) = shape.split_once(')').unwrap();
    let shape = shape.split(',').filter_map(|d| d.trim().parse().ok()).collect();
    Array { shape, bytes: npy[from + len..].to_vec() }
}

/// Inflates a deflated stream (RFC 1951).
fn inflate(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits { data, at: 0 };
    let mut out = Vec::new();
    loop {
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let len = bits.take(16);
                bits.take(16);
                out.extend((0..len).map(|_| bits.take(8) as u8));
            }
            1 => {
                let lengths: Vec<u8> = (0..288)
                    .map(|i| {
                        if i < 144 {
                            8
                        } else if i < 256 {
                            9
                        } else if i < 280 {
                            7
                        } else {
                            8
                        }
                    })
                    .collect();
                block(&mut bits, &Codes::new(&lengths), &Codes::new(&[5; 30]), &mut out);
            }
            _ => {
                let (literals, distances) = (bits.take(5) + 257, bits.take(5) + 1);
                let mut lengths = [0u8; 19];
                let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
                let count = bits.take(4) + 4;
                order.iter().take(count).for_each(|i| lengths[*i] = bits.take(3) as u8);
                let codes = Codes::new(&lengths);
                let mut all: Vec<u8> = Vec::new();
                while all.len() < literals + distances {
                    match codes.next(&mut bits) {
                        16 => all.extend(vec![*all.last().unwrap(); bits.take(2) + 3]),
                        17 => all.extend(vec![0; bits.take(3) + 3]),
                        18 => all.extend(vec![0; bits.take(7) + 11]),
                        n => all.push(n as u8),
                    }
                }
                block(&mut bits, &Codes::new(&all[..literals]), &Codes::new(&all[literals..]), &mut out);
            }
        }
        if last {
            return out;
        }
    }
}

fn block(bits: &mut Bits<'_>, literals: &Codes, distances: &Codes, out: &mut Vec<u8>) {
    loop {
        let symbol = literals.next(bits);
        if symbol < 256 {
            out.push(symbol as u8);
            continue;
        }
        if symbol == 256 {
            return;
        }
        let i = symbol - 257;
        let len = match i {
            0..8 => i + 3,
            28 => 258,
            _ => ((4 + i % 4) << (i / 4 - 1)) + 3 + bits.take(i / 4 - 1),
        };
        let d = distances.next(bits);
        let distance = if d < 4 { d + 1 } else { ((2 + d % 2) << (d / 2 - 1)) + 1 + bits.take(d / 2 - 1) };
        for _ in 0..len {
            out.push(out[out.len() - distance]);
        }
    }
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let mut value = 0;
        for i in 0..count {
            value |= usize::from(self.data[self.at / 8] >> (self.at % 8) & 1) << i;
            self.at += 1;
        }
        value
    }
}

/// A canonical Huffman code.
struct Codes {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().for_each(|l| counts[usize::from(*l)] += 1);
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|i| lengths[*i] > 0).collect();
        symbols.sort_by_key(|i| (lengths[*i], *i));
        Self { counts, symbols }
    }

    fn next(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first, mut index) = (0usize, 0usize, 0usize);
        for count in &self.counts[1..] {
            code |= bits.take(1);
            if code < first + count {
                return self.symbols[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("a code that is not in the table");
    }
}
