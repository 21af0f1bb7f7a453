//! Operators with regions: branches, loops, scans.

use super::attend::{self, Scores};
use super::engine::{Engine, Failure, truth};
use super::walk::{Places, around, strides};
use super::{Args, Tensor, Value};
use crate::graph::ops::axis_of;
use crate::graph::{AttrValue, RegionId};

type Values = Result<Vec<Value>, Failure>;

impl Engine<'_, '_> {
    /// Runs a region with these inputs and gives its outputs.
    fn body(&mut self, region: RegionId, inputs: Vec<Value>) -> Values {
        let r = &self.g.regions[region];
        if r.inputs.len() < inputs.len() {
            return Err(format!("its region takes {} inputs and gets {}", r.inputs.len(), inputs.len()).into());
        }
        self.forget(region);
        for (port, value) in r.inputs.iter().zip(inputs) {
            self.set(port.value, value);
        }
        self.region(region)?;
        let outputs: Result<Vec<Value>, String> = r.outputs.iter().map(|p| self.value(p.value)).collect();
        Ok(outputs?)
    }

    /// `If`.
    pub(super) fn branch(&mut self, args: &Args<'_>) -> Values {
        let name = if truth(args.value(0)?)? { "then_branch" } else { "else_branch" };
        self.body(region_of(args, name)?, Vec::new())
    }

    /// `Loop`.
    pub(super) fn repeat(&mut self, args: &Args<'_>) -> Values {
        let body = region_of(args, "body")?;
        let trips = args.int_input(0)?;
        let mut going = args.given(1)?.map_or(Ok(true), |t| truth(&t.clone().into()))?;
        let mut carried: Vec<Value> = args.inputs.iter().skip(2).map(|v| v.clone().unwrap_or(Value::Nothing)).collect();
        let scanned = self.g.regions[body].outputs.len().checked_sub(carried.len() + 1);
        let mut collected: Vec<Vec<Tensor>> =
            vec![Vec::new(); scanned.ok_or("its body gives too few values".to_owned())?];
        let (mut step, mut kept) = (0i64, 0usize);
        while going && trips.is_none_or(|n| step < n) {
            self.shared.step()?;
            let mut inputs = vec![Tensor::longs([], vec![step]).into(), Tensor::bools([], [going]).into()];
            inputs.extend(carried);
            let mut outs = self.body(body, inputs)?.into_iter();
            going = truth(&outs.next().ok_or("its body gives no condition".to_owned())?)?;
            carried = outs.by_ref().take(args.inputs.len().saturating_sub(2)).collect();
            for (all, value) in collected.iter_mut().zip(outs) {
                let value = value.tensor()?.clone();
                kept = kept.saturating_add(value.len().max(1));
                args.count(&[kept])?;
                all.push(value);
            }
            step += 1;
        }
        let stacks = collected.iter().map(|all| stack(all, 0, false).map(Value::from));
        carried.extend(stacks.collect::<Result<Vec<_>, _>>()?);
        Ok(carried)
    }

    /// `Scan`.
    pub(super) fn scan(&mut self, args: &Args<'_>) -> Values {
        let body = region_of(args, "body")?;
        let scans = usize::try_from(args.int("num_scan_inputs", 0)).unwrap_or(0);
        if args.version() < 9 {
            return self.batched_scan(args, body, scans);
        }
        let states = args.inputs.len().checked_sub(scans).ok_or("it has too few inputs".to_owned())?;
        let state: Vec<Value> = args.inputs[..states].iter().map(|v| v.clone().unwrap_or(Value::Nothing)).collect();
        let inputs: Vec<&Tensor> = (states..args.inputs.len()).map(|i| args.tensor(i)).collect::<Result<_, _>>()?;
        let get = |name: &str, i: usize| args.list(name).and_then(|l| l.get(i)).copied().unwrap_or(0);
        let axes: Vec<usize> = inputs
            .iter()
            .enumerate()
            .map(|(i, t)| axis_of(get("scan_input_axes", i), t.rank()))
            .collect::<Result<_, _>>()?;
        let backwards: Vec<bool> = (0..scans).map(|i| get("scan_input_directions", i) == 1).collect();
        let (mut state, collected) = self.scanned(args, body, state, &inputs, &axes, &backwards)?;
        for (i, all) in collected.iter().enumerate() {
            let rank = all.first().map_or(1, |t| t.rank() + 1);
            let axis = axis_of(get("scan_output_axes", i), rank)?;
            state.push(stack(all, axis, get("scan_output_directions", i) == 1)?.into());
        }
        Ok(state)
    }

    /// `Scan` of version 8, which has a batch in front.
    fn batched_scan(&mut self, args: &Args<'_>, body: RegionId, scans: usize) -> Values {
        let inputs: Vec<&Tensor> = (1..args.inputs.len()).map(|i| args.tensor(i)).collect::<Result<_, _>>()?;
        let states = inputs.len().checked_sub(scans).ok_or("it has too few inputs".to_owned())?;
        let lengths = args.ints_if(0)?;
        let batch = inputs.first().and_then(|t| t.dims.first()).copied().unwrap_or(0);
        let directions = args.list("directions").unwrap_or(&[]);
        let backwards: Vec<bool> = (0..scans).map(|i| directions.get(i) == Some(&1)).collect();
        let mut outs: Vec<Vec<Tensor>> = Vec::new();
        for b in 0..batch {
            let mut own = inputs.iter().map(|t| slice(t, 0, b)).collect::<Result<Vec<_>, _>>()?;
            let scanned = own.split_off(states);
            let length = lengths.as_ref().and_then(|l| l.get(b)).and_then(|n| usize::try_from(*n).ok());
            let mut cut = Vec::new();
            for t in &scanned {
                let n = t.dims.first().copied().unwrap_or(0);
                cut.push(super::shape::part(t, 0, 0, length.unwrap_or(n).min(n)));
            }
            let cut: Vec<&Tensor> = cut.iter().collect();
            let state = own.into_iter().map(Value::from).collect();
            let (state, collected) = self.scanned(args, body, state, &cut, &vec![0; scans], &backwards)?;
            let mut all: Vec<Tensor> = state.iter().map(|v| v.tensor().cloned()).collect::<Result<_, _>>()?;
            for c in &collected {
                all.push(stack(c, 0, false)?);
            }
            outs.resize_with(all.len(), Vec::new);
            outs.iter_mut().zip(all).for_each(|(o, t)| o.push(t));
        }
        let stacked: Result<Vec<Value>, String> =
            outs.iter().map(|all| stack(all, 0, false).map(Value::from)).collect();
        Ok(stacked?)
    }

    fn scanned(
        &mut self,
        args: &Args<'_>,
        body: RegionId,
        mut state: Vec<Value>,
        inputs: &[&Tensor],
        axes: &[usize],
        backwards: &[bool],
    ) -> Result<(Vec<Value>, Vec<Vec<Tensor>>), Failure> {
        let length = |(t, axis): (&&Tensor, &usize)| t.dims.get(*axis).copied();
        let lengths: Vec<Option<usize>> = inputs.iter().zip(axes).map(length).collect();
        let Some(Some(n)) = lengths.first().copied() else { return Err("it has nothing to scan".to_owned().into()) };
        if lengths.iter().any(|l| *l != Some(n)) {
            return Err(format!("its inputs have {lengths:?} slices, and should have as many").into());
        }
        let states = state.len();
        let outs = self.g.regions[body].outputs.len().checked_sub(states);
        let mut collected: Vec<Vec<Tensor>> = vec![Vec::new(); outs.ok_or("its body gives too few values".to_owned())?];
        let mut kept = 0usize;
        for step in 0..n {
            self.shared.step()?;
            let mut own = state;
            for ((t, axis), back) in inputs.iter().zip(axes).zip(backwards) {
                own.push(slice(t, *axis, if *back { n - 1 - step } else { step })?.into());
            }
            let mut outs = self.body(body, own)?.into_iter();
            state = outs.by_ref().take(states).collect();
            for (all, value) in collected.iter_mut().zip(outs) {
                let value = value.tensor()?.clone();
                kept = kept.saturating_add(value.len().max(1));
                args.count(&[kept])?;
                all.push(value);
            }
        }
        Ok((state, collected))
    }

    /// `FlexAttention` of `ai.onnx.preview`: attention whose scores and probabilities regions may change.
    pub(super) fn flexible(&mut self, args: &Args<'_>) -> Values {
        let mut changed = |name: &str, scores: Tensor| -> Result<Tensor, Failure> {
            let Ok(region) = region_of(args, name) else { return Ok(scores) };
            let outs = self.body(region, vec![scores.clone().into()])?;
            let new = outs.first().ok_or("its region gives nothing".to_owned())?.tensor()?.clone();
            if new.dims == scores.dims {
                Ok(new)
            } else {
                Err(format!("its region gives the shape {:?}", new.dims).into())
            }
        };
        let Scores { scores, values, elem } = attend::scores(args)?;
        let scores = changed("score_mod", scores)?;
        let last = scores.rank().saturating_sub(1);
        let p = super::shape::lines(&scores, last, super::norm::softmax)?;
        let p = changed("prob_mod", p)?;
        let y = super::product::product(args, &p, &super::quantize::cast(&values, p.elem, true, "up")?)?;
        Ok(vec![super::quantize::cast(&y, elem, true, "up")?.into()])
    }

    /// `SequenceMap`.
    pub(super) fn map(&mut self, args: &Args<'_>) -> Values {
        let body = region_of(args, "body")?;
        let n = args.value(0)?.sequence()?.len();
        let mut outs: Vec<Vec<Value>> = vec![Vec::new(); self.g.regions[body].outputs.len()];
        for i in 0..n {
            self.shared.step()?;
            let of = |v: &Option<Value>| match v {
                Some(Value::Sequence(all)) => all.get(i).cloned().ok_or("its sequences differ in length".to_owned()),
                Some(other) => Ok(other.clone()),
                None => Ok(Value::Nothing),
            };
            let inputs: Vec<Value> = args.inputs.iter().map(of).collect::<Result<_, _>>()?;
            let given = self.body(body, inputs)?;
            outs.iter_mut().zip(given).for_each(|(o, v)| o.push(v));
        }
        Ok(outs.into_iter().map(Value::Sequence).collect())
    }
}

fn region_of(args: &Args<'_>, name: &str) -> Result<RegionId, String> {
    match args.node.attribute(name) {
        Some(AttrValue::Region(r)) => Ok(*r),
        _ => Err(format!("its attribute {name:?} is missing")),
    }
}

/// One slice of a tensor, without the axis.
fn slice(t: &Tensor, axis: usize, at: usize) -> Result<Tensor, String> {
    if t.dims.get(axis).is_none_or(|n| at >= *n) {
        return Err(format!("it needs slice {at} of a tensor of the shape {:?}", t.dims));
    }
    let (mut dims, mut steps) = (t.dims.clone(), strides(&t.dims));
    dims.remove(axis);
    let start = at * steps.remove(axis) as usize;
    Ok(t.picked(dims.clone(), Places::new(&dims, steps, start)))
}

/// Tensors of one shape along a new axis.
pub(super) fn stack(all: &[Tensor], axis: usize, backwards: bool) -> Result<Tensor, String> {
    let Some(first) = all.first() else {
        return Ok(Tensor::floats([0], Vec::new()));
    };
    if let Some(t) = all.iter().find(|t| t.dims != first.dims || t.elem != first.elem) {
        return Err(format!("values of the shapes {:?} and {:?} cannot be put together", first.dims, t.dims));
    }
    let mut dims = first.dims.clone();
    dims.insert(axis, 1);
    let parts: Vec<Tensor> = all.iter().map(|t| t.shaped(dims.clone())).collect();
    let mut parts: Vec<&Tensor> = parts.iter().collect();
    if backwards {
        parts.reverse();
    }
    debug_assert_eq!(around(&dims, axis).1, 1);
    super::shape::concat(&parts, axis)
}
