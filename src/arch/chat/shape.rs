//! The shape of a conversation: the text before and after the messages of each role.

use super::{Message, Role};
use serde::{Deserialize, Serialize};

/// The texts around a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// Before the content.
    pub before: String,
    /// After the content.
    pub after: String,
}

impl Frame {
    fn around(&self, content: &str, out: &mut String) {
        out.push_str(&self.before);
        out.push_str(content);
        out.push_str(&self.after);
    }
}

/// Where the system message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum System {
    /// The template takes none.
    None,
    /// It is a message of its own. The second text is what the template says when there is none.
    Message(Frame, Option<String>),
    /// It is part of the first message of the user, before its content.
    InFirstUser(Frame),
}

/// The texts of which a chat template makes a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChatShape {
    /// What begins the text.
    pub start: String,
    /// Where the system message goes.
    pub system: System,
    /// Around a message of the user.
    pub user: Frame,
    /// Around a message of the model.
    pub assistant: Frame,
    /// What asks the model for an answer.
    pub prompt: String,
}

impl ChatShape {
    /// The text of a conversation, as the template it was derived from gives it.
    pub(crate) fn render(&self, messages: &[Message<'_>], prompt: bool) -> String {
        let mut out = self.start.clone();
        let mut system = messages.iter().find(|m| m.role == Role::System).map(|m| m.content);
        if let (System::Message(frame, Some(default)), None) = (&self.system, system) {
            frame.around(default, &mut out);
        }
        for m in messages {
            match (m.role, &self.system) {
                (Role::System, System::Message(frame, _)) => frame.around(m.content, &mut out),
                (Role::System, _) => {}
                (Role::User, System::InFirstUser(frame)) => {
                    out.push_str(&self.user.before);
                    if let Some(text) = system.take() {
                        frame.around(text, &mut out);
                    }
                    out.push_str(m.content);
                    out.push_str(&self.user.after);
                }
                (Role::User, _) => self.user.around(m.content, &mut out),
                (Role::Assistant, _) => self.assistant.around(m.content, &mut out),
            }
        }
        if prompt {
            out.push_str(&self.prompt);
        }
        out
    }
}
