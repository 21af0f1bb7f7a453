//! Finding the shape of a chat template by rendering small conversations.
//!
//! A shape is taken only if it gives the same text as the template for every conversation tried, with texts that templates are known to
//! treat specially among them.

use super::render::ChatTemplate;
use super::shape::{ChatShape, Frame, System};
use super::{ChatTokens, Message, Role};

/// Contents that occur in no template.
const SYSTEM: &str = "qsystemq1";
const USER: &str = "quserq1";
const ANSWER: &str = "qanswerq1";
const USER_2: &str = "quserq2";

const fn system(content: &str) -> Message<'_> {
    Message { role: Role::System, content }
}

const fn user(content: &str) -> Message<'_> {
    Message { role: Role::User, content }
}

const fn assistant(content: &str) -> Message<'_> {
    Message { role: Role::Assistant, content }
}

impl ChatShape {
    /// The shape of a template.
    ///
    /// # Errors
    /// Why it has none, as the end of a sentence.
    pub(crate) fn derive(template: &str, tokens: &ChatTokens) -> Result<Self, String> {
        let template = ChatTemplate::parse(template, tokens).map_err(|e| format!("it cannot be read: {e}"))?;
        let shape = without_system(&template)?;
        let shape = with_system(&template, shape, tokens)?;
        if template.asked_date() {
            return Err("it depends on the date".to_owned());
        }
        check(&template, &shape)?;
        Ok(shape)
    }
}

/// The texts before, between and after the contents, each of which must be there once and in order.
fn split<'t>(text: &'t str, contents: &[&str]) -> Option<Vec<&'t str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for content in contents {
        if text.matches(content).count() != 1 {
            return None;
        }
        let (before, after) = rest.split_once(content)?;
        pieces.push(before);
        rest = after;
    }
    pieces.push(rest);
    Some(pieces)
}

fn irregular() -> String {
    "messages of one role do not always have the same text around them".to_owned()
}

fn rendered(template: &ChatTemplate<'_>, messages: &[Message<'_>], prompt: bool) -> Result<String, String> {
    template.render(messages, prompt).map_err(|e| format!("it refuses a plain conversation: {e}"))
}

/// The shape of conversations without a system message; what a template says by itself is in `start`.
fn without_system(template: &ChatTemplate<'_>) -> Result<ChatShape, String> {
    let open = rendered(template, &[user(USER)], false)?;
    let asked = rendered(template, &[user(USER)], true)?;
    let turns = rendered(template, &[user(USER), assistant(ANSWER), user(USER_2)], false)?;
    let answered = rendered(template, &[user(USER), assistant(ANSWER)], false)?;
    let shape = || {
        let open = split(&open, &[USER])?;
        let turns = split(&turns, &[USER, ANSWER, USER_2])?;
        let after_user = open[1];
        let after_answer = *split(&answered, &[USER, ANSWER])?.last()?;
        let before_answer = turns[1].strip_prefix(after_user)?;
        let before_user = turns[2].strip_prefix(after_answer)?;
        Some(ChatShape {
            start: open[0].strip_suffix(before_user)?.to_owned(),
            system: System::None,
            user: Frame { before: before_user.to_owned(), after: after_user.to_owned() },
            assistant: Frame { before: before_answer.to_owned(), after: after_answer.to_owned() },
            prompt: split(&asked, &[USER])?[1].strip_prefix(after_user)?.to_owned(),
        })
    };
    shape().ok_or_else(irregular)
}

/// Adds where the system message goes.
fn with_system(template: &ChatTemplate<'_>, shape: ChatShape, tokens: &ChatTokens) -> Result<ChatShape, String> {
    let both = [system(SYSTEM), user(USER)];
    // A template that refuses a system message, or drops it, has no place for one.
    let Ok(text) = template.render(&both, false) else { return Ok(shape) };
    let Some(pieces) = split(&text, &[SYSTEM, USER]) else { return Ok(shape) };
    let candidates = [of_its_own(&shape, &pieces, tokens), in_first_user(&shape, &pieces)];
    let fits = |s: &ChatShape| s.render(&both, false) == text;
    candidates.into_iter().flatten().find(fits).ok_or_else(|| "its system message is in no usual place".to_owned())
}

fn of_its_own(shape: &ChatShape, pieces: &[&str], tokens: &ChatTokens) -> Option<ChatShape> {
    let after = pieces[1].strip_suffix(shape.user.before.as_str())?;
    let bos = tokens.bos.as_deref().filter(|bos| shape.start.starts_with(bos)).unwrap_or_default();
    // What a template says without a system message is either the same beginning or a message of its own.
    let (start, default) = match shape.start.strip_prefix(pieces[0]).and_then(|s| s.strip_suffix(after)) {
        Some(default) if !default.is_empty() => (bos, Some(default.to_owned())),
        _ => (shape.start.as_str(), None),
    };
    let before = pieces[0].strip_prefix(start)?;
    let frame = Frame { before: before.to_owned(), after: after.to_owned() };
    Some(ChatShape { start: start.to_owned(), system: System::Message(frame, default), ..shape.clone() })
}

fn in_first_user(shape: &ChatShape, pieces: &[&str]) -> Option<ChatShape> {
    let before = pieces[0].strip_prefix(shape.start.as_str())?.strip_prefix(shape.user.before.as_str())?;
    let frame = Frame { before: before.to_owned(), after: pieces[1].to_owned() };
    Some(ChatShape { system: System::InFirstUser(frame), ..shape.clone() })
}

/// Compares both on conversations that were not used to find the shape.
fn check(template: &ChatTemplate<'_>, shape: &ChatShape) -> Result<(), String> {
    let code = "{{ x }} \"quoted\"\n\n```\nlines\n``` <b>&amp;</b> – é 漢";
    let turns = [user("Hello there"), assistant("Hi!\n\nHow are you?"), user(code), assistant("Fine"), user("Good")];
    let mut cases = vec![turns[..1].to_vec(), turns[..3].to_vec(), turns.to_vec(), turns[2..].to_vec()];
    if shape.system != System::None {
        let with = |turns: &[Message<'static>]| [&[system("Be brief.\nBe kind.")], turns].concat();
        let more: Vec<_> = cases.iter().map(|turns| with(turns)).collect();
        cases.extend(more);
    }
    for case in &cases {
        for prompt in [true, false] {
            if rendered(template, case, prompt)? != shape.render(case, prompt) {
                return Err(irregular());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> ChatTokens {
        ChatTokens { bos: Some("<s>".into()), eos: Some("</s>".into()), ..ChatTokens::default() }
    }

    fn frame(before: &str, after: &str) -> Frame {
        Frame { before: before.to_owned(), after: after.to_owned() }
    }

    fn derived(template: &str) -> Result<ChatShape, String> {
        ChatShape::derive(template, &tokens())
    }

    const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    #[test]
    fn messages_with_a_frame_for_each_role() {
        let shape = derived(CHATML).unwrap();
        assert_eq!(shape.user, frame("<|im_start|>user\n", "<|im_end|>\n"));
        assert_eq!(shape.assistant, frame("<|im_start|>assistant\n", "<|im_end|>\n"));
        assert_eq!(shape.system, System::Message(frame("<|im_start|>system\n", "<|im_end|>\n"), None));
        assert_eq!((shape.start.as_str(), shape.prompt.as_str()), ("", "<|im_start|>assistant\n"));
    }

    #[test]
    fn a_template_with_a_system_message_of_its_own() {
        let own = "{{ bos_token }}{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}";
        let shape = derived(&format!("{own}{CHATML}")).unwrap();
        let system = frame("<|im_start|>system\n", "<|im_end|>\n");
        assert_eq!(shape.system, System::Message(system, Some("You help.".to_owned())));
        assert_eq!(shape.start, "<s>");
    }

    #[test]
    fn a_system_message_inside_of_the_first_turn() {
        let llama2 = "{% if messages[0].role == 'system' %}{% set sys = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}{% set turns = messages[1:] %}\
            {% else %}{% set sys = '' %}{% set turns = messages %}{% endif %}\
            {% for m in turns %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + (sys if loop.index0 == 0 else '') + m.content + ' [/INST]' }}\
            {% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}";
        let shape = derived(llama2).unwrap();
        assert_eq!(shape.system, System::InFirstUser(frame("<<SYS>>\n", "\n<</SYS>>\n\n")));
        assert_eq!(shape.user, frame("<s>[INST] ", " [/INST]"));
        assert_eq!(shape.assistant, frame(" ", " </s>"));
        assert_eq!(shape.prompt, "");
    }

    #[test]
    fn a_template_without_a_system_message() {
        let refuses = "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}\
            {% for m in messages %}{{ '<start>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim + '<end>\n' }}{% endfor %}\
            {% if add_generation_prompt %}<start>model\n{% endif %}";
        let shape = derived(refuses).unwrap();
        assert_eq!((shape.system, shape.start.as_str()), (System::None, "<s>"));
        assert_eq!(shape.assistant.before, "<start>model\n");
    }

    #[test]
    fn what_has_no_shape_is_refused() {
        let date = format!("{{{{ strftime_now('%d %b %Y') }}}}{CHATML}");
        assert_eq!(derived(&date).unwrap_err(), "it depends on the date");
        // The last message of the user has the system message.
        let last = "{% for m in messages %}{% if m.role == 'user' %}{{ '[INST]' }}{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content + '\n' }}{% endif %}\
            {{ m.content + '[/INST]' }}{% elif m.role == 'assistant' %}{{ m.content + eos_token }}{% endif %}{% endfor %}";
        assert_eq!(derived(last).unwrap_err(), irregular());
        // The first message differs.
        let first = "{% for m in messages %}{{ ('A:' if loop.first else 'B:') + m.content }}{% endfor %}";
        assert_eq!(derived(first).unwrap_err(), irregular());
        assert!(derived("{% if %}").unwrap_err().starts_with("it cannot be read"));
        assert!(derived("{{ raise_exception('never') }}").unwrap_err().contains("never"));
    }
}
