//! What a graph takes.

use crate::graph::eval::{Data, Tensor, Value};
use crate::graph::{Dim, Elem, Graph, Text, ValueType};

/// An input of a graph.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// Its name.
    pub(super) name: Text,
    /// Type of its elements.
    pub(super) elem: Elem,
    /// Its dimensions, if the rank is declared.
    pub(super) dims: Option<Vec<Dim>>,
    /// True if the graph cannot be run without it.
    pub(super) needed: bool,
    /// Its type, as people see it.
    pub(super) shown: String,
}

impl Input {
    /// True for keys and values of earlier tokens, which may be empty.
    pub(super) fn is_past(&self) -> bool {
        self.name.starts_with("past")
    }

    /// An empty past for so many texts: symbols are sizes of the past, but for the first dimension.
    pub(super) fn empty(&self, batch: usize) -> Option<Value> {
        let dims = self.dims.as_ref()?;
        let size = |(i, d): (usize, &Dim)| match d.known() {
            Some(n) => usize::try_from(n).unwrap_or(0),
            None if i == 0 => batch,
            None => 0,
        };
        let dims: Vec<usize> = dims.iter().enumerate().map(size).collect();
        // A declared shape without symbols is no empty past.
        if !dims.contains(&0) {
            return None;
        }
        Some(Tensor::new(self.elem, dims, Data::zeros(self.elem, 0)).into())
    }
}

/// The inputs of a graph that are tensors of a known type, in order.
pub(super) fn inputs(g: &Graph) -> Vec<Input> {
    let used = g.used();
    let ports = g.regions[g.main].inputs.iter().map(|p| (p.value, &g.values[p.value]));
    let own = ports.filter(|(_, v)| v.constant.is_none() && v.sparse.is_none());
    own.filter_map(|(id, v)| {
        let (ty, optional) = match &v.ty {
            ValueType::Optional(inner) => (&**inner, true),
            other => (other, false),
        };
        Some(Input {
            name: v.name.clone(),
            elem: ty.elem()?,
            dims: ty.shape().map(<[Dim]>::to_vec),
            needed: !optional && used.contains(&id),
            shown: ty.to_string(),
        })
    })
    .collect()
}

/// The inputs as a list for messages: `input_ids i64 [batch, sequence]`.
pub(super) fn listed(inputs: &[Input]) -> String {
    let all: Vec<String> = inputs.iter().map(|i| format!("{} {}", i.name, i.shown)).collect();
    all.join(", ")
}
