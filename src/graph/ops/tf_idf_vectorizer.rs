//! `TfIdfVectorizer`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `TfIdfVectorizer`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TfIdfVectorizer",
    versions: &[Version {
        since: 9,
        inputs: "X: T",
        outputs: "Y: T1",
        types: "T = i32 i64 string; T1 = f32",
        attributes: "max_gram_length!: int, max_skip_count!: int, min_gram_length!: int, mode!: text, ngram_counts!: ints, ngram_indexes!: ints, pool_int64s: ints, pool_strings: texts, weights: floats",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let grams = c
        .list("ngram_indexes")
        .and_then(|l| l.iter().max().copied())
        .map_or(Dim::Unknown, |n| Dim::Known(n.saturating_add(1)));
    let shape = match c.shape(0) {
        Some([_]) => vec![grams],
        Some([batch, _]) => vec![batch.clone(), grams],
        Some(other) => return Err(format!("an input of {} dimensions", other.len())),
        None => return Ok(vec![Out::unknown()]),
    };
    Ok(vec![Out::shape(shape)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let size = |name: &str| usize::try_from(c.int(name, 0)).map_err(|_| format!("its attribute {name:?} is negative"));
    let (shortest, longest, most) = (size("min_gram_length")?, size("max_gram_length")?, size("max_skip_count")?);
    let indexes = c.list("ngram_indexes").ok_or("its attribute \"ngram_indexes\" is missing")?;
    let starts = c.list("ngram_counts").ok_or("its attribute \"ngram_counts\" is missing")?;
    // Words and numbers alike as bytes.
    let (pool, words): (Vec<Vec<u8>>, Vec<Vec<u8>>) = match c.texts("pool_strings") {
        Some(pool) => (pool.iter().map(|s| s.to_vec()).collect(), x.to_strings()?.iter().map(|s| s.to_vec()).collect()),
        None => {
            let bytes = |v: &i64| v.to_le_bytes().to_vec();
            let pool = c.list("pool_int64s").ok_or("its attribute \"pool_int64s\" is missing")?;
            (pool.iter().map(bytes).collect(), x.stored_ints()?.iter().map(bytes).collect())
        }
    };
    let width = indexes.iter().max().map_or(0, |m| m.saturating_add(1));
    let row = words.len() / if x.rank() == 2 { x.dims[0].max(1) } else { 1 };
    let rows = if x.rank() == 2 { x.dims[0] } else { 1 };
    let mut dims = c.dims(&[width])?.0;
    if x.rank() == 2 {
        dims.insert(0, rows);
    }
    let mut counts = vec![0.0; c.count(&dims)?];
    // The n-grams of each length, in order: those of length n begin where the counts say.
    let mut grams: std::collections::HashMap<&[Vec<u8>], usize> = std::collections::HashMap::new();
    let mut id = 0;
    for n in 1..=starts.len() {
        let from = usize::try_from(starts[n - 1]).unwrap_or(usize::MAX);
        let to = starts.get(n).map_or(pool.len(), |t| usize::try_from(*t).unwrap_or(usize::MAX));
        let own = pool.get(from..to.min(pool.len())).ok_or("its n-gram counts are out of order")?;
        for gram in own.chunks_exact(n) {
            grams.insert(gram, id);
            id += 1;
        }
    }
    for r in 0..rows {
        let own = &words[r * row..][..row];
        for n in shortest.max(1)..=longest.min(starts.len()) {
            // Single words are the same with any gap.
            for skip in 0..=if n == 1 { 0 } else { most.min(row) } {
                for start in 0..row {
                    let Some(end) = (n - 1).checked_mul(skip + 1).map(|d| start + d).filter(|e| *e < row) else {
                        break;
                    };
                    let gram: Vec<Vec<u8>> = own[start..=end].iter().step_by(skip + 1).cloned().collect();
                    let slot =
                        grams.get(gram.as_slice()).and_then(|g| indexes.get(*g)).and_then(|i| usize::try_from(*i).ok());
                    if let Some(slot) = slot {
                        counts[r * width as usize + slot] += 1.0;
                    }
                }
            }
        }
    }
    let mode = c.text("mode", "TF");
    let weights = c.float_list("weights");
    let mut by = vec![1.0; width as usize];
    for (i, weight) in indexes.iter().zip(weights) {
        if let Some(slot) = usize::try_from(*i).ok().and_then(|i| by.get_mut(i)) {
            *slot = f64::from(*weight);
        }
    }
    let value = |(at, n): (usize, f64)| match mode {
        "TF" => n,
        "IDF" => {
            if n > 0.0 {
                by[at % width as usize]
            } else {
                0.0
            }
        }
        _ => n * by[at % width as usize],
    };
    one(Tensor::numbers(Elem::F32, dims, counts.into_iter().enumerate().map(value).collect()))
}
