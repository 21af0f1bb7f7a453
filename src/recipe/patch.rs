//! A recipe written into the TOML text it came from: comments, the order of keys and what did not change stay as they are.
//!
//! The text is cut into blocks at its headers. Blocks of steps and targets that are the same or alike are kept in the new order; within a block
//! only the values that differ are written. What comes out is read again: if it is not the wanted recipe, because the text has forms that
//! are not understood here (tables within a line, keys for several targets), there is no result and the caller writes the whole recipe.

use super::keys::{Key, KeyTable, keys_of};
use super::problem::RecipeTable;
use super::types::Recipe;
use super::{Parsed, Syntax, fields, parse, parse_text, to_toml, write};
use serde_json::Value as Json;
use std::ops::Range;

/// The kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What is above the first header.
    Top,
    Source,
    Step,
    Target,
    Validate,
    /// A header that is not known here.
    Other,
}

/// A header with the lines below it, and the comment lines directly above it.
#[derive(Clone, Debug)]
struct Block {
    kind: Kind,
    range: Range<usize>,
}

/// `text` with the changes that make it say `recipe`; nothing if they cannot be made in place.
pub(crate) fn patched(text: &str, recipe: &Recipe) -> Option<String> {
    let parsed = parse_text(text, Syntax::Toml, None).ok()?;
    let blocks = blocks(text);
    let (old, new) = (&parsed.recipe, recipe);
    let step_pairs = pairs(&old.pipeline, &new.pipeline, |a, b| a.step == b.step);
    let target_pairs = pairs(&old.targets, &new.targets, |a, b| a.format == b.format);
    let of = |kind: Kind| blocks.iter().filter(move |b| b.kind == kind).collect::<Vec<_>>();
    let (old_steps, old_targets) = (of(Kind::Step), of(Kind::Target));
    if old_steps.len() != old.pipeline.len() || old_targets.len() != old.targets.len() {
        return None;
    }
    let change = |block: &Block, from: RecipeTable, to: RecipeTable| change(&parsed, text, block, from, new, to);
    let step = |i: usize| match step_pairs.get(i).copied().flatten() {
        Some(from) => change(old_steps.get(from)?, RecipeTable::Step(from), RecipeTable::Step(i)),
        None => Some(fresh(Recipe { pipeline: vec![new.pipeline.get(i)?.clone()], ..Recipe::default() })),
    };
    let target = |i: usize| match target_pairs.get(i).copied().flatten() {
        Some(from) => change(old_targets.get(from)?, RecipeTable::Target(from), RecipeTable::Target(i)),
        None => Some(fresh(Recipe { targets: vec![new.targets.get(i)?.clone()], ..Recipe::default() })),
    };
    let mut out: Vec<String> = Vec::new();
    let (mut steps, mut targets) = (0, 0);
    let (mut steps_end, mut targets_end) = (None, None);
    for block in &blocks {
        match block.kind {
            Kind::Top => out.push(change(block, RecipeTable::Top, RecipeTable::Top)?),
            Kind::Source => out.push(change(block, RecipeTable::Source, RecipeTable::Source)?),
            Kind::Step => {
                if steps < new.pipeline.len() {
                    out.push(step(steps)?);
                }
                (steps, steps_end) = (steps + 1, Some(out.len()));
            }
            Kind::Target => {
                // Steps are written above the targets.
                steps_end.get_or_insert(out.len());
                if targets < new.targets.len() {
                    out.push(target(targets)?);
                }
                (targets, targets_end) = (targets + 1, Some(out.len()));
            }
            Kind::Validate | Kind::Other => out.push(text.get(block.range.clone())?.to_owned()),
        }
    }
    // From the back, so that places stay right.
    let at = targets_end.unwrap_or(out.len());
    for i in (targets..new.targets.len()).rev() {
        out.insert(at, target(i)?);
    }
    let at = steps_end.unwrap_or(out.len());
    for i in (steps..new.pipeline.len()).rev() {
        out.insert(at, step(i)?);
    }
    let ends_empty = |b: &Block| text.get(..b.range.start).is_none_or(|t| t.is_empty() || t.ends_with("\n\n"));
    let result = joined(&out, blocks.iter().all(ends_empty));
    let wanted = Recipe { read_from: Vec::new(), ..new.clone() };
    (parse(&result, Syntax::Toml, None).ok()? == wanted).then_some(result)
}

/// Blocks one after the other; each header after an empty line, if that is how the text was `spaced`.
fn joined(blocks: &[String], spaced: bool) -> String {
    let mut out = String::new();
    for block in blocks.iter().filter(|b| !b.trim().is_empty()) {
        if !out.is_empty() && spaced {
            out.truncate(out.trim_end_matches('\n').len());
            out.push_str("\n\n");
        } else if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(block);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// A block that was not there.
fn fresh(only: Recipe) -> String {
    to_toml(&only)
}

/// Which old entry each new one comes from: the same one, else the next one that is alike and not the same as another.
fn pairs<T: PartialEq>(old: &[T], new: &[T], alike: impl Fn(&T, &T) -> bool) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; old.len()];
    let mut take = |which: &dyn Fn(&T) -> bool| {
        let at = old.iter().zip(&free).position(|(o, free)| *free && which(o))?;
        free[at] = false;
        Some(at)
    };
    let same: Vec<Option<usize>> = new.iter().map(|n| take(&|o| o == n)).collect();
    same.into_iter().zip(new).map(|(same, n)| same.or_else(|| take(&|o| alike(o, n)))).collect()
}

/// Cuts a text at its headers.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = vec![Block { kind: Kind::Top, range: 0..0 }];
    let (mut at, mut comments) = (0, None);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some(kind) = header(trimmed) {
            blocks.push(Block { kind, range: comments.unwrap_or(at)..at });
        }
        comments = trimmed.starts_with('#').then(|| comments.unwrap_or(at));
        at += line.len();
    }
    let starts: Vec<usize> = blocks.iter().skip(1).map(|b| b.range.start).chain([text.len()]).collect();
    for (block, end) in blocks.iter_mut().zip(starts) {
        block.range.end = end;
    }
    blocks
}

/// The kind of block that a line begins.
fn header(line: &str) -> Option<Kind> {
    let line = line.split_once('#').map_or(line, |(before, _)| before.trim_end());
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some("pipeline" | "steps") => Kind::Step,
        Some("target" | "targets") => Kind::Target,
        Some(_) => Kind::Other,
        None if name == "source" => Kind::Source,
        None if name == "validate" || name == "validation" => Kind::Validate,
        None => Kind::Other,
    })
}

/// The values of a table, in the order of the manual; those of a step in its own order.
fn values(recipe: &Recipe, at: RecipeTable) -> Vec<(String, Json)> {
    let all = |table: KeyTable, get: &dyn Fn(&Key) -> Option<Json>| {
        keys_of(table).filter_map(|k| Some((k.name.to_owned(), get(k)?))).collect()
    };
    match at {
        RecipeTable::Top => all(KeyTable::Top, &|k| fields::get_recipe(recipe, k)),
        RecipeTable::Source => all(KeyTable::Source, &|k| fields::get_recipe(recipe, k)),
        RecipeTable::Validate => all(KeyTable::Validate, &|k| fields::get_recipe(recipe, k)),
        RecipeTable::Target(i) => {
            let target = recipe.targets.get(i);
            all(KeyTable::Target, &|k| target.and_then(|t| fields::get_target(t, k)))
        }
        RecipeTable::Step(i) => {
            let options = recipe.pipeline.get(i).map(|s| s.options.clone()).unwrap_or_default();
            options.into_iter().collect()
        }
    }
}

/// The text of a block with the values of the new recipe.
fn change(
    parsed: &Parsed,
    text: &str,
    block: &Block,
    from: RecipeTable,
    new: &Recipe,
    to: RecipeTable,
) -> Option<String> {
    let (old_values, new_values) = (values(&parsed.recipe, from), values(new, to));
    let find = |all: &[(String, Json)], name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (name, old) in &old_values {
        let wanted = find(&new_values, name);
        if wanted.as_ref() == Some(old) {
            continue;
        }
        let span = parsed.places.get(&from.key(name.as_str()).to_string())?;
        let range = span.start..span.end;
        if range.start < block.range.start || range.end > block.range.end {
            return None;
        }
        edits.push(match wanted {
            Some(value) => (range, write::inline(&value)),
            None => (lines_around(text, range), String::new()),
        });
    }
    let added: String = new_values
        .iter()
        .filter(|(name, _)| find(&old_values, name).is_none())
        .map(|(name, value)| format!("{name} = {}\n", write::inline(value)))
        .collect();
    if !added.is_empty() {
        let at = behind_last_line(text, &block.range);
        let line_feed = if at > 0 && !text.get(..at)?.ends_with('\n') { "\n" } else { "" };
        edits.push((at..at, format!("{line_feed}{added}")));
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::new(), block.range.start);
    for (range, replacement) in edits {
        out.push_str(text.get(at..range.start)?);
        out.push_str(&replacement);
        at = range.end;
    }
    out.push_str(text.get(at..block.range.end)?);
    Some(out)
}

/// The whole lines of a range.
fn lines_around(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.get(..range.start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let end = text.get(range.end..).and_then(|t| t.find('\n')).map_or(text.len(), |i| range.end + i + 1);
    start..end
}

/// The end of the last line of a block that is neither empty nor a comment; where there is none, of its comments.
fn behind_last_line(text: &str, block: &Range<usize>) -> usize {
    let (mut at, mut comments, mut values) = (block.start, block.start, None);
    for line in text.get(block.clone()).unwrap_or_default().split_inclusive('\n') {
        at += line.len();
        match line.trim() {
            "" => {}
            line if line.starts_with('#') => comments = at,
            _ => values = Some(at),
        }
    }
    values.unwrap_or(comments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::options::gguf;
    use crate::recipe::{Step, Target};

    const TEXT: &str = "# For the laptop.\nname = \"mine\" # short\n\n[source]\npath = \"runs/a\"\n\n# Not the last layers.\n\
        [[pipeline]]\nstep = \"prune_layers\"\nlayers = [\n  1, # the second\n  2,\n]\n\n# The small one.\n[[target]]\n\
        quantization = \"q4_k_m\" # enough\nformat = \"gguf\"\nnum_ctx = 4096\n\n# The exact one.\n[[target]]\nformat = \"safetensors\"\n";

    fn changed(change: impl FnOnce(&mut Recipe)) -> String {
        let mut recipe = parse(TEXT, Syntax::Toml, None).unwrap();
        change(&mut recipe);
        let out = patched(TEXT, &recipe).unwrap();
        assert_eq!(parse(&out, Syntax::Toml, None).unwrap(), recipe);
        out
    }

    #[test]
    fn nothing_changes_where_nothing_is_changed() {
        assert_eq!(changed(|_| ()), TEXT);
    }

    #[test]
    fn a_value_is_written_where_it_was_and_a_new_one_below() {
        let out = changed(|r| {
            r.targets[0].quantization = Some("q6_k".into());
            r.targets[0].set(&gguf::CONTEXT_LENGTH, Some(8192));
            r.targets[0].set(&gguf::PURE, true);
            r.description = Some("two".into());
        });
        let wanted = TEXT
            .replace("\"q4_k_m\" # enough", "\"q6_k\" # enough")
            .replace("num_ctx = 4096\n", "num_ctx = 8192\npure = true\n")
            .replace("# short\n", "# short\ndescription = \"two\"\n");
        assert_eq!(out, wanted);
    }

    #[test]
    fn a_value_that_is_taken_out_takes_its_line_with_it() {
        let out = changed(|r| r.targets[0].set(&gguf::CONTEXT_LENGTH, None));
        assert_eq!(out, TEXT.replace("num_ctx = 4096\n", ""));
    }

    #[test]
    fn steps_and_targets_keep_their_comments_when_they_move_come_and_go() {
        let out = changed(|r| r.targets.swap(0, 1));
        assert!(out.find("# The exact one.").unwrap() < out.find("# The small one.").unwrap(), "{out}");
        let out = changed(|r| drop(r.targets.remove(0)));
        assert!(!out.contains("small one") && out.contains("# The exact one.\n[[target]]"), "{out}");
        let out = changed(|r| {
            r.pipeline.push(Step {
                step: "split".into(),
                options: [("max_size".to_owned(), "1GB".into())].into_iter().collect(),
            })
        });
        let order = ["# the second", "step = \"split\"", "# The small one."].map(|t| out.find(t).unwrap());
        assert!(order.is_sorted(), "{out}");
        let out = changed(|r| r.pipeline.clear());
        assert!(!out.contains("pipeline") && !out.contains("Not the last layers"), "{out}");
        let out = changed(|r| r.targets.push(Target::of(FormatId::Pytorch)));
        assert!(out.ends_with("[[target]]\nformat = \"pytorch\"\n"), "{out}");
    }

    #[test]
    fn a_text_without_empty_lines_gets_none() {
        let text = "[source]\npath = \"a\"\n[[target]]\nformat = \"gguf\"\n";
        let mut recipe = parse(text, Syntax::Toml, None).unwrap();
        recipe.targets[0].set(&gguf::PURE, true);
        recipe.name = Some("x".into());
        assert_eq!(patched(text, &recipe).unwrap(), format!("name = \"x\"\n{text}pure = true\n"));
    }

    #[test]
    fn what_cannot_be_changed_in_place_has_no_result() {
        let text = "target = \"gguf:q4_k_m\"\n";
        let mut recipe = parse(text, Syntax::Toml, None).unwrap();
        recipe.targets[0].set(&gguf::PURE, true);
        assert_eq!(patched(text, &recipe), None);
        assert_eq!(patched("not a recipe", &recipe), None);
    }
}
