//! What copiers write.

use super::support::{World, safetensors};
use crate::watch::Wait;

#[test]
fn a_git_lfs_pointer_is_waited_for() {
    let mut w = World::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1720\n";
    w.sidecars("m").put("m/model.safetensors", pointer);
    assert_eq!(w.waits("m"), Wait::LfsPointer { file: "model.safetensors".into() });
    w.put("m/model.safetensors", safetensors("t", 64));
    w.complete("m");
}

#[test]
fn a_file_of_the_full_length_with_a_hole_is_waited_for() {
    let mut w = World::new();
    let whole = safetensors("t", 1 << 20);
    w.sidecars("m").put("m/model.safetensors", &whole[..4096]);
    let file = std::fs::OpenOptions::new().write(true).open(w.path("m/model.safetensors")).unwrap();
    file.set_len(whole.len() as u64).unwrap();
    assert!(matches!(w.waits("m"), Wait::Hole { at: 4096, .. }));
    w.put("m/model.safetensors", whole);
    w.complete("m");
}
