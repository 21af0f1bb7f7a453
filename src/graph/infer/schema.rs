//! What the schema of an operator says of a node: whether it fits, and the types of its outputs.

use crate::graph::ops::{Arity, Call, Formal, Out, Version, elem_of_name, formal_at};
use crate::graph::{AttrValue, Elem};

/// Checks a node against its schema and fills in the types of elements that the rule left open. Returns what does not fit, a clause each.
pub(super) fn apply(schema: &'static Version, call: &Call<'_>, outs: &mut [Out]) -> Vec<String> {
    let mut problems = Vec::new();
    if schema.deprecated {
        problems.push(format!("the operator is deprecated since version {}", schema.since));
    }
    let inputs = schema.inputs();
    count(&inputs, call.inputs.len(), "inputs", &mut problems);
    let mut bound: Vec<(&'static str, Elem, usize)> = Vec::new();
    for (i, input) in call.inputs.iter().enumerate() {
        let Some(formal) = formal_at(&inputs, i) else { break };
        let Some(input) = input else {
            if formal.arity == Arity::One {
                problems.push(format!("its input {} is missing", formal.name));
            }
            continue;
        };
        let Some(elem) = input.ty.elem() else { continue };
        if !schema.types(formal.ty).contains(&elem.name()) {
            problems.push(format!(
                "its input {} is {elem}, which the operator does not take in version {}",
                formal.name, schema.since
            ));
            continue;
        }
        if !formal.same_type || !schema.is_variable(formal.ty) {
            continue;
        }
        match bound.iter().find(|(name, ..)| *name == formal.ty) {
            Some((_, other, at)) if *other != elem => {
                let first = formal_at(&inputs, *at).map_or("", |f| f.name);
                problems.push(format!(
                    "its inputs {first} and {} are {other} and {elem}, and must have one type",
                    formal.name
                ));
            }
            Some(_) => {}
            None => bound.push((formal.ty, elem, i)),
        }
    }
    attributes(schema, call, &mut problems);
    let outputs = schema.outputs();
    for (i, out) in outs.iter_mut().enumerate().filter(|(_, o)| o.elem.is_none() && o.ty.is_none()) {
        let Some(formal) = formal_at(&outputs, i) else { continue };
        out.elem = match bound.iter().find(|(name, ..)| *name == formal.ty) {
            Some((_, elem, _)) if formal.same_type => Some(*elem),
            // A name that stands for one type only is that type.
            _ => match schema.types(formal.ty).as_slice() {
                [one] => elem_of_name(one),
                _ => None,
            },
        };
    }
    problems
}

fn count(formals: &[Formal], given: usize, what: &str, problems: &mut Vec<String>) {
    let most = match formals.last().map(|f| f.arity) {
        Some(Arity::Many(_)) => usize::MAX,
        _ => formals.len(),
    };
    let needed = |f: &Formal| matches!(f.arity, Arity::One | Arity::Many(1..));
    let least = formals.iter().rposition(needed).map_or(0, |i| i + 1);
    if given > most {
        problems.push(format!("it has {given} {what}, and the operator takes {most}"));
    } else if given < least {
        problems.push(format!("it has {given} {what}, and the operator needs {least}"));
    }
}

fn attributes(schema: &'static Version, call: &Call<'_>, problems: &mut Vec<String>) {
    let formals = schema.attributes();
    for a in &call.node.attributes {
        let Some(formal) = formals.iter().find(|f| f.name == &*a.name) else {
            problems.push(format!("version {} of the operator has no attribute {:?}", schema.since, a.name));
            continue;
        };
        let given = type_name(&a.value);
        if given.is_some_and(|ty| ty != formal.ty) {
            problems.push(format!("its attribute {:?} is not of the type {}", a.name, formal.ty));
        }
    }
    for formal in formals.iter().filter(|f| f.required && call.node.attribute(f.name).is_none()) {
        problems.push(format!("its attribute {:?} is missing", formal.name));
    }
}

/// The type of an attribute as schemas name it; `None` for what has no value here.
fn type_name(value: &AttrValue) -> Option<&'static str> {
    Some(match value {
        AttrValue::Float(_) => "float",
        AttrValue::Int(_) => "int",
        AttrValue::Str(_) => "text",
        AttrValue::Tensor(_) => "tensor",
        AttrValue::Region(_) => "graph",
        AttrValue::Sparse(_) => "sparse",
        AttrValue::Type(_) => "type",
        AttrValue::Floats(_) => "floats",
        AttrValue::Ints(_) => "ints",
        AttrValue::Strs(_) => "texts",
        AttrValue::Tensors(_) => "tensors",
        AttrValue::Regions(_) => "graphs",
        AttrValue::Sparses(_) => "sparses",
        AttrValue::Types(_) => "types",
        AttrValue::Reference { .. } | AttrValue::Other { .. } => return None,
    })
}
