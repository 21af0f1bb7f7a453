//! LoRA files of kohya's scripts and of ai-toolkit: `name-step00000100.safetensors`, `name-000002.safetensors` (epochs),
//! `name_000001000.safetensors`; the oldest are removed.
//!
//! Complete by their own header. Folders `…-state` beside them are accelerate's.

use super::{Family, PLAIN, lone};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family =
    Family { name: "kohya", title: "a file of kohya's scripts or ai-toolkit", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let mine = |n: &&str| {
        let parts = n.strip_suffix(".safetensors").and_then(|s| s.rsplit_once(['-', '_']));
        parts.is_some_and(|(front, number)| {
            let digits = number.strip_prefix("step").unwrap_or(number);
            let long = if digits.len() == number.len() { matches!(digits.len(), 6 | 9) } else { digits.len() == 8 };
            long && !front.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        })
    };
    folder.names().filter(mine).map(|n| lone::file(folder, n)).collect()
}
