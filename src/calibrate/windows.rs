//! From a text to windows of tokens, as llama-imatrix and llama-perplexity cut it.

use crate::model::{Hint, Model, ModelError, Remedy, Result};
use crate::quality::{TextTokenizer, read_text};
use std::path::Path;

/// A text as the tokens of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// The ids, with the token that begins a text, if the model has one.
    pub ids: Vec<u32>,
    /// The token that begins a text, if the model puts one there.
    pub begin: Option<u32>,
}

impl Text {
    /// Reads a text and encodes it whole.
    ///
    /// # Errors
    /// A file that is not text; a model without a tokenizer, or with one that is not run here.
    pub(crate) fn read(path: &Path, model: &Model) -> Result<Self> {
        let tokenizer = TextTokenizer::of(model)?;
        let ids = tokenizer.tokens(&read_text(path)?).map_err(|e| e.in_file(path))?;
        Ok(Self { ids, begin: tokenizer.begin })
    }
}

/// How a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Tokens of a window.
    pub context: usize,
    /// Windows left out at the beginning.
    pub from: usize,
    /// Windows used at most.
    pub most: Option<usize>,
}

/// Windows that do not overlap; what is left at the end is not used. Their first token is replaced by the one that begins a text.
///
/// # Errors
/// A text of less than two windows.
pub(crate) fn cut(text: &Text, cut: Cut) -> Result<Vec<Vec<u32>>> {
    let context = cut.context.max(1);
    let skipped = cut.from.saturating_mul(context);
    let ids = text.ids.get(skipped..).unwrap_or_default();
    if ids.len() < context.saturating_mul(2) {
        let after = if cut.from > 0 { format!(" after the first {}", cut.from) } else { String::new() };
        let what = format!(
            "the text has {} tokens, which is less than two windows of {context} tokens{after}",
            text.ids.len()
        );
        let hint =
            Hint::from("Use a longer text or shorter windows").then(Remedy::OnCommandLine(" (--context)")).then(".");
        return Err(ModelError::request(what).with_hint(hint));
    }
    let mut windows: Vec<Vec<u32>> = ids.chunks_exact(context).map(<[u32]>::to_vec).collect();
    windows.truncate(cut.most.unwrap_or(usize::MAX));
    if let Some(begin) = text.begin {
        windows.iter_mut().filter_map(|w| w.first_mut()).for_each(|first| *first = begin);
    }
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_and_begin_with_the_first_token() {
        let text = Text { ids: (1..=11).collect(), begin: Some(1) };
        let how = Cut { context: 3, from: 0, most: None };
        assert_eq!(cut(&text, how).unwrap(), [[1, 2, 3], [1, 5, 6], [1, 8, 9]]);
        assert_eq!(cut(&text, Cut { from: 1, most: Some(1), ..how }).unwrap(), [[1, 5, 6]]);
        let without = Text { begin: None, ..text.clone() };
        assert_eq!(cut(&without, Cut { from: 1, ..how }).unwrap(), [[4, 5, 6], [7, 8, 9]]);
    }

    #[test]
    fn a_text_of_less_than_two_windows_is_refused() {
        let text = Text { ids: (0..11).collect(), begin: None };
        for (context, from) in [(6, 0), (3, 2), (3, usize::MAX), (usize::MAX, 0)] {
            let e = cut(&text, Cut { context, from, most: None }).unwrap_err();
            assert!(e.to_string().contains("11 tokens") && e.hint().is_some(), "{e}");
        }
        assert!(cut(&text, Cut { context: 5, from: 0, most: None }).is_ok());
    }

    #[test]
    fn a_text_is_encoded_whole_with_the_token_that_begins_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let model = crate::arch::open(&root.join("fixtures/models/tiny-llama")).unwrap();
        let data = root.join("fixtures/golden/imatrix/calib.txt");
        let text = Text::read(&data, &model).unwrap();
        // The golden matrix was made from 37 windows of 256 tokens; texts of this model begin with none.
        assert_eq!((text.ids.len() / 256, text.begin), (37, None));
        let bert = crate::arch::open(&root.join("fixtures/models/mini-bert")).unwrap();
        let text = Text::read(&data, &bert).unwrap();
        assert!(text.begin.is_some() && text.ids.first() == text.begin.as_ref());
        assert!(text.ids[1..].iter().all(|id| Some(*id) != text.begin));
    }

    #[test]
    fn a_file_that_is_not_text_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.bin");
        std::fs::write(&path, [0xff, 0xfe, 0x00, 0x80]).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let model = crate::arch::open(&root.join("fixtures/models/tiny-llama")).unwrap();
        let e = Text::read(&path, &model).unwrap_err();
        assert!(e.to_string().contains("data.bin"), "{e}");
    }
}
