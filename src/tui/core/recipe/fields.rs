//! The options of the form, in order, and what may be written into them.

use super::RecipeState;
use super::budget::Budget;

/// The options, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Output path.
    Output,
    /// GGUF `target_size` or `target_bpw`.
    Budget,
    /// GGUF `imatrix`.
    Imatrix,
    /// GGUF `effort`.
    Effort,
    /// GGUF `context_length`.
    Context,
    /// GGUF type of the token embedding.
    Embedding,
    /// Replace an existing output.
    Overwrite,
}

/// Types offered for the token embedding; the first leaves it to the quantization.
const EMBEDDINGS: [&str; 6] = ["as quantization", "f32", "f16", "bf16", "q8_0", "q6_k"];

impl Field {
    /// All, in order.
    pub const ALL: [Self; 7] =
        [Self::Output, Self::Budget, Self::Imatrix, Self::Effort, Self::Context, Self::Embedding, Self::Overwrite];

    /// Its place in the order.
    pub fn place(self) -> usize {
        Self::ALL.iter().position(|f| *f == self).unwrap_or(0)
    }

    /// Label: the recipe's own key, but for the budget, which is two of them.
    pub fn label(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Budget => "budget",
            Self::Imatrix => "imatrix",
            Self::Effort => "effort",
            Self::Context => "context_length",
            Self::Embedding => "embedding_type",
            Self::Overwrite => "overwrite",
        }
    }

    /// True for fields whose value is typed.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Output | Self::Budget | Self::Imatrix | Self::Context)
    }

    /// True for fields whose value is a path.
    pub fn is_path(self) -> bool {
        matches!(self, Self::Output | Self::Imatrix)
    }
}

impl RecipeState {
    /// The option the cursor is on.
    pub fn current_field(&self) -> Field {
        Field::ALL[self.field.min(Field::ALL.len() - 1)]
    }

    /// The value of an option as text; empty when it is left to its default.
    pub fn value(&self, field: Field) -> &str {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" };
        match field {
            Field::Output => &self.output,
            Field::Budget => &self.budget,
            Field::Imatrix => &self.imatrix,
            Field::Context => &self.context,
            Field::Effort => match self.effort_max {
                true => "max",
                false => "reference",
            },
            Field::Embedding => EMBEDDINGS[self.embedding.min(EMBEDDINGS.len() - 1)],
            Field::Overwrite => yes_no(self.overwrite),
        }
    }

    /// Sets a text option.
    pub fn set_text(&mut self, field: Field, text: &str) {
        let place = match field {
            Field::Output => &mut self.output,
            Field::Budget => &mut self.budget,
            Field::Imatrix => &mut self.imatrix,
            Field::Context => &mut self.context,
            Field::Effort | Field::Embedding | Field::Overwrite => return,
        };
        text.trim().clone_into(place);
    }

    /// Turns a choice option by one.
    pub fn turn(&mut self, field: Field, by: i32) {
        match field {
            Field::Effort => self.effort_max = !self.effort_max,
            Field::Embedding => {
                let n = EMBEDDINGS.len() as i32;
                self.embedding = (self.embedding as i32 + by).rem_euclid(n) as usize;
            }
            Field::Overwrite => self.overwrite = !self.overwrite,
            Field::Output | Field::Budget | Field::Imatrix | Field::Context => {}
        }
    }

    /// What is wrong with an option, if anything.
    pub fn field_error(&self, field: Field) -> Option<&'static str> {
        match field {
            Field::Context if !self.context.is_empty() && self.context_length().is_none() => {
                Some("a number of tokens, like 4096 or 32k")
            }
            Field::Budget if !self.budget.is_empty() && self.budget().is_none() => {
                Some("a size like 760MB, or bits like 4.25")
            }
            _ => None,
        }
    }

    /// The budget, if one is given.
    pub fn budget(&self) -> Option<Budget> {
        Budget::parse(&self.budget)
    }

    /// The type given to the token embedding.
    pub(super) fn embedding_type(&self) -> Option<String> {
        (self.embedding != 0).then(|| self.value(Field::Embedding).to_owned())
    }

    /// `4096`, `4 096`, `32k`.
    pub(super) fn context_length(&self) -> Option<u64> {
        let text: String = self.context.chars().filter(|c| !matches!(c, ' ' | '_')).collect();
        let (digits, times) = match text.strip_suffix(['k', 'K']) {
            Some(d) => (d, 1024),
            None => (text.as_str(), 1),
        };
        digits.parse::<u64>().ok()?.checked_mul(times).filter(|n| (1..=u64::from(u32::MAX)).contains(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_makes_no_recipe() {
        let cases = [
            (Field::Context, "4096", true),
            (Field::Context, "4 096", true),
            (Field::Context, "8k", true),
            (Field::Context, "0", false),
            (Field::Context, "many", false),
            (Field::Context, "-1", false),
            (Field::Budget, "760MB", true),
            (Field::Budget, "4.25 bpw", true),
            (Field::Budget, "760", false),
            (Field::Budget, "little", false),
        ];
        for (field, text, fine) in cases {
            let mut r = RecipeState::default();
            r.set_source("/m".into());
            r.set_text(field, text);
            assert_eq!((r.field_error(field).is_none(), r.recipe().is_some()), (fine, fine), "{field:?} {text}");
        }
    }

    #[test]
    fn every_choice_turns_round() {
        for field in Field::ALL.into_iter().filter(|f| !f.is_text()) {
            let mut r = RecipeState::default();
            let first = r.value(field).to_owned();
            r.turn(field, 1);
            assert_ne!(r.value(field), first, "{field:?}");
            r.turn(field, -1);
            assert_eq!(r.value(field), first, "{field:?}");
        }
    }
}
