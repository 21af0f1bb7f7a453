//! A recipe with the types of a GGUF, but a larger one for one of its tensors.

use crate::model::FormatId;
use crate::recipe::options::gguf;
use crate::recipe::{Recipe, Source, Target};
use crate::tui::core::{Effect, Level, MoreBits, State, Tab, TabRequest};
use crate::tui::tabs::recipe::{RecipePane, Row};
use indexmap::IndexMap;

/// Opens such a recipe, or adds the rule to it if it is the one that is composed; undo takes it back.
pub(super) fn add(state: &mut State, wanted: MoreBits) -> Vec<Effect> {
    let r = &mut state.recipe;
    let to = wanted.to.to_lowercase();
    let source = Some(&wanted.source) == r.document.recipe.source.path.as_ref();
    let is_like = |t: &Target| t.get(&gguf::LIKE).as_ref() == Some(&wanted.like);
    let own = r.document.recipe.targets.iter().position(|t| t.format == FormatId::Gguf && is_like(t));
    let at = own.filter(|_| source);
    match at {
        Some(at) => {
            r.change(|d| {
                if let Some(target) = d.recipe.targets.get_mut(at) {
                    let mut rules = IndexMap::from([(wanted.rule.clone(), to)]);
                    // The first match counts: a rule for the same tensor is replaced.
                    rules.extend(target.get(&gguf::TENSOR_TYPES).into_iter().filter(|(rule, _)| *rule != wanted.rule));
                    target.options.set(&gguf::TENSOR_TYPES, rules);
                }
            });
        }
        None => {
            let mut target = Target::of(FormatId::Gguf)
                .with(&gguf::LIKE, Some(wanted.like.clone()))
                .with(&gguf::TENSOR_TYPES, IndexMap::from([(wanted.rule.clone(), to)]));
            target.output_name = Some("{source}-{quant}-more".to_owned());
            let source = Source { path: Some(wanted.source.clone()), ..Source::default() };
            r.open(Recipe { source, targets: vec![target], ..Recipe::default() }, None);
        }
    }
    r.select(Row::Target(at.unwrap_or(0)));
    r.pane = RecipePane::List;
    let MoreBits { tensor, from, to, .. } = &wanted;
    match wanted.quantized {
        None => state.toast(Level::Info, format!("{tensor}: {from} becomes {to}; r writes the file, u takes it back")),
        Some(quantized) => {
            let what = format!("{tensor}: {from} becomes {to}, but the source is itself quantized ({quantized} there)");
            let text = format!("{what}: choose the model that it was made from as the source; u takes it back");
            state.toast(Level::Warn, text);
        }
    }
    // The tab plans the recipe when it is shown.
    vec![Effect::Tab(TabRequest::Show(Tab::Recipe))]
}
