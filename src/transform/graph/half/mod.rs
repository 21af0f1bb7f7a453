//! Half precision: `f16` or `bf16` for all nodes that can have it, or for selected ones.
//!
//! A node becomes half if its schema lets all its `f32` inputs be of the other type together, and if it is not one of those that lose too much
//! (`decide`). Values between nodes of different precision are cast once. Constants that only half nodes use are stored in half precision, and
//! are converted when their rows are read (`rows`); one that others use too is there twice. Branches and bodies of loops stay as they are.
//!
//! Values beyond the range of the type, such as the -3.4e38 of attention masks, become the largest finite value and are counted: as infinities
//! they would make NaN of a product with 0.

mod decide;
mod rewrite;
mod rows;

use super::draft::Draft;
use super::select::Select;
use super::{Changed, Report};
use crate::graph::Elem;
use crate::model::{Model, Result};
use crate::task::Task;
use crate::tensor::DType;
use decide::Decisions;

/// A floating-point type of 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Half {
    /// `f16`: 11 bits of precision, up to 65504.
    #[default]
    F16,
    /// `bf16`: 8 bits of precision, the range of `f32`.
    Bf16,
}

impl Half {
    const fn elem(self) -> Elem {
        match self {
            Self::F16 => Elem::F16,
            Self::Bf16 => Elem::BF16,
        }
    }

    const fn dtype(self) -> DType {
        match self {
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// The largest finite value.
    const fn largest(self) -> f32 {
        match self {
            Self::F16 => 65504.0,
            Self::Bf16 => f32::from_bits(0x7f7f_0000),
        }
    }
}

/// How a graph becomes half.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HalfOptions {
    /// The type.
    pub half: Half,
    /// Inputs and outputs of the graph stay `f32`, so that it can be used as before.
    pub keep_io: bool,
    /// Which nodes.
    pub select: Select,
}

impl Default for HalfOptions {
    fn default() -> Self {
        Self { half: Half::F16, keep_io: true, select: Select::default() }
    }
}

/// Makes a graph half.
///
/// # Errors
/// A model without a graph; read errors.
pub(crate) fn to_half(model: &Model, options: &HalfOptions, task: &Task<'_>) -> Result<Changed> {
    let mut draft = Draft::of(model)?;
    let mut report = Report::default();
    let decisions = Decisions::new(&draft, options, &mut report);
    rewrite::rewrite(&mut draft, options, &decisions, &mut report, task)?;
    if options.half == Half::Bf16 && !decisions.nodes.is_empty() {
        // Version 1.32 has none for `Add`, `MatMul` and most others.
        let text = "ONNX Runtime has no bf16 kernels for the CPU: it runs this graph on other devices only";
        report.notes.push(text.to_owned());
    }
    Ok(Changed { model: draft.finish(model)?, report })
}
