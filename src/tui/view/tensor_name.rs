//! Names of tensors in columns that are too narrow for them.

use super::canvas::{fit_end, width};

/// A tensor's name in at most so many columns. Names of layers differ in their numbers and in their ends: words are cut to their first
/// letter from the front, as in `b.e.l.11.a.output.LayerNorm.weight`, before anything else is left out.
pub(in crate::tui) fn fit_tensor(name: &str, most: usize) -> String {
    if width(name) <= most {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = name.split('.').collect();
    let last = parts.len().saturating_sub(1);
    for i in 0..last {
        let part = parts[i];
        if part.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // The first letter, with its whole width.
        parts[i] = part.chars().next().map_or("", |c| &part[..c.len_utf8()]);
        let shorter = parts.join(".");
        if width(&shorter) <= most {
            return shorter;
        }
    }
    fit_end(&parts.join("."), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_stay_apart() {
        for (name, most, shown) in [
            ("blk.10.attn_q.weight", 20, "blk.10.attn_q.weight"),
            ("bert.encoder.layer.11.attention.output.LayerNorm.weight", 34, "b.e.l.11.a.output.LayerNorm.weight"),
            ("bert.encoder.layer.11.attention.output.LayerNorm.weight", 29, "b.e.l.11.a.o.LayerNorm.weight"),
            ("model.layers.3.mlp.experts.17.down_proj.weight", 45, "m.layers.3.mlp.experts.17.down_proj.weight"),
            ("model.layers.3.mlp.experts.17.down_proj.weight", 21, "m.l.3.m.e.17.d.weight"),
            ("model.layers.3.mlp.experts.17.down_proj.weight", 20, "…l.3.m.e.17.d.weight"),
            ("model.layers.3.mlp.experts.17.down_proj.weight", 10, "….d.weight"),
            ("a_name_without_any_dots", 8, "…ny_dots"),
            ("ä.b.weight", 3, "…ht"),
            ("", 0, ""),
        ] {
            assert_eq!(fit_tensor(name, most), shown, "{name} in {most}");
        }
    }
}
