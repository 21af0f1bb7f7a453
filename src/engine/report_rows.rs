//! The rows of a report, made one by one as they are written: a model may have a million tensors.

use super::journal::Finished;
use super::state::States;
use super::{TensorDone, TensorStart};
use crate::model::{OutputIndex, TensorIndex};
use crate::plan::Prepared;
use serde::{Serialize, Serializer};
use std::rc::Rc;

/// What a finished run knows of its tensors.
#[derive(Debug)]
pub(crate) struct TensorResults<'a> {
    /// What was carried out.
    pub prepared: &'a Prepared,
    /// The tensors of this attempt.
    pub states: States<'a>,
    /// Those of earlier attempts.
    pub earlier: Finished,
}

/// The rows of one output's report.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    known: Rc<TensorResults<'a>>,
    output: OutputIndex,
}

impl<'a> Rows<'a> {
    /// The rows of the output with this index.
    pub(super) fn new(known: &Rc<TensorResults<'a>>, output: OutputIndex) -> Self {
        Self { known: Rc::clone(known), output }
    }

    /// Every tensor with its error, in the order of the output.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = TensorDone> + '_ {
        let (known, o) = (&*self.known, self.output);
        (0..known.prepared.outputs[o].tensors.len()).map(move |t| {
            let t = TensorIndex(t);
            let stats = match known.earlier.get(&(o, t)) {
                Some(written) => written.stats.as_deref().copied(),
                None => known.states.get(o, t).and_then(|s| s.stats()),
            };
            TensorStart::of(known.prepared, o, t).done(stats.as_ref())
        })
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
