//! The changed graph: casts, constants in half precision, and the types of values.

use super::decide::{Decisions, is_constant};
use super::rows::{beyond, encode, halved};
use super::{HalfOptions, Report};
use crate::graph::{AttrValue, Attribute, Constant, ConstantData, Elem, Extra, NodeId, Source, ValueId, ValueType};
use crate::model::{Result, few};
use crate::task::Task;
use crate::tensor::decode_f32;
use crate::transform::graph::draft::{Draft, NewNode};
use crate::transform::graph::stats::{Wanted, ranges};
use crate::units::plural;
use std::collections::HashMap;

/// Values in both precisions.
#[derive(Default)]
struct Both {
    half: HashMap<ValueId, ValueId>,
    float: HashMap<ValueId, ValueId>,
}

/// Rewrites the graph as decided.
///
/// # Errors
/// Read errors of constants.
pub(super) fn rewrite(
    draft: &mut Draft,
    options: &HalfOptions,
    decisions: &Decisions,
    report: &mut Report,
    task: &Task<'_>,
) -> Result<()> {
    let mut both = Both::default();
    constants(draft, options, decisions, &mut both, report, task)?;
    let homes: HashMap<ValueId, bool> =
        decisions.uses.keys().map(|v| (*v, decisions.is_half(draft, options, *v))).collect();
    let main = draft.g.main;
    let nodes = draft.take_nodes(main);
    let outputs: Vec<ValueId> = draft.g.regions[main].outputs.iter().map(|p| p.value).collect();
    let inputs: Vec<ValueId> = draft.g.regions[main].inputs.iter().map(|p| p.value).collect();
    for value in inputs {
        if both.half.contains_key(&value) {
            continue;
        }
        if let (Some(uses), Some(half)) = (decisions.uses.get(&value), homes.get(&value)) {
            if *half {
                retype(draft, value, options);
            }
            let (half_value, float_value) = pair(draft, options, value, *half, uses.half, uses.float);
            both.half.extend(half_value.map(|h| (value, h)));
            both.float.extend(float_value.map(|f| (value, f)));
        }
    }
    for id in nodes {
        inputs_of(draft, decisions, &both, id);
        let node = &draft.g.nodes[id];
        let given: Vec<(usize, ValueId)> =
            node.outputs.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?))).collect();
        if decisions.flexible.contains(&id) {
            set_type(draft, id, options);
        }
        let half_outputs = decisions.nodes.get(&id).map(|p| p.outputs.clone()).unwrap_or_default();
        let flexible = decisions.flexible.contains(&id);
        draft.put(id);
        for (i, value) in given {
            if both.half.contains_key(&value) {
                continue;
            }
            let half = flexible || half_outputs.contains(&i);
            let uses = decisions.uses.get(&value).copied().unwrap_or_default();
            if half && options.keep_io && outputs.contains(&value) {
                // The output keeps its name and type; the node gives another value.
                let name = draft.fresh(&half_name(draft, options, value));
                let other = draft.g.add_value(name, half_type(draft, options, value), Source::Node(id));
                draft.g.nodes[id].outputs[i] = Some(other);
                let cast = cast_node(draft, other, Elem::F32);
                draft.add_to(cast, &[value]);
                both.half.insert(value, other);
                both.float.insert(value, value);
                continue;
            }
            if half {
                retype(draft, value, options);
            }
            let (half_value, float_value) = pair(draft, options, value, half, uses.half, uses.float);
            both.half.extend(half_value.map(|h| (value, h)));
            both.float.extend(float_value.map(|f| (value, f)));
        }
    }
    nested(draft, &both);
    output_ports(draft, options, &both);
    Ok(())
}

/// The value in both precisions as far as they are wanted, with casts where they are needed.
fn pair(
    draft: &mut Draft,
    options: &HalfOptions,
    value: ValueId,
    is_half: bool,
    half: bool,
    float: bool,
) -> (Option<ValueId>, Option<ValueId>) {
    if is_half {
        let other = float.then(|| {
            let name = format!("{}_f32", draft.g.values[value].name);
            let cast = cast_node(draft, value, Elem::F32);
            draft.add(cast, &[name])[0]
        });
        return (Some(value), other);
    }
    let other = half.then(|| {
        let name = half_name(draft, options, value);
        let cast = cast_node(draft, value, options.half.elem());
        draft.add(cast, &[name])[0]
    });
    (other, Some(value))
}

fn cast_node(draft: &Draft, value: ValueId, to: Elem) -> NewNode<'static> {
    let name = format!("{}_to_{}", draft.g.values[value].name, to.name());
    NewNode::new("Cast", name, &[value]).int("to", to.code())
}

fn half_name(draft: &Draft, options: &HalfOptions, value: ValueId) -> String {
    format!("{}_{}", draft.g.values[value].name, options.half.elem().name())
}

/// The type of a value in half precision.
fn half_type(draft: &Draft, options: &HalfOptions, value: ValueId) -> ValueType {
    match &draft.g.values[value].ty {
        ValueType::Tensor { shape, .. } => ValueType::Tensor { elem: Some(options.half.elem()), shape: shape.clone() },
        other => other.clone(),
    }
}

fn retype(draft: &mut Draft, value: ValueId, options: &HalfOptions) {
    let ty = half_type(draft, options, value);
    draft.g.values[value].ty = ty;
}

/// Gives the inputs of a node in the precision that they are wanted in.
fn inputs_of(draft: &mut Draft, decisions: &Decisions, both: &Both, id: NodeId) {
    let half = decisions.nodes.get(&id).map(|p| p.inputs.clone()).unwrap_or_default();
    for (i, input) in draft.g.nodes[id].inputs.iter_mut().enumerate() {
        let map = if half.contains(&i) { &both.half } else { &both.float };
        if let Some(value) = input.and_then(|v| map.get(&v)) {
            *input = Some(*value);
        }
    }
}

/// What branches and bodies use stays as it was.
fn nested(draft: &mut Draft, both: &Both) {
    let main = draft.g.main;
    for (_, node) in draft.g.nodes.iter_mut().filter(|(_, n)| n.region != main) {
        for input in &mut node.inputs {
            if let Some(value) = input.and_then(|v| both.float.get(&v)) {
                *input = Some(*value);
            }
        }
    }
    for (_, region) in draft.g.regions.iter_mut().filter(|(id, _)| *id != main) {
        for port in &mut region.outputs {
            if let Some(value) = both.float.get(&port.value) {
                port.value = *value;
            }
        }
    }
}

/// Outputs of the graph that are not half yet although inputs and outputs are.
fn output_ports(draft: &mut Draft, options: &HalfOptions, both: &Both) {
    if options.keep_io {
        return;
    }
    let main = draft.g.main;
    for i in 0..draft.g.regions[main].outputs.len() {
        let value = draft.g.regions[main].outputs[i].value;
        let Some(half) = both.half.get(&value).copied().filter(|h| *h != value) else { continue };
        // The name of an output is its interface: the values exchange their names.
        let name = draft.g.values[value].name.clone();
        let other = std::mem::replace(&mut draft.g.values[half].name, name);
        let ty = half_type(draft, options, value);
        draft.g.values[value].name = other;
        draft.g.values[half].ty = ty;
        draft.g.regions[main].outputs[i].value = half;
    }
}

/// The type that a `Cast` or `ConstantOfShape` gives.
fn set_type(draft: &mut Draft, id: NodeId, options: &HalfOptions) {
    let elem = options.half.elem();
    let node = &mut draft.g.nodes[id];
    if &*node.op == "Cast" {
        for a in node.attributes.iter_mut().filter(|a| &*a.name == "to") {
            a.value = AttrValue::Int(elem.code());
        }
        return;
    }
    let mut number = [0.0f32];
    if let Some(AttrValue::Tensor(c)) = node.attribute("value") {
        number[0] = c.floats.as_deref().and_then(|f| f.first()).copied().unwrap_or(0.0);
    }
    node.attributes.retain(|a| &*a.name != "value");
    let mut bytes = [0u8; 2];
    encode(&mut number, options.half, &mut bytes);
    let constant = Constant {
        elem,
        dims: vec![1],
        data: ConstantData::Inline(bytes.as_slice().into()),
        ints: None,
        floats: None,
        name: "".into(),
        extra: Extra::new(),
    };
    node.attributes.push(Attribute::new("value", AttrValue::Tensor(Box::new(constant))));
}

/// Constants that are used half: converted where all uses are, doubled where some are.
fn constants(
    draft: &mut Draft,
    options: &HalfOptions,
    decisions: &Decisions,
    both: &mut Both,
    report: &mut Report,
    task: &Task<'_>,
) -> Result<()> {
    let mut found: Vec<(ValueId, bool)> = Vec::new();
    for (value, uses) in decisions.uses.iter().filter(|(_, u)| u.half) {
        let v = &draft.g.values[*value];
        let constant = match v.source {
            Source::Node(id) => is_constant(&draft.g.nodes[id]),
            _ => v.constant.is_some(),
        };
        // Only constants of the whole graph: those of branches are not half.
        if constant && draft.g.region_of(*value) == draft.g.main {
            found.push((*value, uses.float));
        }
    }
    found.sort_unstable_by_key(|(v, _)| *v);
    let weights: Vec<_> = found.iter().filter_map(|(v, float)| Some((draft.weight(*v)?, *float))).collect();
    let wanted: Vec<Wanted> = weights.iter().map(|(w, _)| Wanted { entry: w.entry.clone(), axis: None }).collect();
    let most = options.half.largest();
    let (mut total, mut names) = (0u64, Vec::new());
    for ((weight, _), range) in weights.iter().zip(ranges(&wanted, task)?) {
        let out = range.iter().any(|r| r.min < -most || r.max > most);
        let count = if out { beyond(&weight.entry, options.half)? } else { 0 };
        if count > 0 {
            total = total.saturating_add(count);
            names.push(format!("{:?}", draft.g.values[weight.value].name));
        }
    }
    if total > 0 {
        let shown = if most < 1e6 { most.to_string() } else { format!("{most:.2e}") };
        let (values, name) =
            (plural(usize::try_from(total).unwrap_or(usize::MAX), "value"), options.half.elem().name());
        report.notes.push(format!("{values} beyond the range of {name} became ±{shown}: {}", few(&names)));
    }
    for (weight, float) in weights {
        let value = weight.value;
        if float {
            let entry = halved(&weight.entry, options.half);
            let name = half_name(draft, options, value);
            let copy = draft.tensor(&name, options.half.elem(), weight.dims.clone(), entry);
            both.half.insert(value, copy);
            both.float.insert(value, value);
            continue;
        }
        both.half.insert(value, value);
        draft.g.constant_of_input(value);
        let ty = ValueType::tensor(options.half.elem(), weight.dims.iter().map(|d| (*d).into()));
        draft.g.values[value].ty = ty;
        let converted = converted(draft, &weight, options)?;
        match draft.g.values[value].source {
            Source::Node(id) => {
                for a in draft.g.nodes[id].attributes.iter_mut().filter(|a| &*a.name == "value") {
                    a.value = AttrValue::Tensor(Box::new(converted.clone()));
                }
            }
            _ => draft.g.values[value].constant = Some(converted),
        }
    }
    Ok(())
}

/// A constant in half precision.
fn converted(
    draft: &mut Draft,
    weight: &crate::transform::graph::draft::Weight,
    options: &HalfOptions,
) -> Result<Constant> {
    let elem = options.half.elem();
    let old = match draft.g.values[weight.value].source {
        Source::Node(id) => match draft.g.nodes[id].attribute("value") {
            Some(AttrValue::Tensor(c)) => Some(c.as_ref()),
            _ => None,
        },
        _ => draft.g.values[weight.value].constant.as_ref(),
    };
    let (name, data) = old.map_or_else(|| ("".into(), None), |c| (c.name.clone(), Some(c.data.clone())));
    let data = match data {
        Some(ConstantData::Inline(bytes)) => {
            let mut values = vec![0f32; bytes.len() / 4];
            decode_f32(crate::tensor::DType::F32, &bytes, &mut values);
            let mut half = vec![0u8; values.len() * 2];
            encode(&mut values, options.half, &mut half);
            ConstantData::Inline(half.into())
        }
        _ => draft.replaced(&halved(&weight.entry, options.half)),
    };
    Ok(Constant { elem, dims: weight.dims.clone(), data, ints: None, floats: None, name, extra: Extra::new() })
}
