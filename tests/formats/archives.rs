//! Zip archives that two readers could read differently, and storages whose bytes do not match their checksum.

use super::made_zip::{Entry, checkpoint, entry, state_dict, with_comment, zip};
use remold::testing::formats::pytorch;
use remold::testing::model::Model;
use std::sync::atomic::AtomicBool;

fn open(bytes: &[u8]) -> Result<(tempfile::TempDir, Model), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.pt");
    std::fs::write(&path, bytes).unwrap();
    match pytorch::open(&path) {
        Ok(model) => Ok((dir, model)),
        Err(e) => Err(format!(
            "{e}\n{}",
            e.hint().map(remold::testing::recipe::remedies::on_command_line).unwrap_or_default()
        )),
    }
}

fn plain() -> Vec<Entry> {
    checkpoint(&[("w", &[2, 3], vec![1.0; 6]), ("v", &[4], vec![2.0; 4])])
}

#[test]
fn an_archive_that_could_be_read_two_ways_is_refused() {
    let good = zip(&plain());
    let (_dir, model) = open(&good).unwrap();
    assert_eq!((model.tensors.len(), model.checks.0.len(), model.warnings.len()), (2, 2, 0), "{:?}", model.warnings);
    let other = zip(&checkpoint(&[("evil", &[1], vec![6.0])]));
    let change = |f: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = plain();
        f(&mut entries);
        zip(&entries)
    };
    // The whole second archive moved so that its offsets are right within the file: a scanner from the front sees the first one.
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an archive in the comment", with_comment(&plain(), &other), "two end records"),
        ("parts of an archive in the comment", with_comment(&plain(), b"x PK\x01\x02 y"), "comment contains parts"),
        ("an archive behind the end", [good.clone(), b"trailing".to_vec()].concat(), "bytes follow the end"),
        ("one archive after another", [good.clone(), other.clone()].concat(), "unexpected bytes between"),
        ("bytes before the directory", before_directory(&good, &other), "central directory"),
        (
            "another name in the local header",
            change(&|e| e[1].local_name = Some("model/data/9".into())),
            "the name in its local header differs",
        ),
        (
            "another method in the local header",
            change(&|e| e[1].local_method = Some(8)),
            "the method in its local header differs",
        ),
        (
            "another size in the local header",
            change(&|e| e[1].local_size = Some(7)),
            "the size in its local header differs",
        ),
        (
            "two entries of one name",
            change(&|e| {
                let name = e[1].name.clone();
                e[2].name = name;
            }),
            "duplicate entry name",
        ),
        ("two entries that share their bytes", change(&|e| e[2].offset = Some(0)), "overlap"),
        ("a name cut by a zero", change(&|e| e[0].name = "model/data.pkl\0.txt".into()), "zero byte"),
        (
            "two models",
            change(&|e| e.push(entry("other/data.pkl", state_dict(&[])))),
            "two models: model/data.pkl and other/data.pkl",
        ),
        (
            "bytes between entries",
            {
                let mut entries = plain();
                entries[2].offset = None;
                let hidden = zip(&entries[..1]);
                let mut bytes = zip(&entries);
                let at = bytes.windows(4).rposition(|w| w == b"PK\x03\x04").unwrap();
                bytes.splice(at..at, hidden);
                bytes
            },
            "",
        ),
    ];
    let mut wrong = Vec::new();
    for (what, bytes, says) in cases {
        match open(&bytes) {
            Err(e) if e.contains(says) && !e.ends_with('\n') => {}
            Err(e) => wrong.push(format!("{what}: {e}")),
            Ok((_, m)) => wrong.push(format!("{what}: opens with {:?}", m.tensors)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Puts bytes between the entries and the central directory, and updates the end record.
fn before_directory(archive: &[u8], hidden: &[u8]) -> Vec<u8> {
    let end = archive.len() - 22;
    let start = u32::from_le_bytes(archive[end + 16..end + 20].try_into().unwrap()) as usize;
    let mut out = [&archive[..start], hidden, &archive[start..]].concat();
    let at = out.len() - 6;
    out[at..at + 4].copy_from_slice(&((start + hidden.len()) as u32).to_le_bytes());
    out
}

#[test]
fn a_plain_comment_is_no_trouble() {
    let (_dir, model) = open(&with_comment(&plain(), b"trained on a Tuesday")).unwrap();
    assert_eq!(model.tensors.len(), 2);
}

#[test]
fn a_flipped_bit_in_a_storage_is_noticed_however_it_is_read() {
    let values: Vec<f32> = (0..60).map(|v| v as f32).collect();
    let mut bytes = zip(&checkpoint(&[("w", &[10, 6], values), ("v", &[4], vec![2.0; 4])]));
    let at = bytes.windows(8).position(|w| w == [0, 0, 0, 0, 0, 0, 0x80, 0x3f]).unwrap();
    bytes[at + 40] ^= 4;
    let never = AtomicBool::new(false);
    let wrong = |model: &Model| {
        let mut last = None;
        for r in [3, 1, 0, 9, 2, 4, 5, 6, 8, 7, 3] {
            if let Err(e) = model.tensors[0].read(r..r + 1) {
                last = Some(e);
            }
        }
        last
    };
    let (_dir, model) = open(&bytes).unwrap();
    let e = wrong(&model).expect("an error at the last row").to_string();
    assert!(e.contains("m.pt") && e.contains(" w: the data of data/0 does not match its checksum"), "{e}");
    assert!(model.checks.finish(&never).is_err());
    // Read in part: the rest is read in the end.
    let (_dir, model) = open(&bytes).unwrap();
    assert!(model.tensors[0].read(9..10).is_ok());
    assert!(model.checks.finish(&never).is_err());
    // Not read at all, or not asked to be compared.
    let (_dir, model) = open(&bytes).unwrap();
    assert!(model.tensors[1].read(0..1).is_ok() && model.checks.finish(&never).is_ok());
    let (_dir, model) = open(&bytes).unwrap();
    model.checks.enable(false);
    assert!(wrong(&model).is_none() && model.checks.finish(&never).is_ok());
}

#[test]
fn views_that_leave_out_part_of_a_storage_are_checked_whole() {
    // A transpose and a slice of one storage of 40 elements.
    let dict = state_dict(&[("t", &[4, 5], &[1, 4], "0", 40), ("s", &[2, 3], &[3, 1], "0", 40)]);
    let data: Vec<u8> = (0..40u32).flat_map(|v| (v as f32).to_le_bytes()).collect();
    let never = AtomicBool::new(false);
    for flipped in [false, true] {
        let mut entries = vec![entry("m/data.pkl", dict.clone()), entry("m/data/0", data.clone())];
        if flipped {
            entries[1].data[159] ^= 1;
        }
        let (_dir, model) = open(&zip(&entries)).unwrap();
        model.tensors.iter().for_each(|t| assert!(t.read_all().is_ok()));
        assert_eq!(model.checks.finish(&never).is_err(), flipped);
    }
}
