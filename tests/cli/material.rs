//! Every real file at hand opens, or is refused with a reason.

use crate::lab::{Lab, tree};
use std::path::Path;

#[test]
fn every_file_of_the_material_opens_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/material", "../../shared/material"];
    let Some(material) = places.iter().map(|p| root.join(p)).find(|p| p.exists()) else {
        crate::skip::skipped("shared/material absent");
        return;
    };
    let lab = Lab::new();
    let (mut opened, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for kind in ["safetensors", "pytorch", "gguf"] {
        let folder = material.join(kind);
        if !folder.exists() {
            crate::skip::skipped(&format!("material/{kind} absent"));
            continue;
        }
        for name in tree(&folder).into_iter().filter(|(_, h)| !h.is_empty()).map(|(n, _)| n) {
            let path = folder.join(&name);
            let ran =
                lab.run(&format!("inspect {} --tensors --metadata", path.display().to_string().replace(' ', "\u{a0}")));
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            match ran.code {
                Some(0) if !ran.err.contains("panicked") => opened += 1,
                Some(2)
                    if ran.err.starts_with("error: ") && ran.err.contains(&file) && !ran.err.contains("panicked") =>
                {
                    refused
                        .push(format!("{kind}/{name}: {}", ran.err.replace(&folder.display().to_string(), "").trim()));
                }
                _ => wrong.push(format!("{name}: {ran:?}")),
            }
        }
        let ran = lab.run(&format!("inspect {}", folder.display()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    eprintln!("{opened} opened, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(opened > 0);
}
