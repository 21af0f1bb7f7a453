//! A tokenized text as windows with the positions that are scored, as llama-perplexity cuts it.
//!
//! Windows do not overlap, and the rest of the text is unused. In a window of n tokens, the tokens after the first n/2 are predicted
//! (positions n/2 to n−2): each prediction has at least half a window of context. If texts of the model begin with a begin token, it replaces
//! the first token of every window. With a stride S, windows begin every S tokens, have n + S/2 tokens, and their last S tokens are
//! predicted; there llama-perplexity replaces no token.

use crate::model::{Hint, ModelError, Remedy, Result};
use std::ops::Range;

/// Tokens of a window if nothing else is asked.
pub(crate) const DEFAULT_CONTEXT: usize = 512;
/// Shortest window: one token is predicted from two.
pub(crate) const MIN_CONTEXT: usize = 4;

/// How a text is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cutting {
    /// Tokens of a window.
    pub context: usize,
    /// Tokens between the beginnings of two windows; 0 for windows that do not overlap.
    pub stride: usize,
    /// At most so many windows; 0 for all.
    pub most: usize,
}

/// The windows of a text; all of them have the same length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Tokens of the text.
    pub text_tokens: usize,
    /// Tokens of a window.
    pub length: usize,
    /// The positions of a window whose predictions are scored.
    pub scored: Range<usize>,
    /// What the network sees.
    pub inputs: Vec<Vec<u32>>,
    /// For each window the tokens that follow the scored positions.
    pub targets: Vec<Vec<u32>>,
    /// The tokens of the windows before the begin token was put in.
    pub originals: Vec<Vec<u32>>,
}

impl Windows {
    /// Cuts the tokens of a text. `begin` is the model's begin token.
    ///
    /// # Errors
    /// A text of less than two windows, a window of less than [`MIN_CONTEXT`] tokens, a stride as long as the window.
    pub(crate) fn cut(tokens: &[u32], begin: Option<u32>, how: Cutting) -> Result<Self> {
        let Cutting { context, stride, most } = how;
        if context < MIN_CONTEXT {
            return Err(ModelError::request(format!("a context of {context} tokens is less than {MIN_CONTEXT}")));
        }
        let length = context + stride / 2;
        let needed = length * 2;
        if tokens.len() < needed {
            let hint = match tokens.len() / 2 {
                most if most >= MIN_CONTEXT && stride == 0 => Hint::from("Use a longer text")
                    .then(Remedy::OnCommandLine(", or a --context of at most half of these tokens"))
                    .then("."),
                _ => Hint::from("Use a longer text."),
            };
            let what =
                format!("the text has {} tokens, but windows of {length} tokens need at least {needed}", tokens.len());
            return Err(ModelError::request(what).with_hint(hint));
        }
        let (step, all, scored) = match stride {
            0 => (context, tokens.len() / context, context / 2..context - 1),
            _ if stride >= length => {
                let hint = "Use a stride of at most the context, for instance half of it.";
                let what = format!("a stride of {stride} tokens is not less than the window of {length}");
                return Err(ModelError::request(what).with_hint(hint));
            }
            _ => (stride, (tokens.len() - length).div_ceil(stride), length - stride - 1..length - 1),
        };
        let count = if most == 0 { all } else { all.min(most) };
        let mut windows = Self {
            text_tokens: tokens.len(),
            length,
            scored: scored.clone(),
            inputs: Vec::with_capacity(count),
            targets: Vec::with_capacity(count),
            originals: Vec::new(),
        };
        for i in 0..count {
            let window = &tokens[i * step..i * step + length];
            windows.targets.push(window[scored.start + 1..=scored.end].to_vec());
            windows.inputs.push(window.to_vec());
        }
        if let Some(begin) = begin.filter(|_| stride == 0) {
            windows.originals = windows.inputs.clone();
            windows.inputs.iter_mut().for_each(|w| w[0] = begin);
        } else {
            windows.originals.clone_from(&windows.inputs);
        }
        Ok(windows)
    }

    /// Windows that were cut before, without a stride.
    pub(crate) fn of_originals(originals: &[Vec<u32>], begin: Option<u32>, most: usize) -> Self {
        let count = if most == 0 { originals.len() } else { originals.len().min(most) };
        let originals = originals[..count].to_vec();
        let length = originals.first().map_or(0, Vec::len);
        let scored = length / 2..length.saturating_sub(1);
        let mut inputs = originals.clone();
        if let Some(begin) = begin {
            inputs.iter_mut().filter_map(|w| w.first_mut()).for_each(|first| *first = begin);
        }
        let targets = originals.iter().map(|w| w[scored.start + 1..=scored.end].to_vec()).collect();
        Self { text_tokens: length * count, length, scored, inputs, targets, originals }
    }

    /// The number of windows.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Scored positions of all windows.
    pub(crate) fn positions(&self) -> usize {
        self.len() * self.scored.len()
    }
}

/// The context to use: the one asked for, else the default or the trained one if that is less.
///
/// # Errors
/// A context longer than the one that a model was trained with.
pub(crate) fn context(asked: Option<usize>, trained: Option<u64>) -> Result<usize> {
    let trained = trained.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    match asked {
        None => Ok(DEFAULT_CONTEXT.min(trained)),
        Some(asked) if asked > trained => {
            let what =
                format!("a context of {asked} tokens is longer than the {trained} that the model was trained with");
            Err(ModelError::request(what).with_hint(format!("Use --context {trained} or less.")))
        }
        Some(asked) => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(n: u32) -> Vec<u32> {
        (0..n).collect()
    }

    #[test]
    fn windows_are_those_of_llama_perplexity() {
        let how = Cutting { context: 8, ..Cutting::default() };
        let w = Windows::cut(&tokens(25), Some(99), how).unwrap();
        assert_eq!((w.len(), w.length, w.scored.clone(), w.positions()), (3, 8, 4..7, 9));
        assert_eq!(w.inputs[1], [99, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(w.originals[1][0], 8);
        assert_eq!(w.targets[1], [13, 14, 15]);
        // 127 positions of 256 tokens, as in the golden files.
        let w = Windows::cut(&tokens(3900), None, Cutting { context: 256, ..how }).unwrap();
        assert_eq!((w.len(), w.positions()), (15, 1905));
        assert_eq!(w.inputs[0][0], 0);
        assert_eq!(Windows::cut(&tokens(25), None, Cutting { most: 2, ..how }).unwrap().len(), 2);
        assert_eq!(Windows::of_originals(&w.originals, None, 0).targets, w.targets);
        // An odd length: positions 3 to 5 of 7.
        let w = Windows::cut(&tokens(20), None, Cutting { context: 7, ..how }).unwrap();
        assert_eq!((w.scored.clone(), w.targets[0].clone()), (3..6, vec![4, 5, 6]));
    }

    #[test]
    fn strides_score_the_last_tokens_of_longer_windows() {
        let how = Cutting { context: 8, stride: 4, most: 0 };
        let w = Windows::cut(&tokens(25), Some(99), how).unwrap();
        assert_eq!((w.len(), w.length, w.scored.clone()), (4, 10, 5..9));
        assert_eq!(w.inputs[1][0], 4);
        assert_eq!(w.targets[1], [10, 11, 12, 13]);
        assert!(Windows::cut(&tokens(100), None, Cutting { stride: 20, ..how }).is_err());
    }

    #[test]
    fn short_texts_and_long_contexts_are_refused_with_numbers() {
        let how = Cutting { context: 512, ..Cutting::default() };
        let e = Windows::cut(&tokens(1000), None, how).unwrap_err();
        assert_eq!(e.to_string(), "the text has 1000 tokens, but windows of 512 tokens need at least 1024");
        assert!(e.hint().unwrap().text().contains("longer text"), "{:?}", e.hint());
        assert!(Windows::cut(&tokens(1000), None, Cutting { context: 1, ..how }).is_err());
        assert_eq!(context(None, Some(256)).unwrap(), 256);
        assert_eq!(context(None, None).unwrap(), 512);
        assert_eq!(context(Some(1024), None).unwrap(), 1024);
        let e = context(Some(1024), Some(512)).unwrap_err();
        assert!(e.to_string().contains("longer than the 512"), "{e}");
    }
}
