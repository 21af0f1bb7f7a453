//! The SentencePiece vocabulary inside a `tokenizer.json`: BPE with byte fallback, as Hugging Face's converter makes it from
//! a `tokenizer.model` (transformers, `convert_slow_tokenizer.py`).
//!
//! The converter writes one merge for each way to cut a piece in two, best score first. So the order of the merges gives the
//! scores back, and the texts and flags of the tokens give the types.

use super::files::Files;
use crate::model::Warning;
use crate::model::tokenizer::{AddedToken, Piece, PieceType, TokenizerJson};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Texts of the control pieces that SentencePiece models of Llama, Phi and Gemma have.
const CONTROLS: [&str; 5] = ["<s>", "</s>", "<pad>", "<bos>", "<eos>"];

/// Longer pieces are not checked for missing merges, because the work grows with the square of the length. SentencePiece makes
/// pieces of at most 16 characters by default; Gemma has runs of 31.
const MAX_CUT_BYTES: usize = 128;

/// The replacement of a space.
const SPACE: &str = "▁";

/// Pieces with their ids.
pub(super) type Pieces = Vec<(usize, Piece)>;

/// True if the vocabulary of `tokenizer.json` is SentencePiece's (the test of gguf-py/gguf/vocab.py, `LlamaHfVocab`, without
/// the decoder, which does not change the ids of a text).
pub(super) fn is_sentencepiece(json: &TokenizerJson) -> bool {
    let model = &json.model;
    let affix = |a: &Option<String>| a.as_deref().is_some_and(|a| !a.is_empty());
    model.kind.as_deref().is_none_or(|k| k == "BPE")
        && model.byte_fallback == Some(true)
        && !affix(&model.continuing_subword_prefix)
        && !affix(&model.end_of_word_suffix)
}

/// True if a space is put before the text.
pub(super) fn adds_space_prefix(json: &TokenizerJson) -> bool {
    let metaspace = |step: &Value| match step["prepend_scheme"].as_str() {
        Some(scheme) => scheme != "never",
        None => step["add_prefix_space"].as_bool().unwrap_or(true),
    };
    steps(&json.normalizer, "normalizers").iter().any(|step| step["type"] == "Prepend")
        || steps(&json.pre_tokenizer, "pretokenizers").iter().any(|s| s["type"] == "Metaspace" && metaspace(s))
}

/// The pieces with their ids, sorted by id. `warnings` gets the cases in which llama.cpp differs from the tokenizer.
pub(super) fn pieces(json: &TokenizerJson, files: &Files<'_>, warnings: &mut Vec<Warning>) -> Pieces {
    let tab = tab_for_byte(json);
    let kinds = Kinds::new(json, files);
    let mut pieces: Pieces = Vec::with_capacity(json.model.vocab.len());
    for (text, id) in &json.model.vocab {
        let text = if Some(*id) == tab { "<0x09>" } else { text.as_str() };
        let piece = Piece { text: text.as_bytes().to_vec(), score: 0.0, kind: kinds.of(text) };
        pieces.push((*id as usize, piece));
    }
    pieces.sort_unstable_by_key(|(id, _)| *id);
    let normal: HashMap<&str, u32> = json
        .model
        .vocab
        .iter()
        .filter(|(text, id)| Some(*id) != tab && kinds.of(text) == PieceType::Normal)
        .map(|(text, id)| (text.as_str(), *id))
        .collect();
    let (order, again) = order(json, &normal);
    let scores = scores(&order, &normal);
    for (id, piece) in &mut pieces {
        if let Some(score) = u32::try_from(*id).ok().and_then(|id| scores.get(&id)) {
            piece.score = *score;
        }
    }
    warn(json, &pieces, again + strays(json, &normal), warnings);
    pieces
}

/// The normal pieces in the order in which the merges first make them, and the number of merges that make a piece again
/// after another piece.
fn order(json: &TokenizerJson, normal: &HashMap<&str, u32>) -> (Vec<u32>, usize) {
    let mut order: Vec<u32> = Vec::with_capacity(normal.len());
    let mut seen: HashSet<u32> = HashSet::with_capacity(normal.len());
    let mut again = 0;
    let mut joined = String::new();
    for (left, right) in &json.model.merges {
        joined.clear();
        joined.extend([left.as_str(), right.as_str()]);
        let Some(&id) = normal.get(joined.as_str()) else { continue };
        if seen.insert(id) {
            order.push(id);
        } else if order.last() != Some(&id) {
            again += 1;
        }
    }
    (order, again)
}

/// Scores that rank the pieces as `order` does. SentencePiece numbers the pieces of a trained model by falling score: minus
/// the distance from the first. Pieces out of that order (the runs of spaces of Llama, with −10⁹) follow at the end.
fn scores(order: &[u32], normal: &HashMap<&str, u32>) -> HashMap<u32, f32> {
    let (Some(first), Some(last)) = (normal.values().min(), normal.values().max()) else { return HashMap::new() };
    let mut scores: HashMap<u32, f32> = normal.values().map(|id| (*id, -((id - first) as f32))).collect();
    let mut top: Option<u32> = None;
    let mut late = 0;
    for &id in order {
        if late == 0 && top.is_none_or(|top| id > top) {
            top = Some(id);
        } else {
            late += 1;
            scores.insert(id, -((last - first + late) as f32));
        }
    }
    scores
}

/// Counts the ways to cut a piece into two others that are not merges: llama.cpp joins them, the tokenizer does not.
fn strays(json: &TokenizerJson, normal: &HashMap<&str, u32>) -> usize {
    let texts: HashSet<&str> = json.model.vocab.iter().map(|(text, _)| text.as_str()).collect();
    let merges: HashSet<(&str, &str)> = json.model.merges.iter().map(|(l, r)| (l.as_str(), r.as_str())).collect();
    let cuts = |text: &&str| {
        let text = *text;
        let halves = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
        halves.filter(|(l, r)| texts.contains(l) && texts.contains(r) && !merges.contains(&(*l, *r))).count()
    };
    normal.keys().filter(|text| text.len() <= MAX_CUT_BYTES).map(cuts).sum()
}

fn warn(json: &TokenizerJson, pieces: &[(usize, Piece)], strays: usize, warnings: &mut Vec<Warning>) {
    let mut say = |code, text: String| warnings.push(Warning::new(code, text));
    if strays > 0 {
        let text = format!(
            "{strays} pairs of tokens in tokenizer.json are not merged as SentencePiece would merge them. llama.cpp joins \
            any two neighbours that form a token, so it may split some texts differently."
        );
        say("tokenizer.merges", text);
    }
    let bytes = pieces.iter().filter(|(_, p)| p.kind == PieceType::Byte).count();
    if bytes < 256 {
        let text = format!("{} of the 256 byte tokens are missing; llama.cpp needs all of them.", 256 - bytes);
        say("tokenizer.bytes", text);
    }
    let normalizers = steps(&json.normalizer, "normalizers");
    let plain = |step: &&Value| match step["type"].as_str() {
        Some("Replace") => step["pattern"]["String"] == " " && step["content"] == SPACE,
        Some("Prepend") => step["prepend"] == SPACE,
        _ => false,
    };
    let splitters = steps(&json.pre_tokenizer, "pretokenizers");
    if splitters.iter().any(|s| s["type"] == "Metaspace" && s["prepend_scheme"] == "first") {
        let text = "The tokenizer adds a space at the start of the text only; llama.cpp also adds one after each special token.";
        say("tokenizer.prefix", text.to_owned());
    }
    // After the normalizer there is no space left to split at. Metaspace splits before each `▁`, which matters only if
    // there are pieces that continue after one.
    let inside = |text: &[u8]| text.windows(SPACE.len()).skip(1).any(|w| w == SPACE.as_bytes());
    let goes_on = || pieces.iter().any(|(_, p)| p.kind == PieceType::Normal && inside(&p.text));
    let no_op = |step: &&Value| match step["type"].as_str() {
        Some("Split") => step["pattern"]["String"] == " ",
        Some("Metaspace") => step["split"] == false || !goes_on(),
        _ => false,
    };
    for (what, odd) in [
        ("normalizer", normalizers.iter().find(|s| !plain(s))),
        ("pre-tokenizer", splitters.iter().find(|s| !no_op(s))),
    ] {
        if let Some(step) = odd {
            let name = step["type"].as_str().unwrap_or("unknown");
            let text = format!(
                "The {what} in tokenizer.json has a step ({name}) that llama.cpp does not support for SentencePiece \
                vocabularies, so it may split some texts differently."
            );
            say("tokenizer.steps", text);
        }
    }
}

/// The steps of a normalizer or pre-tokenizer; none for `null`.
pub(super) fn steps<'a>(value: &'a Value, list: &str) -> &'a [Value] {
    match value["type"].as_str() {
        None => &[],
        Some("Sequence") => value[list].as_array().map_or(&[], Vec::as_slice),
        Some(_) => std::slice::from_ref(value),
    }
}

/// The id of a tab instead of the byte piece `<0x09>`: the converter for older Gemma tokenizers puts it there
/// (transformers, `GemmaConverter.vocab`).
fn tab_for_byte(json: &TokenizerJson) -> Option<u32> {
    let find = |wanted: &str| json.model.vocab.iter().find(|(text, _)| text == wanted).map(|(_, id)| *id);
    let (before, after) = (find("<0x08>")?, find("<0x0A>")?);
    find("\t").filter(|tab| before + 1 == *tab && tab + 1 == after && find("<0x09>").is_none())
}

/// Finds the type of a piece from its text.
struct Kinds<'a> {
    unknown: Option<&'a str>,
    added: HashMap<&'a str, &'a AddedToken>,
}

impl<'a> Kinds<'a> {
    fn new(json: &'a TokenizerJson, files: &'a Files<'_>) -> Self {
        let named = files.setting("unk_token").and_then(|v| v.as_str().or_else(|| v["content"].as_str()));
        Self {
            unknown: json.model.unk_token.as_deref().or(named),
            added: json.added_tokens.iter().map(|t| (t.content.as_str(), t)).collect(),
        }
    }

    fn of(&self, text: &str) -> PieceType {
        if self.unknown == Some(text) {
            return PieceType::Unknown;
        }
        if is_byte(text) {
            return PieceType::Byte;
        }
        match self.added.get(text) {
            None => PieceType::Normal,
            Some(token) if token.special && CONTROLS.contains(&text) => PieceType::Control,
            Some(_) => PieceType::UserDefined,
        }
    }
}

/// True for the text of a byte piece: `<0x0A>`.
pub(super) fn is_byte(text: &str) -> bool {
    let hex = text.strip_prefix("<0x").and_then(|t| t.strip_suffix('>'));
    hex.is_some_and(|h| h.len() == 2 && h.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::super::run_spm;
    use super::*;
    use crate::model::Sidecars;
    use crate::model::tokenizer::SentencePieceModel;
    use std::path::Path;

    /// The pieces of a `tokenizer.model`, and those rebuilt from the output of the library's converter.
    fn both(bytes: &[u8]) -> (Pieces, Pieces) {
        let (sidecars, config) = (Sidecars::default(), Value::Null);
        let files = Files::read(&sidecars, &config).unwrap();
        let json = run_spm::tokenizer(bytes, &files, &mut Vec::new()).unwrap();
        assert!(is_sentencepiece(&json));
        let mut warnings = Vec::new();
        let rebuilt = pieces(&json, &files, &mut warnings);
        assert_eq!(warnings, []);
        (SentencePieceModel::parse(bytes).unwrap().pieces.into_iter().enumerate().collect(), rebuilt)
    }

    #[test]
    fn the_pieces_of_every_model_at_hand_are_rebuilt() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = ["fixtures/tokenizers", "fixtures/models", "../shared/material/hf", "../../shared/material/hf"];
        let folders = places.iter().filter_map(|p| std::fs::read_dir(root.join(p)).ok()).flatten();
        let mut seen = 0;
        for folder in folders.filter_map(|f| Some(f.ok()?.path())) {
            let Ok(bytes) = std::fs::read(folder.join("tokenizer.model")) else { continue };
            let (wanted, found) = both(&bytes);
            assert_eq!(wanted.len(), found.len(), "{folder:?}");
            for (wanted, found) in wanted.iter().zip(&found) {
                assert_eq!(wanted, found, "{folder:?}");
            }
            seen += 1;
        }
        assert!(seen >= 3, "{seen} models");
    }

    fn json(text: &str) -> TokenizerJson {
        TokenizerJson::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn pieces_out_of_the_order_of_ids_rank_last() {
        let json = json(
            r#"{"model":{"type":"BPE","byte_fallback":true,"vocab":{"▁▁":0,"ab":1,"abc":2,"▁▁▁":3,"a":4,"b":5,"c":6,"▁":7},
                "merges":[["a","b"],["ab","c"],["▁","▁"],["▁▁","▁"],["▁","▁▁"]]}}"#,
        );
        let normal: HashMap<&str, u32> = json.model.vocab.iter().map(|(t, id)| (t.as_str(), *id)).collect();
        let (order, again) = order(&json, &normal);
        assert_eq!((order.as_slice(), again), (&[1, 2, 0, 3][..], 0));
        let scores = scores(&order, &normal);
        let ranked: Vec<f32> = order.iter().map(|id| scores[id]).collect();
        assert_eq!(ranked, [-1.0, -2.0, -8.0, -9.0]);
        assert_eq!(strays(&json, &normal), 0);
    }

    #[test]
    fn the_space_before_the_text_is_found_in_either_place() {
        let with = |normalizer: &str, pre: &str| {
            let text = format!(r#"{{"normalizer":{normalizer},"pre_tokenizer":{pre},"model":{{"vocab":{{"a":0}}}}}}"#);
            adds_space_prefix(&json(&text))
        };
        assert!(with(r#"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"}]}"#, "null"));
        assert!(with("null", r#"{"type":"Metaspace","prepend_scheme":"first"}"#));
        assert!(with("null", r#"{"type":"Sequence","pretokenizers":[{"type":"Metaspace","add_prefix_space":true}]}"#));
        assert!(!with("null", r#"{"type":"Metaspace","prepend_scheme":"never","add_prefix_space":true}"#));
        assert!(!with(r#"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#, r#"{"type":"Split"}"#));
        assert!(!with("null", "null"));
    }

    #[test]
    fn a_tab_in_the_place_of_its_byte_is_the_byte() {
        let text = r#"{"model":{"vocab":{"<0x08>":5,"\t":6,"<0x0A>":7,"a":8}}}"#;
        assert_eq!(tab_for_byte(&json(text)), Some(6));
        for other in [text.replace(":6", ":9"), text.replace("\"a\"", "\"<0x09>\""), text.replace("<0x08>", "b")] {
            assert_eq!(tab_for_byte(&json(&other)), None, "{other}");
        }
    }
}
