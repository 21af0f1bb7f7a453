//! What is said of tensors whose rows do not fit the type that they should have: one line for each length of a row, since all tensors of that
//! length have the same reason. The plan lists every tensor.

use crate::model::{TensorEntry, Warning};
use crate::quant::Encoding;
use indexmap::{IndexMap, IndexSet};

/// The code of these warnings.
pub(crate) const FALLBACK: &str = "quantize.fallback";
/// Most lines; the tensors of the other lengths are counted.
const MAX_LINES: usize = 20;

/// A tensor that gets another type than it should.
pub(crate) struct Fallen<'a> {
    /// The tensor.
    pub tensor: &'a TensorEntry,
    /// The type that does not fit its rows.
    pub wanted: Encoding,
    /// The type that is written.
    pub written: Encoding,
}

/// The tensors of one length of a row.
#[derive(Default)]
struct Group<'a> {
    first: &'a str,
    count: usize,
    wanted: IndexSet<Encoding>,
    written: IndexMap<Encoding, usize>,
}

impl Group<'_> {
    fn warning(&self, cols: u64) -> Warning {
        let wanted: Vec<String> = self.wanted.iter().map(Encoding::to_string).collect();
        let wanted = wanted.join(" or ");
        if self.count == 1 {
            let written: Vec<String> = self.written.keys().map(Encoding::to_string).collect();
            let text = format!(
                "{} has rows of {cols} elements, which do not fit {wanted}; it becomes {}",
                self.first,
                written.concat()
            );
            return Warning::about(FALLBACK, self.first, text);
        }
        let written = match self.written.len() {
            1 => self.written.keys().map(Encoding::to_string).collect(),
            _ => {
                let each: Vec<String> = self.written.iter().map(|(e, n)| format!("{e} ({n})")).collect();
                each.join(", ")
            }
        };
        let n = self.count;
        let text =
            format!("{n} tensors have rows of {cols} elements, which do not fit {wanted}; they become {written}");
        Warning::new(FALLBACK, text)
    }
}

/// One warning for each length of a row.
pub(crate) fn fallback_warnings<'a>(fallen: impl Iterator<Item = Fallen<'a>>) -> Vec<Warning> {
    let mut groups: IndexMap<u64, Group<'a>> = IndexMap::new();
    for f in fallen {
        let group = groups.entry(f.tensor.cols()).or_default();
        if group.count == 0 {
            group.first = &f.tensor.name;
        }
        group.count += 1;
        group.wanted.insert(f.wanted);
        *group.written.entry(f.written).or_insert(0) += 1;
    }
    let mut warnings: Vec<Warning> = groups.iter().take(MAX_LINES).map(|(cols, group)| group.warning(*cols)).collect();
    let more: usize = groups.values().skip(MAX_LINES).map(|group| group.count).sum();
    if more > 0 {
        let text = format!("the rows of {more} more tensors do not fit their types");
        warnings.push(Warning::new(FALLBACK, text));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::quant::BlockType::{Q4_K, Q5_0, Q6_K, Q8_0};

    #[test]
    fn a_line_has_the_tensors_of_one_length() {
        let tensor =
            |name: &str, cols: u64| TensorEntry { shape: [2, cols].into(), ..MemoryRows::f32_vector(name, &[0.0]) };
        let all = [tensor("a", 576), tensor("b", 576), tensor("c", 576), tensor("d", 96)];
        let types = [(Q4_K, Q5_0), (Q6_K, Q8_0), (Q4_K, Q5_0), (Q4_K, Q5_0)];
        let fallen =
            all.iter().zip(types).map(|(tensor, (a, b))| Fallen { tensor, wanted: a.into(), written: b.into() });
        let warnings = fallback_warnings(fallen);
        let texts: Vec<&str> = warnings.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "3 tensors have rows of 576 elements, which do not fit Q4_K or Q6_K; they become Q5_0 (2), Q8_0 (1)",
                "d has rows of 96 elements, which do not fit Q4_K; it becomes Q5_0",
            ]
        );
        assert_eq!((warnings[0].tensor.as_deref(), warnings[1].tensor.as_deref()), (None, Some("d")));
        let many: Vec<TensorEntry> = (0..30).map(|i| tensor(&format!("t{i}"), 33 + i)).collect();
        let fallen = many.iter().map(|tensor| Fallen { tensor, wanted: Q4_K.into(), written: Q5_0.into() });
        let warnings = fallback_warnings(fallen);
        assert_eq!(warnings.len(), MAX_LINES + 1);
        assert!(warnings[MAX_LINES].text.contains("10 more tensors"), "{:?}", warnings[MAX_LINES]);
    }
}
