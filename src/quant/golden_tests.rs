//! The encodings of the public ggml reference, byte for byte.

use super::*;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

pub(super) fn golden(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures/golden", "../shared/golden", "../../shared/golden"];
    let found = places.iter().map(|p| root.join(p).join(relative)).find(|p| p.exists());
    if found.is_none() {
        crate::skip::skipped(&format!("golden data {relative} absent"));
    }
    found
}

pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

struct Case {
    ty: BlockType,
    weighted: bool,
    failure: String,
}

fn compare(file: &str, failures: &mut Vec<Case>, compared: &mut usize) {
    let Some(path) = golden(&format!("quant/{file}.safetensors")) else { return };
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let input = tensors.tensor("input").unwrap();
    let cols = input.shape()[1];
    let input = floats(input.data());
    let importance = floats(tensors.tensor("imatrix").unwrap().data());
    for &ty in BlockType::ALL {
        let mut decoded_of = None;
        for weighted in [true, false] {
            let name = if weighted { format!("{ty}.imatrix") } else { ty.name().to_owned() };
            let Ok(want) = tensors.tensor(&name) else { continue };
            decoded_of = Some(want.data());
            if !can_quantize(ty) {
                continue;
            }
            *compared += 1;
            let mut got = vec![0; want.data().len()];
            quantize_rows(ty, &input, cols, weighted.then_some(&importance), &mut got).unwrap();
            let block = ty.block_bytes();
            if let Some(i) = (0..got.len()).find(|&i| got[i] != want.data()[i]) {
                let wrong = got.chunks(block).zip(want.data().chunks(block)).filter(|(a, b)| a != b).count();
                let failure = format!(
                    "{file}: {wrong} of {} blocks, first in block {} byte {}",
                    got.len() / block,
                    i / block,
                    i % block
                );
                failures.push(Case { ty, weighted, failure });
            }
        }
        if let (Some(encoded), true) = (decoded_of, can_quantize(ty)) {
            *compared += 1;
            // Without a plain encoding the reference decoded the weighted one.
            let plain = tensors.tensor(ty.name()).is_ok();
            let name = if plain { format!("{ty}.f32") } else { format!("{ty}.imatrix.f32") };
            let want = floats(tensors.tensor(&name).unwrap().data());
            let mut got = vec![0f32; want.len()];
            dequantize_rows(ty, encoded, &mut got).unwrap();
            let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            if let Some(i) = (0..got.len()).find(|&i| !same(&got[i], &want[i])) {
                let failure = format!("{file}: dequantized element {i}: {} instead of {}", got[i], want[i]);
                failures.push(Case { ty, weighted: !plain, failure });
            }
        }
    }
}

#[test]
fn every_encoding_equals_the_reference() {
    let (mut failures, mut compared) = (Vec::new(), 0);
    for file in ["gauss", "outlier", "edge"] {
        compare(file, &mut failures, &mut compared);
    }
    for f in &failures {
        eprintln!("{}{}: {}", f.ty, if f.weighted { " with imatrix" } else { "" }, f.failure);
    }
    assert!(failures.is_empty(), "{} of {compared} comparisons differ", failures.len());
    assert!(compared == 0 || compared > 200, "only {compared} comparisons");
    eprintln!("{compared} comparisons equal");
}

/// Any cut of the rows into calls gives the same bytes.
fn check_chunking(ty: BlockType, rows: &[f32], cols: usize, importance: &[f32], cuts: &[usize]) {
    for weights in [None, Some(importance)] {
        if weights.is_none() && needs_imatrix(ty) {
            continue;
        }
        let row_bytes = cols / ty.block_elems() * ty.block_bytes();
        let n = rows.len() / cols;
        let mut whole = vec![0; n * row_bytes];
        quantize_rows(ty, rows, cols, weights, &mut whole).unwrap();
        let mut parts = vec![0xaa; n * row_bytes];
        let mut done = 0;
        for &cut in cuts.iter().chain([&n]) {
            let end = (done + cut).min(n);
            let out = &mut parts[done * row_bytes..end * row_bytes];
            quantize_rows(ty, &rows[done * cols..end * cols], cols, weights, out).unwrap();
            done = end;
        }
        assert_eq!(whole, parts, "{ty} weighted: {}", weights.is_some());
        let mut back = vec![0f32; rows.len()];
        dequantize_rows(ty, &whole, &mut back).unwrap();
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn any_chunking_of_rows_gives_the_same_bytes(
        seed in 0u64..u64::MAX,
        exponent in -40i32..36,
        cuts in proptest::collection::vec(1usize..4, 0..6),
    ) {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let rows: Vec<f32> = (0..5 * 512).map(|_| next() * 10f32.powi(exponent)).collect();
        let importance: Vec<f32> = (0..512).map(|_| next().abs() + 0.001).collect();
        for &ty in BlockType::ALL.iter().filter(|&&t| can_quantize(t)) {
            check_chunking(ty, &rows, 512, &importance, &cuts);
        }
    }

    #[test]
    fn no_bits_make_a_codec_panic(bits in proptest::collection::vec(proptest::num::u32::ANY, 512), bytes in proptest::collection::vec(0u8..=255, 600)) {
        let rows: Vec<f32> = bits.iter().map(|&b| f32::from_bits(b)).collect();
        for &ty in BlockType::ALL {
            let mut out = vec![0; 512 / ty.block_elems() * ty.block_bytes()];
            if can_quantize(ty) {
                quantize_rows(ty, &rows, 512, None, &mut out).or_else(|_| quantize_rows(ty, &rows, 512, Some(&rows), &mut out)).unwrap();
                quantize_rows(ty, &rows, 512, Some(&rows), &mut out).unwrap();
            }
            if can_quantize(ty) {
                let n = bytes.len() / ty.block_bytes();
                let mut back = vec![0f32; n * ty.block_elems()];
                dequantize_rows(ty, &bytes[..n * ty.block_bytes()], &mut back).unwrap();
            }
        }
    }
}

#[test]
fn what_is_supported() {
    let unsupported: Vec<_> = BlockType::ALL.iter().copied().filter(|&t| !can_quantize(t) && !t.is_early()).collect();
    assert_eq!(unsupported, [BlockType::Q8_1, BlockType::Q8_K], "formats of intermediate results, never of files");
}

#[test]
fn wrong_requests_are_refused() {
    let row = [1f32; 256];
    let mut out = [0u8; 144];
    let q4 = BlockType::Q4_K;
    assert_eq!(quantize_rows(q4, &row[..250], 250, None, &mut out), Err(QuantError::RowLength { ty: q4, cols: 250 }));
    assert!(matches!(quantize_rows(q4, &row, 256, None, &mut out[1..]), Err(QuantError::Size { expected: 144, .. })));
    assert!(matches!(
        quantize_rows(q4, &row, 256, Some(&row[1..]), &mut out),
        Err(QuantError::Size { expected: 256, .. })
    ));
    assert_eq!(
        quantize_rows(BlockType::Q8_K, &row, 256, None, &mut [0; 292]),
        Err(QuantError::NotWritable { ty: BlockType::Q8_K })
    );
    assert!(matches!(dequantize_rows(q4, &out[1..], &mut [0.0; 256]), Err(QuantError::Size { .. })));
    assert!(matches!(dequantize_rows(q4, &out, &mut [0.0; 255]), Err(QuantError::Size { expected: 256, .. })));
    let mut values = vec![0f32; 1000];
    assert_eq!(first_non_finite(&values), None);
    values[777] = f32::NEG_INFINITY;
    assert_eq!(first_non_finite(&values), Some(777));
}
