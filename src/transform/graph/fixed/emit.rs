//! Pairs of `QuantizeLinear` and `DequantizeLinear` around what is marked.

use super::StaticOptions;
use super::mark::{Marks, Scale};
use crate::graph::{Elem, NodeId, Source, ValueId};
use crate::model::Result;
use crate::quant::affine::{Affine, Int, affine};
use crate::task::Task;
use crate::transform::decode;
use crate::transform::graph::draft::{Draft, NewNode, Weight};
use crate::transform::graph::rows::{Params, quantized};
use crate::transform::graph::stats::{Wanted, ranges};
use std::collections::HashMap;

/// The scale of a bias has to be this much larger than what the largest integer needs.
const MARGIN: f64 = 1.0001;

/// The graph while it is written.
pub(super) struct Emit<'o> {
    pub(super) draft: Draft,
    pub(super) marks: Marks,
    pub(super) options: &'o StaticOptions,
    pub(super) ranges: &'o HashMap<String, (f32, f32)>,
    /// What `DequantizeLinear` gives for a value.
    pub(super) dequantized: HashMap<ValueId, ValueId>,
    /// Encodings of constants and activations.
    pub(super) params: HashMap<ValueId, Encoded>,
}

/// The encoding of a value, and its scale and zero point in the graph.
#[derive(Clone)]
pub(super) struct Encoded {
    each: Vec<Affine>,
    /// Scale and zero point, once they are there.
    values: Option<[ValueId; 2]>,
}

impl Emit<'_> {
    /// Writes the graph.
    ///
    /// # Errors
    /// Read errors.
    pub(super) fn run(&mut self, task: &Task<'_>) -> Result<()> {
        self.weights(task)?;
        self.biases()?;
        let main = self.draft.g.main;
        let outputs: Vec<ValueId> = self.draft.g.regions[main].outputs.iter().map(|p| p.value).collect();
        let inputs: Vec<ValueId> = self.draft.g.regions[main].inputs.iter().map(|p| p.value).collect();
        let nodes = self.draft.take_nodes(main);
        for value in inputs {
            if self.marks.activations.contains_key(&value) {
                self.pair(value, None);
            }
        }
        for id in nodes {
            self.inputs(id)?;
            let given: Vec<ValueId> = self.draft.g.nodes[id].outputs.iter().flatten().copied().collect();
            self.draft.put(id);
            for value in given.into_iter().filter(|v| self.marks.activations.contains_key(v)).collect::<Vec<_>>() {
                let output = outputs.contains(&value).then_some(id);
                self.pair(value, output);
            }
        }
        self.nested();
        Ok(())
    }

    /// The encodings of all constants.
    fn weights(&mut self, task: &Task<'_>) -> Result<()> {
        let mut marked: Vec<_> = self.marks.weights.iter().map(|(v, m)| (*v, *m)).collect();
        marked.sort_unstable_by_key(|(v, _)| *v);
        let mut found: Vec<(ValueId, Weight, bool)> = Vec::new();
        let mut wanted = Vec::new();
        for (value, mark) in marked {
            let Some(weight) = self.draft.weight(value) else { continue };
            wanted.push(Wanted { entry: weight.entry.clone(), axis: mark.axis });
            found.push((value, weight, mark.weight));
        }
        for ((value, _, is_weight), range) in found.iter().zip(ranges(&wanted, task)?) {
            if range.iter().any(|r| !r.finite) {
                self.marks.weights.remove(value);
                continue;
            }
            let (int, fit) = if *is_weight { self.options.weight() } else { self.options.activation() };
            let each = range.iter().map(|r| affine(r.ends().0, r.ends().1, int, fit)).collect();
            self.params.insert(*value, Encoded { each, values: None });
        }
        Ok(())
    }

    /// Raises the scales of weights so far that no integer of a bias is too large. Biases that cannot be quantized stay float.
    fn biases(&mut self) -> Result<()> {
        let mut marked: Vec<_> = self.marks.biases.iter().map(|(id, v)| (*id, *v)).collect();
        marked.sort_unstable_by_key(|(id, _)| *id);
        for (id, [a, b, bias]) in marked {
            let input = self.activation(a).map(|a| f64::from(a.scale));
            let values = self.vector(bias)?;
            let (Some(input), Some(values), Some(weight)) = (input, values, self.params.get_mut(&b)) else {
                self.marks.biases.remove(&id);
                continue;
            };
            let per_channel = weight.each.len() == values.len();
            if values.iter().any(|v| !v.is_finite()) || (weight.each.len() != 1 && !per_channel) {
                self.marks.biases.remove(&id);
                continue;
            }
            for (i, v) in values.iter().enumerate() {
                let scale = &mut weight.each[if per_channel { i } else { 0 }].scale;
                let least = MARGIN * 2.0 * f64::from(v.abs()) / (f64::from(i32::MAX) - f64::from(i32::MIN + 1));
                let now = input * f64::from(*scale);
                if now > 0.0 && now < least {
                    *scale = (f64::from(*scale) * (least / now)) as f32;
                }
            }
        }
        Ok(())
    }

    /// The encoding of an activation.
    fn activation(&self, value: ValueId) -> Option<Affine> {
        if let Some(known) = self.params.get(&value) {
            return known.each.first().copied();
        }
        let (int, fit) = self.options.activation();
        match self.marks.activations.get(&value)? {
            Scale::Of(other) => self.activation(*other),
            // Softmax: 256 levels from 0 to 1.
            Scale::Unit => Some(affine(0.0, 1.0, int, fit)),
            Scale::Own => {
                let (min, max) = *self.ranges.get(&*self.draft.g.values[value].name)?;
                Some(affine(min, max, int, fit))
            }
        }
    }

    /// The elements of a constant vector.
    fn vector(&self, value: ValueId) -> Result<Option<Vec<f32>>> {
        let Some(weight) = self.draft.weight(value) else { return Ok(None) };
        let mut values = vec![0f32; usize::try_from(weight.entry.shape.elems().unwrap_or(0)).unwrap_or(0)];
        let piece = crate::model::Piece::rows(&weight.entry, 0..weight.entry.rows());
        decode(&weight.entry, &piece, &mut Vec::new(), &mut values)?;
        Ok(Some(values))
    }

    /// Scale and zero point of a value in the graph, named after it.
    fn constants(&mut self, value: ValueId, int: Int) -> Option<[ValueId; 2]> {
        let known = match self.params.get(&value) {
            Some(known) => known.clone(),
            None => Encoded { each: vec![self.activation(value)?], values: None },
        };
        if let Some(values) = known.values {
            return Some(values);
        }
        let name = self.draft.g.values[value].name.to_string();
        let elem = if int.is_signed() { Elem::I8 } else { Elem::U8 };
        let axis = self.marks.weights.get(&value).and_then(|m| m.axis);
        let dims: Vec<u64> = if axis.is_some() { vec![known.each.len() as u64] } else { Vec::new() };
        let scales: Vec<u8> = known.each.iter().flat_map(|a| a.scale.to_le_bytes()).collect();
        let zeros: Vec<u8> = known.each.iter().map(|a| a.zero_point as u8).collect();
        let scale = self.draft.small(&format!("{name}_scale"), Elem::F32, dims.clone(), scales);
        let zero = self.draft.small(&format!("{name}_zero_point"), elem, dims, zeros);
        self.params.insert(value, Encoded { values: Some([scale, zero]), ..known });
        Some([scale, zero])
    }

    /// A pair around an activation. For an output of the graph, the node that gives it gives another value, and the pair gives it.
    fn pair(&mut self, value: ValueId, output: Option<NodeId>) {
        let root = match self.marks.activations.get(&value) {
            Some(Scale::Of(root)) => *root,
            _ => value,
        };
        let Some([scale, zero]) = self.constants(root, self.options.activation().0) else { return };
        let name = self.draft.g.values[value].name.to_string();
        let mut input = value;
        if let Some(node) = output {
            let fresh = self.draft.fresh(&format!("{name}_QuantizeLinear_Input"));
            let ty = self.draft.g.values[value].ty.clone();
            input = self.draft.g.add_value(fresh, ty, Source::Node(node));
            for o in self.draft.g.nodes[node].outputs.iter_mut().filter(|o| **o == Some(value)) {
                *o = Some(input);
            }
        }
        let q = NewNode::new("QuantizeLinear", format!("{name}_QuantizeLinear"), &[input, scale, zero]);
        let integers = self.draft.add(q, &[format!("{name}_QuantizeLinear_Output")])[0];
        let dq = NewNode::new("DequantizeLinear", format!("{name}_DequantizeLinear"), &[integers, scale, zero]);
        if output.is_some() {
            self.draft.add_to(dq, &[value]);
            self.dequantized.insert(value, value);
        } else {
            let float = self.draft.add(dq, &[format!("{name}_DequantizeLinear_Output")])[0];
            self.dequantized.insert(value, float);
        }
    }

    /// Gives a node what `DequantizeLinear` gives for its inputs.
    fn inputs(&mut self, id: NodeId) -> Result<()> {
        let bias = self.marks.biases.get(&id).copied();
        for i in 0..self.draft.g.nodes[id].inputs.len() {
            let Some(value) = self.draft.g.nodes[id].inputs[i] else { continue };
            let new = match self.dequantized.get(&value) {
                Some(known) => Some(*known),
                None if bias.is_some_and(|[_, _, b]| i == 2 && b == value) => self.bias(bias.unwrap_or([value; 3]))?,
                None if self.marks.weights.contains_key(&value) => self.weight(value),
                None => None,
            };
            if new.is_some() {
                self.draft.g.nodes[id].inputs[i] = new;
            }
        }
        Ok(())
    }

    fn weight(&mut self, value: ValueId) -> Option<ValueId> {
        let mark = *self.marks.weights.get(&value)?;
        let int = if mark.weight { self.options.weight().0 } else { self.options.activation().0 };
        let weight = self.draft.weight(value)?;
        let [scale, zero] = self.constants(value, int)?;
        let name = self.draft.g.values[value].name.to_string();
        let each = self.params.get(&value)?.each.clone().into();
        let entry = quantized(&weight.entry, Params { int, axis: mark.axis, each });
        let elem = if int.is_signed() { Elem::I8 } else { Elem::U8 };
        let q = self.draft.tensor(&format!("{name}_quantized"), elem, weight.dims, entry);
        let mut dq = NewNode::new("DequantizeLinear", format!("{name}_DequantizeLinear"), &[q, scale, zero]);
        if let Some(axis) = mark.axis {
            dq = dq.int("axis", axis as i64);
        }
        let float = self.draft.add(dq, &[format!("{name}_DequantizeLinear_Output")])[0];
        self.dequantized.insert(value, float);
        Some(float)
    }

    /// A bias as `i32`, with the scale of the input times that of the weight.
    fn bias(&mut self, [a, b, bias]: [ValueId; 3]) -> Result<Option<ValueId>> {
        let (Some(input), Some(values)) = (self.activation(a), self.vector(bias)?) else { return Ok(None) };
        let Some(weight) = self.params.get(&b) else { return Ok(None) };
        let scales: Vec<f32> = weight.each.iter().map(|w| input.scale * w.scale).collect();
        let per_channel = self.marks.weights.get(&b).is_some_and(|m| m.axis.is_some());
        let integer = |(i, v): (usize, &f32)| {
            let scale = f64::from(scales[if per_channel { i } else { 0 }]);
            let q = (f64::from(*v) / scale).round_ties_even();
            q.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
        };
        let integers: Vec<u8> = values.iter().enumerate().flat_map(|v| integer(v).to_le_bytes()).collect();
        let name = self.draft.g.values[bias].name.to_string();
        let dims: Vec<u64> = if per_channel { vec![scales.len() as u64] } else { Vec::new() };
        let scale_bytes: Vec<u8> = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
        let zeros = vec![0u8; scales.len() * 4];
        let q = self.draft.small(&format!("{name}_quantized"), Elem::I32, vec![values.len() as u64], integers);
        let scale = self.draft.small(&format!("{name}_quantized_scale"), Elem::F32, dims.clone(), scale_bytes);
        let zero = self.draft.small(&format!("{name}_quantized_zero_point"), Elem::I32, dims, zeros);
        let mut dq = NewNode::new("DequantizeLinear", format!("{name}_DequantizeLinear"), &[q, scale, zero]);
        if per_channel {
            dq = dq.int("axis", 0);
        }
        // Another node may add the same bias at another scale, so it is not remembered.
        Ok(Some(self.draft.add(dq, &[format!("{name}_DequantizeLinear_Output")])[0]))
    }

    /// Branches and bodies use what is dequantized, too.
    fn nested(&mut self) {
        let main = self.draft.g.main;
        for (_, node) in self.draft.g.nodes.iter_mut().filter(|(_, n)| n.region != main) {
            for input in node.inputs.iter_mut() {
                if let Some(value) = input.and_then(|v| self.dequantized.get(&v)) {
                    *input = Some(*value);
                }
            }
        }
    }
}
