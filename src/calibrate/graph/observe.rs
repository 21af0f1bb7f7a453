//! Ranges and histograms of what runs through a graph.

use super::{Samples, graph_of};
use crate::graph::eval::{self, Data, Setting, Value};
use crate::graph::{Graph, ValueId};
use crate::model::{Model, ModelError, Result};
use crate::quant::affine::histogram::{BINS, Histogram};
use crate::task::{Task, locked};
use std::collections::HashMap;
use std::sync::Mutex;

/// The values of a graph that are looked at, by their names.
pub(super) struct Watched {
    names: Vec<String>,
    places: HashMap<ValueId, usize>,
}

impl Watched {
    /// Values of these names. Names that no value has are left out.
    pub(super) fn of(g: &Graph, names: &[String]) -> Self {
        let by_name: HashMap<&str, ValueId> = g.values.iter().map(|(id, v)| (&*v.name, id)).collect();
        let found = names.iter().filter_map(|name| Some((name.clone(), *by_name.get(name.as_str())?)));
        let (names, ids): (Vec<String>, Vec<ValueId>) = found.unzip();
        Self { names, places: ids.into_iter().enumerate().map(|(place, id)| (id, place)).collect() }
    }
}

/// The floats of a value.
pub(super) fn floats(value: &Value) -> Option<&[f32]> {
    match value {
        Value::Tensor(t) => {
            if let Data::F32(v) = &*t.data {
                Some(v)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Runs the graph on samples and shows the floats of each watched value.
fn run(
    model: &Model,
    watched: &Watched,
    samples: &Samples,
    wanted: &[usize],
    task: &Task<'_>,
    see: &(dyn Fn(usize, &[f32]) + Sync),
) -> Result<()> {
    let g = graph_of(model)?;
    samples.each(wanted, task, |place, sample| {
        let setting = Setting { task: Task { threads: 1, ..*task }, ..Setting::new(model) };
        eval::run(g, &setting, sample, &mut |id, value| {
            if let (Some(place), Some(values)) = (watched.places.get(&id), floats(value)) {
                see(*place, values);
            }
        })
        .map_err(|e| {
            ModelError::unsupported(format!("the graph does not run on sample {}: {e}", wanted[place]))
                .in_file(&model.path)
        })?;
        Ok(())
    })
}

/// The least and the largest finite value of each of these values of the graph; values that were never seen are left out.
///
/// # Errors
/// Samples that cannot be read, nodes that cannot be evaluated; cancelled.
pub(super) fn ranges(
    model: &Model,
    names: &[String],
    samples: &Samples,
    wanted: &[usize],
    task: &Task<'_>,
) -> Result<HashMap<String, (f32, f32)>> {
    let watched = Watched::of(graph_of(model)?, names);
    let found: Vec<Mutex<(f32, f32)>> =
        watched.names.iter().map(|_| Mutex::new((f32::INFINITY, f32::NEG_INFINITY))).collect();
    run(model, &watched, samples, wanted, task, &|place, values| {
        let finite = values.iter().filter(|v| v.is_finite());
        let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let mut all = locked(&found[place]);
        *all = (all.0.min(min), all.1.max(max));
    })?;
    let each = watched.names.into_iter().zip(found).map(|(name, range)| (name, crate::task::collected(range)));
    Ok(each.filter(|(_, (min, max))| min <= max).collect())
}

/// Histograms of values whose ranges are known. The edges do not depend on the order of the samples.
///
/// # Errors
/// As [`ranges`].
pub(super) fn histograms(
    model: &Model,
    ranges: &HashMap<String, (f32, f32)>,
    samples: &Samples,
    wanted: &[usize],
    task: &Task<'_>,
) -> Result<HashMap<String, Histogram>> {
    let mut names: Vec<String> = ranges.keys().cloned().collect();
    names.sort_unstable();
    let watched = Watched::of(graph_of(model)?, &names);
    let empty = |name: &String| {
        let (min, max) = ranges.get(name).copied().unwrap_or_default();
        Mutex::new(Histogram::within_range(min, max, BINS))
    };
    let found: Vec<Mutex<Histogram>> = watched.names.iter().map(empty).collect();
    run(model, &watched, samples, wanted, task, &|place, values| {
        let limit = locked(&found[place]).limit;
        let counts = Histogram::counted(values, BINS, limit);
        locked(&found[place]).counts.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
    })?;
    Ok(watched.names.into_iter().zip(found.into_iter().map(crate::task::collected)).collect())
}
