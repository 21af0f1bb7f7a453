//! Quotes commands for a shell, that of this process among them.

use std::path::PathBuf;

/// A word quoted for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains(char::is_control) {
        // A line end that is pasted into a shell would run what is before it; bash, zsh and ksh read this form.
        format!("$'{}'", word.chars().map(ansi_c).collect::<String>())
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A character inside of `$'…'`.
fn ansi_c(c: char) -> String {
    match c {
        '\'' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() => c.to_string().bytes().map(|b| format!("\\x{b:02x}")).collect(),
        c => c.to_string(),
    }
}

/// The command line of this process, quoted so that a shell can run it in any folder. `None` if a part of it is not text.
pub(crate) fn own_command() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    Some(format!("cd {} && {}", quoted(folder.to_str()?), own_words(&[])?))
}

/// The folder and the arguments of this process, to start it again. `None` if a part of them is not text.
pub(crate) fn own_arguments() -> Option<(PathBuf, Vec<String>)> {
    let arguments: Option<Vec<String>> = std::env::args_os().skip(1).map(|a| a.into_string().ok()).collect();
    Some((std::env::current_dir().ok()?, arguments?))
}

/// As [`own_command`], for the folder that this process runs in, and without some of the options.
pub(crate) fn own_words(without: &[&str]) -> Option<String> {
    let words = std::env::args_os().skip(1).filter(|a| !without.iter().any(|w| a == w));
    let words: Option<Vec<String>> = words.map(|a| a.to_str().map(quoted)).collect();
    Some(format!("remold {}", words?.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (word, text) in [
            ("runs/exp42", "runs/exp42"),
            ("gguf:q4_k_m", "gguf:q4_k_m"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("checkpoint-*00", "'checkpoint-*00'"),
            ("~/x", "'~/x'"),
            ("a\ntouch 'x'\r", r"$'a\ntouch \'x\'\r'"),
            ("\u{1b}[\u{9b}é\\", r"$'\x1b[\xc2\x9bé\\'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }
}
