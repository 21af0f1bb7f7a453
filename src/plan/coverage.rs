//! What an importance matrix covers of the tensors that are quantized: part of the plan, before anything is written.

use super::{ImatrixCoverage, PartOf, PreparedTensor};
use crate::quant::{Encoding, uses_imatrix};
use crate::transform::Imatrix;

impl ImatrixCoverage {
    /// Adds what the tensors of an output, after every choice of types, take from the matrix.
    pub(crate) fn measure(&mut self, matrix: Option<&Imatrix>, tensors: &[PreparedTensor]) {
        let matters = |t: &&PreparedTensor| {
            t.entry.encoding != t.encoding && matches!(t.encoding, Encoding::Block(b) if uses_imatrix(b))
        };
        for t in tensors.iter().filter(matters) {
            let name = t.entry.name.as_str();
            self.quantized += 1;
            let entry = matrix.and_then(|m| Some((m.get(name)?, m.unseen.get(name))));
            let Some((values, unseen)) = entry.filter(|_| t.importance.is_some()) else {
                self.missing.push(name.to_owned());
                continue;
            };
            self.used += 1;
            let part = |count, of| PartOf { tensor: name.to_owned(), count, of };
            let zero = values.iter().filter(|v| **v == 0.0).count();
            if zero > 0 {
                self.zero_columns.push(part(zero, values.len()));
            }
            if let Some(experts) = unseen {
                self.unseen_experts.push(part(experts.unseen, experts.of));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, TensorEntry};
    use crate::quant::BlockType;
    use crate::tensor::DType;
    use crate::transform::imatrix::UnreachedMatrices;
    use std::sync::Arc;

    #[test]
    fn what_is_missing_zero_or_never_seen_is_counted() {
        let rows = Arc::new(MemoryRows { bytes: Vec::new(), row_bytes: 0 });
        let entries =
            [("used", vec![1.0; 64]), ("zeros", vec![0.0; 32]), ("kept", vec![1.0; 32]), ("coarse", vec![1.0; 32])];
        let entries = entries.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let mut matrix = Imatrix::from_entries(entries).unwrap();
        matrix.unseen.insert("used".into(), UnreachedMatrices { unseen: 1, of: 2 });
        let matrix = Arc::new(matrix);
        let tensor = |name: &str, encoding: Encoding| PreparedTensor {
            entry: TensorEntry::new(name, [2, 4, 32], DType::F32, rows.clone()),
            encoding,
            importance: matrix.get(name).is_some().then(|| matrix.clone()),
        };
        let q4 = Encoding::from(BlockType::Q4_0);
        let tensors = [
            tensor("used", q4),
            tensor("zeros", q4),
            tensor("absent", q4),
            tensor("kept", DType::F32.into()),
            tensor("coarse", BlockType::Q8_0.into()),
        ];
        let mut found = ImatrixCoverage::default();
        found.measure(Some(&matrix), &tensors);
        let part = |tensor: &str, count, of| PartOf { tensor: tensor.into(), count, of };
        assert_eq!((found.quantized, found.used, &found.missing[..]), (3, 2, &["absent".to_owned()][..]));
        assert_eq!(found.zero_columns, [part("zeros", 32, 32)]);
        assert_eq!(found.unseen_experts, [part("used", 1, 2)]);
    }
}
