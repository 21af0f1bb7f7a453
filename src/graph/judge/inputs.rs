//! Inputs that are made from a seed: numbers that make sense for what each input is for.
//!
//! Indices are below the size of the table that they look up, masks are ones, positions count, floats are normal. Dimensions that are not
//! numbers get one by their names: `batch` is 1, `sequence` is 8. The numbers of an input depend on the seed and its name only.

use super::roles::{Use, Users};
use crate::graph::eval::Tensor;
use crate::graph::{Dim, Elem, Graph, GraphError, Text, Value, ValueType};
use std::collections::HashMap;

/// Integers of which nothing is known are below this.
const SMALL: i64 = 16;
/// Elements of one input.
const MAX_ELEMS: usize = 1 << 28;

/// Sizes of dimensions by a part of their name, in lower case; the first that fits counts.
const SIZES: [(&str, i64); 9] = [
    ("batch", 1),
    ("past", 4),
    ("seq", 8),
    ("token", 8),
    ("len", 8),
    ("channel", 3),
    ("height", 64),
    ("width", 64),
    ("time", 32),
];

/// An input that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Its name.
    pub name: Text,
    /// Its numbers.
    pub value: Tensor,
    /// What they are: `below 32000`.
    pub how: String,
}

/// Inputs for graphs of the same network: every input that one of them takes, as the first one that takes it declares it. What another
/// one fixes is fixed: a dimension, the size of a table. `sizes` has numbers for dimensions by their names.
///
/// # Errors
/// An input for which nothing can be made; one that is too large.
pub(crate) fn make_inputs(graphs: &[&Graph], seed: u64, sizes: &[(String, i64)]) -> Result<Vec<Made>, GraphError> {
    let mut wanted: Vec<&Value> = Vec::new();
    for value in graphs.iter().flat_map(|g| g.inputs()) {
        if !wanted.iter().any(|w| w.name == value.name) {
            wanted.push(value);
        }
    }
    let mut bound: HashMap<Text, i64> = HashMap::new();
    for value in &wanted {
        for (axis, dim) in value.ty.shape().unwrap_or_default().iter().enumerate() {
            let [symbol] = dim.symbols().try_into().unwrap_or_else(|_| [Text::from("")]);
            if Dim::symbol(symbol.clone()) != *dim {
                continue;
            }
            if let Some(n) = graphs.iter().find_map(|g| input(g, &value.name)?.ty.shape()?.get(axis)?.known()) {
                bound.insert(symbol, n);
            }
        }
    }
    sizes.iter().for_each(|(name, n)| {
        bound.insert(name.as_str().into(), *n);
    });
    let users: Vec<Users<'_>> = graphs.iter().map(|g| Users::of(g)).collect();
    let mut all = Vec::new();
    for value in wanted {
        if matches!(value.ty, ValueType::Optional(_)) {
            continue;
        }
        let place = || format!("input {:?}", value.name);
        let uses = graphs.iter().zip(&users).filter_map(|(g, users)| {
            let port = g.regions[g.main].inputs.iter().find(|p| g.values[p.value].name == value.name)?;
            Some(users.of_input(port.value))
        });
        let uses = uses.reduce(both).unwrap_or_default();
        let made = Maker { seed, bound: &bound, graphs, uses }.make(value);
        let (tensor, how) = made.map_err(|what| GraphError::new(place(), what))?;
        all.push(Made { name: value.name.clone(), value: tensor, how });
    }
    Ok(all)
}

fn input<'g>(graph: &'g Graph, name: &str) -> Option<&'g Value> {
    graph.inputs().into_iter().find(|v| &*v.name == name)
}

fn both(a: Use, b: Use) -> Use {
    Use {
        below: [a.below, b.below].into_iter().flatten().min(),
        equals: a.equals.or(b.equals),
        channels: a.channels.or(b.channels),
    }
}

struct Maker<'a> {
    seed: u64,
    bound: &'a HashMap<Text, i64>,
    graphs: &'a [&'a Graph],
    uses: Use,
}

impl Maker<'_> {
    fn make(&self, value: &Value) -> Result<(Tensor, String), String> {
        let ValueType::Tensor { elem: Some(elem), shape: Some(shape) } = &value.ty else {
            return Err(format!("its type is {}, for which no numbers are made", value.ty));
        };
        let name = value.name.to_ascii_lowercase();
        let elem = *elem;
        let mut dims = Vec::with_capacity(shape.len());
        for (axis, dim) in shape.iter().enumerate() {
            dims.push(self.size(value, dim, axis, shape.len(), elem));
        }
        let n = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).filter(|n| *n <= MAX_ELEMS);
        let n = n.ok_or_else(|| format!("its shape {dims:?} has more than {MAX_ELEMS} elements"))?;
        let mut random = Random::of(self.seed, &value.name);
        if name.contains("mask") && !matches!(elem, Elem::String) {
            return Ok((Tensor::numbers(elem, dims, vec![1.0; n]), "ones".to_owned()));
        }
        if elem.is_float() {
            let values = (0..n).map(|_| random.normal()).collect();
            return Ok((Tensor::numbers(elem, dims, values), "normal".to_owned()));
        }
        match elem {
            Elem::Bool => Ok((Tensor::bools(dims, vec![true; n]), "true".to_owned())),
            Elem::String | Elem::C64 | Elem::C128 => Err(format!("it is {elem}, for which nothing is made")),
            _ => {
                let (values, how) = self.integers(&name, elem, &dims, n, &mut random);
                Ok((Tensor::ints(elem, dims, values), how))
            }
        }
    }

    fn integers(&self, name: &str, elem: Elem, dims: &[usize], n: usize, random: &mut Random) -> (Vec<i128>, String) {
        if name.contains("position") {
            // Behind the keys and values that are given.
            let past = self.bound_like("past").unwrap_or(0);
            let last = dims.last().copied().unwrap_or(1).max(1);
            let below = self.uses.below.unwrap_or(i64::MAX).max(1);
            let at = |i: usize| i128::from((past + (i % last) as i64) % below);
            return ((0..n).map(at).collect(), format!("counting from {past}"));
        }
        if let (Some(value), true) = (self.uses.equals, n == 1 && self.uses.below.is_none()) {
            return (vec![value.into()], format!("{value}, with which the graph compares it"));
        }
        let (below, how) = match (self.uses.below, elem) {
            (Some(n), _) => (n, format!("below {n}, the rows of a table")),
            (None, Elem::U8) => (256, "below 256".to_owned()),
            (None, Elem::I8) => (128, "below 128".to_owned()),
            (None, _) if elem.bits() < 8 => (1 << (elem.bits() - 1), "small".to_owned()),
            (None, _) => (SMALL, format!("below {SMALL}")),
        };
        ((0..n).map(|_| i128::from(random.below(below))).collect(), how)
    }

    /// The size of one dimension.
    fn size(&self, value: &Value, dim: &Dim, axis: usize, rank: usize, elem: Elem) -> usize {
        let fixed = || {
            let of = |g: &&Graph| input(g, &value.name)?.ty.shape()?.get(axis)?.known();
            self.graphs.iter().find_map(of)
        };
        let named = |symbol: &str| Some(self.named(symbol).unwrap_or_else(|| self.placed(axis, rank, elem)));
        let n = fixed().or_else(|| dim.sized(&named)).unwrap_or_else(|| self.placed(axis, rank, elem));
        usize::try_from(n).unwrap_or(0)
    }

    /// The size of a dimension by its name.
    fn named(&self, symbol: &str) -> Option<i64> {
        if let Some(n) = self.bound.get(symbol) {
            return Some(*n);
        }
        let lower = symbol.to_ascii_lowercase();
        SIZES.iter().find(|(part, _)| lower.contains(part)).map(|(_, n)| *n)
    }

    /// The size of the symbol in the inputs that has this in its name.
    fn bound_like(&self, part: &str) -> Option<i64> {
        let first = self.graphs.first()?;
        let symbols = first.inputs().into_iter().flat_map(|v| v.ty.shape().unwrap_or_default()).flat_map(Dim::symbols);
        let found = symbols.into_iter().find(|s| s.to_ascii_lowercase().contains(part))?;
        self.named(&found)
    }

    /// The size of a dimension without a name that tells, by its place.
    fn placed(&self, axis: usize, rank: usize, elem: Elem) -> i64 {
        match (axis, rank) {
            (0, _) => 1,
            (1, 3..) if self.uses.channels.is_some() => self.uses.channels.unwrap_or(1),
            (1, 4) => 3,
            (2 | 3, 4) => 64,
            _ if elem.is_float() => 16,
            _ => 8,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct Random(u64);

impl Random {
    /// The numbers of a name: FNV-1a of it, added to the seed.
    fn of(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Self(seed.wrapping_add(hash))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, without 0.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, n: i64) -> i64 {
        let n = u64::try_from(n).unwrap_or(1).max(1);
        (self.next() % n) as i64
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (u, v) = (self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}
