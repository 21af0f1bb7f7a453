//! `TensorScatter`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, shape, walk};

/// Schemas: ONNX 1.23, `TensorScatter`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TensorScatter",
    versions: &[Version {
        since: 24,
        inputs: "past_cache: T, update: T, write_indices?: i64",
        outputs: "present_cache: T",
        types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
        attributes: "axis: int = -2, mode: text = linear",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (past, update) = (c.tensor(0)?, c.tensor(1)?);
    let axis = c.axis(-2, past.rank())?;
    let fits = update.rank() == past.rank() && (0..past.rank()).all(|d| d == axis || update.dims[d] == past.dims[d]);
    if axis == 0 || !fits || update.elem != past.elem {
        return Err(format!("an update of {:?} does not fit a cache of {:?}", update.dims, past.dims));
    }
    let starts = c.ints_if(2)?.unwrap_or_else(|| vec![0; past.dims[0]]);
    let (n, circular) = (past.dims[axis] as i64, c.text("mode", "linear") == "circular");
    let strides = walk::strides(&past.dims);
    let mut places = Vec::with_capacity(update.len());
    walk::try_each_index(&update.dims, |index| {
        let start = *starts.get(index[0]).ok_or("it does not have one index for each sequence")?;
        let at = start.saturating_add(index[axis] as i64);
        let at = shape::index(if circular && n > 0 { at.rem_euclid(n) } else { at }, n as usize)?;
        let one = |(d, i): (usize, &usize)| if d == axis { at } else { *i } * strides[d] as usize;
        places.push(index.iter().enumerate().map(one).sum::<usize>());
        Ok(())
    })?;
    let mut out = past.clone();
    std::sync::Arc::make_mut(&mut out.data).put(places.into_iter().zip(0..), &update.data);
    one(out)
}
