//! Nodes with regions: branches, loops and scans.

use super::{Engine, join, region_of};
use crate::graph::ops::{Call, Input, Out, Outs};
use crate::graph::{Dim, Elem, RegionId, ValueType};

impl Engine<'_> {
    fn outs(&self, region: RegionId) -> Vec<Out> {
        self.g.regions[region].outputs.iter().map(|p| self.out(p.value)).collect()
    }

    /// `If`: what holds for both branches.
    pub(super) fn branches(&mut self, call: &Call<'_>) -> Outs {
        let of = |name| region_of(call.node, name).ok_or_else(|| format!("it has no {name}"));
        let (yes, no) = (of("then_branch")?, of("else_branch")?);
        self.region(yes);
        self.region(no);
        let (a, b) = (self.outs(yes), self.outs(no));
        if a.len() != b.len() || a.len() != call.node.outputs.len() {
            return Err(format!(
                "its branches give {} and {} values for {} outputs",
                a.len(),
                b.len(),
                call.node.outputs.len()
            ));
        }
        for (x, y) in a.iter().zip(&b) {
            if let (Some(e), Some(f)) = (x.elem, y.elem)
                && e != f
            {
                return Err(format!("one branch gives {e} and the other {f}"));
            }
        }
        Ok(a.iter().zip(&b).map(|(x, y)| join::either(x, y)).collect())
    }

    /// `Loop`: carried values have the dimensions that a step does not change.
    pub(super) fn repeated(&mut self, call: &Call<'_>) -> Outs {
        let body = region_of(call.node, "body").ok_or("it has no body")?;
        let carried = call.inputs.len().saturating_sub(2);
        let ports: Vec<_> = self.g.regions[body].inputs.iter().map(|p| p.value).collect();
        if ports.len() != carried + 2 || self.g.regions[body].outputs.len() < carried + 1 {
            return Err(format!("its body does not fit the {carried} values that it carries"));
        }
        let scalar = |elem| Input { ty: ValueType::tensor(elem, []), ints: None, floats: None };
        let mut state: Vec<Input> = call
            .inputs
            .iter()
            .skip(2)
            .map(|i| {
                i.clone().map_or_else(
                    || Input { ty: ValueType::Unknown, ints: None, floats: None },
                    |i| Input { ints: None, floats: None, ..i },
                )
            })
            .collect();
        let before = self.found.problems.len();
        for _ in 0..2 {
            self.found.problems.truncate(before);
            self.assume(ports[0], scalar(Elem::I64));
            self.assume(ports[1], scalar(Elem::Bool));
            for (port, input) in ports[2..].iter().zip(&state) {
                self.assume(*port, input.clone());
            }
            self.region(body);
            let outs = self.outs(body);
            let mut changed = false;
            for (input, out) in state.iter_mut().zip(&outs[1..]) {
                let was = as_out(&input.ty);
                let now = join::either(&was, out);
                if now.shape != was.shape {
                    changed = true;
                    input.ty = ValueType::Tensor { elem: was.elem, shape: now.shape };
                }
            }
            if !changed {
                break;
            }
        }
        let outs = self.outs(body);
        let trips = call.numbers(0).and_then(|n| n.first().copied()).filter(|n| *n >= 0);
        // A condition may end the loop before.
        let trips = trips.filter(|_| call.input(1).is_none()).map_or(Dim::Unknown, Dim::Known);
        let state = state.iter().map(|i| as_out(&i.ty));
        let scans = outs[1 + carried..].iter().map(|o| Out {
            elem: o.elem,
            shape: o.shape.as_ref().map(|s| std::iter::once(trips.clone()).chain(s.iter().cloned()).collect()),
            ..Out::default()
        });
        Ok(state.chain(scans).collect())
    }

    /// `Scan` from version 9 on; version 8 had batches.
    pub(super) fn scanned(&mut self, call: &Call<'_>) -> Outs {
        let body = region_of(call.node, "body").ok_or("it has no body")?;
        if call.version() == 8 {
            return Ok(Vec::new());
        }
        let scans = usize::try_from(call.int("num_scan_inputs", 0)).unwrap_or(0);
        let ports: Vec<_> = self.g.regions[body].inputs.iter().map(|p| p.value).collect();
        let states = call.inputs.len().saturating_sub(scans);
        if ports.len() != call.inputs.len() || self.g.regions[body].outputs.len() < states {
            return Err(format!("its body has {} inputs for {}", ports.len(), call.inputs.len()));
        }
        let axis = |name: &str, i: usize| call.list(name).and_then(|l| l.get(i).copied()).unwrap_or(0);
        let mut length = Dim::Unknown;
        for (i, port) in ports.iter().enumerate() {
            let Some(mut input) = call.input(i).cloned() else { continue };
            (input.ints, input.floats) = (None, None);
            if let (Some(scan), ValueType::Tensor { shape: Some(shape), .. }) = (i.checked_sub(states), &mut input.ty) {
                let at = crate::graph::ops::axis_of(axis("scan_input_axes", scan), shape.len())?;
                let dim = shape.remove(at);
                length = if length.is_some() { length } else { dim };
            }
            self.assume(*port, input);
        }
        self.region(body);
        let mut outs = self.outs(body);
        for (i, out) in outs.iter_mut().enumerate() {
            out.ints = None;
            if let (Some(scan), Some(shape)) = (i.checked_sub(states), &mut out.shape) {
                let at = crate::graph::ops::axis_of(axis("scan_output_axes", scan), shape.len() + 1)?;
                shape.insert(at, length.clone());
            }
        }
        Ok(outs)
    }
}

fn as_out(ty: &ValueType) -> Out {
    match ty {
        ValueType::Tensor { elem, shape } => Out { elem: *elem, shape: shape.clone(), ..Out::default() },
        ValueType::Unknown => Out::default(),
        other => Out { ty: Some(other.clone()), ..Out::default() },
    }
}
