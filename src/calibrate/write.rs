//! The two file forms of importance matrices, byte for byte as llama-imatrix writes them (`save_imatrix` and `save_imatrix_legacy` in
//! llama.cpp's `tools/imatrix/imatrix.cpp`). `transform::imatrix` describes their layouts.

use super::activations::Activations;
use crate::formats::{LayoutRequest, LayoutTensor, Split, write_spec};
use crate::model::{FormatId, MetaArray, Metadata, ModelError, Result, Sidecars};
use crate::tensor::{DType, Shape};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;

/// Which form a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// Sums and counts as tensors.
    Gguf,
    /// The legacy form: means, with one count for all experts.
    Dat,
}

/// Writes a whole file.
pub(super) type Writer<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// The container of the first form.
const CONTAINER: FormatId = FormatId::Gguf;

impl Form {
    /// The names of the forms, which are also the extensions of their files.
    pub(crate) const NAMES: [&str; 2] = [CONTAINER.name(), "dat"];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gguf => Self::NAMES[0],
            Self::Dat => Self::NAMES[1],
        }
    }

    /// The form of that name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|n| n.eq_ignore_ascii_case(name))?;
        Some(if at == 0 { Self::Gguf } else { Self::Dat })
    }

    /// The form that the name of a file says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::parse(path.extension()?.to_str()?)
    }

    /// Something that writes a file of this form.
    ///
    /// # Errors
    /// What the form cannot hold.
    pub(super) fn writer(self, activations: &Activations) -> Result<Writer<'_>> {
        match self {
            Self::Gguf => {
                let head = head(activations)?;
                Ok(Box::new(move |out| write_gguf(out, &head, activations)))
            }
            Self::Dat => {
                check_dat(activations)?;
                Ok(Box::new(move |out| write_dat(out, activations)))
            }
        }
    }
}

/// The header and the offset and length of every tensor.
struct Head {
    bytes: Vec<u8>,
    slots: Vec<(u64, u64)>,
    end: u64,
}

fn head(activations: &Activations) -> Result<Head> {
    let mut metadata = Metadata::new();
    metadata.insert("general.type".into(), "imatrix".into());
    let datasets = activations.datasets.iter().map(|d| d.clone().into_bytes()).collect();
    metadata.insert("imatrix.datasets".into(), MetaArray::Str(datasets).into());
    metadata.insert("imatrix.chunk_count".into(), activations.chunks().into());
    metadata.insert("imatrix.chunk_size".into(), activations.chunk_size.into());
    let mut tensors = Vec::new();
    for (name, entry) in &activations.entries {
        let mut put = |suffix: &str, columns: usize| {
            // ggml does not store outer dimensions of 1.
            let mut shape = vec![entry.counts.len() as u64, columns as u64];
            shape.retain(|n| entry.counts.len() > 1 || *n == columns as u64);
            shape.truncate(if entry.counts.len() > 1 { 2 } else { 1 });
            let (name, encoding) = (format!("{name}.{suffix}").as_str().into(), DType::F32.into());
            tensors.push(LayoutTensor { name, shape: Shape(shape), encoding, layer: None });
        };
        put("in_sum2", entry.columns());
        put("counts", 1);
    }
    let request = LayoutRequest {
        path: Path::new(""),
        tensors: &tensors,
        metadata: &metadata,
        sidecars: &Sidecars::default(),
        split: Split::Whole,
        graph: None,
    };
    let spec = write_spec(CONTAINER);
    let plan = spec.map(|s| (s.layout)(&request)).transpose()?.and_then(|plans| plans.into_iter().next());
    let plan = plan.ok_or_else(|| ModelError::unsupported("this form cannot be written"))?;
    let bytes = plan.fixed.into_iter().next().map(|(_, bytes)| bytes).unwrap_or_default();
    Ok(Head { bytes, slots: plan.slots.iter().map(|s| (s.offset, s.bytes)).collect(), end: plan.bytes })
}

fn write_gguf(out: &mut dyn Write, head: &Head, activations: &Activations) -> io::Result<()> {
    out.write_all(&head.bytes)?;
    let mut at = head.bytes.len() as u64;
    let mut fill = |out: &mut dyn Write, to: u64, next: u64| {
        let gap = usize::try_from(to.saturating_sub(at)).unwrap_or(0);
        at = next;
        out.write_all(&vec![0; gap])
    };
    let mut slots = head.slots.iter();
    for entry in activations.entries.values() {
        for sums in [true, false] {
            let (offset, bytes) = slots.next().copied().unwrap_or_default();
            fill(out, offset, offset + bytes)?;
            if sums {
                floats(out, entry.sums.iter().copied())?;
            } else {
                floats(out, entry.counts.iter().map(|c| *c as f32))?;
            }
        }
    }
    fill(out, head.end, head.end)
}

fn floats(out: &mut dyn Write, values: impl Iterator<Item = f32>) -> io::Result<()> {
    for value in values {
        out.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// The lengths of the legacy form have 31 bits.
fn check_dat(activations: &Activations) -> Result<()> {
    for (name, entry) in &activations.entries {
        if i32::try_from(entry.sums.len()).is_err() {
            let what = format!("{} values are too many for the .dat form", entry.sums.len());
            return Err(ModelError::request(what).field(name).with_hint("Write a .gguf file."));
        }
    }
    Ok(())
}

fn write_dat(out: &mut dyn Write, activations: &Activations) -> io::Result<()> {
    let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX).to_le_bytes();
    let text =
        |out: &mut dyn Write, text: &str| out.write_all(&int(text.len())).and_then(|()| out.write_all(text.as_bytes()));
    let chunk = u64::from(activations.chunk_size.max(1));
    // Tensors that no token reached have no entry.
    let stored = || activations.entries.iter().filter(|(_, e)| e.counts.iter().any(|c| *c > 0));
    out.write_all(&int(stored().count()))?;
    for (name, entry) in stored() {
        text(out, name)?;
        let calls = entry.counts.iter().max().map_or(0, |most| most.div_ceil(chunk));
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        out.write_all(&int(calls))?;
        out.write_all(&int(entry.sums.len()))?;
        for (sums, count) in entry.matrices() {
            let mean = |sum: &f32| if count == 0 { 1.0 } else { *sum / count as f32 };
            floats(out, sums.iter().map(|sum| mean(sum) * calls as f32))?;
        }
    }
    out.write_all(&activations.chunks().to_le_bytes())?;
    text(out, activations.datasets.last().map_or("", String::as_str))
}

#[cfg(test)]
mod tests {
    use super::super::activations::tests::{activations, golden};
    use super::*;
    use crate::transform::Imatrix;

    fn bytes(form: Form, activations: &Activations) -> Vec<u8> {
        let mut out = Vec::new();
        form.writer(activations).unwrap()(&mut out).unwrap();
        out
    }

    #[test]
    fn files_of_llama_imatrix_are_written_again_to_the_byte() {
        for name in [
            "imatrix/tiny-llama.imatrix.gguf",
            "quality/imatrix/tiny-llama.merged.gguf",
            "quality/imatrix/tiny-qwen3moe.imatrix.gguf",
            "quality/imatrix/tiny-mixtral.imatrix.gguf",
            "quality/imatrix/tiny-gpt2.imatrix.gguf",
        ] {
            let Some(path) = golden(name) else { continue };
            let read = Activations::read(&path, None).unwrap();
            assert!(bytes(Form::Gguf, &read) == std::fs::read(&path).unwrap(), "{name}");
        }
    }

    #[test]
    fn the_legacy_form_has_the_bytes_of_llama_imatrix() {
        let (Some(gguf), Some(dat)) =
            (golden("imatrix/tiny-llama.imatrix.gguf"), golden("imatrix/tiny-llama.imatrix.dat"))
        else {
            return;
        };
        let mut read = Activations::read(&gguf, None).unwrap();
        // The two were made by separate runs, the older one without --process-output.
        read.entries.remove("output.weight");
        let (ours, theirs) = (bytes(Form::Dat, &read), std::fs::read(dat).unwrap());
        let (a, b) = (Imatrix::parse_dat(&ours, "").unwrap(), Imatrix::parse_dat(&theirs, "").unwrap());
        assert_eq!((ours.len(), a.chunks, &a.dataset), (theirs.len(), b.chunks, &b.dataset));
        for (name, values) in &a.entries {
            let close = |(x, y): (&f32, &f32)| (x - y).abs() <= 1e-4 * y.abs();
            assert!(values.iter().zip(&b.entries[name]).all(close), "{name}");
        }
    }

    #[test]
    fn parts_add_up_to_the_merged_file_of_llama_imatrix() {
        let names = ["part1", "part2", "merged"].map(|n| golden(&format!("quality/imatrix/tiny-llama.{n}.gguf")));
        let [Some(one), Some(two), Some(merged)] = names else { return };
        let mut sum = Activations::read(&one, None).unwrap();
        sum.merge(Activations::read(&two, None).unwrap()).unwrap();
        let wanted = Activations::read(&merged, None).unwrap();
        assert_eq!((sum.chunks(), &sum.datasets), (22, &wanted.datasets));
        for (name, entry) in &wanted.entries {
            assert_eq!(sum.entries[name].counts, entry.counts, "{name}");
            let close = |(x, y): (&f32, &f32)| (x - y).abs() <= 1e-6 * y.abs();
            assert!(sum.entries[name].sums.iter().zip(&entry.sums).all(close), "{name}");
        }
        assert_eq!(bytes(Form::Gguf, &sum), std::fs::read(merged).unwrap());
    }

    #[test]
    fn unreached_experts_are_zeros_in_one_form_and_ones_in_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let a = activations(
            &[
                ("blk.0.ffn_up_exps.weight", &[8.0, 16.0, 0.0, 0.0], &[8, 0]),
                ("blk.1.ffn_up_exps.weight", &[0.0, 0.0], &[0, 0]),
            ],
            "t.txt",
        );
        for form in [Form::Gguf, Form::Dat] {
            let path = dir.path().join(if form == Form::Dat { "m.dat" } else { "m.gguf" });
            std::fs::write(&path, bytes(form, &a)).unwrap();
            let back = Activations::read(&path, (form == Form::Dat).then_some(4)).unwrap();
            assert_eq!((back.chunk_size, &back.datasets), (4, &a.datasets));
            if form == Form::Gguf {
                assert_eq!(back, a);
            } else {
                // Two calls of four tokens; ones for the expert that none of them reached.
                assert_eq!(back.entries.len(), 1);
                let entry = &back.entries["blk.0.ffn_up_exps.weight"];
                assert_eq!((entry.sums.as_slice(), entry.counts.as_slice()), (&[8.0, 16.0, 8.0, 8.0][..], &[8][..]));
            }
        }
    }

    #[test]
    fn damaged_sums_are_refused_with_file_and_tensor() {
        let dir = tempfile::tempdir().unwrap();
        for bad in [f32::NAN, f32::INFINITY, -1.0] {
            let path = dir.path().join("m.gguf");
            std::fs::write(&path, bytes(Form::Gguf, &activations(&[("blk.0.a.weight", &[bad], &[1])], "x"))).unwrap();
            let e = Activations::read(&path, None).unwrap_err().to_string();
            assert!(e.contains("m.gguf") && e.contains("blk.0.a.weight"), "{e}");
        }
    }
}
