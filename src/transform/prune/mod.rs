//! Sets weights to zero: those of least magnitude, over a tensor, over a row or over all tensors, or all but N of each M neighbours.
//!
//! Nothing is read here. [`prune`] wraps tensors; where one threshold holds for a tensor or for the model, the first reader of a row starts the
//! search for it (`threshold`), and readers that come meanwhile help. Ties are broken by place: the first are set to zero. Must not know recipes.

mod rows;
mod select;
mod threshold;

use crate::model::{Model, ModelError, Result, Role, TensorEntry, TensorKind};
use crate::quant::Encoding;
use crate::tensor::DType;
use rows::{MAX_ROW, Pruned, Rule};
use std::sync::Arc;
use threshold::Ranking;

/// What is set to zero in each tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pruning {
    /// Of each tensor this share of the elements, rounded down: those of least magnitude.
    Tensor(f64),
    /// Of each row this share of the elements, rounded down.
    Row(f64),
    /// Of all tensors together this share of the elements, rounded down.
    Model(f64),
    /// All but the `keep` largest of each `of` neighbours in a row.
    Neighbours {
        /// Elements that stay.
        keep: u32,
        /// Elements in a group.
        of: u32,
    },
}

/// What [`prune`] made.
#[derive(Debug)]
pub(crate) struct PrunedModel {
    /// The model with pruned tensors.
    pub model: Model,
    /// Number of tensors that are pruned.
    pub tensors: usize,
    /// Elements in them.
    pub elems: u64,
    /// How many of the elements are set to zero.
    pub zeros: u64,
}

/// True for a tensor that is pruned if nothing else is said: a matrix of attention or of the feed-forward part, but no router of experts.
pub(crate) fn is_prunable(tensor: &TensorEntry) -> bool {
    let role = matches!(tensor.role(), Role::Attention | Role::Ffn);
    role && is_matrix(tensor) && tensor.class.kind != Some(TensorKind::FfnGateInp)
}

/// True for what has rows and columns of floats, in any encoding.
pub(crate) fn is_matrix(tensor: &TensorEntry) -> bool {
    let floats = match tensor.encoding {
        Encoding::Plain(dtype) => dtype.is_float(),
        Encoding::Block(_) => true,
    };
    floats && tensor.shape.0.len() >= 2 && tensor.rows() > 1 && tensor.cols() > 1
}

/// The model with the chosen tensors pruned. Tensors of plain floats keep their type; others become f32. Shapes and names stay.
///
/// # Errors
/// No chosen tensor; rows that cannot be divided into groups; rows that are too long to be ranked.
pub(crate) fn prune(
    model: &Model,
    pruning: Pruning,
    mut chosen: impl FnMut(&TensorEntry) -> bool,
) -> Result<PrunedModel> {
    let places: Vec<usize> = (0..model.tensors.len()).filter(|i| chosen(&model.tensors[*i])).collect();
    if places.is_empty() {
        return Err(ModelError::request("it would prune no tensor"));
    }
    let mut out = PrunedModel { model: model.clone(), tensors: places.len(), elems: 0, zeros: 0 };
    let entry = |i: &usize| model.tensors[*i].clone();
    let all = match pruning {
        Pruning::Model(share) => Some(Arc::new(Ranking::new(places.iter().map(entry).collect(), share))),
        _ => None,
    };
    for (number, i) in places.iter().enumerate() {
        let tensor = &model.tensors[*i];
        check(tensor, pruning)?;
        let elems = tensor.rows().saturating_mul(tensor.cols());
        let (rule, zeros) = match pruning {
            Pruning::Tensor(share) => {
                let ranking = Arc::new(Ranking::new(vec![tensor.clone()], share));
                let zeros = ranking.zeros();
                (Rule::Ranked { ranking, number: 0 }, zeros)
            }
            Pruning::Model(_) => {
                let Some(ranking) = all.clone() else { continue };
                (Rule::Ranked { ranking, number }, 0)
            }
            Pruning::Row(share) => {
                let each = threshold::count(share, tensor.cols());
                (Rule::EachRow { zeros: each as usize }, each.saturating_mul(tensor.rows()))
            }
            Pruning::Neighbours { keep, of } => {
                let zeros = elems / u64::from(of) * u64::from(of - keep);
                (Rule::Neighbours { keep: keep as usize, of: of as usize }, zeros)
            }
        };
        out.elems = out.elems.saturating_add(elems);
        out.zeros = out.zeros.saturating_add(zeros);
        let encoding = match tensor.encoding {
            plain @ Encoding::Plain(_) => plain,
            Encoding::Block(_) => DType::F32.into(),
        };
        let data = Arc::new(Pruned { inner: tensor.clone(), rule });
        out.model.tensors[*i] = TensorEntry { encoding, data, storage: None, ..tensor.clone() };
    }
    if let Some(ranking) = all {
        out.zeros = ranking.zeros();
    }
    Ok(out)
}

/// What cannot be pruned so, found before anything is read.
fn check(tensor: &TensorEntry, pruning: Pruning) -> Result<()> {
    match pruning {
        Pruning::Row(_) if tensor.cols() > MAX_ROW => {
            let what = format!("its rows have {} elements, and at most {MAX_ROW} are ranked", tensor.cols());
            Err(ModelError::unsupported(what).field(&tensor.name))
        }
        Pruning::Neighbours { keep, of } if !tensor.cols().is_multiple_of(u64::from(of)) => {
            let what = format!("{keep}:{of} does not divide its rows of {} elements", tensor.cols());
            Err(ModelError::request(what).field(&tensor.name))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
