//! Heads of encoders: what is made of the last hidden state.

use super::Job;
use super::decoder::{batch, sequence};
use super::encoder::{Spec, hidden};
use super::parts::{activate, linear, norm, split};
use super::weights::Weights;
use crate::arch::computation::{Activation, Norm};
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Dim, Elem, ValueId};
use crate::model::Result;

/// A head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// None: the last hidden state.
    Features,
    /// A class for the sequence.
    Sequence,
    /// A class for each token.
    Token,
    /// Where an answer begins and ends.
    Answer,
    /// The token behind a mask.
    Masked,
}

/// Endings of the names of classes.
const CLASSES: [(&str, Head); 5] = [
    ("Model", Head::Features),
    ("ForSequenceClassification", Head::Sequence),
    ("ForTokenClassification", Head::Token),
    ("ForQuestionAnswering", Head::Answer),
    ("ForMaskedLM", Head::Masked),
];

impl Head {
    /// The head of a class.
    ///
    /// # Errors
    /// A class whose head no graph is built for.
    pub(super) fn of_class(job: &Job<'_>, class: &str) -> Result<Self> {
        let found = CLASSES.iter().find(|(end, _)| class.ends_with(end));
        found.map(|(_, head)| *head).ok_or_else(|| {
            let known: Vec<&str> = CLASSES.iter().map(|(end, _)| *end).collect();
            job.unsupported("architectures", format!("no graph is built for the head of {class}"))
                .with_hint(format!("Graphs are built for classes that end with {}.", known.join(", ")))
        })
    }
}

/// Adds the outputs of a head on the last hidden state `x`.
///
/// # Errors
/// Weights of the head that are missing.
pub(super) fn head(m: &mut Maker, w: &mut Weights, spec: &Spec, head: Head, x: ValueId) -> Result<()> {
    match head {
        Head::Features => m.output("last_hidden_state", x, Elem::F32, &hidden(spec.width)),
        Head::Sequence => {
            let first = first_token(m, x, "classifier");
            let (logits, classes) = sequence_logits(m, w, first)?;
            m.output("logits", logits, Elem::F32, &[batch(), Dim::from(classes)]);
        }
        Head::Token => {
            let logits = linear(m, w, x, "cls")?;
            let classes = rows(w, "cls.weight")?;
            m.output("logits", logits, Elem::F32, &[batch(), sequence(), Dim::from(classes)]);
        }
        Head::Answer => {
            let both = linear(m, w, x, "qa_outputs")?;
            m.at("qa_outputs", |m| {
                let parts = split(m, both, &[1, 1]);
                let last = m.ints(&[-1]);
                for (name, part) in ["start_logits", "end_logits"].into_iter().zip(parts) {
                    let part = m.op("Squeeze", &[part, last], &[]);
                    m.output(name, part, Elem::F32, &[batch(), sequence()]);
                }
            });
        }
        Head::Masked => {
            let logits = masked(m, w, spec, x)?;
            let vocabulary = rows(w, "token_embd.weight")?;
            m.output("logits", logits, Elem::F32, &[batch(), sequence(), Dim::from(vocabulary)]);
        }
    }
    Ok(())
}

fn rows(w: &Weights, key: &str) -> Result<u64> {
    Ok(w.shape(key)?.first().copied().unwrap_or(0))
}

/// The state of the first token, batch × width.
pub(super) fn first_token(m: &mut Maker, x: ValueId, scope: &str) -> ValueId {
    m.at(scope, |m| {
        let zero = m.int(0);
        m.op("Gather", &[x, zero], &[("axis", AttrValue::Int(1))])
    })
}

/// Logits of the sequence from the state of its first token: BERT has a pooler, RoBERTa and DistilBERT a layer of their own before the last.
fn sequence_logits(m: &mut Maker, w: &mut Weights, first: ValueId) -> Result<(ValueId, u64)> {
    if w.has("classifier.dense.weight") {
        let x = linear(m, w, first, "classifier.dense")?;
        let x = m.at("classifier", |m| m.op("Tanh", &[x], &[]));
        return Ok((linear(m, w, x, "cls.output")?, rows(w, "cls.output.weight")?));
    }
    let x = if w.has("pre_classifier.weight") {
        let x = linear(m, w, first, "pre_classifier")?;
        m.at("pre_classifier", |m| m.op("Relu", &[x], &[]))
    } else {
        let x = linear(m, w, first, "pooler.dense")?;
        m.at("pooler", |m| m.op("Tanh", &[x], &[]))
    };
    Ok((linear(m, w, x, "cls")?, rows(w, "cls.weight")?))
}

/// Logits of all tokens: a layer with a norm, then the output matrix, which is the embedding where the checkpoint has none.
fn masked(m: &mut Maker, w: &mut Weights, spec: &Spec, x: ValueId) -> Result<ValueId> {
    // Names of the layer, its norm, the output matrix and its bias, and the activation.
    let (layer, layer_norm, output, biases, activation) = if w.has("lm_head.dense.weight") {
        let biases = ["lm_head.bias", "lm_head.decoder.bias"];
        // RoBERTa's head has this one whatever the configuration says.
        ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", biases, Activation::GeluErf)
    } else if w.has("vocab_transform.weight") {
        let biases = ["vocab_projector.bias", "vocab_projector.bias"];
        ("vocab_transform", "vocab_layer_norm", "vocab_projector.weight", biases, spec.activation)
    } else {
        let (layer, norm) = ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm");
        let biases = ["cls.predictions.bias", "cls.predictions.decoder.bias"];
        (layer, norm, "cls.predictions.decoder.weight", biases, spec.activation)
    };
    let x = linear(m, w, x, layer)?;
    let scope = super::parts::around(w, &format!("{layer}.weight"))?;
    let x = m.at(&scope, |m| activate(m, x, activation));
    let x = norm(m, w, x, layer_norm, Norm::Layer, spec.epsilon)?;
    m.at("lm_head/decoder", |m| {
        let key = if w.has(output) { output } else { "token_embd.weight" };
        let matrix = w.matrix_of_table(m, key)?;
        let logits = m.op("MatMul", &[x, matrix], &[]);
        match biases.into_iter().find(|b| w.has(b)) {
            Some(bias) => {
                let bias = w.plain(m, bias)?;
                Ok(m.op("Add", &[logits, bias], &[]))
            }
            None => Ok(logits),
        }
    })
}
