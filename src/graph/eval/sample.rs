//! Values between the elements of a tensor: resizing, and sampling at given places.

use super::walk::{around, each_index, strides};
use super::window::Windows;
use super::{Args, Tensor};
use crate::graph::Elem;

/// How to interpolate.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    /// The two neighbours, by distance.
    Linear,
    /// Four neighbours; Keys, 1981, with this coefficient.
    Cubic(f64),
}

impl Kernel {
    fn radius(self) -> f64 {
        if self == Self::Linear { 1.0 } else { 2.0 }
    }

    /// The weight of an element at a distance.
    fn weight(self, distance: f64) -> f64 {
        let d = distance.abs();
        match self {
            Self::Linear => (1.0 - d).max(0.0),
            Self::Cubic(a) if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
            Self::Cubic(a) if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
            Self::Cubic(_) => 0.0,
        }
    }

    /// The elements around a place with their weights. The kernel is made wider by a scale below 1.
    fn taps(self, x: f64, scale: f64) -> Vec<(i64, f64)> {
        // The element on the left, also for a place that is an element.
        let base = x.ceil() - 1.0;
        let start = (-self.radius() / scale).floor() as i64 + 1;
        let one = |k: i64| (base as i64 + k, self.weight((k as f64 - (x - base)) * scale));
        (start..2 - start).map(one).collect()
    }
}

/// How `Resize` maps one axis.
pub(crate) struct Axis<'a> {
    /// Elements of the output by those of the input.
    pub scale: f64,
    /// Elements of the output.
    pub size: usize,
    /// The part of the input, of `tf_crop_and_resize`.
    pub roi: Option<(f64, f64)>,
    /// How coordinates are transformed.
    pub mode: &'a str,
    /// How to interpolate; otherwise the nearest element is taken.
    pub kernel: Option<Kernel>,
    /// Which element is the nearest one.
    pub nearest: &'a str,
    /// Whether the kernel gets wider.
    pub antialias: bool,
    /// Whether elements outside have no weight.
    pub exclude_outside: bool,
    /// What is outside of the part.
    pub outside: f64,
}

impl Axis<'_> {
    /// The coordinate in the input.
    fn place(&self, at: usize, input: usize) -> f64 {
        let (x, n) = (at as f64, input as f64);
        let output = self.scale * n;
        match self.mode {
            "align_corners" if output == 1.0 => 0.0,
            "align_corners" => x * (n - 1.0) / (output - 1.0),
            "asymmetric" => x / self.scale,
            "tf_crop_and_resize" => {
                let (from, to) = self.roi.unwrap_or((0.0, 1.0));
                let within = if output == 1.0 {
                    (to - from) * (n - 1.0) / 2.0
                } else {
                    x * (to - from) * (n - 1.0) / (output - 1.0)
                };
                within + from * (n - 1.0)
            }
            "pytorch_half_pixel" if output == 1.0 => -0.5,
            "half_pixel_symmetric" => n / 2.0 * (1.0 - self.size as f64 / output) + (x + 0.5) / self.scale - 0.5,
            "tf_half_pixel_for_nn" => (x + 0.5) / self.scale,
            _ => (x + 0.5) / self.scale - 0.5,
        }
    }

    /// The elements that make one of the output, with their weights; none if it is outside of the part.
    fn taps(&self, at: usize, input: usize) -> Option<Vec<(usize, f64)>> {
        let x = self.place(at, input);
        let last = input as i64 - 1;
        if self.mode == "tf_crop_and_resize" && (x < 0.0 || x > last as f64) {
            return None;
        }
        let Some(kernel) = self.kernel else {
            let nearest = match self.nearest {
                "floor" => x.floor(),
                "ceil" => x.ceil(),
                "round_prefer_ceil" => (x + 0.5).floor(),
                _ => (x - 0.5).ceil(),
            };
            return Some(vec![((nearest as i64).clamp(0, last) as usize, 1.0)]);
        };
        let mut taps = kernel.taps(x, if self.antialias { self.scale.min(1.0) } else { 1.0 });
        if self.exclude_outside {
            taps.iter_mut().filter(|(i, _)| *i < 0 || *i > last).for_each(|(_, w)| *w = 0.0);
        }
        let sum: f64 = taps.iter().map(|(_, w)| w).sum();
        let by = if (self.antialias || self.exclude_outside) && sum != 0.0 { sum } else { 1.0 };
        Some(taps.into_iter().map(|(i, w)| (i.clamp(0, last) as usize, w / by)).collect())
    }

    /// Resizes one axis.
    pub(crate) fn apply(&self, dims: &[usize], axis: usize, values: &[f64]) -> (Vec<usize>, Vec<f64>) {
        let (outer, n, inner) = around(dims, axis);
        let mut to = dims.to_vec();
        to[axis] = self.size;
        let mut out = vec![0.0; outer * self.size * inner];
        for at in 0..if n == 0 { 0 } else { self.size } {
            let taps = self.taps(at, n);
            for o in 0..outer {
                let own = &mut out[(o * self.size + at) * inner..][..inner];
                let Some(taps) = &taps else {
                    own.fill(self.outside);
                    continue;
                };
                for (i, weight) in taps {
                    let from = &values[(o * n + i) * inner..][..inner];
                    own.iter_mut().zip(from).for_each(|(o, v)| *o += v * weight);
                }
            }
        }
        (to, out)
    }
}

/// Numbers as elements of a type; integers are rounded and limited to its range.
pub(crate) fn rounded(elem: Elem, dims: Vec<usize>, values: Vec<f64>) -> Tensor {
    if elem.is_float() {
        return Tensor::numbers(elem, dims, values);
    }
    let (low, high) = super::quantize::range(elem);
    let whole = values.into_iter().map(|x| x.round_ties_even().clamp(low as f64, high as f64) as i128);
    Tensor::ints(elem, dims, whole.collect::<Vec<_>>())
}

/// What is outside of an image.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Padding {
    /// Zeros.
    Zeros,
    /// The elements at the border.
    Border,
    /// The image, reflected between these ends of each dimension: at the centers of the outermost elements, or at their borders.
    Reflection(bool),
}

/// A coordinate reflected into a range.
fn reflect(x: f64, from: f64, to: f64) -> f64 {
    let range = to - from;
    if range <= 0.0 || !x.is_finite() {
        return from;
    }
    let distance = if x < from {
        from - x
    } else if x > to {
        x - to
    } else {
        return x;
    };
    let times = (distance / range).floor();
    let rest = distance - times * range;
    // An odd number of reflections turns the direction around.
    if (times % 2.0 == 0.0) == (x < from) { from + rest } else { to - rest }
}

impl Padding {
    fn ends(self, n: usize) -> (f64, f64) {
        let corners = matches!(self, Self::Reflection(true));
        if corners { (0.0, n as f64 - 1.0) } else { (-0.5, n as f64 - 0.5) }
    }

    /// A coordinate brought into the image.
    pub(crate) fn coordinate(self, x: f64, n: usize, corners: bool) -> f64 {
        let (from, to) = Self::Reflection(corners).ends(n);
        if (from..=to).contains(&x) {
            return x;
        }
        match self {
            Self::Zeros => x,
            Self::Border => x.clamp(0.0, n as f64 - 1.0),
            Self::Reflection(_) => reflect(x, from, to),
        }
    }

    /// The element that an index means.
    fn element(self, i: i64, n: usize) -> Option<usize> {
        let last = n as i64 - 1;
        match self {
            _ if (0..=last).contains(&i) => Some(i as usize),
            Self::Zeros => None,
            Self::Border => Some(i.clamp(0, last) as usize),
            Self::Reflection(_) => {
                let (from, to) = self.ends(n);
                Some((reflect(i as f64, from, to) as i64).clamp(0, last) as usize)
            }
        }
    }
}

/// The value of an image at a place; the nearest element if there is no kernel.
pub(crate) fn at(image: &[f64], dims: &[usize], place: &[f64], kernel: Option<Kernel>, padding: Padding) -> f64 {
    if place.iter().any(|x| !x.is_finite()) || image.is_empty() {
        return 0.0;
    }
    let taps: Vec<Vec<(i64, f64)>> = place
        .iter()
        .map(|x| match kernel {
            None => vec![(x.round_ties_even() as i64, 1.0)],
            Some(kernel) => kernel.taps(*x, 1.0),
        })
        .collect();
    let lengths: Vec<usize> = taps.iter().map(Vec::len).collect();
    let (steps, mut sum) = (strides(dims), 0.0);
    each_index(&lengths, |index| {
        let (mut weight, mut from) = (1.0, Some(0));
        for (d, k) in index.iter().enumerate() {
            let (i, w) = taps[d][*k];
            weight *= w;
            from = from.zip(padding.element(i, dims[d])).map(|(at, i)| at + i * steps[d] as usize);
        }
        if let Some(from) = from.filter(|_| weight != 0.0) {
            sum += weight * image[from];
        }
    });
    sum
}

/// The windows of `DeformConv` and the image they move over.
pub(crate) fn moved(w: &Windows, image: &[f64], window: &[usize], element: &[usize], offset: &[f64]) -> f64 {
    let place: Vec<f64> = (0..window.len())
        .map(|d| (window[d] * w.strides[d] + element[d] * w.dilations[d]) as f64 - w.before[d] as f64 + offset[d])
        .collect();
    at(image, &w.input, &place, Some(Kernel::Linear), Padding::Zeros)
}

/// The discrete Fourier transform of one line of complex numbers, cut or filled with zeros to a length.
pub(crate) fn fourier(line: &[[f64; 2]], length: usize, inverse: bool) -> Vec<[f64; 2]> {
    let sign = if inverse { 1.0 } else { -1.0 };
    let turn = |k: usize| {
        let angle = sign * 2.0 * std::f64::consts::PI * k as f64 / length as f64;
        [angle.cos(), angle.sin()]
    };
    let turns: Vec<[f64; 2]> = (0..length).map(turn).collect();
    let by = if inverse { 1.0 / length as f64 } else { 1.0 };
    let term = |k: usize| {
        let mut sum = [0.0; 2];
        for (i, [re, im]) in line.iter().take(length).enumerate() {
            let [c, s] = turns[(i * k) % length];
            sum = [sum[0] + re * c - im * s, sum[1] + re * s + im * c];
        }
        sum.map(|x| x * by)
    };
    (0..length).map(term).collect()
}

/// A window of cosines: `BlackmanWindow` and others.
///
/// # Errors
/// A size that is negative or too large.
pub(crate) fn window(c: &Args<'_>, terms: &[f64]) -> super::Evaluated {
    let (dims, n) = c.dims(&[c.int_input(0)?.ok_or("its size is missing")?])?;
    let period = if c.flag("periodic", true) { n as f64 } else { n as f64 - 1.0 };
    let elem = c.elem_attr("output_datatype")?.unwrap_or(Elem::F32);
    let one = |i: usize| {
        let angle = |k: usize| 2.0 * std::f64::consts::PI * k as f64 * i as f64 / period;
        terms.iter().enumerate().map(|(k, a)| a * angle(k).cos()).sum()
    };
    super::one(Tensor::numbers(elem, dims, (0..n).map(one).collect()))
}
