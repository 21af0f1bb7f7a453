//! What is refused, and that nothing panics on damaged files.

use super::made::{File, llama, opened};
use crate::model::ErrorKind;

fn error(bytes: &[u8]) -> String {
    opened("x.bin", bytes).unwrap_err().to_string()
}

#[test]
fn sessions_and_unknown_versions_are_refused_by_name() {
    let e = opened("s.bin", &File(b"nsgg".to_vec()).ints(&[1, 2, 3]).0).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::BadRequest);
    assert!(e.to_string().contains("saved session"), "{e}");
    assert!(error(&File(b"tjgg".to_vec()).ints(&[4]).0).contains("version 4 of ggjt"));
    assert!(error(&File(b"fmgg".to_vec()).ints(&[2]).0).contains("version 2 of ggmf"));
}

#[test]
fn the_error_is_that_of_the_best_guess() {
    let head = || llama(b"tjgg", Some(3), 64, 2);
    let cut = head().tensor("tok_embeddings.weight", 2, &[64, 2], 40, true);
    assert!(error(&cut.0).contains("the data of tok_embeddings.weight takes 72 bytes but the file has 40 left"));
    let code = head().tensor("tok_embeddings.weight", 99, &[64, 2], 72, true);
    assert!(error(&code.0).contains("type 99"), "{}", error(&code.0));
    let dims = head().tensor("tok_embeddings.weight", 0, &[2, 2, 2, 2, 2], 128, true);
    assert!(error(&dims.0).contains("5 dimensions"));
    let twice =
        head().tensor("tok_embeddings.weight", 0, &[2], 8, true).tensor("tok_embeddings.weight", 0, &[2], 8, true);
    assert!(error(&twice.0).contains("came before"));
    let nameless = head().tensor("other", 0, &[2], 8, true);
    assert!(error(&nameless.0).contains("tok_embeddings.weight"));
    let vocabulary = File(b"tjgg".to_vec()).ints(&[3, i32::MAX, 64, 32, 2, 1, 32, 2]);
    assert!(error(&vocabulary.0).contains("do not fit"), "{}", error(&vocabulary.0));
    let negative = File(b"tjgg".to_vec()).ints(&[3, -5, 64, 32, 2, 1, 32, 2]);
    assert!(error(&negative.0).contains("-5 is not a number of things"));
}

#[test]
fn parts_that_do_not_divide_the_width_are_refused() {
    let file = llama(b"fmgg", Some(1), 64, 0).tensor("tok_embeddings.weight", 0, &[48, 2], 384, false);
    assert!(error(&file.0).contains("no part of the width 64"));
}

#[test]
fn damaged_files_give_an_error_or_a_model_and_never_a_panic() {
    let whole = llama(b"tjgg", Some(1), 64, 2)
        .tensor("tok_embeddings.weight", 2, &[64, 2], 80, true)
        .tensor("norm.weight", 0, &[64], 256, true)
        .0;
    assert!(opened("x.bin", &whole).is_ok());
    for len in 0..whole.len() {
        if let Ok(model) = opened("x.bin", &whole[..len]) {
            assert!(model.tensors.len() < 2, "cut at {len}");
        }
    }
    for at in 0..whole.len().min(300) {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            if let Ok(model) = opened("x.bin", &bytes) {
                model.tensors.iter().filter(|t| t.bytes() < 1 << 20).for_each(|t| drop(t.read_all()));
            }
        }
    }
}
