//! Names in columns that are too narrow for them, cut so that neighbouring names can still be distinguished.

use crate::tui::view::canvas::{fit, fit_end, width};

/// At most `most` columns of a name shown with `others`: their common beginning is cut first, then its
/// extension, which says no more than the format.
pub(super) fn apart(name: &str, others: &[&str], most: usize) -> String {
    if width(name) <= most || most < 8 {
        return fit(name, most);
    }
    let shared = others.iter().filter(|o| **o != name).map(|o| shared(name, o)).max().unwrap_or(0);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let ends = [name, stem].into_iter().filter_map(|n| n.get(shared..)).filter(|end| shared > 0 && !end.is_empty());
    match ends.into_iter().find(|end| width(end) + 2 <= most) {
        // Nothing would be left out between the beginning and the end: what is left out is behind.
        Some(end) if most - width(end) > width(&name[..shared]) => fit(name, most),
        Some(end) => format!("{}{end}", fit(name, most - width(end))),
        None => middle(name, most),
    }
}

/// Bytes that a name begins with as another does, as far as a word ends there.
fn shared(name: &str, other: &str) -> usize {
    let same = name.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let part = name.get(..same).unwrap_or_default();
    // Names of types have bars in them: `Q4_K_M`.
    part.rfind(['-', '.', ' ', '/']).or_else(|| part.rfind('_')).map_or(0, |at| at + 1)
}

/// Both ends of a name: the beginning says which model, the end which variant.
fn middle(name: &str, most: usize) -> String {
    let tail = fit_end(name, most / 2);
    format!("{}{tail}", fit(name, most - width(&tail) + 1).trim_end_matches('…'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_names_apart_is_left() {
        let others = ["tiny-llama-Q4_K_S.gguf", "tiny-llama-Q8_0.gguf"];
        let cut = |most| apart("tiny-llama-Q4_K_M.gguf", &others, most);
        assert_eq!(cut(22), "tiny-llama-Q4_K_M.gguf");
        assert_eq!(cut(16), "tiny…Q4_K_M.gguf");
        assert_eq!(apart("tiny-llama-Q4_K_M.gguf", &["tiny-bert.gguf"], 18), "tiny-llama-Q4_K_M…", "nothing twice");
        assert_eq!(cut(10), "tin…Q4_K_M");
        assert_eq!(cut(8), "t…Q4_K_M");
        assert_eq!(apart("run_1000", &["run_2000"], 8), "run_1000");
        assert_eq!(apart("checkpoint_1000", &["checkpoint_2000"], 9), "chec…1000");
        assert_eq!(width(&apart("a-name-that-nobody-shares.bin", &[], 12)), 12);
    }

    #[test]
    fn no_cut_is_too_wide_or_panics() {
        let names = [
            "漢字-漢字漢字-x.gguf",
            "漢字-漢字漢字-y.gguf",
            "-",
            "--------------",
            ".a.b.c.d.e.f.g",
            "é-é-é-é-é-é-é-é",
        ];
        for name in names {
            for most in 0..20 {
                assert!(width(&apart(name, &names, most)) <= most, "{name} {most}");
            }
        }
    }
}
