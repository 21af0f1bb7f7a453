//! A tensor looked for in many models.

use crate::tui::core::filter::Filter;
use crate::tui::core::fuzzy::passes;
use crate::tui::tabs::models::TensorHit;
use std::path::{Path, PathBuf};

/// Hits at most: a list that is longer is not read.
const MAX_HITS: usize = 2000;

/// Looks for tensors that pass the filter; hands the hits of each model on. Stops at many hits, or when `current` says so.
pub(crate) fn tensors(
    query: &str,
    models: &[PathBuf],
    current: &dyn Fn() -> bool,
    take: &mut dyn FnMut(Vec<TensorHit>, usize),
) {
    let filter = Filter::parse(query);
    let mut found = 0;
    for (done, path) in models.iter().enumerate() {
        if !current() || found >= MAX_HITS {
            return;
        }
        let hits = of(path, &filter, MAX_HITS - found);
        found += hits.len();
        take(hits, done + 1);
    }
}

/// The hits of one model; none for one that cannot be opened.
fn of(path: &Path, filter: &Filter, most: usize) -> Vec<TensorHit> {
    let Ok(model) = crate::arch::open(path) else { return Vec::new() };
    // By its kind too: formats name the same tensor differently.
    let fits =
        |t: &&crate::model::TensorEntry| passes(filter, &t.name, t.role(), [t.encoding.name(), t.kind()].into_iter());
    let hit = |t: &crate::model::TensorEntry| TensorHit {
        model: path.to_owned(),
        tensor: t.name.to_string(),
        shape: t.shape.to_string(),
        encoding: t.encoding.name(),
    };
    model.tensors.iter().filter(fits).take(most).map(hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_found_by_its_name_and_by_its_kind() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
        let found = |query: &str| {
            let mut all = Vec::new();
            tensors(query, &[models.join("tiny-llama")], &|| true, &mut |hits, _| all.extend(hits));
            all.len()
        };
        assert_eq!((found("ffn_down"), found("mlp.down_proj"), found("no_such")), (4, 4, 0));
    }
}
