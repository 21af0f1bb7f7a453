//! Sets of GGUF files: which tensors go where, and that each file is complete in itself.

use crate::support::{entries, request, tensor, write};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use remold::testing::formats::{self, LayoutTensor, Split, gguf};
use remold::testing::model::{MetaValue, Metadata, Sidecars};
use remold::testing::quant::BlockType;
use remold::testing::tensor::DType;
use std::fs;

/// Tensors of these numbers of elements.
fn tensors(elements: &[u64]) -> Vec<LayoutTensor> {
    elements.iter().enumerate().map(|(i, n)| tensor(&format!("t.{i}"), &[*n], DType::F32)).collect()
}

#[test]
fn every_tensor_is_written_once_in_order_within_the_limit() {
    let config = ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(20_261_125),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sizes = proptest::collection::vec(1u64..100, 1..40);
    proptest!(config, |(sizes in sizes, limit in 1u64..2000, count in 1usize..12, bare in any::<bool>())| {
        let (metadata, sidecars) = (Metadata::new(), Sidecars::default());
        let tensors = tensors(&sizes);
        for by in [Split::Bytes(limit), Split::Tensors(count)] {
            let mut req = request("d/x.gguf".as_ref(), &tensors, &metadata, &sidecars);
            req.split = if bare { Split::MetadataFirst(Box::new(by.clone())) } else { by.clone() };
            let plans = gguf::layout(&req).unwrap();
            let order: Vec<usize> = plans.iter().flat_map(|p| &p.slots).map(|s| s.tensor).collect();
            prop_assert_eq!(order, (0..sizes.len()).collect::<Vec<_>>());
            for (i, plan) in plans.iter().enumerate() {
                let name = if plans.len() == 1 { "d/x.gguf".to_owned() } else { format!("d/x-{:05}-of-{:05}.gguf", i + 1, plans.len()) };
                prop_assert_eq!(&plan.path, std::path::Path::new(&name));
                prop_assert_eq!(plan.slots.is_empty(), bare && i == 0);
                let bytes: u64 = plan.slots.iter().map(|s| s.bytes.next_multiple_of(32)).sum();
                let fits = if let Split::Tensors(n) = by { plan.slots.len() <= n } else { bytes <= limit || plan.slots.len() == 1 };
                prop_assert!(fits, "{plan:?}");
            }
            // None could have taken the first tensor of the next.
            for pair in plans.windows(2).skip(usize::from(bare)) {
                let bytes: u64 = pair[0].slots.iter().chain(pair[1].slots.first()).map(|s| s.bytes.next_multiple_of(32)).sum();
                let full = if let Split::Tensors(n) = by { pair[0].slots.len() == n } else { bytes > limit };
                prop_assert!(full, "{pair:?}");
            }
        }
    });
}

#[test]
fn a_set_merges_to_the_file_that_was_split_at_every_alignment() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = [
        tensor("token_embd.weight", &[3, 5], DType::F16),
        tensor("blk.0.w", &[2, 64], BlockType::Q4_0),
        tensor("blk.0.b", &[1], DType::F32),
        tensor("blk.1.w", &[7], DType::BF16),
        tensor("output.weight", &[100], DType::F32),
    ];
    let sidecars = Sidecars::default();
    let splits = [
        Split::Bytes(1),
        Split::Bytes(128),
        Split::Tensors(2),
        Split::Files(vec![vec![0, 1, 2], vec![3, 4]]),
        Split::MetadataFirst(Box::new(Split::Tensors(3))),
        Split::MetadataFirst(Box::new(Split::Whole)),
    ];
    for alignment in [None, Some(8u32), Some(32), Some(64), Some(4096)] {
        let mut metadata: Metadata = [("general.name".to_owned(), MetaValue::from("x"))].into_iter().collect();
        metadata.extend(alignment.map(|a| ("general.alignment".to_owned(), MetaValue::U32(a))));
        for (n, split) in splits.iter().enumerate() {
            let case = format!("{alignment:?} {split:?}");
            let path = dir.path().join(format!("{}-{n}.gguf", alignment.unwrap_or(0)));
            let mut req = request(&path, &tensors, &metadata, &sidecars);
            req.split = split.clone();
            let plans = gguf::layout(&req).unwrap();
            assert!(plans.len() > 1, "{case}");
            for (no, plan) in plans.iter().enumerate() {
                write(plan, &entries(&tensors));
                let own = gguf::shard_metadata(&metadata, no, plans.len(), tensors.len());
                assert!(own.contains_key("general.name") == (no == 0), "{case}");
                #[cfg(feature = "verify-gguf-rs")]
                assert_eq!(gguf::verify(&plan.path, plan, &request(&path, &tensors, &own, &sidecars)).unwrap(), []);
                let seen = gguf::open_alone(&plan.path).unwrap();
                assert!(seen.metadata == *own, "{case}: {:?}", seen.metadata);
            }
            let set = formats::open(&plans[plans.len() - 1].path).unwrap();
            assert_eq!((set.files.len(), &set.metadata), (plans.len(), &metadata), "{case}");
            let whole = &gguf::layout(&request(&path, &tensors, &metadata, &sidecars)).unwrap()[0];
            write(whole, &set.tensors);
            let merged = fs::read(&path).unwrap();
            write(whole, &entries(&tensors));
            assert!(merged == fs::read(&path).unwrap(), "{case}");
        }
    }
}
