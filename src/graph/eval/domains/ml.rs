//! `ai.onnx.ml`: classical machine learning.

use super::{Args, Elem, Evaluated, Tensor, one};
use crate::graph::eval::Data;
use crate::graph::eval::shape::index;
use std::collections::HashMap;

/// `ArrayFeatureExtractor`: elements along the last axis.
pub(super) fn array_feature_extractor(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let wanted = c.ints(1)?;
    let n = *x.dims.last().ok_or("its input has no dimensions")?;
    let wanted: Vec<usize> = wanted.iter().map(|i| index(*i, n)).collect::<Result<_, _>>()?;
    let rows = x.len() / n.max(1);
    let dims = if x.rank() == 1 { vec![1, wanted.len()] } else { [&x.dims[..x.rank() - 1], &[wanted.len()]].concat() };
    c.count(&dims)?;
    one(x.picked(dims, (0..rows).flat_map(|r| wanted.iter().map(move |i| r * n + i))))
}

/// `Binarizer`.
pub(super) fn binarizer(c: &Args<'_>) -> Evaluated {
    let threshold = c.float("threshold", 0.0);
    crate::graph::eval::math::float(c, |x| f64::from(u8::from(x > threshold)))
}

/// A key or a value as bytes: numbers by their bits, so that NaN equals NaN.
fn keys(t: &Tensor) -> Result<Vec<Vec<u8>>, String> {
    Ok(match &*t.data {
        Data::Str(all) => all.iter().map(|s| s.to_vec()).collect(),
        Data::Int(all) => all.iter().map(|v| v.to_le_bytes().to_vec()).collect(),
        _ => {
            let bits = |x: f64| if x.is_nan() { u64::MAX } else { (x + 0.0).to_bits() };
            t.to_numbers()?.iter().map(|x| bits(*x).to_le_bytes().to_vec()).collect()
        }
    })
}

/// `LabelEncoder`.
pub(super) fn label_encoder(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let list = |what: &str| -> Result<Option<Tensor>, String> {
        if let Some(t) = c.tensor_attr(&format!("{what}_tensor"))? {
            return Ok(Some(t));
        }
        if let Some(t) = c.texts(&format!("{what}_strings")) {
            return Ok(Some(Tensor::strings([t.len()], t.to_vec())));
        }
        if let Some(v) = c.list(&format!("{what}_int64s")) {
            return Ok(Some(Tensor::longs([v.len()], v.to_vec())));
        }
        let floats = c.float_list(&format!("{what}_floats"));
        Ok((!floats.is_empty()).then(|| Tensor::floats([floats.len()], floats.to_vec())))
    };
    let (from, to) = (list("keys")?.ok_or("it has no keys")?, list("values")?.ok_or("it has no values")?);
    if from.len() != to.len() {
        return Err(format!("it has {} keys and {} values", from.len(), to.len()));
    }
    let default = match (c.tensor_attr("default_tensor")?, &*to.data) {
        (Some(t), _) => t,
        (None, Data::Str(_)) => Tensor::strings([1], vec![c.text("default_string", "_Unused").as_bytes().into()]),
        (None, Data::Int(_)) => Tensor::ints(to.elem, [1], [i128::from(c.int("default_int64", -1))]),
        (None, _) => Tensor::numbers(to.elem, [1], vec![c.float("default_float", -0.0)]),
    };
    if default.len() == 0 || default.elem != to.elem {
        return Err(format!("its default is {} {:?}, and its values are {}", default.elem, default.dims, to.elem));
    }
    let table: HashMap<Vec<u8>, usize> = keys(&from)?.into_iter().zip(0..).collect();
    let places: Vec<Option<usize>> = keys(x)?.iter().map(|k| table.get(k).copied()).collect();
    one(Tensor::new(to.elem, x.dims.clone(), to.data.pick_or(places.into_iter(), &default.data)))
}

/// `TreeEnsemble`.
pub(super) fn tree_ensemble(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let &[rows, features] = x.dims.as_slice() else { return Err("its input should have 2 dimensions".to_owned()) };
    let need = |name: &str| c.list(name).ok_or(format!("its attribute {name:?} is missing"));
    let numbers = |name: &str| -> Result<Vec<f64>, String> {
        c.tensor_attr(name)?.map_or_else(|| Ok(Vec::new()), |t| t.to_numbers())
    };
    let (roots, feature) = (need("tree_roots")?, need("nodes_featureids")?);
    let (yes, no) = (need("nodes_truenodeids")?, need("nodes_falsenodeids")?);
    let (yes_leaf, no_leaf) = (need("nodes_trueleafs")?, need("nodes_falseleafs")?);
    let (modes, splits) = (c.tensor_attr("nodes_modes")?.ok_or("it has no modes")?, numbers("nodes_splits")?);
    let (modes, targets, weights) = (modes.to_ints()?, need("leaf_targetids")?, numbers("leaf_weights")?);
    // The members of each node that tests for membership follow each other, with NaN in between.
    let members: Vec<Vec<f64>> = numbers("membership_values")?.split(|v| v.is_nan()).map(<[f64]>::to_vec).collect();
    let missing = c.list("nodes_missing_value_tracks_true").unwrap_or(&[]);
    let (values, count) = (x.to_numbers()?, usize::try_from(c.int("n_targets", 1)).unwrap_or(0));
    let (aggregate, after) = (c.int("aggregate_function", 1), c.int("post_transform", 0));
    let n = c.count(&[rows, count])?;
    let mut out: Vec<Option<f64>> = vec![None; n];
    let set_of = |node: usize| modes[..node].iter().filter(|m| **m == 6).count();
    let outside = || "a node or leaf of a tree is out of range".to_owned();
    for row in 0..rows {
        c.going()?;
        for root in roots {
            let (mut at, mut leaf) = (usize::try_from(*root).map_err(|_| outside())?, false);
            // A path is no longer than all nodes.
            for _ in 0..=modes.len() {
                if leaf {
                    break;
                }
                let get = |list: &[i64]| list.get(at).copied().ok_or_else(outside);
                let f = usize::try_from(get(feature)?).ok().filter(|f| *f < features).ok_or_else(outside)?;
                let (v, split) = (values[row * features + f], *splits.get(at).ok_or_else(outside)?);
                let test = match modes.get(at).ok_or_else(outside)? {
                    0 => v <= split,
                    1 => v < split,
                    2 => v >= split,
                    3 => v > split,
                    4 => v == split,
                    5 => v != split,
                    _ => members.get(set_of(at)).is_some_and(|m| m.contains(&v)),
                };
                let test = test || (v.is_nan() && missing.get(at) == Some(&1));
                let (next, end) = if test { (get(yes)?, get(yes_leaf)?) } else { (get(no)?, get(no_leaf)?) };
                (at, leaf) = (usize::try_from(next).map_err(|_| outside())?, end != 0);
            }
            let target = targets.get(at).and_then(|t| usize::try_from(*t).ok()).filter(|t| leaf && *t < count);
            let (slot, w) = (row * count + target.ok_or_else(outside)?, *weights.get(at).ok_or_else(outside)?);
            out[slot] = Some(match (out[slot], aggregate) {
                (None, _) => w,
                (Some(s), 2) => s.min(w),
                (Some(s), 3) => s.max(w),
                (Some(s), _) => s + w,
            });
        }
    }
    let by = if aggregate == 0 { roots.len().max(1) as f64 } else { 1.0 };
    let mut scores: Vec<f64> = out.into_iter().map(|s| s.unwrap_or(0.0) / by).collect();
    for line in scores.chunks_mut(count.max(1)) {
        match after {
            1 => line.iter_mut().for_each(|x| *x = crate::graph::eval::math::sigmoid(*x)),
            2 => crate::graph::eval::norm::softmax(line),
            _ => {}
        }
    }
    let elem = if x.elem == Elem::F64 { Elem::F64 } else { x.elem };
    one(Tensor::numbers(elem, [rows, count], scores))
}
