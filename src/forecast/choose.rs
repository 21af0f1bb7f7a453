//! One option for each group of tensors, so that the cost is small and the bytes stay within a budget.
//!
//! A multiplier λ prices a byte: at a given λ each group takes the option of least cost + λ·bytes, and bisection finds the
//! smallest λ that fits (for that size the choice is optimal). What is left of the budget is filled by the upgrades that
//! gain most for each byte, and exchanges of two groups' options take what greed missed. Deterministic: ties go to the
//! first.

/// One thing a group can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    /// Bytes in the file.
    pub bytes: u64,
    /// What it costs in quality; finite, 0 or more.
    pub cost: f64,
}

/// Tensors that get the same type. Options in any order, at least one.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// What it can be.
    pub options: Vec<Choice>,
}

/// A budget that cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    /// The fewest bytes that are possible.
    pub least: u64,
}

/// Halvings of the interval of log λ: the interval spans 2^2000 at most, so this reaches neighbouring numbers.
const HALVINGS: u32 = 64;

/// Pairs of options that exchanges look at in one pass, at most; more groups than that are so many that greed leaves little.
const MAX_PAIRS: usize = 8_000_000;

/// Passes of exchanges at most; each one lowers the cost.
const PASSES: usize = 50;

/// For each group the number of its option.
///
/// # Errors
/// The budget is below the smallest options together.
pub(crate) fn choose(groups: &[Group], budget: u64) -> Result<Vec<usize>, Over> {
    let mut chosen = choose_at_once(groups, budget)?;
    for _ in 0..PASSES {
        if !exchange(groups, &mut chosen, budget) {
            break;
        }
        fill(groups, &mut chosen, budget);
    }
    Ok(chosen)
}

/// As [`choose`], without exchanges: fast enough for every step of a slider, and about as good.
///
/// # Errors
/// As [`choose`].
pub(crate) fn choose_at_once(groups: &[Group], budget: u64) -> Result<Vec<usize>, Over> {
    let smallest: Vec<usize> = groups.iter().map(|g| best(g, |o| (o.bytes as f64, o.cost))).collect();
    let least = bytes_of(groups, &smallest);
    if least > budget {
        return Err(Over { least });
    }
    let mut chosen = smallest;
    let at = |price: f64| -> Vec<usize> {
        groups.iter().map(|g| best(g, |o| (o.cost + price * o.bytes as f64, o.bytes as f64))).collect()
    };
    let free = at(0.0);
    if bytes_of(groups, &free) <= budget {
        return Ok(free);
    }
    let (mut low, mut high) = (-1000f64, 1000f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let there = at(middle.exp2());
        if bytes_of(groups, &there) <= budget {
            (high, chosen) = (middle, there);
        } else {
            low = middle;
        }
    }
    fill(groups, &mut chosen, budget);
    Ok(chosen)
}

/// The first option of the least key.
fn best(group: &Group, key: impl Fn(&Choice) -> (f64, f64)) -> usize {
    let less = |a: (f64, f64), b: (f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).is_lt();
    (1..group.options.len()).fold(0, |b, i| if less(key(&group.options[i]), key(&group.options[b])) { i } else { b })
}

fn bytes_of(groups: &[Group], chosen: &[usize]) -> u64 {
    groups.iter().zip(chosen).map(|(g, &o)| g.options[o].bytes).fold(0, u64::saturating_add)
}

/// Takes the upgrade that gains most for each byte, while one fits.
fn fill(groups: &[Group], chosen: &mut [usize], budget: u64) {
    let mut left = budget.saturating_sub(bytes_of(groups, chosen));
    loop {
        let mut found: Option<(f64, usize, usize)> = None;
        for (g, group) in groups.iter().enumerate() {
            let now = group.options[chosen[g]];
            for (o, option) in group.options.iter().enumerate() {
                let more = option.bytes.saturating_sub(now.bytes);
                if option.cost >= now.cost || more > left {
                    continue;
                }
                let gain = (now.cost - option.cost) / more.max(1) as f64;
                if found.is_none_or(|(best, ..)| gain > best) {
                    found = Some((gain, g, o));
                }
            }
        }
        let Some((_, g, o)) = found else { return };
        left = (left + groups[g].options[chosen[g]].bytes).saturating_sub(groups[g].options[o].bytes);
        chosen[g] = o;
    }
}

/// Changes the options of two groups at once where that costs less and fits: the best such exchange for each first group.
/// Says whether anything changed.
fn exchange(groups: &[Group], chosen: &mut [usize], budget: u64) -> bool {
    let options: usize = groups.iter().map(|g| g.options.len()).sum();
    if options.saturating_mul(options) > MAX_PAIRS {
        return false;
    }
    let mut changed = false;
    let mut bytes = i128::from(bytes_of(groups, chosen));
    for a in 0..groups.len() {
        let mut found: Option<(f64, usize, usize, usize)> = None;
        let now_a = groups[a].options[chosen[a]];
        for (oa, to_a) in groups[a].options.iter().enumerate() {
            let (saved, lost) = (i128::from(now_a.bytes) - i128::from(to_a.bytes), to_a.cost - now_a.cost);
            // One side gives bytes away for some cost; the other takes them for a larger gain.
            if saved <= 0 {
                continue;
            }
            for b in (0..groups.len()).filter(|&b| b != a) {
                let now_b = groups[b].options[chosen[b]];
                for (ob, to_b) in groups[b].options.iter().enumerate() {
                    let gain = now_b.cost - to_b.cost - lost;
                    let after = bytes - saved + i128::from(to_b.bytes) - i128::from(now_b.bytes);
                    if gain > 0.0 && after <= i128::from(budget) && found.is_none_or(|(best, ..)| gain > best) {
                        found = Some((gain, oa, b, ob));
                    }
                }
            }
        }
        if let Some((gain, oa, b, ob)) = found
            && gain > f64::EPSILON * now_a.cost.abs()
        {
            (chosen[a], chosen[b]) = (oa, ob);
            bytes = i128::from(bytes_of(groups, chosen));
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cost_of(groups: &[Group], chosen: &[usize]) -> f64 {
        groups.iter().zip(chosen).map(|(g, &o)| g.options[o].cost).sum()
    }

    fn best_of_all(groups: &[Group], budget: u64) -> f64 {
        let Some((first, rest)) = groups.split_first() else { return 0.0 };
        let fits = first.options.iter().filter(|o| o.bytes <= budget);
        fits.map(|o| o.cost + best_of_all(rest, budget - o.bytes)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn bits_go_where_they_gain_most() {
        let group = |costs: [f64; 3]| Group {
            options: costs.iter().zip([100, 200, 300]).map(|(&cost, bytes)| Choice { bytes, cost }).collect(),
        };
        let groups = [group([9.0, 3.0, 1.0]), group([90.0, 30.0, 10.0]), group([1.0, 0.5, 0.4])];
        assert_eq!(choose(&groups, 600), Ok(vec![1, 2, 0]));
        assert_eq!(choose(&groups, 10_000), Ok(vec![2, 2, 2]));
        assert_eq!(choose(&groups, 300), Ok(vec![0, 0, 0]));
        assert_eq!(choose(&groups, 299), Err(Over { least: 300 }));
        assert_eq!(choose(&[], 0), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn a_choice_fits_and_is_near_the_best_of_all(
            groups in prop::collection::vec(prop::collection::vec((1u64..1000, 0f64..1.0), 1..5), 1..6),
            share in 0f64..1.2,
        ) {
            let groups: Vec<Group> = groups
                .into_iter()
                .map(|o| Group { options: o.into_iter().map(|(bytes, cost)| Choice { bytes, cost }).collect() })
                .collect();
            let most: u64 = groups.iter().map(|g| g.options.iter().map(|o| o.bytes).max().unwrap()).sum();
            let budget = (most as f64 * share) as u64;
            let least: u64 = groups.iter().map(|g| g.options.iter().map(|o| o.bytes).min().unwrap()).sum();
            match choose(&groups, budget) {
                Err(over) => prop_assert!(over.least == least && least > budget),
                Ok(chosen) => {
                    prop_assert!(bytes_of(&groups, &chosen) <= budget);
                    let (got, best) = (cost_of(&groups, &chosen), best_of_all(&groups, budget));
                    // Options here are far coarser than types are; real ones are on a convex curve.
                    prop_assert!(got <= best + 0.6, "{got} against {best}");
                }
            }
        }
    }
}
