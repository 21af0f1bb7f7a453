//! Windows of convolutions and pools: sizes, padding, and the places that each window covers.

use super::Args;

/// Windows over the spatial dimensions of a tensor.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// Sizes of the input.
    pub input: Vec<usize>,
    /// Sizes of a window.
    pub kernel: Vec<usize>,
    /// Distances between windows.
    pub strides: Vec<usize>,
    /// Distances between the elements of a window.
    pub dilations: Vec<usize>,
    /// Padding before the input.
    pub before: Vec<usize>,
    /// Padding behind it.
    pub behind: Vec<usize>,
    /// How many windows there are.
    pub output: Vec<usize>,
}

/// A list of sizes in an attribute.
///
/// # Errors
/// A list of another length, or with negative sizes.
pub(crate) fn sizes(c: &Args<'_>, name: &str, rank: usize, default: usize) -> Result<Vec<usize>, String> {
    let Some(list) = c.list(name) else { return Ok(vec![default; rank]) };
    let found: Option<Vec<usize>> = list.iter().map(|v| usize::try_from(*v).ok()).collect();
    match found {
        Some(v) if v.len() == rank && v.iter().all(|v| *v >= default && *v <= 1 << 31) => Ok(v),
        _ => Err(format!("its attribute {name:?} is {list:?}, for {} sizes", rank)),
    }
}

impl Windows {
    /// Windows that the attributes of a node describe.
    ///
    /// # Errors
    /// Attributes that do not fit the input.
    pub(crate) fn of(c: &Args<'_>, input: &[usize], kernel: Vec<usize>) -> Result<Self, String> {
        let rank = input.len();
        if kernel.len() != rank || kernel.contains(&0) {
            return Err(format!("a window of {kernel:?} does not fit an input of {input:?}"));
        }
        let strides = sizes(c, "strides", rank, 1)?;
        let dilations = sizes(c, "dilations", rank, 1)?;
        let pads = sizes(c, "pads", rank * 2, 0)?;
        let auto = c.text("auto_pad", "NOTSET");
        let ceil = c.flag("ceil_mode", false);
        let (mut before, mut behind, mut output) = (Vec::new(), Vec::new(), Vec::new());
        for d in 0..rank {
            let too_large = || format!("a window of {kernel:?} is larger than the input of {input:?} with its padding");
            let span =
                (kernel[d] - 1).checked_mul(dilations[d]).and_then(|s| s.checked_add(1)).ok_or_else(too_large)?;
            let (mut a, mut b) = (pads[d], pads[d + rank]);
            let out = match auto {
                "SAME_UPPER" | "SAME_LOWER" => {
                    let out = input[d].div_ceil(strides[d]);
                    let all = (out.saturating_sub(1) * strides[d]).saturating_add(span).saturating_sub(input[d]);
                    (a, b) = if auto == "SAME_UPPER" { (all / 2, all - all / 2) } else { (all - all / 2, all / 2) };
                    out
                }
                _ => {
                    if auto == "VALID" {
                        (a, b) = (0, 0);
                    }
                    let room = (input[d] + a + b).checked_sub(span).ok_or_else(too_large)?;
                    let mut out = room / strides[d] + 1;
                    // A window that would begin behind the input is left out.
                    if ceil && room % strides[d] != 0 && out * strides[d] < input[d] + a {
                        out += 1;
                    }
                    out
                }
            };
            before.push(a);
            behind.push(b);
            output.push(out);
        }
        Ok(Self { input: input.to_vec(), kernel, strides, dilations, before, behind, output })
    }

    /// The place in the input of an element of a window along one dimension.
    pub(crate) fn place(&self, d: usize, window: usize, element: usize) -> Option<usize> {
        let at = (window * self.strides[d] + element * self.dilations[d]).checked_sub(self.before[d])?;
        (at < self.input[d]).then_some(at)
    }

    /// Along the last dimension: the windows from the first to before the second are those of which this element is in the input; its distance from
    /// the start of the window is the third.
    pub(crate) fn row(&self, element: usize) -> (usize, usize, usize) {
        let last = self.kernel.len() - 1;
        let (shift, step) = (element * self.dilations[last], self.strides[last]);
        let from = self.before[last].saturating_sub(shift).div_ceil(step);
        let to = (self.input[last] + self.before[last]).saturating_sub(shift).div_ceil(step).min(self.output[last]);
        (from, to, shift)
    }

    /// The elements of a window along one dimension that are in the input: their range, so that large windows take no time.
    pub(crate) fn inside(&self, d: usize, window: usize) -> std::ops::Range<usize> {
        let (start, step) = (window * self.strides[d], self.dilations[d]);
        let from = self.before[d].saturating_sub(start).div_ceil(step);
        let to = (self.input[d] + self.before[d]).saturating_sub(start).div_ceil(step);
        from.min(self.kernel[d])..to.min(self.kernel[d])
    }

    /// The elements of a window that are in the input or its padding.
    pub(crate) fn padded(&self, window: &[usize]) -> usize {
        let one = |d: usize| {
            let end = self.input[d] + self.before[d] + self.behind[d];
            end.saturating_sub(window[d] * self.strides[d]).div_ceil(self.dilations[d]).min(self.kernel[d])
        };
        (0..window.len()).map(one).product()
    }

    /// Calls `each` with the places in one channel of the input that a window covers, and with the index of the element in the window.
    pub(crate) fn visit(&self, window: &[usize], mut each: impl FnMut(usize, usize)) {
        let ranges: Vec<_> = window.iter().enumerate().map(|(d, w)| self.inside(d, *w)).collect();
        let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        super::walk::each_index(&lengths, |index| {
            let (mut place, mut element) = (0, 0);
            for (d, i) in index.iter().enumerate() {
                let k = ranges[d].start + i;
                let at = window[d] * self.strides[d] + k * self.dilations[d] - self.before[d];
                place = place * self.input[d] + at;
                element = element * self.kernel[d] + k;
            }
            each(place, element);
        });
    }
}
