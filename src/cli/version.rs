//! What `-V` and `--version` print. The commit comes from `build.rs`, and is absent where it is not known.

use crate::formats;
use crate::quant;
use std::sync::LazyLock;

/// The length of a commit's short form.
const SHORT: usize = 7;

/// `0.1.0 (abc1234 2026-11-29)`.
pub(super) fn short() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| first_line(option_env!("REMOLD_COMMIT"), option_env!("REMOLD_COMMIT_DATE")));
    &TEXT
}

/// The short form, and a line each for the commit, the target and what the program uses of the processor.
pub(super) fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let readers: Vec<&str> =
            formats::FORMATS.iter().filter_map(|f| Some(f.write.as_ref()?.second_reader.as_ref()?.name)).collect();
        let facts = [
            ("commit", option_env!("REMOLD_COMMIT").unwrap_or("unknown").to_owned()),
            ("target", option_env!("REMOLD_TARGET").unwrap_or(std::env::consts::ARCH).to_owned()),
            ("cpu", processor()),
            ("readers", format!("remold, {}", readers.join(", "))),
        ];
        let lines: String = facts.iter().map(|(name, what)| format!("\n{:<9}{what}", format!("{name}:"))).collect();
        format!("{}{lines}", short())
    });
    &TEXT
}

/// The instruction set that is used, with its parts, and the others of this machine.
fn processor() -> String {
    let used = quant::instruction_set();
    let parts = quant::instruction_set_features();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.replace(',', ", ")) };
    let others: Vec<&str> = quant::instruction_sets().into_iter().filter(|name| *name != used).collect();
    format!("{used}{parts}; also available: {}", others.join(", "))
}

fn first_line(commit: Option<&str>, date: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let commit = commit.map(|c| c.get(..SHORT).unwrap_or(c));
    let known: Vec<&str> = commit.into_iter().chain(date).collect();
    if known.is_empty() { version.to_owned() } else { format!("{version} ({})", known.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_a_build_is_left_out() {
        let version = env!("CARGO_PKG_VERSION");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(first_line(Some(commit), Some("2026-11-29")), format!("{version} (0123456 2026-11-29)"));
        assert_eq!(first_line(Some(commit), None), format!("{version} (0123456)"));
        assert_eq!(first_line(None, None), version);
    }
}
