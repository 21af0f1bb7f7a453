//! What a check of every value says in words.

use crate::forecast::values::Sound;
use crate::tui::core::{Level, units};
use crate::tui::tabs::models::Finding;
use std::collections::HashMap;

/// Findings over all tensors (name, elements, what was seen), worst first.
pub(super) fn findings(tensors: &[(String, u64, Sound)]) -> Vec<Finding> {
    let mut out = Vec::new();
    for (name, elems, sound) in tensors {
        let odd = sound.nan.saturating_add(sound.infinite);
        if odd > 0 {
            let of = units::count(*elems);
            out.push(Finding {
                level: Level::Error,
                code: "values.not-finite".into(),
                text: format!(
                    "{name} has {} NaN and {} infinite of {of} values",
                    units::count(sound.nan),
                    units::count(sound.infinite)
                ),
                remedy: "Use an earlier checkpoint; a model with such values gives nonsense and cannot be quantized."
                    .into(),
            });
        } else if sound.all_zero && *elems > 0 && !name.ends_with("bias") {
            out.push(Finding {
                level: Level::Warn,
                code: "values.all-zero".into(),
                text: format!("{name} is all zeros"),
                remedy: "This is normal for new adapters or layers, but not in a trained model.".into(),
            });
        }
    }
    let mut same: HashMap<([u8; 32], u64), Vec<&str>> = HashMap::new();
    // A few equal values are not a copy: norms start as ones.
    for (name, elems, sound) in tensors.iter().filter(|t| t.1 >= 4096 && !t.2.all_zero) {
        same.entry((sound.hash, *elems)).or_default().push(name);
    }
    let mut copies: Vec<Vec<&str>> = same.into_values().filter(|names| names.len() > 1).collect();
    copies.sort();
    out.extend(copies.into_iter().map(|names| Finding {
        level: Level::Info,
        code: "values.copies".into(),
        text: format!("the same values: {}", names.join(", ")),
        remedy: "Tied embeddings look like this; the second copy only takes space.".into(),
    }));
    out.sort_by_key(|f| std::cmp::Reverse(f.level));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_values_come_first_and_a_zero_bias_is_no_finding() {
        let sound = |nan, all_zero, hash| Sound { nan, infinite: 0, all_zero, hash: [hash; 32] };
        let all = [
            ("embed", 8192, sound(0, false, 1)),
            ("zero", 8192, sound(0, true, 2)),
            ("q.bias", 64, sound(0, true, 3)),
            ("norm.0", 64, sound(0, false, 4)),
            ("norm.1", 64, sound(0, false, 4)),
            ("broken", 8192, sound(3, false, 5)),
            ("output", 8192, sound(0, false, 1)),
        ];
        let all_findings = findings(&all.map(|(n, e, s)| (n.to_owned(), e, s)));
        let codes: Vec<&str> = all_findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["values.not-finite", "values.all-zero", "values.copies"]);
        assert_eq!(all_findings[2].text, "the same values: embed, output");
        assert!(all_findings.iter().all(|f| !f.remedy.is_empty()));
    }
}
