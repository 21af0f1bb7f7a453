//! Integers that are known without running the graph: shapes and what is computed from them.

use super::{Changes, outputs};
use crate::graph::eval::{Tensor, pack};
use crate::graph::{Constant, ConstantData, Dim, Elem, Graph, INLINE_BYTES, Inference, Text, ValueId};
use std::collections::HashSet;

/// Values of nodes that inference knows become constants. Only the main region is looked at: what is known in a loop is so in one step.
pub(super) fn run(g: &mut Graph) -> Changes {
    let (found, kept, used) = (g.infer(), outputs(g), g.used());
    let mut changes = Changes::default();
    let mut taken: HashSet<Text> = g.values.iter().map(|(_, v)| v.name.clone()).collect();
    let nodes = g.regions[g.main].nodes.clone();
    for id in nodes {
        let node = &g.nodes[id];
        // A constant stays where it is.
        if node.inputs.is_empty() || !node.is_core() {
            continue;
        }
        for value in node.outputs.clone().into_iter().flatten() {
            if kept.contains(&value) || !used.contains(&value) {
                continue;
            }
            let Some(constant) = known(&found, value) else { continue };
            let name = fresh(&mut taken, &format!("{}_folded", g.values[value].name));
            let new = g.add_constant(g.main, name, constant);
            g.replace_uses(value, new);
            changes.replaced += 1;
        }
    }
    changes
}

/// The value as a constant, if all its elements are known.
fn known(found: &Inference, value: ValueId) -> Option<Constant> {
    let ints: Option<Vec<i64>> = found.ints(value)?.iter().map(Dim::known).collect();
    let (ints, ty) = (ints?, found.ty(value));
    let elem = ty.elem().filter(|e| matches!(e, Elem::I64 | Elem::I32 | Elem::Bool))?;
    let dims: Option<Vec<i64>> = ty.shape()?.iter().map(Dim::known).collect();
    let dims: Vec<u64> = dims?.into_iter().map(|d| u64::try_from(d).ok()).collect::<Option<_>>()?;
    if dims.iter().try_fold(1u64, |a, d| a.checked_mul(*d)) != Some(ints.len() as u64) {
        return None;
    }
    let packed = pack(&Tensor::ints(elem, [ints.len()], ints.iter().map(|v| i128::from(*v))))?;
    if packed.len() as u64 > INLINE_BYTES {
        return None;
    }
    let mut constant =
        Constant { elem, dims, data: ConstantData::Inline(packed.clone().into()), ..Constant::ints(&[]) };
    constant.learn(&packed);
    Some(constant)
}

/// A name that no value has, which is taken from then on.
fn fresh(taken: &mut HashSet<Text>, wanted: &str) -> Text {
    let mut name: Text = wanted.into();
    let mut n = 1u64;
    while !taken.insert(name.clone()) {
        n += 1;
        name = format!("{wanted}_{n}").into();
    }
    name
}
