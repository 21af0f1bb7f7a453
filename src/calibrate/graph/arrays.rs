//! Samples from files of named arrays: the first dimension counts them.

use super::Sample;
use super::inputs::{Input, listed};
use crate::files::FileStamp;
use crate::formats::samples::{self, Array};
use crate::graph::Text;
use crate::graph::eval::Tensor;
use crate::model::{ModelError, Result};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The arrays of a file, one for each input that it names.
pub(super) struct ArrayFile {
    path: PathBuf,
    arrays: Vec<InputArray>,
    /// Samples in the file.
    pub(super) count: usize,
}

struct InputArray {
    name: Text,
    array: Array,
    /// How it is cut.
    cut: Cut,
    /// The elements, if they cannot be read in part, or are the same for all samples.
    held: OnceLock<Tensor>,
}

/// What of an array is a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// All of it, for every sample.
    Whole,
    /// Each element of its first dimension.
    Elements,
    /// So many of its first dimension.
    Rows(usize),
}

impl ArrayFile {
    /// The arrays of a file.
    ///
    /// # Errors
    /// Files that cannot be read; arrays of other names, types or shapes than the inputs; inputs without an array.
    pub(super) fn open(path: &Path, inputs: &[Input]) -> Result<Self> {
        let mut found = samples::open(path)?;
        let needed: Vec<&Input> = inputs.iter().filter(|i| i.needed && !i.is_past()).collect();
        // A file with one array does not name it.
        if let ([array], [only]) = (found.as_mut_slice(), needed.as_slice())
            && array.name.is_empty()
        {
            array.name = only.name.to_string();
        }
        let wrong = |what: String| ModelError::request(what).in_file(path);
        let takes = || format!("The graph takes {}.", listed(inputs));
        let mut arrays = Vec::new();
        let mut counts: Vec<usize> = Vec::new();
        for array in found {
            let Some(input) = inputs.iter().find(|i| *i.name == *array.name) else {
                let what = match array.name.as_str() {
                    "" => "the file has one array without a name, and the graph takes several inputs".to_owned(),
                    name => format!("the graph has no input {name:?}"),
                };
                return Err(wrong(what).with_hint(format!("{} Save the arrays by these names.", takes())));
            };
            let name = &array.name;
            if array.elem != input.elem {
                let what = format!("the array {name:?} is {}, and the input is {}", array.elem, input.shown);
                return Err(wrong(what).with_hint("Save it in the type of the input."));
            }
            let Some((count, cut)) = divided(&array.dims, input) else {
                let what =
                    format!("the array {name:?} has the shape {:?}, and the input is {}", array.dims, input.shown);
                let hint = "The first dimension counts samples; the others have to be those of the input.";
                return Err(wrong(what).with_hint(hint));
            };
            counts.push(count);
            arrays.push(InputArray { name: input.name.clone(), array, cut, held: OnceLock::new() });
        }
        if let Some(first) = needed.iter().find(|i| !arrays.iter().any(|a| a.name == i.name)) {
            return Err(wrong(format!("there is no array for the input {:?}", first.name)).with_hint(takes()));
        }
        let count = counts.iter().copied().max().unwrap_or(0);
        if let Some(at) = counts.iter().position(|c| *c != count && *c != 1) {
            let other = counts.iter().position(|c| *c == count).unwrap_or(0);
            let what = format!(
                "the array {:?} has {} samples, and {:?} has {count}",
                arrays[at].name, counts[at], arrays[other].name
            );
            return Err(wrong(what));
        }
        if count == 0 {
            return Err(wrong("the arrays are empty".to_owned()).with_hint("Give at least one sample."));
        }
        for (array, _) in arrays.iter_mut().zip(counts).filter(|(_, n)| *n == 1 && count > 1) {
            // The same for all samples: its first dimension counts nothing.
            if array.cut == Cut::Elements {
                let what = format!("the array {:?} has one sample, and the others have {count}", array.name);
                return Err(wrong(what));
            }
            array.cut = Cut::Whole;
        }
        Ok(Self { path: path.to_owned(), arrays, count })
    }

    /// The file, with its size and times.
    pub(super) fn identity(&self) -> String {
        let stamp = FileStamp::of_path(&self.path).map(|s| (s.dev, s.ino, s.bytes, s.mtime_ns, s.ctime_ns));
        format!("{:?} {:?}", std::path::absolute(&self.path).ok(), stamp.ok())
    }

    /// A sample.
    ///
    /// # Errors
    /// I/O errors; damaged data.
    pub(super) fn sample(&self, at: usize) -> Result<Sample> {
        let one = |a: &InputArray| {
            let tensor = a.sample(at)?;
            if tensor.data.has_nan() {
                let what = format!("the array {:?} has NaN in sample {at} (counted from 0)", a.name);
                return Err(
                    ModelError::request(what).with_hint("Remove such samples: nothing can be measured with them.")
                );
            }
            Ok((a.name.clone(), tensor.into()))
        };
        self.arrays.iter().map(one).collect::<Result<_>>().map_err(|e| e.in_file(&self.path))
    }
}

impl InputArray {
    fn sample(&self, at: usize) -> Result<Tensor> {
        let (rows, inner) = match self.cut {
            Cut::Whole => return self.whole().cloned(),
            Cut::Elements => (at..at + 1, self.array.dims[1..].to_vec()),
            Cut::Rows(n) => (at * n..(at + 1) * n, [&[n], &self.array.dims[1..]].concat()),
        };
        if self.array.is_streamed() {
            return Ok(self.array.read_rows(rows)?.shaped(inner));
        }
        let whole = self.whole()?;
        let row = whole.len() / self.array.dims.first().copied().unwrap_or(1).max(1);
        Ok(whole.picked(inner, rows.start * row..rows.end * row))
    }

    fn whole(&self) -> Result<&Tensor> {
        if let Some(held) = self.held.get() {
            return Ok(held);
        }
        let read = self.array.read()?;
        Ok(self.held.get_or_init(|| read))
    }
}

/// The number of samples in an array of these dimensions, and what of it is one; `None` if it does not fit the input.
fn divided(dims: &[usize], input: &Input) -> Option<(usize, Cut)> {
    let Some(wanted) = &input.dims else {
        // Nothing is declared: the array is one sample.
        return Some((1, Cut::Whole));
    };
    let fits = |have: &[usize], wanted: &[crate::graph::Dim]| {
        have.len() == wanted.len() && have.iter().zip(wanted).all(|(h, w)| w.known().is_none_or(|n| n == *h as i64))
    };
    // One dimension more: each sample is a whole input.
    if dims.len() == wanted.len() + 1 && fits(&dims[1..], wanted) {
        return Some((dims[0], Cut::Elements));
    }
    let ([count, rest @ ..], [first, wanted_rest @ ..]) = (dims, wanted.as_slice()) else {
        return (dims.is_empty() && wanted.is_empty()).then_some((1, Cut::Whole));
    };
    let each = first.known().map_or(Some(1), |n| usize::try_from(n).ok()).filter(|n| *n > 0)?;
    (count.is_multiple_of(each) && fits(rest, wanted_rest)).then(|| (count / each, Cut::Rows(each)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Dim, Elem};

    #[test]
    fn the_first_dimension_counts_samples() {
        let input = |dims: &[Dim]| Input {
            name: "x".into(),
            elem: Elem::F32,
            dims: Some(dims.to_vec()),
            needed: true,
            shown: String::new(),
        };
        let image = input(&[Dim::Known(1), Dim::Known(3), Dim::Known(4)]);
        assert_eq!(divided(&[32, 3, 4], &image), Some((32, Cut::Rows(1))));
        assert_eq!(divided(&[32, 1, 3, 4], &image), Some((32, Cut::Elements)));
        assert_eq!(divided(&[32, 3, 5], &image), None);
        let batch = input(&[Dim::symbol("n"), Dim::Known(4)]);
        assert_eq!(divided(&[7, 4], &batch), Some((7, Cut::Rows(1))));
        assert_eq!(divided(&[7, 16, 4], &batch), Some((7, Cut::Elements)));
        let pairs = input(&[Dim::Known(2), Dim::Known(4)]);
        assert_eq!((divided(&[6, 4], &pairs), divided(&[7, 4], &pairs)), (Some((3, Cut::Rows(2))), None));
        assert_eq!(divided(&[], &input(&[])), Some((1, Cut::Whole)));
        assert_eq!(divided(&[5], &input(&[])), Some((5, Cut::Elements)));
    }
}
