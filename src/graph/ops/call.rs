//! A node as the rules of inference see it: what is known of its inputs, and its attributes.

use crate::graph::{AttrValue, Constant, Dim, Elem, Node, ValueType};
use std::sync::Arc;

/// What a rule gives for each output; an error is one clause about the node.
pub(crate) type Outs = Result<Vec<Out>, String>;

/// What is known of one input.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// Its type.
    pub ty: ValueType,
    /// Its elements, if they are few integers.
    pub ints: Option<Vec<Dim>>,
    /// Its elements, if it is a constant of a few `f32`.
    pub floats: Option<Arc<[f32]>>,
}

/// A node and what is known of its inputs.
pub(crate) struct Call<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its inputs; `None` for one that is left out.
    pub inputs: Vec<Option<Input>>,
}

/// What a rule says of one output. What it leaves open follows from the schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Out {
    /// Type of the elements.
    pub elem: Option<Elem>,
    /// Dimensions.
    pub shape: Option<Vec<Dim>>,
    /// Elements, if they are few integers.
    pub ints: Option<Vec<Dim>>,
    /// The type of an output that is no tensor.
    pub ty: Option<ValueType>,
}

impl Out {
    /// An output of that shape.
    pub(crate) fn shape(shape: Vec<Dim>) -> Self {
        Self { shape: Some(shape), ..Self::default() }
    }

    /// An output of a known number of dimensions.
    pub(crate) fn rank(rank: usize) -> Self {
        Self::shape(vec![Dim::Unknown; rank])
    }

    /// An output of which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::default()
    }

    /// The same with a type of elements.
    pub(crate) fn of(self, elem: impl Into<Option<Elem>>) -> Self {
        Self { elem: elem.into(), ..self }
    }

    /// The same with elements.
    pub(crate) fn with_ints(self, ints: Option<Vec<Dim>>) -> Self {
        Self { ints, ..self }
    }
}

impl Call<'_> {
    /// Version of the operator's domain.
    pub(crate) fn version(&self) -> i64 {
        self.node.version
    }

    /// What is known of an input that is given.
    pub(crate) fn input(&self, at: usize) -> Option<&Input> {
        self.inputs.get(at)?.as_ref()
    }

    /// Type of an input's elements.
    pub(crate) fn elem(&self, at: usize) -> Option<Elem> {
        self.input(at)?.ty.elem()
    }

    /// Shape of an input.
    pub(crate) fn shape(&self, at: usize) -> Option<&[Dim]> {
        self.input(at)?.ty.shape()
    }

    /// Elements of an input that are few integers.
    pub(crate) fn ints(&self, at: usize) -> Option<&[Dim]> {
        self.input(at)?.ints.as_deref()
    }

    /// Elements of an input that is a constant of a few `f32`.
    pub(crate) fn floats(&self, at: usize) -> Option<&[f32]> {
        self.input(at)?.floats.as_deref()
    }

    /// Elements of an input that are few known integers.
    pub(crate) fn numbers(&self, at: usize) -> Option<Vec<i64>> {
        self.ints(at)?.iter().map(Dim::known).collect()
    }

    /// An integer attribute.
    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.int_if(name).unwrap_or(default)
    }

    /// An integer attribute, if it is given.
    pub(crate) fn int_if(&self, name: &str) -> Option<i64> {
        if let Some(AttrValue::Int(v)) = self.node.attribute(name) { Some(*v) } else { None }
    }

    /// A list of integers in an attribute, if it is given.
    pub(crate) fn list(&self, name: &str) -> Option<&[i64]> {
        if let Some(AttrValue::Ints(v)) = self.node.attribute(name) { Some(v) } else { None }
    }

    /// A text attribute.
    pub(crate) fn text<'b>(&'b self, name: &str, default: &'b str) -> &'b str {
        match self.node.attribute(name) {
            Some(AttrValue::Str(v)) => std::str::from_utf8(v).unwrap_or(default),
            _ => default,
        }
    }

    /// A tensor in an attribute, if it is given.
    pub(crate) fn tensor(&self, name: &str) -> Option<&Constant> {
        if let Some(AttrValue::Tensor(c)) = self.node.attribute(name) { Some(c) } else { None }
    }

    /// An element type in an attribute, by its code.
    pub(crate) fn elem_attribute(&self, name: &str) -> Option<Elem> {
        Elem::from_code(self.int_if(name)?)
    }

    /// True if an attribute is taken from the call of the function that the node is in: nothing is known of it.
    pub(crate) fn is_reference(&self, name: &str) -> bool {
        matches!(self.node.attribute(name), Some(AttrValue::Reference { .. }))
    }

    /// Integers that are an attribute in old versions and an input in new ones. `Ok(None)` if they are not given, `Err(())` if they are not known.
    pub(crate) fn list_or_input(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, ()> {
        if let Some(list) = self.list(name) {
            return Ok(Some(list.to_vec()));
        }
        if self.is_reference(name) {
            return Err(());
        }
        match self.input(at) {
            None => Ok(None),
            Some(_) => self.numbers(at).map(Some).ok_or(()),
        }
    }
}

/// The dimension that an axis means; negative ones count from the end.
///
/// # Errors
/// Axes out of range.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(at) {
        Ok(at) if at < rank => Ok(at),
        _ => Err(format!("axis {axis} is out of range for {rank} dimensions")),
    }
}
