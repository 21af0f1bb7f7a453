//! Tensors that are missing or have another shape: all are counted, a limited number is named.

use crate::model::ModelError;
use crate::tensor::Shape;

/// Names shown of each list; the rest are counted.
const NAMED: usize = 20;
/// The same of tensors with their shapes: these entries are long, and a wrong field makes all of them wrong.
const NAMED_SHAPES: usize = 3;

/// A list that keeps the first entries and counts all of them.
#[derive(Debug, Default)]
pub(super) struct Listed {
    shown: Vec<String>,
    count: u64,
}

impl Listed {
    /// Adds an entry.
    pub(super) fn add(&mut self, entry: impl FnOnce() -> String) {
        if !self.is_full() {
            self.shown.push(entry());
        }
        self.count = self.count.saturating_add(1);
    }

    /// Counts entries that are not shown.
    pub(super) fn add_unnamed(&mut self, n: u64) {
        self.count = self.count.saturating_add(n);
    }

    /// Adds the entries of another list.
    pub(super) fn append(&mut self, other: Self) {
        let room = NAMED.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.into_iter().take(room));
        self.count = self.count.saturating_add(other.count);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// True once no further entry is shown.
    pub(super) fn is_full(&self) -> bool {
        self.shown.len() >= NAMED
    }

    /// The first entries, at most so many, and how many more there are.
    fn text(&self, most: usize) -> String {
        let shown = &self.shown[..self.shown.len().min(most)];
        let more = self.count.saturating_sub(shown.len() as u64);
        let names = shown.join(", ");
        if more == 0 { names } else { format!("{names} and {more} more") }
    }
}

/// Everything found wrong with one network's tensors.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub missing: Listed,
    pub shapes: Listed,
    /// Fields that gave a dimension that no tensor has, each with its value.
    pub fields: Vec<String>,
    /// The first name that is not one of the family's, and how many there are.
    strangers: Option<(String, u64)>,
    /// First and last layer without any tensor, and how many there are.
    pub empty_layers: Option<(u64, u64, u64)>,
}

impl Faults {
    /// Records a name that is not one of the family's.
    pub(super) fn stranger(&mut self, name: &str) {
        match &mut self.strangers {
            Some((first, n)) => {
                if name < first.as_str() {
                    name.clone_into(first);
                }
                *n += 1;
            }
            None => self.strangers = Some((name.to_owned(), 1)),
        }
    }

    /// Records a tensor whose shape is not the expected one; unknown dimensions are `None`.
    pub(super) fn shape(&mut self, name: &str, is: &Shape, expected: &[Option<u64>], fields: Vec<String>) {
        self.shapes.add(|| {
            let dims: Vec<String> =
                expected.iter().map(|d| d.map_or_else(|| "any".to_owned(), |d| d.to_string())).collect();
            format!("{name} is {is} instead of {}", dims.join(" × "))
        });
        for field in fields {
            if !self.fields.contains(&field) {
                self.fields.push(field);
            }
        }
    }

    /// The error, if there is any fault. `source` is where the sizes come from (`config.json`), `layers` the field that gives
    /// the number of layers with its value.
    pub(super) fn into_error(self, arch: &str, source: &str, layers: &str) -> Result<(), ModelError> {
        let mut parts = Vec::new();
        if self.missing.count > 0 {
            let (verb, of) = if self.missing.count == 1 { ("is", "tensor") } else { ("are", "tensors") };
            let n = self.missing.count;
            parts.push(format!("{n} {of} of the architecture {arch} {verb} missing: {}", self.missing.text(NAMED)));
        }
        if self.shapes.count > 0 {
            let (verb, of) =
                if self.shapes.count == 1 { ("has a shape", "tensor") } else { ("have shapes", "tensors") };
            let fields = match self.fields.as_slice() {
                [] => String::new(),
                fields => format!(" ({})", fields.join(", ")),
            };
            let n = self.shapes.count;
            parts
                .push(format!("{n} {of} {verb} that {source} contradicts{fields}: {}", self.shapes.text(NAMED_SHAPES)));
        }
        if parts.is_empty() {
            return Ok(());
        }
        let mut hint = match self.empty_layers {
            Some((first, last, n)) => {
                let which = match n {
                    1 => format!("layer {first} has"),
                    _ if last - first + 1 == n => format!("layers {first} to {last} have"),
                    _ => format!("{n} layers, the first of them layer {first}, have"),
                };
                format!(
                    "{source} says {layers}, but {which} no tensor at all. Is a file of the weights missing, or is this the configuration of another model?"
                )
            }
            None if self.missing.count == 0 => {
                format!("Does {source} belong to another model, or is a field wrong or missing?")
            }
            None => "Is a file of the weights missing, or was only a part of the model saved? Get the whole model; \
                     `--bare` converts tensors alone."
                .to_owned(),
        };
        if let Some((name, n)) = self.strangers.filter(|_| self.missing.count > 0) {
            let more = if n == 1 { String::new() } else { format!(" and {} more", n - 1) };
            hint.push_str(&format!(" Names that the architecture does not have: {name}{more}."));
        }
        Err(ModelError::bad(parts.join("; ")).with_hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let mut faults = Faults::default();
        (0..25).for_each(|i| faults.missing.add(|| format!("t{i}")));
        faults.missing.add_unnamed(1 << 40);
        let error = faults.into_error("llama", "config.json", "num_hidden_layers 4").unwrap_err().to_string();
        assert!(error.contains("t19 and 1099511627781 more") && !error.contains("t20"), "{error}");
        let mut faults = Faults::default();
        (0..39).for_each(|i| faults.shape(&format!("t{i}"), &Shape(vec![2, 3]), &[Some(9), None], Vec::new()));
        let error = faults.into_error("llama", "config.json", "").unwrap_err().to_string();
        assert!(error.contains("t2 is 2 × 3 instead of 9 × any and 36 more") && !error.contains("t3"), "{error}");
        assert!(Faults::default().into_error("llama", "config.json", "").is_ok());
    }
}
