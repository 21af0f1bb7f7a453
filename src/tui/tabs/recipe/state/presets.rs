//! The ready-made targets that can be added.

use crate::model::FormatId;
use crate::plan::TargetPreset;
use crate::recipe::options;
use std::sync::LazyLock;

/// The presets of every format, in the order in which they are shown. The first is the usual choice.
pub fn presets() -> &'static [TargetPreset] {
    static PRESETS: LazyLock<Vec<TargetPreset>> = LazyLock::new(|| crate::plan::presets().copied().collect());
    &PRESETS
}

/// The usual choice for a source of that format: a graph becomes a graph.
pub(crate) fn usual(source: Option<FormatId>) -> &'static TargetPreset {
    let own = source.filter(|f| options::is_of_graphs(*f));
    let graph = own.and_then(|f| presets().iter().find(|p| p.format == f && p.quantizes_graph()));
    graph.unwrap_or(&presets()[0])
}

/// The presets that are offered for a source of that format, those that are possible for a graph first.
pub(crate) fn offered(source: Option<FormatId>) -> Vec<usize> {
    let graph = source.filter(|f| options::is_of_graphs(*f));
    let all = presets().iter().enumerate();
    let mut offered: Vec<usize> =
        all.filter(|(_, p)| graph.is_some() || !p.quantizes_graph()).map(|(at, _)| at).collect();
    offered.sort_by_key(|at| graph.is_some_and(|f| presets()[*at].format != f));
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_begins_with_what_is_possible_for_it() {
        let name = |at: usize| presets()[at].name();
        assert_eq!(usual(Some(FormatId::Onnx)).name(), "onnx int8");
        assert_eq!(usual(Some(FormatId::Safetensors)).name(), "gguf Q4_K_M");
        let graph: Vec<String> = offered(Some(FormatId::Onnx)).into_iter().map(name).collect();
        assert_eq!(graph[..4], ["onnx int8", "onnx int4", "onnx f16", "onnx"]);
        assert_eq!(graph.len(), presets().len());
        let other: Vec<String> = offered(None).into_iter().map(name).collect();
        assert_eq!(other[0], "gguf Q4_K_M");
        assert!(!other.contains(&"onnx int8".to_owned()), "all weights would be read to know its size");
    }
}
