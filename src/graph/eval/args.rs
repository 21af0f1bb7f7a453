//! A node as its evaluation sees it: values of its inputs, and its attributes.

use super::{Shared, Tensor, Value, unpack};
use crate::graph::ops::axis_of;
use crate::graph::{AttrValue, Constant, ConstantData, Elem, Node, SparseConstant};

/// The outputs of a node, in order; an error is one clause about the node.
pub(crate) type Evaluated = Result<Vec<Value>, String>;

/// A single output.
///
/// # Errors
/// None: it has the type of what evaluation functions give.
pub(crate) fn one(t: Tensor) -> Evaluated {
    Ok(vec![t.into()])
}

/// A node with the values of its inputs.
pub(crate) struct Args<'a> {
    /// The node. Attributes that refer to those of a function have their values.
    pub node: &'a Node,
    /// Its inputs; `None` for one that is left out.
    pub inputs: Vec<Option<Value>>,
    pub(super) shared: &'a Shared<'a>,
}

impl Args<'_> {
    /// Version of the operator's domain; the newest if none is declared.
    pub(crate) fn version(&self) -> i64 {
        if self.node.version > 0 { self.node.version } else { i64::MAX }
    }

    /// An input that must be given.
    ///
    /// # Errors
    /// It is not given.
    pub(crate) fn value(&self, at: usize) -> Result<&Value, String> {
        self.inputs.get(at).and_then(Option::as_ref).ok_or_else(|| format!("its input {at} is missing"))
    }

    /// A tensor that must be given.
    ///
    /// # Errors
    /// It is not given, or no tensor.
    pub(crate) fn tensor(&self, at: usize) -> Result<&Tensor, String> {
        self.value(at)?.tensor().map_err(|e| format!("its input {at}: {e}"))
    }

    /// A tensor that may be left out.
    ///
    /// # Errors
    /// It is no tensor.
    pub(crate) fn given(&self, at: usize) -> Result<Option<&Tensor>, String> {
        match self.inputs.get(at) {
            Some(Some(Value::Nothing)) | Some(None) | None => Ok(None),
            Some(Some(_)) => self.tensor(at).map(Some),
        }
    }

    /// All inputs, as tensors.
    ///
    /// # Errors
    /// One is left out, or no tensor.
    pub(crate) fn tensors(&self) -> Result<Vec<&Tensor>, String> {
        (0..self.inputs.len()).map(|i| self.tensor(i)).collect()
    }

    /// The numbers of an input that may be left out.
    ///
    /// # Errors
    /// It is no tensor of numbers.
    pub(crate) fn numbers(&self, at: usize) -> Result<Option<Vec<f64>>, String> {
        self.given(at)?.map(Tensor::to_numbers).transpose()
    }

    /// The integers of an input that may be left out.
    ///
    /// # Errors
    /// It is no tensor of integers.
    pub(crate) fn ints_if(&self, at: usize) -> Result<Option<Vec<i64>>, String> {
        self.given(at)?.map(|t| t.stored_ints().map(<[i64]>::to_vec)).transpose()
    }

    /// The integers of an input.
    ///
    /// # Errors
    /// It is not given, or no tensor of integers.
    pub(crate) fn ints(&self, at: usize) -> Result<Vec<i64>, String> {
        Ok(self.tensor(at)?.stored_ints()?.to_vec())
    }

    /// The only number of an input that may be left out.
    ///
    /// # Errors
    /// It has no element, or is no tensor of numbers.
    pub(crate) fn number_if(&self, at: usize) -> Result<Option<f64>, String> {
        self.given(at)?.map(Tensor::number).transpose()
    }

    /// The only integer of an input that may be left out.
    ///
    /// # Errors
    /// It has no element, or is no tensor of integers.
    pub(crate) fn int_input(&self, at: usize) -> Result<Option<i64>, String> {
        match self.ints_if(at)? {
            None => Ok(None),
            Some(v) => v.first().copied().map(Some).ok_or_else(|| format!("its input {at} is empty")),
        }
    }

    /// An integer attribute.
    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.int_attr(name).unwrap_or(default)
    }

    /// An integer attribute, if it is given.
    pub(crate) fn int_attr(&self, name: &str) -> Option<i64> {
        if let Some(AttrValue::Int(v)) = self.node.attribute(name) { Some(*v) } else { None }
    }

    /// A truth value in an integer attribute.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.int(name, default.into()) != 0
    }

    /// A float attribute.
    pub(crate) fn float(&self, name: &str, default: f64) -> f64 {
        self.float_attr(name).unwrap_or(default)
    }

    /// A float attribute, if it is given.
    pub(crate) fn float_attr(&self, name: &str) -> Option<f64> {
        if let Some(AttrValue::Float(v)) = self.node.attribute(name) { Some((*v).into()) } else { None }
    }

    /// A list of integers in an attribute, if it is given.
    pub(crate) fn list(&self, name: &str) -> Option<&[i64]> {
        if let Some(AttrValue::Ints(v)) = self.node.attribute(name) { Some(v) } else { None }
    }

    /// A list of floats in an attribute; empty if it is not given.
    pub(crate) fn float_list(&self, name: &str) -> &[f32] {
        if let Some(AttrValue::Floats(v)) = self.node.attribute(name) { v } else { &[] }
    }

    /// A list of texts in an attribute, if it is given.
    pub(crate) fn texts(&self, name: &str) -> Option<&[Box<[u8]>]> {
        if let Some(AttrValue::Strs(v)) = self.node.attribute(name) { Some(v) } else { None }
    }

    /// A text attribute.
    pub(crate) fn text<'b>(&'b self, name: &str, default: &'b str) -> &'b str {
        match self.node.attribute(name) {
            Some(AttrValue::Str(v)) => std::str::from_utf8(v).unwrap_or(default),
            _ => default,
        }
    }

    /// An element type in an attribute, by its code.
    ///
    /// # Errors
    /// A code that is no type.
    pub(crate) fn elem_attr(&self, name: &str) -> Result<Option<Elem>, String> {
        match self.int_attr(name) {
            None | Some(0) => Ok(None),
            Some(code) => Elem::from_code(code)
                .map(Some)
                .ok_or_else(|| format!("its attribute {name:?} is {code}, which is not a type")),
        }
    }

    /// A tensor in an attribute, if it is given.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn tensor_attr(&self, name: &str) -> Result<Option<Tensor>, String> {
        match self.node.attribute(name) {
            Some(AttrValue::Tensor(c)) => self.shared.constant(c).map(Some),
            Some(AttrValue::Sparse(s)) => self.shared.sparse(s).map(Some),
            _ => Ok(None),
        }
    }

    /// Integers that are an attribute in old versions and an input in new ones.
    ///
    /// # Errors
    /// The input is no tensor of integers.
    pub(crate) fn list_or_input(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, String> {
        match self.list(name) {
            Some(list) => Ok(Some(list.to_vec())),
            None => self.ints_if(at),
        }
    }

    /// The dimension that an attribute names.
    ///
    /// # Errors
    /// It is out of range.
    pub(crate) fn axis(&self, default: i64, rank: usize) -> Result<usize, String> {
        axis_of(self.int("axis", default), rank)
    }

    /// Elements of a tensor of these dimensions.
    ///
    /// # Errors
    /// More than a value may have.
    pub(crate) fn count(&self, dims: &[usize]) -> Result<usize, String> {
        self.shared.count(dims)
    }

    /// Dimensions that are given as integers, and elements of a tensor that has them.
    ///
    /// # Errors
    /// Negative ones; more elements than a value may have.
    pub(crate) fn dims(&self, dims: &[i64]) -> Result<(Vec<usize>, usize), String> {
        let one = |d: &i64| usize::try_from(*d).map_err(|_| format!("{dims:?} is not a shape"));
        let dims: Vec<usize> = dims.iter().map(one).collect::<Result<_, _>>()?;
        let n = self.count(&dims)?;
        Ok((dims, n))
    }

    /// Sizes that are given as integers.
    ///
    /// # Errors
    /// Negative ones, and those beyond what a value may have.
    pub(crate) fn sizes(&self, sizes: &[i64]) -> Result<Vec<usize>, String> {
        sizes.iter().map(|n| self.dims(&[*n]).map(|(_, n)| n)).collect()
    }

    /// True if the output is wanted.
    pub(crate) fn wants(&self, at: usize) -> bool {
        self.node.outputs.get(at).is_some_and(Option::is_some)
    }

    /// To be asked now and then by what takes long.
    ///
    /// # Errors
    /// The evaluation is to stop.
    pub(crate) fn going(&self) -> Result<(), String> {
        if self.shared.setting.task.is_cancelled() { Err("cancelled".to_owned()) } else { Ok(()) }
    }
}

impl Shared<'_> {
    /// See [`Args::count`]. Dimensions of zero do not make others harmless: loops go over them.
    pub(super) fn count(&self, dims: &[usize]) -> Result<usize, String> {
        let limit = self.setting.limits.elems;
        let all = dims.iter().try_fold(1usize, |a, d| a.checked_mul((*d).max(1)));
        match all {
            Some(n) if n <= limit => Ok(if dims.contains(&0) { 0 } else { n }),
            _ => {
                Err(format!("a value of the shape {dims:?} would have more than {limit} elements, which is the limit"))
            }
        }
    }

    /// One step.
    pub(super) fn step(&self) -> Result<(), String> {
        let left = self.steps.get();
        if left == 0 {
            return Err(format!("more than {} steps; does a loop not end?", self.setting.limits.steps));
        }
        self.steps.set(left - 1);
        if self.setting.task.is_cancelled() { Err("cancelled".to_owned()) } else { Ok(()) }
    }

    /// The elements of a constant.
    pub(super) fn constant(&self, c: &Constant) -> Result<Tensor, String> {
        let dims: Option<Vec<usize>> = c.dims.iter().map(|d| usize::try_from(*d).ok()).collect();
        let dims = dims.ok_or("a constant has too many elements")?;
        let n = self.count(&dims)?;
        match &c.data {
            ConstantData::Inline(bytes) => unpack(c.elem, dims, bytes),
            ConstantData::Tensor(t) => unpack(c.elem, dims, &self.setting.constants.bytes(*t)?),
            ConstantData::Strings(all) if all.len() == n => Ok(Tensor::strings(dims, all.to_vec())),
            ConstantData::Strings(all) => Err(format!("a constant has {} strings for {n} elements", all.len())),
        }
    }

    /// The elements of a sparse constant, zeros included.
    pub(super) fn sparse(&self, s: &SparseConstant) -> Result<Tensor, String> {
        let dims: Option<Vec<usize>> = s.dims.iter().map(|d| usize::try_from(*d).ok()).collect();
        let dims = dims.ok_or("a constant has too many elements")?;
        let n = self.count(&dims)?;
        let (values, indices) = (self.constant(&s.values)?, self.constant(&s.indices)?);
        let by_dimension = indices.rank() == 2;
        let indices = indices.stored_ints()?;
        let strides = super::walk::strides(&dims);
        let places: Vec<usize> = if by_dimension {
            let place = |at: &[i64]| {
                at.iter().zip(&strides).map(|(i, s)| i.saturating_mul(*s as i64)).fold(0, i64::saturating_add)
            };
            indices.chunks(dims.len().max(1)).map(|at| usize::try_from(place(at)).unwrap_or(usize::MAX)).collect()
        } else {
            indices.iter().map(|i| usize::try_from(*i).unwrap_or(usize::MAX)).collect()
        };
        if places.len() != values.len() || places.iter().any(|p| *p >= n) {
            return Err("the indices of a sparse constant do not fit it".to_owned());
        }
        let mut data = super::Data::zeros(s.values.elem, n);
        data.put(places.into_iter().zip(0..), &values.data);
        Ok(Tensor::new(s.values.elem, dims, data))
    }
}
