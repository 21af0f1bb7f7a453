//! Convolutions.

use super::pool::spatial;
use super::walk::each_index;
use super::window::{Windows, sizes};
use super::{Args, Tensor};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// What is convolved, as numbers.
pub(crate) struct Operands {
    /// The input.
    pub x: Vec<f64>,
    /// Its dimensions.
    pub x_dims: Vec<usize>,
    /// The weights.
    pub w: Vec<f64>,
    /// Their dimensions.
    pub w_dims: Vec<usize>,
}

impl Operands {
    /// Two tensors.
    ///
    /// # Errors
    /// They are no tensors of numbers.
    pub(crate) fn new(x: &Tensor, w: &Tensor) -> Result<Self, String> {
        Ok(Self { x: x.to_numbers()?, x_dims: x.dims.clone(), w: w.to_numbers()?, w_dims: w.dims.clone() })
    }
}

/// The convolution of the attributes of a node: dimensions and sums.
///
/// # Errors
/// Shapes that do not fit each other.
pub(crate) fn convolution(c: &Args<'_>, o: &Operands) -> Result<(Vec<usize>, Vec<f64>), String> {
    let bad = || format!("an input of {:?} and weights of {:?} do not fit each other", o.x_dims, o.w_dims);
    let ([batch, channels, input @ ..], [outs, per_group, kernel @ ..]) = (o.x_dims.as_slice(), o.w_dims.as_slice())
    else {
        return Err(bad());
    };
    let groups = usize::try_from(c.int("group", 1)).unwrap_or(0);
    let fits = groups > 0 && per_group.checked_mul(groups) == Some(*channels) && outs.is_multiple_of(groups);
    if !fits || input.len() != kernel.len() || input.is_empty() {
        return Err(bad());
    }
    if c.list("kernel_shape").is_some_and(|k| !k.iter().map(|k| *k as usize).eq(kernel.iter().copied())) {
        return Err(format!("its attribute \"kernel_shape\" is not that of its weights, {kernel:?}"));
    }
    let w = Windows::of(c, input, kernel.to_vec())?;
    let dims = [&[*batch, *outs], w.output.as_slice()].concat();
    let n = c.count(&dims)?;
    let mut out = vec![0.0; n];
    let (plane, taps, result): (usize, usize, usize) =
        (input.iter().product(), kernel.iter().product(), w.output.iter().product());
    let outs_per_group = outs / groups;
    let (k, width) = (per_group * taps, w.output.last().copied().unwrap_or(0));
    let fits = k.checked_mul(width).is_some_and(|n| n > 0 && n <= MAX_ROW);
    if outs_per_group >= FEW_CHANNELS && fits && plane > 0 && result > 0 {
        let size = outs_per_group * result;
        let mut columns = Columns { windows: &w, plane, taps, values: Vec::new() };
        for b in 0..*batch {
            for group in 0..groups {
                let x = &o.x[(b * channels + group * per_group) * plane..][..per_group * plane];
                let weights = &o.w[group * outs_per_group * k..][..outs_per_group * k];
                let own = &mut out[(b * outs + group * outs_per_group) * result..][..size];
                columns.multiply(c, x, weights, own)?;
            }
        }
        return Ok((dims, out));
    }
    for b in 0..*batch {
        for oc in 0..*outs {
            c.going()?;
            let own = &mut out[(b * outs + oc) * result..][..result];
            for ic in 0..*per_group {
                let channel = oc / outs_per_group * per_group + ic;
                let x = &o.x[(b * channels + channel) * plane..][..plane];
                let weights = &o.w[(oc * per_group + ic) * taps..][..taps];
                add(&w, x, weights, own);
            }
        }
    }
    Ok((dims, out))
}

/// Output channels of a group from which on a product of matrices is faster than sums for each channel.
const FEW_CHANNELS: usize = 4;
/// Numbers in the matrix of windows, at most, unless one row of windows has more.
const COLUMNS: usize = 1 << 16;
/// Numbers of one row of windows, at most: memory must not grow with the product of the sizes of the input and of the weights.
const MAX_ROW: usize = 1 << 22;

/// The windows of some rows of the output as a matrix: a row for each element of a window of each channel, a column for each window.
struct Columns<'a> {
    windows: &'a Windows,
    /// Elements of a channel of the input.
    plane: usize,
    /// Elements of a window.
    taps: usize,
    values: Vec<f64>,
}

impl Columns<'_> {
    /// Adds the convolution of a group of channels, some rows of the output at a time.
    fn multiply(&mut self, c: &Args<'_>, x: &[f64], weights: &[f64], out: &mut [f64]) -> Result<(), String> {
        let w = self.windows;
        let last = w.output.len() - 1;
        let width = w.output[last];
        let (channels, result) = (x.len() / self.plane, w.output.iter().product::<usize>());
        let (k, rows) = (channels * self.taps, result / width);
        let step = (COLUMNS / (k * width)).clamp(1, rows);
        let outs = out.len() / result;
        let matrix = |e: ndarray::ShapeError| e.to_string();
        let weights = ArrayView2::from_shape((outs, k), weights).map_err(matrix)?;
        let mut out = ArrayViewMut2::from_shape((outs, result), out).map_err(matrix)?;
        for first in (0..rows).step_by(step) {
            c.going()?;
            let n = (rows - first).min(step) * width;
            self.fill(x, first, n / width);
            let columns = ArrayView2::from_shape((k, n), &self.values[..k * n]).map_err(matrix)?;
            let mut part = out.slice_mut(ndarray::s![.., first * width..first * width + n]);
            general_mat_mul(1.0, &weights, &columns, 1.0, &mut part);
        }
        Ok(())
    }

    /// Fills the matrix with the windows of some rows of the output.
    fn fill(&mut self, x: &[f64], first: usize, rows: usize) {
        let (w, taps) = (self.windows, self.taps);
        let last = w.output.len() - 1;
        let width = w.output[last];
        let n = rows * width;
        self.values.clear();
        self.values.resize(x.len() / self.plane * taps * n, 0.0);
        for row in 0..rows {
            let window = index_of(&w.output[..last], first + row);
            let mut tap = 0;
            each_index(&w.kernel, |element| {
                tap += 1;
                let mut start = 0;
                for (d, i) in window.iter().enumerate() {
                    let Some(at) = w.place(d, *i, element[d]) else { return };
                    start = start * w.input[d] + at;
                }
                let (start, step) = (start * w.input[last], w.strides[last]);
                let (from, to, shift) = w.row(element[last]);
                for (channel, x) in x.chunks_exact(self.plane).enumerate() {
                    let own = &mut self.values[(channel * taps + tap - 1) * n + row * width..][..width];
                    let x = &x[start..start + w.input[last]];
                    for (i, o) in own.iter_mut().enumerate().take(to).skip(from) {
                        *o = x[i * step + shift - w.before[last]];
                    }
                }
            });
        }
    }
}

/// The index along each dimension of element `at` of a tensor of these dimensions.
fn index_of(dims: &[usize], mut at: usize) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (i, d) in index.iter_mut().zip(dims).rev() {
        (*i, at) = (at % d, at / d);
    }
    index
}

/// Adds the convolution of one channel, element of the window by element.
fn add(w: &Windows, x: &[f64], weights: &[f64], out: &mut [f64]) {
    let last = w.kernel.len() - 1;
    let (rows, width) = (&w.output[..last], w.output[last]);
    let mut tap = 0;
    each_index(&w.kernel, |element| {
        let weight = weights[tap];
        tap += 1;
        let mut row = 0;
        each_index(rows, |window| {
            let own = &mut out[row * width..][..width];
            row += 1;
            let mut start = 0;
            for (d, i) in window.iter().enumerate() {
                let Some(at) = w.place(d, *i, element[d]) else { return };
                start = start * w.input[d] + at;
            }
            let start = start * w.input[last];
            let step = w.strides[last];
            let (from, to, shift) = w.row(element[last]);
            for (i, o) in own.iter_mut().enumerate().take(to).skip(from) {
                *o += weight * x[start + i * step + shift - w.before[last]];
            }
        });
    });
}

/// Adds one number for each channel.
///
/// # Errors
/// Numbers that do not fit the channels.
pub(crate) fn add_bias(dims: &[usize], out: &mut [f64], bias: Option<Vec<f64>>) -> Result<(), String> {
    let Some(bias) = bias else { return Ok(()) };
    let plane: usize = dims[2..].iter().product();
    if bias.len() != dims[1] {
        return Err(format!("it has {} biases for {} channels", bias.len(), dims[1]));
    }
    if plane > 0 {
        out.chunks_mut(plane).zip(bias.iter().cycle()).for_each(|(own, b)| own.iter_mut().for_each(|o| *o += b));
    }
    Ok(())
}

/// `ConvTranspose`: each element of the input adds a window to the output.
///
/// # Errors
/// Shapes that do not fit each other.
pub(crate) fn transposed(c: &Args<'_>) -> Result<Tensor, String> {
    let (x, w) = (c.tensor(0)?, c.tensor(1)?);
    let bad = || format!("an input of {:?} and weights of {:?} do not fit each other", x.dims, w.dims);
    let (batch, channels, input) = spatial(x)?;
    let (ins, per_group, kernel) = spatial(w)?;
    let groups = usize::try_from(c.int("group", 1)).unwrap_or(0);
    if groups == 0
        || kernel.contains(&0)
        || channels != ins
        || !channels.is_multiple_of(groups)
        || input.len() != kernel.len()
    {
        return Err(bad());
    }
    let rank = input.len();
    let (strides, dilations) = (sizes(c, "strides", rank, 1)?, sizes(c, "dilations", rank, 1)?);
    let (pads, extra) = (sizes(c, "pads", rank * 2, 0)?, sizes(c, "output_padding", rank, 0)?);
    let auto = c.text("auto_pad", "NOTSET");
    let wanted =
        c.list("output_shape").map(|l| l.iter().rev().take(rank).rev().map(|v| *v as usize).collect::<Vec<_>>());
    let (mut before, mut output) = (Vec::new(), Vec::new());
    for d in 0..rank {
        let span = (kernel[d] - 1).checked_mul(dilations[d]).ok_or_else(bad)?;
        let full = input[d]
            .saturating_sub(1)
            .checked_mul(strides[d])
            .and_then(|f| f.checked_add(extra[d] + 1)?.checked_add(span));
        let full = full.ok_or_else(bad)?;
        let same = auto.starts_with("SAME");
        let size = match &wanted {
            Some(shape) => Some(*shape.get(d).ok_or_else(bad)?),
            None if same => Some(input[d] * strides[d]),
            None => None,
        };
        let (a, out) = match size {
            Some(out) => {
                let all = full.saturating_sub(out);
                (if auto == "SAME_UPPER" { all / 2 } else { all - all / 2 }, out)
            }
            None if auto == "VALID" => (0, full),
            None => (pads[d], full.checked_sub(pads[d] + pads[d + rank]).ok_or_else(bad)?),
        };
        before.push(a);
        output.push(out);
    }
    let outs = per_group.checked_mul(groups).ok_or_else(bad)?;
    let dims = [&[batch, outs], output.as_slice()].concat();
    let mut out = vec![0.0; c.count(&dims)?];
    // The same windows as those of the convolution that this one transposes: they go over the output.
    let over = Windows {
        input: output.clone(),
        kernel: kernel.to_vec(),
        strides,
        dilations,
        before,
        behind: vec![0; rank],
        output: input.to_vec(),
    };
    let (values, weights) = (x.to_numbers()?, w.to_numbers()?);
    let (plane, taps, result): (usize, usize, usize) =
        (input.iter().product(), kernel.iter().product(), output.iter().product());
    for b in 0..batch {
        for ic in 0..channels {
            c.going()?;
            let group = ic / (channels / groups);
            let own = &values[(b * channels + ic) * plane..][..plane];
            for oc in 0..per_group {
                let to = &mut out[(b * outs + group * per_group + oc) * result..][..result];
                let kernel = &weights[(ic * per_group + oc) * taps..][..taps];
                let mut at = 0;
                each_index(input, |window| {
                    over.visit(window, |place, element| to[place] += own[at] * kernel[element]);
                    at += 1;
                });
            }
        }
    }
    add_bias(&dims, &mut out, c.numbers(2)?)?;
    Ok(Tensor::numbers(x.elem, dims, out))
}
