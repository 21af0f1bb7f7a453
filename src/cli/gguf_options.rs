//! The options of GGUF targets, from flags to the target's fields. llama-quantize's own spellings of values are read here.

use super::args::GgufArgs;
use crate::arch::Role;
use crate::model::{ModelError, Result, read_request_text};
use crate::recipe::Target;
use serde_json::Value as Json;

/// Largest file of tensor types: a line for each of a million tensors takes less.
const MAX_TYPES_BYTES: u64 = 64 << 20;

/// Puts the flags into a target; what no flag speaks of stays.
///
/// # Errors
/// Values that are not written as they must be, files that cannot be read.
pub fn apply(target: &mut Target, args: &GgufArgs) -> Result<()> {
    for pair in &args.tensor_type {
        tensor_type(target, pair, "--tensor-type")?;
    }
    for file in &args.tensor_type_file {
        let text = read_request_text(file, MAX_TYPES_BYTES)?;
        for pair in text.split_whitespace() {
            // The file is llama-quantize's: a word that is a role here is an expression there.
            let role = pair.split_once('=').is_some_and(|(word, _)| Role::parse(word).is_some());
            let pair = &if role { format!("re:{pair}") } else { pair.to_owned() };
            tensor_type(target, pair, "--tensor-type-file").map_err(|e| e.in_file(file))?;
        }
    }
    for pair in &args.override_kv {
        let (key, value) = key_value(pair)?;
        // As in llama-quantize, what is set again goes to the end.
        target.override_kv.shift_remove(key);
        target.override_kv.insert(key.to_owned(), value);
    }
    macro_rules! take {
        ($($field:ident),*) => { $( if args.$field.is_some() { target.$field.clone_from(&args.$field); } )* };
    }
    take!(
        split_max_tensors,
        split_max_layers,
        target_size,
        target_bpw,
        effort,
        imatrix,
        embedding_type,
        output_type,
        context_length,
        model_name,
        pre_tokenizer
    );
    macro_rules! take_lists {
        ($($field:ident),*) => { $( if !args.$field.is_empty() { target.$field.clone_from(&args.$field); } )* };
    }
    take_lists!(budget_types, include_weights, exclude_weights, prune_layers);
    target.leave_output |= args.leave_output;
    target.pure |= args.pure;
    target.no_fallback |= args.no_fallback;
    target.allow_requantize |= args.allow_requantize;
    target.no_tensor_first_split |= args.no_tensor_first_split;
    target.keep_split |= args.keep_split;
    target.modelfile |= args.modelfile;
    if args.use_mlock {
        target.use_mlock = Some(true);
    }
    Ok(())
}

/// `PATTERN=TYPE`. Of rules for one pattern the first stays, as the first match wins.
fn tensor_type(target: &mut Target, pair: &str, option: &str) -> Result<()> {
    let Some((pattern, name)) = pair.rsplit_once('=') else {
        let hint = "Write it as PATTERN=TYPE, as in ffn_down=q6_k.";
        return Err(ModelError::request(format!("`{pair}` has no `=`")).field(option).with_hint(hint));
    };
    target.tensor_types.entry(pattern.to_owned()).or_insert_with(|| name.to_owned());
    Ok(())
}

/// `KEY=TYPE:VALUE` as `string_parse_kv_override` of llama.cpp reads it. It stores the magnitude of a negative `int`.
fn key_value(pair: &str) -> Result<(&str, Json)> {
    let malformed = |what: &str| {
        let hint = "Write it as KEY=int:7, KEY=float:0.5, KEY=bool:true or KEY=str:TEXT.";
        ModelError::request(format!("`{pair}`: {what}")).field("--override-kv").with_hint(hint)
    };
    let (key, rest) = pair.split_once('=').ok_or_else(|| malformed("there is no `=`"))?;
    let (kind, value) = rest.split_once(':').ok_or_else(|| malformed("there is no type before the value"))?;
    let value = match kind {
        "int" => {
            let n: i64 = value.parse().map_err(|_| malformed("the value is no whole number"))?;
            Json::from(n.unsigned_abs())
        }
        "float" => {
            let x: Option<f64> = value.parse().ok();
            let number = x.and_then(serde_json::Number::from_f64);
            Json::Number(number.ok_or_else(|| malformed("the value is no number"))?)
        }
        "bool" => Json::Bool(value.parse().map_err(|_| malformed("the value is neither true nor false"))?),
        "str" => Json::from(value),
        _ => return Err(malformed("the type is none of int, float, bool and str")),
    };
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_llama_quantize_reads_them() {
        for (pair, want) in [
            ("k=int:7", Json::from(7u64)),
            ("k=int:-7", Json::from(7u64)),
            ("k=float:1e-5", Json::from(1e-5)),
            ("k=float:4", Json::from(4.0)),
            ("k=bool:false", Json::from(false)),
            ("k=str:", Json::from("")),
            ("k=str:a=b:c", Json::from("a=b:c")),
        ] {
            assert_eq!(key_value(pair).unwrap(), ("k", want), "{pair}");
        }
        for pair in ["k", "k=7", "k=int:", "k=int:x", "k=int:1.5", "k=float:nan", "k=bool:yes", "k=text:x"] {
            assert!(key_value(pair).unwrap_err().hint().is_some(), "{pair}");
        }
    }
}
