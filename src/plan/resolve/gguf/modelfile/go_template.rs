//! A chat shape as a template of Go's `text/template`, with the variables that Ollama gives: `.Messages`, each with `.Role` and `.Content`,
//! and `.System`, the system messages together.
//!
//! An answer that ends the conversation is one to be continued: the text that ends a turn is left out, and none asks for another answer.

use crate::arch::chat::{ChatShape, ChatTokens, Frame, System};

/// The template.
///
/// # Errors
/// Why it cannot be written, as the end of a sentence.
pub(super) fn write(shape: &ChatShape, tokens: &ChatTokens) -> Result<String, String> {
    let mut out = String::new();
    // The runner adds the begin token, unless the file says otherwise.
    let added = tokens.bos.as_deref().filter(|_| tokens.adds_bos != Some(false));
    let without = |text: &str| added.and_then(|bos| text.strip_prefix(bos)).map(str::to_owned);
    literal(&without(&shape.start).unwrap_or_else(|| shape.start.clone()), &mut out);
    out.push_str("{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}");
    out.push_str("{{ if eq .Role \"user\" }}");
    match (added, without(&shape.user.before)) {
        // Each turn begins with the token; the first message of the user is number 0, or 1 after a system message.
        (Some(bos), Some(rest)) if shape.start.is_empty() => {
            out.push_str("{{ if gt $i 1 }}");
            literal(bos, &mut out);
            out.push_str("{{ end }}");
            literal(&rest, &mut out);
        }
        _ => literal(&shape.user.before, &mut out),
    }
    if let System::InFirstUser(Frame { before, after }) = &shape.system {
        out.push_str("{{ if and $.System (le $i 1) }}");
        literal(before, &mut out);
        out.push_str("{{ $.System }}");
        literal(after, &mut out);
        out.push_str("{{ end }}");
    }
    out.push_str("{{ .Content }}");
    literal(&shape.user.after, &mut out);
    out.push_str("{{ else if eq .Role \"assistant\" }}");
    literal(&shape.assistant.before, &mut out);
    out.push_str("{{ .Content }}{{ if not $last }}");
    literal(&shape.assistant.after, &mut out);
    out.push_str("{{ end }}");
    if let System::Message(frame, _) = &shape.system {
        out.push_str("{{ else if eq .Role \"system\" }}");
        literal(&frame.before, &mut out);
        out.push_str("{{ .Content }}");
        literal(&frame.after, &mut out);
    }
    out.push_str("{{ end }}");
    if !shape.prompt.is_empty() {
        out.push_str("{{ if and $last (ne .Role \"assistant\") }}");
        literal(&shape.prompt, &mut out);
        out.push_str("{{ end }}");
    }
    out.push_str("{{ end }}");
    match out.contains("\"\"\"") {
        true => Err("it contains three quotation marks".to_owned()),
        false => Ok(out),
    }
}

/// Text as it is; `{{` would begin an action. The brace of a text that ends in one would begin the action that follows it.
fn literal(text: &str, out: &mut String) {
    let text = text.replace("{{", "{{ \"{{\" }}");
    match text.strip_suffix('{') {
        Some(start) => out.extend([start, "{{ \"{\" }}"]),
        None => out.push_str(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(before: &str, after: &str) -> Frame {
        Frame { before: before.to_owned(), after: after.to_owned() }
    }

    fn shape(system: System) -> ChatShape {
        ChatShape {
            start: "<s>".to_owned(),
            system,
            user: frame("U{{", ";"),
            assistant: frame("A:", "."),
            prompt: "A:".to_owned(),
        }
    }

    fn begin() -> ChatTokens {
        ChatTokens::beginning_with("<s>")
    }

    const HEAD: &str =
        "{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}{{ if eq .Role \"user\" }}";

    #[test]
    fn the_begin_token_is_left_to_the_runner() {
        let mut tokens = begin();
        let text = write(&shape(System::None), &tokens).unwrap();
        let body = "U{{ \"{{\" }}{{ .Content }};{{ else if eq .Role \"assistant\" }}A:{{ .Content }}{{ if not $last }}.{{ end }}{{ end }}\
            {{ if and $last (ne .Role \"assistant\") }}A:{{ end }}{{ end }}";
        assert_eq!(text, format!("{HEAD}{body}"));
        tokens.adds_bos = Some(false);
        assert_eq!(write(&shape(System::None), &tokens).unwrap(), format!("<s>{HEAD}{body}"));
    }

    /// As Go's lexer does (text/template/parse/lex.go): the first two braces begin an action, which ends with the next two.
    fn actions(template: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut rest = template;
        while let Some((_, action)) = rest.split_once("{{") {
            let (action, after) = action.split_once("}}").expect("an end");
            // Braces are inside of quotation marks only.
            let outside: String = action.split('"').step_by(2).collect();
            assert!(!outside.contains(['{', '}']), "{{{{{action}}}}} in {template}");
            found.push(action);
            rest = after;
        }
        found
    }

    #[test]
    fn a_text_that_ends_in_a_brace_does_not_begin_an_action() {
        for brace in ["{", "{{", "{{{", "a{", "{a{{{{{"] {
            let shape = ChatShape {
                start: brace.to_owned(),
                system: System::InFirstUser(frame(brace, brace)),
                user: frame(brace, brace),
                assistant: frame(brace, brace),
                prompt: brace.to_owned(),
            };
            let text = write(&shape, &ChatTokens::default()).unwrap();
            assert!(actions(&text).contains(&" .Content "), "{text}");
        }
    }

    #[test]
    fn a_system_message_is_a_role_or_part_of_the_first_turn() {
        let tokens = begin();
        let text = write(&shape(System::Message(frame("S:", "|"), None)), &tokens).unwrap();
        assert!(text.contains("{{ else if eq .Role \"system\" }}S:{{ .Content }}|{{ end }}"), "{text}");
        let inside = ChatShape {
            start: String::new(),
            user: frame("<s>[", "]"),
            ..shape(System::InFirstUser(frame("S:", "|")))
        };
        let text = write(&inside, &tokens).unwrap();
        let user =
            "{{ if gt $i 1 }}<s>{{ end }}[{{ if and $.System (le $i 1) }}S:{{ $.System }}|{{ end }}{{ .Content }}]";
        assert!(text.starts_with(&format!("{HEAD}{user}")), "{text}");
    }
}
