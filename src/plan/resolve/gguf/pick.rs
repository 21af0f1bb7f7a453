//! Which of several mixes and file types a budget gets.
//!
//! Where costs were measured on a text, they give several mixes ([`Tempering`]), which are compared with the best file types of at most the
//! budget as a whole, on tokens that no cost was measured on. The least mean divergence wins; a mix whose 99.9th percentile or maximum is above
//! that of the best file type does not take part. The mix by costs as measured is replaced by another one only if that is better by more than
//! the uncertainty of the mean: the best of several figures with noise is better than it looks. Without a text for it, the mix with the least expected loss is taken, or a file type that is
//! expected to lose less.

use super::budget::Budget;
use super::file_types::{Outline, outline};
use super::mixer::{Mix, Mixer};
use super::overrides::Overrides;
use super::ready::Ready;
use crate::forecast::divergence::{Checked, Tempering};
use crate::model::{Model, Result};
use crate::plan::ChoiceCheck;
use crate::recipe::Target;
use crate::task::Task;

/// File types that are compared with mixes.
const TYPES: usize = 2;

/// Times that a smaller divergence is asked for, until the text for comparing shows that it is kept.
const ROUNDS: usize = 4;

/// What a budget gets.
pub(super) struct Picked {
    /// All types.
    pub outline: Outline,
    /// The mix; `None` where a file type was taken.
    pub mix: Option<Mix>,
    /// How it compared with others, where there was a text for it.
    pub check: Option<ChoiceCheck>,
}

/// What a pick is made for. `plain` is the target without its budget.
pub(super) struct Pick<'a> {
    pub model: &'a Model,
    pub ready: &'a Ready,
    pub target: &'a Target,
    pub plain: &'a Target,
    pub overrides: &'a Overrides,
    /// Every file type.
    pub types: &'a [Outline],
}

/// A mix with all its types.
type Candidate = (Mix, Outline);

impl Pick<'_> {
    /// The types for a budget.
    ///
    /// # Errors
    /// Those of measuring; a budget that is too small.
    pub(super) fn pick(&self, mixer: &mut Mixer<'_>, budget: Budget, how: Task<'_>) -> Result<Picked> {
        let Some((text, tokens)) = mixer.check_text() else { return self.expected(mixer, budget) };
        let check = |chosen, mixes, file_type, took_file_type| {
            let text = text.clone();
            Some(ChoiceCheck { text, tokens, mixes, chosen, file_type, took_file_type })
        };
        let mut asked = budget;
        for round in 0..ROUNDS {
            let mixes = self.candidates(mixer, asked)?;
            // A limit of divergence asks for a small file: file types are compared at the size of the mix.
            let size = match (asked, mixes.first()) {
                (Budget::Divergence(_), Some((_, mix))) => Budget::Bytes(mix.bytes),
                _ => asked,
            };
            let types: Vec<&Outline> = mixer.fitting(size, self.types).into_iter().take(TYPES).collect();
            // The first mix and the best type come first: they are measured however short the time is.
            let order = mixes.iter().map(|(_, o)| o);
            let all: Vec<&Outline> = match types.split_first() {
                Some((best, rest)) => {
                    let first = order.clone().take(1).chain([*best]);
                    first.chain(order.skip(1)).chain(rest.iter().copied()).collect()
                }
                None => order.collect(),
            };
            let measured = mixer.check(self.model, &all, how)?;
            let of = |outline: &Outline| {
                let at = all.iter().position(|o| std::ptr::eq(*o, outline))?;
                measured.get(at).copied().flatten()
            };
            // A file type may be known from another budget; without a mix beside it, nothing is compared.
            if mixes.first().is_none_or(|(_, outline)| of(outline).is_none()) {
                return self.expected(mixer, budget);
            }
            let best_type = types.iter().filter_map(|t| Some((*t, of(t)?))).min_by(|a, b| {
                let by_mean = a.1.mean.total_cmp(&b.1.mean);
                by_mean.then(a.0.bytes.cmp(&b.0.bytes))
            });
            let compared: Vec<(Candidate, Checked)> =
                mixes.iter().filter_map(|c| Some((c.clone(), of(&c.1)?))).collect();
            let count = compared.len();
            let Some(pick) = best(compared, best_type) else { return self.expected(mixer, budget) };
            let named = best_type.map(|(o, figures)| (o.name.clone(), figures));
            if let Budget::Divergence(nats) = asked
                && let Budget::Divergence(wanted) = budget
                && pick.mean() > wanted
                && round + 1 < ROUNDS
            {
                // The text for comparing shows more than was predicted: less is asked for.
                let smaller = Budget::Divergence(nats * (wanted / pick.mean()).min(1.0) * 0.98);
                if mixer.choose(smaller).is_ok() {
                    asked = smaller;
                    continue;
                }
            }
            return Ok(match pick {
                Winner::Mix(candidate, figures) => {
                    let (mix, outline) = *candidate;
                    Picked { outline, mix: Some(mix), check: check(figures, count, named, false) }
                }
                Winner::Type(outline, figures) => {
                    Picked { outline: outline.clone(), mix: None, check: check(figures, count, named, true) }
                }
            });
        }
        self.expected(mixer, budget)
    }

    /// By what is expected alone.
    fn expected(&self, mixer: &Mixer<'_>, budget: Budget) -> Result<Picked> {
        let (mix, outline) = self.resolved(mixer.choose(budget)?)?;
        Ok(match mixer.better_type(budget, &outline, self.types) {
            Some(better) => Picked { outline: better.clone(), mix: None, check: None },
            None => Picked { outline, mix: Some(mix), check: None },
        })
    }

    /// Different mixes for a budget, the one by costs as measured first.
    fn candidates(&self, mixer: &Mixer<'_>, budget: Budget) -> Result<Vec<Candidate>> {
        let mut found: Vec<Candidate> = vec![self.resolved(mixer.choose(budget)?)?];
        for tempering in Tempering::ALL {
            let Ok(mix) = mixer.choose_tempered(budget, tempering) else { continue };
            if found.iter().all(|(known, _)| known.types != mix.types) {
                found.push(self.resolved(mix)?);
            }
        }
        Ok(found)
    }

    fn resolved(&self, mix: Mix) -> Result<Candidate> {
        let resolved = self.ready.with_types(self.target, mix.file_type, &mix.types, self.overrides)?;
        let outline = outline(self.model, self.plain, mix.file_type, &resolved)?;
        Ok((mix, outline))
    }
}

/// What was taken, with its figures.
enum Winner<'o> {
    Mix(Box<Candidate>, Checked),
    Type(&'o Outline, Checked),
}

impl Winner<'_> {
    fn mean(&self) -> f64 {
        match self {
            Self::Mix(_, figures) | Self::Type(_, figures) => figures.mean,
        }
    }
}

/// The mix with the least mean among those whose tail is no worse than that of the best file type; that type if it has the least mean, or if
/// there is no such mix.
fn best<'o>(mixes: Vec<(Candidate, Checked)>, file_type: Option<(&'o Outline, Checked)>) -> Option<Winner<'o>> {
    let sound = |figures: &Checked| {
        file_type.as_ref().is_none_or(|(_, t)| figures.p999 <= t.p999 && figures.max <= t.max && figures.mean < t.mean)
    };
    let mut sound = mixes.into_iter().filter(|(_, f)| sound(f));
    let first = sound.next();
    let is_better = |f: &Checked| {
        first.as_ref().is_none_or(|(_, by_cost)| f.mean + by_cost.error < by_cost.mean && f.p999 <= by_cost.p999)
    };
    let better = sound.filter(|(_, f)| is_better(f)).min_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    let mix = better.or(first);
    match (mix, file_type) {
        (Some((candidate, figures)), _) => Some(Winner::Mix(Box::new(candidate), figures)),
        (None, Some((outline, figures))) => Some(Winner::Type(outline, figures)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::FileType;
    use std::collections::HashMap;

    fn outline(name: &str) -> Outline {
        Outline { name: name.to_owned(), file_type: FileType::Q8_0, bytes: 1, types: Vec::new(), fallbacks: 0 }
    }

    fn mix(name: &str) -> Candidate {
        (Mix { file_type: FileType::Q8_0, types: HashMap::new(), warning: None }, outline(name))
    }

    fn figures(mean: f64, p999: f64, max: f64) -> Checked {
        Checked { mean, error: 0.0, p999, max }
    }

    #[test]
    fn the_least_mean_wins_unless_its_tail_is_worse_than_the_file_types() {
        let fixed = outline("fixed");
        let name = |mixes: Vec<(Candidate, Checked)>, fixed: Option<(&Outline, Checked)>| match best(mixes, fixed) {
            Some(Winner::Mix(c, _)) => c.1.name,
            Some(Winner::Type(o, _)) => o.name.clone(),
            None => String::new(),
        };
        let at = figures(3.0, 10.0, 20.0);
        let (good, tail, worst) = (figures(2.0, 9.0, 19.0), figures(1.0, 11.0, 19.0), figures(1.5, 9.0, 21.0));
        let all = || vec![(mix("tail"), tail), (mix("good"), good), (mix("max"), worst)];
        assert_eq!(name(all(), Some((&fixed, at))), "good");
        assert_eq!(name(all(), None), "tail");
        // Better by less than the uncertainty is not better, nor is a worse tail.
        let first = Checked { error: 0.5, ..figures(2.0, 9.0, 19.0) };
        let pair = |other| vec![(mix("first"), first), (mix("other"), other)];
        assert_eq!(name(pair(figures(1.6, 9.0, 19.0)), Some((&fixed, at))), "first");
        assert_eq!(name(pair(figures(1.4, 9.0, 19.0)), Some((&fixed, at))), "other");
        assert_eq!(name(pair(figures(1.4, 9.5, 19.0)), Some((&fixed, at))), "first");
        assert_eq!(name(vec![(mix("tail"), tail)], Some((&fixed, at))), "fixed");
        assert_eq!(name(vec![(mix("good"), good)], Some((&fixed, figures(1.9, 10.0, 20.0)))), "fixed");
        assert_eq!(name(Vec::new(), None), "");
    }
}
