//! Checksums of zip archives: a flipped bit is an error that names file and tensor, unless checksums are not wanted.

use crate::lab::Lab;
use crate::made::noise;
use crate::made_zip::{checkpoint, zip};

/// A checkpoint whose second storage has a bit that changed since it was written.
fn damaged(lab: &Lab) {
    let tensors: Vec<(String, Vec<f32>)> = (0..3).map(|i| (format!("layers.{i}.weight"), noise(64 * 256, i))).collect();
    let all: Vec<_> = tensors.iter().map(|(n, v)| (n.as_str(), &[64u32, 256][..], v.clone())).collect();
    let mut entries = checkpoint(&all);
    entries[2].data[30_001] ^= 0x10;
    lab.write("m.pt", zip(&entries));
}

#[test]
fn a_flipped_bit_is_an_error_and_nothing_is_written() {
    let lab = Lab::new();
    damaged(&lab);
    let before = lab.tree();
    for to in ["gguf:q8_0", "gguf:f32", "safetensors", "safetensors:f16", "pytorch"] {
        let ran = lab.run(&format!("convert m.pt --to {to} -o out.x")).expect(1);
        for word in ["m.pt", "layers.1.weight", "data/1", "does not match its checksum", "--no-checksums"] {
            assert!(ran.err.contains(word), "{to}: {word}: {}", ran.err);
        }
        assert_eq!(lab.tree(), before, "{to}");
    }
    lab.run("convert m.pt --to safetensors -o out.safetensors --no-checksums").expect(0);
    lab.write("r.toml", "[source]\npath = \"m.pt\"\nno_checksums = true\n[[target]]\nformat = \"safetensors\"\noutput = \"r.safetensors\"\n");
    lab.run("run r.toml").expect(0);
    assert_eq!(std::fs::read(lab.path("r.safetensors")).unwrap(), std::fs::read(lab.path("out.safetensors")).unwrap());
    let ran = lab.run("compare m.pt out.safetensors").expect(2);
    assert!(ran.err.contains("layers.1.weight"), "{}", ran.err);
    lab.run("compare m.pt out.safetensors --no-checksums").expect(0);
}

#[test]
fn a_pickle_that_does_not_match_is_refused_before_any_work() {
    let lab = Lab::new();
    let mut entries = checkpoint(&[("w", &[2], vec![1.0, 2.0])]);
    entries[0].crc ^= 1;
    lab.write("m.pt", zip(&entries));
    let ran = lab.run("convert m.pt --to safetensors -o out.safetensors").expect(2);
    assert!(ran.err.contains("data.pkl: its contents do not match its checksum"), "{}", ran.err);
    assert!(lab.run("inspect m.pt").expect(0).err.is_empty());
    lab.run("convert m.pt --to safetensors -o out.safetensors --no-checksums").expect(0);
}

#[test]
fn archives_without_checksums_are_read() {
    let lab = Lab::new();
    let mut entries = checkpoint(&[("w", &[2], vec![1.0, 2.0])]);
    entries.iter_mut().for_each(|e| e.crc = 0);
    lab.write("m.pt", zip(&entries));
    lab.run("convert m.pt --to safetensors -o out.safetensors").expect(0);
}
