use super::*;
use crate::model::{MemoryRows, Piece};
use crate::transform::decode;
use crate::transform::llama_quantize::golden_tests::fake_model;
use std::sync::Barrier;

fn floats(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few distinct values, so that many magnitudes are equal.
            ((state >> 20) as f32 - 2048.0) / 64.0
        })
        .collect()
}

fn tensor(name: &str, rows: u64, values: &[f32], dtype: DType) -> TensorEntry {
    let cols = values.len() as u64 / rows;
    let size = dtype.size_bytes();
    let mut bytes = vec![0; values.len() * size];
    assert!(crate::tensor::encode_f32(dtype, values, &mut bytes));
    TensorEntry::new(name, [rows, cols], dtype, Arc::new(MemoryRows { bytes, row_bytes: cols * size as u64 }))
}

fn model(tensors: Vec<TensorEntry>) -> Model {
    let mut model = fake_model(Default::default(), Vec::new());
    model.tensors = tensors;
    model
}

fn values(tensor: &TensorEntry) -> Vec<f32> {
    let mut out = vec![0.0; (tensor.rows() * tensor.cols()) as usize];
    decode(tensor, &Piece::rows(tensor, 0..tensor.rows()), &mut Vec::new(), &mut out).unwrap();
    out
}

/// The definition: the first `zeros` places by magnitude, then by place.
fn expected(values: &[f32], zeros: usize) -> Vec<f32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs()).then(a.cmp(b)));
    let mut out = values.to_vec();
    order[..zeros].iter().for_each(|i| out[*i] = 0.0);
    out
}

#[test]
fn a_share_of_each_tensor_is_exact_whatever_the_type() {
    for (dtype, share) in [(DType::F32, 0.3), (DType::F16, 0.5), (DType::BF16, 0.77), (DType::F32, 0.0001)] {
        let source = tensor("a", 33, &floats(33 * 257, 7), dtype);
        let pruned = prune(&model(vec![source.clone()]), Pruning::Tensor(share), |_| true).unwrap();
        let zeros = (33.0 * 257.0 * share) as usize;
        assert_eq!((pruned.zeros, pruned.elems, pruned.tensors), (zeros as u64, 33 * 257, 1));
        assert_eq!(pruned.model.tensors[0].encoding, source.encoding);
        assert_eq!(values(&pruned.model.tensors[0]), expected(&values(&source), zeros), "{dtype}");
    }
}

#[test]
fn one_ranking_over_all_tensors_breaks_ties_in_their_order() {
    let (a, b) = (tensor("a", 4, &[1.0; 400], DType::F32), tensor("b", 4, &[-1.0; 400], DType::F32));
    let pruned = prune(&model(vec![a, b]), Pruning::Model(0.6), |_| true).unwrap().model;
    let zeros = |i: usize| values(&pruned.tensors[i]).iter().filter(|x| **x == 0.0).count();
    assert_eq!((zeros(0), zeros(1)), (400, 80));
    assert!(values(&pruned.tensors[1])[..80].iter().all(|x| *x == 0.0));
}

#[test]
fn rows_and_groups_are_pruned_each_by_itself() {
    let all = floats(5 * 64, 3);
    let source = model(vec![tensor("a", 5, &all, DType::F32)]);
    let rows = prune(&source, Pruning::Row(0.3), |_| true).unwrap();
    let want: Vec<f32> = all.chunks(64).flat_map(|row| expected(row, 19)).collect();
    assert_eq!((values(&rows.model.tensors[0]), rows.zeros), (want, 5 * 19));
    let groups = prune(&source, Pruning::Neighbours { keep: 2, of: 4 }, |_| true).unwrap();
    let want: Vec<f32> = all.chunks(4).flat_map(|group| expected(group, 2)).collect();
    assert_eq!((values(&groups.model.tensors[0]), groups.zeros), (want, 5 * 32));
}

#[test]
fn parts_of_rows_are_those_of_the_whole() {
    let source = model(vec![tensor("a", 2, &floats(2 * 1024, 11), DType::F32)]);
    for pruning in [
        Pruning::Tensor(0.4),
        Pruning::Row(0.4),
        Pruning::Model(0.4),
        Pruning::Neighbours { keep: 3, of: 8 },
        Pruning::Neighbours { keep: 100, of: 128 },
    ] {
        let pruned = &prune(&source, pruning, |_| true).unwrap().model.tensors[0];
        let whole = values(pruned);
        for (row, cols) in [(0, 0..256), (1, 512..1024), (1, 4..5), (0, 127..131)] {
            let mut part = vec![0.0; (cols.end - cols.start) as usize];
            decode(pruned, &Piece::part(pruned, row, cols.clone()), &mut Vec::new(), &mut part).unwrap();
            let at = row as usize * 1024;
            assert_eq!(part, whole[at + cols.start as usize..at + cols.end as usize], "{pruning:?} {row} {cols:?}");
        }
    }
}

#[test]
fn many_readers_find_the_same_threshold() {
    // Several pieces, so that the readers share the passes.
    let all = floats(1 << 20, 5);
    let source = model(vec![tensor("a", 1024, &all, DType::BF16)]);
    let want = expected(&values(&source.tensors[0]), 1 << 19);
    let pruned = prune(&source, Pruning::Tensor(0.5), |_| true).unwrap().model.tensors.remove(0);
    let barrier = Barrier::new(4);
    std::thread::scope(|s| {
        for thread in 0..4u64 {
            let (pruned, barrier, want) = (&pruned, &barrier, &want);
            s.spawn(move || {
                barrier.wait();
                let mut out = vec![0.0; 256 * 1024];
                let rows = Piece::rows(pruned, thread * 256..(thread + 1) * 256);
                decode(pruned, &rows, &mut Vec::new(), &mut out).unwrap();
                assert!(out == want[thread as usize * 256 * 1024..][..256 * 1024]);
            });
        }
    });
}

/// Fails from the second piece on.
#[derive(Debug)]
struct Broken;

impl crate::model::TensorData for Broken {
    fn read_rows(&self, rows: std::ops::Range<u64>, dst: &mut [u8]) -> Result<()> {
        if rows.start > 0 {
            return Err(ModelError::bad("the file ended"));
        }
        dst.fill(1);
        Ok(())
    }

    fn read_part(&self, _: u64, _: std::ops::Range<u64>, _: &mut [u8]) -> Result<()> {
        Err(ModelError::bad("the file ended"))
    }
}

#[test]
fn an_error_reaches_every_reader() {
    let source = model(vec![TensorEntry::new("a", [4096u64, 1024], DType::F32, Arc::new(Broken))]);
    let pruned = prune(&source, Pruning::Tensor(0.5), |_| true).unwrap().model.tensors.remove(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert!(pruned.read(0..1).unwrap_err().to_string().contains("the file ended")));
        }
    });
}

#[test]
fn what_cannot_be_pruned_is_refused_by_name() {
    let source = model(vec![tensor("a", 2, &floats(2 * 30, 1), DType::F32)]);
    let refused = |pruning, chosen: bool| prune(&source, pruning, |_| chosen).unwrap_err().to_string();
    assert!(refused(Pruning::Tensor(0.5), false).contains("no tensor"));
    let text = refused(Pruning::Neighbours { keep: 2, of: 4 }, true);
    assert!(text.contains("a: 2:4 does not divide its rows of 30 elements"), "{text}");
}
