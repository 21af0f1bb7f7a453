//! Lanes give the scalar code's bytes.

use super::*;
use crate::quant::blocks::Rows;
use crate::quant::{BlockType, can_quantize, needs_imatrix};

pub(in crate::quant) struct Random(pub u64);

impl Random {
    pub(in crate::quant) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(in crate::quant) fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.next()).sum::<f32>() - 3.0
    }

    /// An element of a row of this kind; `i` is its index.
    pub(in crate::quant) fn element(&mut self, kind: &str, i: usize) -> f32 {
        match kind {
            "normal" => self.normal() * 0.02,
            "bf16" => f32::from_bits((self.normal() * 0.02).to_bits() & 0xffff_0000),
            "outliers" => self.normal() * if self.next() < 0.01 { 40.0 } else { 0.02 },
            "zero" => 0.0,
            "signed zeros" => [0.0, -0.0][i / 3 % 2],
            "ones" => 1.0,
            "minus ones" => -1.0,
            "constant groups" => [0.5, -3.0, 0.0, 1e20, -1e20, 1e-20][i / 16 % 6],
            "positive" => self.next() + 1.0,
            "negative" => -self.next() - 1.0,
            "nearly constant" => -1.0 - self.next() * 1e-7,
            "huge" => self.normal() * 1e37,
            "square overflows" => self.normal() * 3e19,
            "tiny" => self.normal() * 1e-30,
            "near the zero bound" => self.normal() * 1e-15,
            "subnormal" => f32::from_bits((self.next() * 5000.0) as u32 | ((self.next() > 0.5) as u32) << 31),
            "any exponent" => self.normal() * 10f32.powi((self.next() * 76.0) as i32 - 40),
            "exponent by group" => self.normal() * 10f32.powi((i / 32 * 7 % 76) as i32 - 40),
            "ties" => (self.next() * 33.0).floor() - 16.0,
            "half ties" => ((self.next() * 65.0).floor() - 32.0) * 0.5,
            "levels of iq4" => [-127.0, -115.5, -4.5, 1.0, 7.0, 113.0, -16.0, 19.0][(self.next() * 8.0) as usize % 8],
            "middles of fp4" => {
                let middle = [0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0][(self.next() * 7.0) as usize % 7];
                let value = if i.is_multiple_of(16) { 12.0 } else { middle };
                value * [1.0, -1.0, 1.0 - 6e-8, 1.0 + 1.2e-7][(self.next() * 4.0) as usize % 4]
            }
            "under powers of two" => {
                let below = 2f32.powi((i / 32 * 5 % 250) as i32 - 124).to_bits() - (self.next() * 700.0) as u32;
                f32::from_bits(below) * if self.next() < 0.1 { 1.0 } else { -self.next() }
            }
            "one of many" => f32::from(u8::from(i.is_multiple_of(97))),
            "sparse" => {
                if self.next() < 0.03 {
                    self.normal()
                } else {
                    0.0
                }
            }
            "ramp" => i as f32 - 100.0,
            "small beside large" => self.normal() * if i % 256 < 32 { 1000.0 } else { 0.1 },
            _ => unreachable!(),
        }
    }
}

pub(in crate::quant) const KINDS: [&str; 27] = [
    "normal",
    "bf16",
    "outliers",
    "zero",
    "signed zeros",
    "ones",
    "minus ones",
    "constant groups",
    "positive",
    "negative",
    "nearly constant",
    "huge",
    "square overflows",
    "tiny",
    "near the zero bound",
    "subnormal",
    "any exponent",
    "exponent by group",
    "ties",
    "half ties",
    "levels of iq4",
    "middles of fp4",
    "under powers of two",
    "one of many",
    "sparse",
    "ramp",
    "small beside large",
];

const WEIGHTS: [&str; 8] = ["none", "random", "ones", "zeros", "some zeros", "huge", "tiny", "any exponent"];

pub(in crate::quant) fn weights(kind: &str, cols: usize, random: &mut Random) -> Option<Vec<f32>> {
    let weight = |random: &mut Random| match kind {
        "random" => random.next() * random.next() + 1e-4,
        "ones" => 1.0,
        "zeros" => 0.0,
        "some zeros" => {
            if random.next() < 0.4 {
                0.0
            } else {
                random.next()
            }
        }
        "huge" => random.next() * 1e38,
        "tiny" => random.next() * 1e-38,
        _ => random.next() * 10f32.powi((random.next() * 70.0) as i32 - 38),
    };
    (kind != "none").then(|| (0..cols).map(|_| weight(random)).collect())
}

/// What is compared: kinds of rows, kinds of weights, and (rows, columns).
struct Cases<'a> {
    kinds: &'a [&'a str],
    weights: &'a [&'a str],
    shapes: &'a [(usize, usize)],
    seeds: u64,
}

/// Compares every level with the scalar code on one matrix; adds what differs, gives the comparisons.
fn compare(ty: BlockType, x: &[f32], cols: usize, w: Option<&[f32]>, case: &str, failures: &mut Vec<String>) -> usize {
    let functions = ty.functions().unwrap();
    let encode = |level, dst: &mut [u8]| {
        (functions.encode)(level, Rows { x, cols, weights: w, mean_square: None, dst });
    };
    let block = ty.block_bytes();
    let bytes = x.len() / ty.block_elems() * block;
    let mut want = vec![0x55; bytes];
    encode(Level::Scalar, &mut want);
    let mut plain = vec![0f32; x.len()];
    (functions.decode)(Level::Scalar, &want, &mut plain);
    let levels = &Level::available()[1..];
    for &level in levels {
        let name = level.name();
        let mut got = vec![0xaa; bytes];
        encode(level, &mut got);
        let wrong = want.chunks(block).zip(got.chunks(block)).filter(|(a, b)| a != b).count();
        if wrong > 0 {
            failures.push(format!("{ty} {name} {case}: {wrong} blocks differ"));
        }
        let mut back = vec![1f32; x.len()];
        (functions.decode)(level, &want, &mut back);
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        if !plain.iter().zip(&back).all(same) {
            failures.push(format!("{ty} {name} {case}: decoded values differ"));
        }
    }
    levels.len()
}

fn check(cases: &Cases<'_>) {
    let (mut failures, mut compared) = (Vec::new(), 0);
    for &ty in BlockType::ALL.iter().filter(|t| can_quantize(**t)) {
        for &(rows, cols) in cases.shapes.iter().filter(|(_, cols)| cols.is_multiple_of(ty.block_elems())) {
            for (seed, kind) in (1..=cases.seeds).flat_map(|seed| cases.kinds.iter().map(move |kind| (seed, kind))) {
                for weight_kind in cases.weights {
                    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                    let x: Vec<f32> = (0..rows * cols).map(|i| random.element(kind, i)).collect();
                    let w = weights(weight_kind, cols, &mut random);
                    if w.is_none() && needs_imatrix(ty) {
                        continue;
                    }
                    let case = format!("{kind}, weights {weight_kind}, {rows}×{cols}");
                    compared += compare(ty, &x, cols, w.as_deref(), &case, &mut failures);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {compared} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(compared > 0);
}

#[test]
fn every_kind_of_row_gives_the_scalar_bytes() {
    check(&Cases { kinds: &KINDS, weights: &WEIGHTS, shapes: &[(3, 512)], seeds: 2 });
}

#[test]
fn every_tail_gives_the_scalar_bytes() {
    let of_256 = (1..=40).map(|blocks| (1, 256 * blocks));
    let of_less = (1..=40usize).filter(|blocks| !blocks.is_multiple_of(8)).map(|blocks| (1, 32 * blocks));
    check(&Cases {
        kinds: &["normal"],
        weights: &["none", "some zeros"],
        shapes: &of_256.chain(of_less).collect::<Vec<_>>(),
        seeds: 1,
    });
    let rows: Vec<_> = (1..=5).map(|rows| (rows, 256)).collect();
    check(&Cases { kinds: &["sparse", "exponent by group"], weights: &["none", "random"], shapes: &rows, seeds: 1 });
}

#[test]
fn levels_are_named_and_the_scalar_one_is_always_there() {
    let names: Vec<_> = Level::available().into_iter().map(Level::name).collect();
    let portable = if cfg!(target_arch = "aarch64") { "neon" } else { "portable" };
    assert_eq!(names, ["scalar", portable, "avx2", "avx512"][..names.len()]);
}

#[test]
fn any_bytes_decode_to_the_scalar_numbers() {
    const BLOCKS: usize = 200;
    for &ty in BlockType::ALL {
        let Some(functions) = ty.functions() else { continue };
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let bytes: Vec<u8> = (0..BLOCKS * ty.block_bytes()).map(|_| (random.next() * 256.0) as u8).collect();
        let decode = |level| {
            let mut out = vec![0f32; BLOCKS * ty.block_elems()];
            (functions.decode)(level, &bytes, &mut out);
            out
        };
        let want = decode(Level::Scalar);
        for level in Level::available().into_iter().skip(1) {
            let same = |(a, b): &(&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            let differ = want.iter().zip(&decode(level)).filter(|pair| !same(pair)).count();
            assert_eq!(differ, 0, "{ty} {}", level.name());
        }
    }
}
