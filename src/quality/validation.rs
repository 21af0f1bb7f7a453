//! Outputs measured against the model that they are made from: whether that is possible, before there is an output, and what must be the same
//! in both: the tokens of a text, and the text of conversations.

use super::condition::Condition;
use super::evaluation::{Evaluation, Measurable, check_conditions};
use super::tokens::{TextTokenizer, gguf_metadata, read_text};
use super::windows::{self, Cutting, Windows};
use crate::arch::chat::{ChatTokens, Message, Role, derive_apart};
use crate::forward::Forward;
use crate::model::{MetaValue, Model, ModelError, Result};
use std::sync::atomic::AtomicBool;

/// Lines of the text whose tokens are compared.
const MOST_LINES: usize = 1000;
/// Bytes of a line that are compared.
const MOST_LINE_BYTES: usize = 1 << 16;
/// Bytes of a text that have a token for sure, for a first look at a long text.
const BYTES_OF_A_TOKEN: usize = 16;

/// Checks that outputs made from `source` can be evaluated as `request` says, with the source as the baseline.
///
/// # Errors
/// A text that cannot be read or is too short; a network that cannot be run; a model without a tokenizer; a condition on a metric that is
/// not measured.
pub(crate) fn check_source(source: &Model, request: &Evaluation, conditions: &[Condition]) -> Result<()> {
    let Some(data) = request.data.as_deref() else {
        let hint = "Name a text file as `data` of [validate].";
        return Err(ModelError::request("there is no text to evaluate the outputs on").with_hint(hint));
    };
    let text = read_text(data)?;
    let forward = Forward::open(source, request.rounding).map_err(|e| e.in_file(&source.path))?;
    let tokenizer = TextTokenizer::of(source)?;
    let encoder = forward.is_encoder();
    let measured = Measurable {
        text: !encoder,
        embeddings: encoder,
        baseline: true,
        baseline_model: true,
        ..Measurable::default()
    };
    check_conditions(conditions, &measured)?;
    let too_long = |e: ModelError| e.in_file(&source.path).with_hint("Lower `context` of [validate], or leave it out.");
    let context = windows::context(request.context, forward.context()).map_err(too_long)?;
    if forward.is_encoder() {
        let empty = text.lines().all(|line| line.trim().is_empty());
        return match empty {
            true => Err(ModelError::request("the file has no line with text").in_file(data)),
            false => Ok(()),
        };
    }
    let cutting = Cutting { context, stride: request.stride, most: request.chunks };
    // The first part of a long text is enough to know that it is long enough.
    let head = &text[..text.floor_char_boundary(context.saturating_mul(2 * BYTES_OF_A_TOKEN))];
    let cut = |text: &str| Windows::cut(&tokenizer.tokens(text)?, tokenizer.begin, cutting);
    let windows = cut(head).or_else(|e| if head.len() < text.len() { cut(&text) } else { Err(e) });
    let shorter = "Use a longer text, or lower `context` of [validate].";
    windows.map(|_| ()).map_err(|e| e.in_file(data).with_hint(shorter))
}

/// Checks conditions on outputs that are graphs.
///
/// # Errors
/// A condition on a metric that graphs do not have.
pub(crate) fn check_graph_conditions(conditions: &[Condition]) -> Result<()> {
    check_conditions(conditions, &Measurable { graphs: true, ..Measurable::default() })
}

/// How many of some things are the same in two models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// Those that are the same.
    pub same: usize,
    /// All that were compared.
    pub of: usize,
    /// The first difference, as a clause.
    pub first: Option<String>,
}

impl Agreement {
    fn add(&mut self, same: bool, difference: impl FnOnce() -> String) {
        self.of += 1;
        self.same += usize::from(same);
        if !same && self.first.is_none() {
            self.first = Some(difference());
        }
    }

    /// The share of those that are the same, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        if self.of == 0 { 1.0 } else { self.same as f64 / self.of as f64 }
    }
}

/// Compares the tokens of the first thousand lines of a text.
///
/// # Errors
/// A model without a tokenizer; those of the tokenizers.
pub(crate) fn same_tokens(source: &Model, output: &Model, text: &str) -> Result<Agreement> {
    let (before, after) = (TextTokenizer::of(source)?, TextTokenizer::of(output)?);
    let mut agreement = Agreement::default();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).take(MOST_LINES);
    for (i, line) in lines {
        let line = &line[..line.floor_char_boundary(MOST_LINE_BYTES)];
        let (before, after) = (before.tokens(line)?, after.tokens(line)?);
        agreement.add(before == after, || {
            let at = before.iter().zip(&after).position(|(a, b)| a != b).unwrap_or(before.len().min(after.len()));
            format!("line {} has other tokens from token {} on", i + 1, at + 1)
        });
    }
    Ok(agreement)
}

const fn said(role: Role, content: &str) -> Message<'_> {
    Message { role, content }
}

/// The conversations whose texts are compared, and what they are called.
const CONVERSATIONS: [(&str, &[Message<'static>]); 4] = [
    ("a question", &[said(Role::User, "What is the capital of Norway?")]),
    (
        "a question with a system message",
        &[said(Role::System, "Be brief."), said(Role::User, "What is the capital of Norway?")],
    ),
    (
        "a conversation",
        &[
            said(Role::User, "What is the capital of Norway?"),
            said(Role::Assistant, " Oslo.\n"),
            said(Role::User, "<b>And</b> of Sweden?"),
        ],
    ),
    (
        "a conversation with a system message",
        &[
            said(Role::System, "Be brief."),
            said(Role::User, "One"),
            said(Role::Assistant, "Two"),
            said(Role::User, "Three"),
        ],
    ),
];

/// Compares what the chat templates of two models make of some conversations; `None` if one of the models has no template.
///
/// # Errors
/// Those of reading the tokenizer files; the work was cancelled.
pub(crate) fn same_conversations(source: &Model, output: &Model, cancel: &AtomicBool) -> Result<Option<Agreement>> {
    let (before, after) = (gguf_metadata(source)?, gguf_metadata(output)?);
    let template = |metadata: &crate::model::Metadata| {
        metadata.get("tokenizer.chat_template").and_then(MetaValue::as_str).map(str::to_owned)
    };
    let (Some(first), Some(second)) = (template(&before), template(&after)) else { return Ok(None) };
    let (first_tokens, second_tokens) = (ChatTokens::of(&before), ChatTokens::of(&after));
    let alike = first == second && first_tokens.bos == second_tokens.bos && first_tokens.eos == second_tokens.eos;
    // Templates are programs from outside: they are rendered in a process with limits, and the shapes of their messages are compared.
    let shapes = match alike {
        true => None,
        false => Some((derive_apart(&first, &first_tokens, cancel)?, derive_apart(&second, &second_tokens, cancel)?)),
    };
    let mut agreement = Agreement::default();
    for (name, messages) in CONVERSATIONS {
        for prompt in [false, true] {
            let same = shapes.as_ref().is_none_or(|shapes| match shapes {
                (Ok(first), Ok(second)) => first.render(messages, prompt) == second.render(messages, prompt),
                _ => false,
            });
            agreement.add(same, || format!("{name} becomes another text"));
        }
    }
    Ok(Some(agreement))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;
    use std::path::{Path, PathBuf};

    fn fixture(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
    }

    fn model(name: &str) -> Model {
        arch::open(&fixture(&format!("models/{name}"))).unwrap()
    }

    fn request(data: &str) -> Evaluation {
        Evaluation { data: Some(fixture(data)), ..Evaluation::of(Vec::new()) }
    }

    #[test]
    fn what_cannot_be_evaluated_is_known_before() {
        let condition = |text: &str| [Condition::parse(text).unwrap()];
        let (llama, bert) = (model("tiny-llama"), model("mini-bert"));
        let text = request("golden/eval/eval.txt");
        check_source(&llama, &text, &condition("kld_mean > 1")).unwrap();
        check_source(&bert, &text, &condition("cosine_min < 0.5")).unwrap();
        let wrong = [
            (&bert, text.clone(), "kld_mean > 1", "not measured"),
            (&llama, text.clone(), "cosine_min < 1", "not measured"),
            (&llama, Evaluation { context: Some(1 << 20), ..text.clone() }, "kld_mean > 1", "longer than"),
            (&llama, request("golden/eval/none.txt"), "kld_mean > 1", "none.txt"),
            (&llama, Evaluation { data: None, ..text.clone() }, "kld_mean > 1", "no text"),
        ];
        for (model, request, text, part) in wrong {
            let e = check_source(model, &request, &condition(text)).unwrap_err();
            assert!(e.to_string().contains(part), "{e}");
        }
        let dir = tempfile::tempdir().unwrap();
        let short = dir.path().join("short.txt");
        std::fs::write(&short, "Too short.\n").unwrap();
        let e = check_source(&llama, &Evaluation { data: Some(short), ..text }, &[]).unwrap_err();
        assert!(e.to_string().contains("at least") && e.hint().is_some(), "{e}");
    }

    #[test]
    fn tokens_and_conversations_of_two_models_are_compared() {
        let (llama, other) = (model("tiny-llama"), model("tiny-llama3-pt"));
        let never = AtomicBool::new(false);
        let text = "The capital of Norway is Oslo.\n\n  two  spaces\n";
        let same = same_tokens(&llama, &llama, text).unwrap();
        assert_eq!((same.same, same.of, same.share()), (2, 2, 1.0));
        let differ = same_tokens(&llama, &other, text).unwrap();
        assert!(differ.share() < 1.0 && differ.first.as_ref().unwrap().starts_with("line "), "{differ:?}");
        let same = same_conversations(&llama, &llama, &never).unwrap().unwrap();
        assert_eq!((same.share(), same.of), (1.0, 8));
        assert!(same_conversations(&llama, &model("mini-bert"), &never).unwrap().is_none());
    }
}
