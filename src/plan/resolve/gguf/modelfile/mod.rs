//! The Ollama Modelfile beside a GGUF.
//!
//! Grammar: `INSTRUCTION value` lines; `FROM` is required. `TEMPLATE` is a Go template, written from the shape of the model's Jinja chat
//! template ([`ChatShape`]). A template without such a shape gets none, and Ollama then chooses one by the template inside the GGUF:
//! better than a wrong one.

mod adapter;
mod go_template;

use super::super::{ExtraFiles, ExtraRequest};
use crate::arch::chat::{ChatShape, ChatTokens, System, derive_apart};
use crate::model::{MetaValue, Metadata, ModelError, OptionName, Result, Warning};
use crate::plan::Registration;
use crate::recipe::options::gguf;
use crate::units::quoted as quoted_for_shell;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The Modelfile's path and contents for an output, and what to say about it.
///
/// # Errors
/// An adapter that is not one; a name that a Modelfile cannot have; cancelled.
pub(crate) fn write(request: &ExtraRequest<'_>) -> Result<ExtraFiles> {
    let ExtraRequest { target, output, files, metadata, cancel } = *request;
    let mut warnings = Vec::new();
    if files > 1 {
        let split = "Ollama does not load a split GGUF (its issue 5245); the Modelfile names the first file";
        warnings.push(Warning::new("modelfile.split", split));
    }
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    // The name is the end of a line, which Ollama trims.
    let unfit = match &name {
        n if n.contains(char::is_control) => Some("has control characters"),
        n if n.ends_with(char::is_whitespace) => Some("ends in a space"),
        _ => None,
    };
    if let Some(unfit) = unfit {
        return Err(ModelError::request(format!("a Modelfile cannot name a file whose name {unfit}"))
            .in_file(output)
            .about_option(OptionName::OUTPUT));
    }
    let own_name = modelfile_name(output).display().to_string();
    let mut text = format!("# Use it with: ollama create NAME -f {}\n", quoted_for_shell(&own_name));
    text.push_str(&format!("FROM ./{name}\n"));
    if let Some(path) = target.get(&gguf::MODELFILE_ADAPTER) {
        text.push_str(&format!("ADAPTER {}\n", adapter::checked(&path)?.display()));
    }
    if let Some(n) = target.get(&gguf::CONTEXT_LENGTH) {
        text.push_str(&format!("PARAMETER num_ctx {n}\n"));
    }
    if let Some(mlock) = target.get(&gguf::USE_MLOCK) {
        text.push_str("# Keeps the model in memory; a setting of the runtime that no GGUF can carry. Newer versions of Ollama ignore it.\n");
        text.push_str(&format!("PARAMETER use_mlock {mlock}\n"));
    }
    chat(metadata, cancel, &mut text, &mut warnings)?;
    let path = output.with_file_name(modelfile_name(output));
    let registration =
        target.get(&gguf::OLLAMA_CREATE).map(|name| Registration::new(&name, path.clone())).transpose()?;
    Ok(ExtraFiles { files: vec![(path, text.into_bytes())], warnings, registration })
}

/// Where the Modelfile of an output is.
pub(crate) fn beside(output: &Path) -> Option<PathBuf> {
    Some(output.with_file_name(modelfile_name(output))).filter(|_| output.file_name().is_some())
}

fn modelfile_name(output: &Path) -> PathBuf {
    let whole = crate::formats::gguf::whole_path(output);
    let stem = whole.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}.Modelfile"))
}

/// The instructions for conversations, as far as the chat template gives them.
fn chat(metadata: &Metadata, cancel: &AtomicBool, text: &mut String, warnings: &mut Vec<Warning>) -> Result<()> {
    let Some(template) = metadata.get("tokenizer.chat_template").and_then(MetaValue::as_str) else {
        text.push_str("# The model has no chat template.\n");
        return Ok(());
    };
    let tokens = ChatTokens::of(metadata);
    let written = derive_apart(template, &tokens, cancel)?.and_then(|shape| {
        let template = go_template::write(&shape, &tokens)?;
        let system = match &shape.system {
            System::Message(_, Some(default)) => Some(quoted(default)?),
            _ => None,
        };
        // A text that cannot be quoted is left out: answers end with the tokens that the GGUF names anyway.
        let stops: Vec<String> = stops(&shape, &tokens).iter().filter_map(|s| quoted(s).ok()).collect();
        Ok((template, system, stops, shape.system == System::None))
    });
    let (go, system, stops, no_system) = match written {
        Ok(written) => written,
        Err(why) => {
            let why = format!("no TEMPLATE is written, because of the model's chat template: {why}");
            text.push_str(&format!("# {}\n", why.replace(char::is_control, " ")));
            let why = format!("Modelfile: {why}. Ollama chooses a template by the one inside the GGUF");
            warnings.push(Warning::new("modelfile.template", why));
            return Ok(());
        }
    };
    text.push_str("# From the chat template of the model, which has the same texts around the messages of all conversations tried.\n");
    if no_system {
        text.push_str("# The chat template takes no system message, so there is none here.\n");
    }
    if template.contains("tools") {
        text.push_str("# Calls of tools are not part of this template.\n");
        let about = "Modelfile: the model's chat template has calls of tools, which its TEMPLATE leaves out";
        warnings.push(Warning::new("modelfile.tools", about));
    }
    text.push_str(&format!("TEMPLATE \"\"\"{go}\"\"\"\n"));
    if let Some(system) = system {
        text.push_str(&format!("SYSTEM {system}\n"));
    }
    for stop in stops {
        text.push_str(&format!("PARAMETER stop {stop}\n"));
    }
    Ok(())
}

/// What ends an answer: the control tokens behind it, or else the text that begins the next turn.
fn stops(shape: &ChatShape, tokens: &ChatTokens) -> Vec<String> {
    let mut stops: Vec<String> = Vec::new();
    for token in tokens.control_in(&shape.assistant.after) {
        if !stops.iter().any(|s| s == token) {
            stops.push(token.to_owned());
        }
    }
    let next = shape.user.before.trim();
    if stops.is_empty() && !next.is_empty() {
        stops.push(next.to_owned());
    }
    stops
}

/// A value in quotation marks.
fn quoted(text: &str) -> Result<String, String> {
    match text {
        _ if text.contains("\"\"\"") || text.ends_with('"') => Err("it contains three quotation marks".to_owned()),
        _ if text.contains(['"', '\n']) => Ok(format!("\"\"\"{text}\"\"\"")),
        _ => Ok(format!("\"{text}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FormatId, MetaArray};
    use crate::recipe::Target;

    fn written(target: &Target, metadata: &Metadata) -> (PathBuf, String, Vec<Warning>) {
        let output = Path::new("out/x-Q4_K_M.gguf");
        let cancel = &AtomicBool::new(false);
        let ExtraFiles { mut files, warnings, .. } =
            write(&ExtraRequest { target, output, files: 1, metadata, cancel }).unwrap();
        let (path, text) = files.remove(0);
        (path, String::from_utf8(text).unwrap(), warnings)
    }

    fn metadata(template: &str) -> Metadata {
        let tokens = ["<s>", "</s>", "<|im_end|>"].map(|t| t.as_bytes().to_vec());
        let mut md = Metadata::new();
        md.insert("tokenizer.ggml.tokens".into(), MetaValue::Array(MetaArray::Str(tokens.to_vec())));
        md.insert("tokenizer.ggml.token_type".into(), MetaValue::Array(MetaArray::I32(vec![3, 3, 3])));
        md.insert("tokenizer.ggml.bos_token_id".into(), 0u32.into());
        md.insert("tokenizer.ggml.eos_token_id".into(), 1u32.into());
        md.insert("tokenizer.chat_template".into(), template.into());
        md
    }

    #[test]
    fn settings_become_parameters() {
        let target =
            Target::of(FormatId::Gguf).with(&gguf::CONTEXT_LENGTH, Some(4096)).with(&gguf::USE_MLOCK, Some(true));
        let (path, text, warnings) = written(&target, &Metadata::new());
        assert_eq!(path, Path::new("out/x-Q4_K_M.Modelfile"));
        assert!(text.contains("FROM ./x-Q4_K_M.gguf\nPARAMETER num_ctx 4096\n"), "{text}");
        assert!(text.contains("PARAMETER use_mlock true") && !text.contains("TEMPLATE"), "{text}");
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_chat_template_becomes_template_system_and_stops() {
        let own = "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}\
            {% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        let (_, text, warnings) = written(&Target::of(FormatId::Gguf), &metadata(own));
        assert!(text.contains("TEMPLATE \"\"\"{{ range"), "{text}");
        assert!(text.contains("\nSYSTEM \"You help.\"\nPARAMETER stop \"<|im_end|>\"\n"), "{text}");
        assert_eq!(warnings, []);
        let plain = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{{ 'assistant: ' if add_generation_prompt }}";
        let (_, text, _) = written(&Target::of(FormatId::Gguf), &metadata(plain));
        assert!(text.contains("PARAMETER stop \"user:\"\n"), "{text}");
    }

    #[test]
    fn names_are_quoted_for_a_shell_and_those_that_are_trimmed_are_refused() {
        let (cancel, metadata) = (&AtomicBool::new(false), &Metadata::new());
        let target = &Target::of(FormatId::Gguf);
        let of = |name: &str| write(&ExtraRequest { target, output: Path::new(name), files: 1, metadata, cancel });
        let text = String::from_utf8(of("out/my model.gguf").unwrap().files.remove(0).1).unwrap();
        assert!(
            text.starts_with("# Use it with: ollama create NAME -f 'my model.Modelfile'\nFROM ./my model.gguf\n"),
            "{text}"
        );
        for (name, why) in [("x.gguf ", "ends in a space"), ("x\n.gguf", "control characters")] {
            assert!(of(name).unwrap_err().to_string().contains(why), "{name:?}");
        }
    }

    #[test]
    fn a_template_without_a_shape_is_left_to_ollama_with_the_reason() {
        let (_, text, warnings) = written(
            &Target::of(FormatId::Gguf),
            &metadata("{{ strftime_now('%Y') }}{% for m in messages %}{{ m.content }}{% endfor %}"),
        );
        assert!(!text.contains("\nTEMPLATE") && text.contains("# no TEMPLATE is written"), "{text}");
        assert_eq!(warnings[0].code, "modelfile.template");
        let quotes = "{% for m in messages %}{{ m.role + '\"\"\"' + m.content + '|' }}{% endfor %}";
        let (_, text, _) = written(&Target::of(FormatId::Gguf), &metadata(quotes));
        assert!(text.contains("three quotation marks"), "{text}");
    }
}
