//! Quotes commands for a shell.

/// A word quoted for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The command line of this process, quoted so that a shell can run it in any folder. `None` if a part of it is not text.
pub(crate) fn own_command() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    let words: Option<Vec<String>> = std::env::args_os().skip(1).map(|a| a.to_str().map(quoted)).collect();
    Some(format!("cd {} && remold {}", quoted(folder.to_str()?), words?.join(" ")))
}
