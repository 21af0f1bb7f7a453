//! The inputs that all graphs of a comparison get: from a file, or made from a seed.

use super::GraphInput;
use crate::formats::samples::{self, Array};
use crate::graph::eval::Tensor;
use crate::graph::judge::make_inputs;
use crate::graph::{Elem, Graph, Text, ValueType};
use crate::model::{ModelError, Result, few};
use std::path::Path;

/// An input, and what is said of it.
pub(super) struct Given {
    pub(super) name: Text,
    pub(super) value: Tensor,
    pub(super) what: String,
}

impl Given {
    pub(super) fn described(&self) -> GraphInput {
        GraphInput {
            name: self.name.to_string(),
            dtype: self.value.elem.to_string(),
            shape: self.value.dims.clone(),
            what: self.what.clone(),
        }
    }
}

/// Inputs that are made from a seed.
///
/// # Errors
/// An input for which nothing can be made.
pub(super) fn made(graphs: &[&Graph], seed: u64, sizes: &[(String, i64)], path: &Path) -> Result<Vec<Given>> {
    let made = make_inputs(graphs, seed, sizes).map_err(|e| {
        let hint = "Give the inputs in a file with --data: .npz, .npy or .safetensors.";
        ModelError::request(e.what).field(e.place).in_file(path).with_hint(hint)
    })?;
    Ok(made.into_iter().map(|m| Given { name: m.name, value: m.value, what: m.how }).collect())
}

/// The inputs in a file: arrays by the names of inputs, or one array without a name for graphs with one input.
///
/// # Errors
/// Names that no graph has, inputs that are not there, types that cannot be converted, files that cannot be read.
pub(super) fn from_file(file: &Path, graphs: &[&Graph]) -> Result<Vec<Given>> {
    let arrays = samples::open(file)?;
    let names = names(graphs);
    let named = |array: &Array| -> Result<Text> {
        match (array.name.as_str(), names.as_slice()) {
            ("", [one]) => Ok(one.clone()),
            ("", _) => {
                let what = format!("the array has no name, and the inputs are {}", few(&names));
                Err(ModelError::request(what).with_hint("Put arrays by the names of the inputs into an .npz file."))
            }
            (name, _) => names.iter().find(|n| ***n == *name).cloned().ok_or_else(|| {
                let what = format!("no graph has such an input; the inputs are {}", few(&names));
                ModelError::request(what).field(name).with_hint("Name the arrays after the inputs.")
            }),
        }
    };
    let mut all = Vec::new();
    for array in &arrays {
        let name = named(array).map_err(|e| e.in_file(file))?;
        let value = array.read().map_err(|e| e.in_file(file))?;
        all.push(Given { name, value, what: "from the file".to_owned() });
    }
    let missing = graphs.iter().flat_map(|g| g.inputs()).find(|v| {
        let optional = matches!(v.ty, ValueType::Optional(_));
        !optional && !all.iter().any(|g| g.name == v.name)
    });
    match missing {
        None => Ok(all),
        Some(value) => {
            let what = format!("the file has no array for the input {:?}, {}", value.name, value.ty);
            Err(ModelError::request(what).in_file(file).with_hint("Put an array of that name into it."))
        }
    }
}

/// The names of the inputs of all graphs, each once.
fn names(graphs: &[&Graph]) -> Vec<Text> {
    let mut names: Vec<Text> = Vec::new();
    for value in graphs.iter().flat_map(|g| g.inputs()) {
        if !names.contains(&value.name) {
            names.push(value.name.clone());
        }
    }
    names
}

/// The inputs that a graph takes, each in the type that it takes: floats are rounded to the floats of the graph, integers have to fit.
///
/// # Errors
/// An input of another kind.
pub(super) fn fitting(graph: &Graph, inputs: &[Given]) -> Result<Vec<(Text, Tensor)>> {
    let mut all = Vec::new();
    for value in graph.inputs() {
        let Some(given) = inputs.iter().find(|g| g.name == value.name) else { continue };
        let fits = match value.ty.elem() {
            Some(elem) => converted(&given.value, elem),
            None => Ok(given.value.clone()),
        };
        let tensor = fits.map_err(|what| ModelError::request(what).field(format!("input {:?}", value.name)))?;
        all.push((value.name.clone(), tensor));
    }
    Ok(all)
}

fn converted(t: &Tensor, elem: Elem) -> Result<Tensor, String> {
    if t.elem == elem {
        return Ok(t.clone());
    }
    let other = || format!("it is {}, and the graph takes {elem}", t.elem);
    if t.elem.is_float() && elem.is_float() {
        return Ok(Tensor::numbers(elem, t.dims.clone(), t.to_numbers()?));
    }
    if t.elem.is_float() || elem.is_float() || elem == Elem::String {
        return Err(other());
    }
    let ints = t.to_ints().map_err(|_| other())?;
    let fit = Tensor::ints(elem, t.dims.clone(), ints.iter().copied());
    if fit.to_ints()? == ints { Ok(fit) } else { Err(format!("{}, and its numbers do not fit", other())) }
}
