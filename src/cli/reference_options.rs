//! Options and word orders of llama.cpp's tools, for the tip beside "unexpected argument".
//!
//! Sources: `convert_hf_to_gguf.py`, `tools/quantize/quantize.cpp` and `tools/gguf-split/gguf-split.cpp` of llama.cpp, 2026.

use crate::formats;
use crate::model::ModelError;
use crate::recipe::{self, options};
use crate::transform::FileType;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::{Path, PathBuf};

/// Options that have another name here or none, and what to do instead.
const ELSEWHERE: [(&str, &str); 25] = [
    ("--outtype", "write `--to gguf:TYPE`, as in `--to gguf:bf16`"),
    ("--outfile", "write `-o FILE`"),
    ("--out", "write `-o FILE`"),
    ("--output-dir", "write `-o DIR/`"),
    ("--outdir", "write `-o DIR/`"),
    ("--quantize", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--quantization", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--quantise", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--quant", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--qtype", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--ftype", "write `--to gguf:TYPE`, as in `--to gguf:q4_k_m`"),
    ("--dtype", "write `--to FORMAT:TYPE`, as in `--to safetensors:bf16`"),
    ("--format", "write `--to FORMAT`, as in `--to gguf`"),
    ("--model", "name the model without an option: `remold convert MODEL --to gguf`"),
    ("--vocab-only", "a GGUF with only the vocabulary is not supported in this version"),
    (
        "--bigendian",
        "big-endian files cannot be written; leave it out unless the machine that loads the file is big-endian",
    ),
    ("--use-temp-file", "leave it out: rows are streamed from the source to the output"),
    ("--no-lazy", "leave it out: rows are streamed from the source to the output"),
    ("--max-buffer-size", "leave it out: memory does not grow with the model"),
    ("--remote", "fetch the model first: `hf download ORG/NAME`, then convert its folder"),
    ("--metadata", "set single keys with `--override-kv KEY=str:VALUE`"),
    ("--mmproj", "the vision and audio parts cannot be converted in this version"),
    ("--print-supported-models", "`remold formats` lists the architectures"),
    ("--split", "write `remold split FILE --max-size 4G`"),
    ("--merge", "write `remold merge FIRST-FILE -o OUT`"),
];

/// Words of llama-quantize's order: `IN OUT TYPE`.
const IN_OUT_TYPE: usize = 3;

/// Adds what to write instead to the error, where the argument is one of a reference tool.
/// True if there is such a tip.
pub(super) fn explain(error: &mut clap::Error, args: &[String]) -> bool {
    if error.kind() != ErrorKind::UnknownArgument {
        return false;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return false };
    let Some(tip) = tip(given, args) else { return false };
    // clap's own guess is by spelling, `--output-type` for `--outtype`, and its usage repeats the guess.
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::Usage);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    true
}

fn tip(given: &str, args: &[String]) -> Option<String> {
    let option = given.split(['=', ' ']).next().unwrap_or(given);
    if let Some((name, what)) = ELSEWHERE.iter().find(|(name, _)| *name == option) {
        let kind = value_of(option, args).filter(|kind| what.contains("gguf:TYPE") && FileType::parse(kind).is_some());
        return Some(match kind {
            Some(kind) => format!("instead of {name}: write `--to gguf:{}`", kind.to_lowercase()),
            None => format!("instead of {name}: {what}"),
        });
    }
    if option.starts_with("--") {
        let key = options::own_keys().find(|key| key.flag.is_some_and(|flag| option.get(2..) == Some(flag.long)));
        if let Some(key) = key.filter(|_| args.first().is_some_and(|command| command == "watch")) {
            let key = key.name;
            let value = value_of(option, args).unwrap_or("true");
            return Some(format!("{option} is an option of `remold convert`; here, write `--set {key}={value}`"));
        }
        return has_option("convert", option).then(|| format!("{option} is an option of `remold convert`"));
    }
    if option.starts_with('-') {
        return one_dash(option, args).or_else(|| negative(option, args));
    }
    words_in_order(args)
}

/// The value that an option has on the command line.
fn value_of<'a>(option: &str, args: &'a [String]) -> Option<&'a str> {
    let at = args.iter().position(|a| a.split('=').next() == Some(option))?;
    match args.get(at)?.split_once('=') {
        Some((_, value)) => Some(value),
        None => args.get(at + 1).map(String::as_str),
    }
}

/// `-to` instead of `--to`: clap reads the letters as options of their own.
fn one_dash(given: &str, args: &[String]) -> Option<String> {
    let named = args.iter().filter(|a| a.starts_with(given) && !a.starts_with("--"));
    let mut names = named.filter_map(|a| a.split('=').next()).filter(|name| name.chars().count() > 2);
    let command = args.first()?;
    let long = names.find_map(|name| Some(format!("-{name}")).filter(|long| has_option(command, long)))?;
    Some(format!("write `{long}`: long options have two dashes"))
}

/// A negative number as the value of an option.
fn negative(given: &str, args: &[String]) -> Option<String> {
    given.strip_prefix('-')?.chars().next().filter(char::is_ascii_digit)?;
    let at = args.iter().position(|a| a.starts_with(given))?;
    let option = args.get(at.checked_sub(1)?).filter(|a| a.starts_with("--"))?;
    Some(format!("the value of {option} cannot be negative"))
}

/// What to write instead of `convert IN OUT TYPE`, as llama-quantize takes its arguments. Several models can be given, but the last of these
/// is a type or does not exist.
pub(super) fn order_of_words(sources: &[PathBuf]) -> Option<ModelError> {
    let words: Vec<String> = sources.iter().map(|s| s.to_string_lossy().into_owned()).collect();
    let meant = match &words[..] {
        [_, _, kind] => FileType::parse(kind).is_some(),
        [_, kind] if FileType::parse(kind).is_some() => !Path::new(kind).exists(),
        [_, output] => !Path::new(output).exists() && formats::names_a_file(Path::new(output)),
        _ => false,
    };
    let args: Vec<String> = std::iter::once("convert".to_owned()).chain(words).collect();
    let mut tip = words_in_order(&args).filter(|_| meant)?;
    tip.replace_range(..1, "W");
    let what = "these are the arguments of llama-quantize: a model, an output and a type";
    Some(ModelError::request(what).with_hint(format!("{tip}.")))
}

/// The type among the models, as in `--to gguf q4_k_m`, or the target, as in `convert M gguf`.
pub(super) fn type_among_sources(sources: &[PathBuf], to: &[String]) -> Option<ModelError> {
    let missing = || sources.iter().skip(1).filter(|s| !s.exists());
    if to.is_empty()
        && let Some(target) = missing().find(|s| s.to_str().is_some_and(is_target))
    {
        let error = ModelError::request("this is a target, not a model").in_file(target);
        return Some(error.with_hint(format!("Write `--to {}`.", target.display())));
    }
    let format = to.iter().find(|to| !to.contains(':'))?;
    let kind =
        sources.iter().skip(1).find(|s| !s.exists() && s.to_str().is_some_and(|s| FileType::parse(s).is_some()))?;
    let error = ModelError::request("this is a type, not a model").in_file(kind);
    Some(error.with_hint(format!("Write `--to {format}:{}`.", kind.to_string_lossy().to_lowercase())))
}

/// True for `gguf` and `gguf:q4_k_m`.
fn is_target(word: &str) -> bool {
    recipe::format_named(word.split(':').next().unwrap_or(word)).is_ok()
}

/// True if a command has the option, under this or another name.
fn has_option(command: &str, option: &str) -> bool {
    let all = super::args::command();
    all.find_subcommand(command).is_some_and(|c| option_of(c, option).is_some())
}

fn option_of<'c>(command: &'c clap::Command, option: &str) -> Option<&'c clap::Arg> {
    let mut options = command.get_arguments();
    match option.strip_prefix("--") {
        Some(long) => {
            options.find(|a| a.get_long() == Some(long) || a.get_all_aliases().is_some_and(|all| all.contains(&long)))
        }
        None => options.find(|a| a.get_short().is_some_and(|s| option.strip_prefix('-') == Some(&s.to_string()))),
    }
}

/// The words that are neither options of `remold convert` nor their values.
fn positionals(args: &[String]) -> Vec<&str> {
    let all = super::args::command();
    let convert = all.find_subcommand("convert");
    let (mut words, mut rest) = (Vec::new(), args.iter());
    while let Some(arg) = rest.next() {
        if !arg.starts_with('-') {
            words.push(arg.as_str());
            continue;
        }
        let option = convert.and_then(|c| option_of(c, arg));
        if option.is_some_and(|o| o.get_action().takes_values()) {
            rest.next();
        }
    }
    words
}

/// `remold convert IN OUT TYPE` and `remold quantize IN OUT TYPE`, as llama-quantize takes its arguments.
fn words_in_order(args: &[String]) -> Option<String> {
    let (command, rest) = args.split_first()?;
    if command != "convert" && command != "quantize" {
        return None;
    }
    let mut words = positionals(rest);
    words.truncate(IN_OUT_TYPE);
    Some(match words[..] {
        [source, output, kind] => {
            format!("write `remold convert {source} --to gguf:{} -o {output}`", kind.to_lowercase())
        }
        [source, kind] if FileType::parse(kind).is_some() => {
            format!("write `remold convert {source} --to gguf:{}`", kind.to_lowercase())
        }
        [source, output] => format!("write `remold convert {source} --to gguf -o {output}`"),
        _ => "write `remold convert MODEL --to gguf:TYPE`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_reference_tools_name_ours() {
        let tip = |line: &str, given: &str| {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            tip(given, &args).unwrap_or_default()
        };
        for (line, given, part) in [
            ("convert m --outtype", "--outtype", "--to gguf:TYPE"),
            ("convert m --outfile x.gguf", "--outfile", "-o FILE"),
            ("convert m --vocab-only", "--vocab-only", "not supported"),
            ("inspect m --pure", "--pure", "an option of `remold convert`"),
            ("--imatrix x m", "--imatrix", "an option of `remold convert`"),
            ("compare --leave-output-tensor", "--leave-output-tensor", "an option of `remold convert`"),
            ("convert a.gguf b.gguf Q4_K_M", "b.gguf", "`remold convert a.gguf --to gguf:q4_k_m -o b.gguf`"),
            ("convert m --outtype f16", "--outtype", "--to gguf:f16"),
            ("convert m --quant=Q4_K_M", "--quant", "--to gguf:q4_k_m"),
            ("convert m -to gguf:q4_k_m", "-t", "write `--to`"),
            ("convert m --to gguf --threads -1 -o b.gguf", "-1", "the value of --threads cannot be negative"),
            ("convert m --to gguf --target-size -5MB -o b.gguf", "-5", "--target-size cannot be negative"),
            ("quantize m q4_k_m", "m", "`remold convert m --to gguf:q4_k_m`"),
            ("quantize --to gguf m b.gguf", "m", "`remold convert m --to gguf -o b.gguf`"),
            ("quantize a.gguf b.gguf", "a.gguf", "`remold convert a.gguf --to gguf -o b.gguf`"),
        ] {
            assert!(tip(line, given).contains(part), "{line}: {}", tip(line, given));
        }
        assert_eq!(tip("convert m -z", "-z"), "");
        assert_eq!(tip("convert m --zebra", "--zebra"), "");
        assert_eq!(tip("inspect a b", "b"), "");
    }

    #[test]
    fn no_option_of_ours_is_called_another_tools() {
        for (name, _) in ELSEWHERE {
            assert!(!has_option("convert", name), "{name}");
        }
    }
}
