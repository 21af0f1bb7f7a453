//! Names of tensors that no other tensor of the model has.

use crate::model::Name;
use std::collections::HashMap;

/// Gives out names. Regions that do not see each other may use one name, and attributes may have any.
#[derive(Default)]
pub(super) struct UniqueNames {
    /// How many tensors asked for a name.
    asked: HashMap<Name, u64>,
}

impl UniqueNames {
    /// The name itself, or with a number if it was given out before.
    pub(super) fn unique(&mut self, name: Name) -> Name {
        let mut unique = name.clone();
        loop {
            let asked = self.asked.entry(unique.clone()).or_default();
            *asked += 1;
            if *asked == 1 {
                return unique;
            }
            // The number grows with the name that was asked for first, so that many equal names take no long search.
            let n = if unique == name { *asked } else { self.asked.get(&name).copied().unwrap_or(2) + 1 };
            self.asked.insert(name.clone(), n);
            unique = format!("{name} ({n})").as_str().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_get_numbers() {
        let mut names = UniqueNames::default();
        let mut ask = |name: &str| names.unique(name.into()).to_string();
        assert_eq!([ask("w"), ask("w"), ask("w (2)"), ask("w")], ["w", "w (2)", "w (2) (2)", "w (3)"]);
    }
}
