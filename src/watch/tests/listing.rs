//! The tree itself: what is listed, and what a refresh lists again.

use super::support::{World, safetensors};
use crate::watch::{Dirty, Tree};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn folders(w: &World, names: &[&str]) -> Dirty {
    Dirty::Folders(names.iter().map(|n| w.path(n)).collect())
}

#[test]
fn the_root_may_come_and_go() {
    let w = World::new();
    let mut tree = Tree::new(&w.root());
    assert!(tree.refresh(&Dirty::All).added.is_empty() && !tree.exists());
    w.put("a/x", "1");
    let changes = tree.refresh(&Dirty::All);
    assert_eq!(changes.added, [w.root(), w.path("a")]);
    std::fs::remove_dir_all(w.root()).unwrap();
    let changes = tree.refresh(&Dirty::Folders(BTreeSet::from([w.root()])));
    assert_eq!(changes.removed, [w.root(), w.path("a")]);
    assert!(!tree.exists() && tree.folders().next().is_none());
    w.put("a/x", "1");
    assert_eq!(tree.refresh(&Dirty::All).added.len(), 2);
}

#[test]
fn only_what_is_dirty_is_listed_again_and_new_folders_are_listed_at_once() {
    let w = World::new();
    w.put("a/x", "1").put("b/x", "1");
    let mut tree = w.tree();
    // A file written in place changes no folder.
    w.put("a/x", "22").put("b/x", "22");
    tree.refresh(&folders(&w, &["a"]));
    let bytes = |tree: &Tree, name: &str| tree.entry(&w.path(name)).map(|e| e.stamp.bytes);
    assert_eq!((bytes(&tree, "a/x"), bytes(&tree, "b/x")), (Some(2), Some(1)));
    w.put("a/new/deep/y", "1");
    let changes = tree.refresh(&folders(&w, &["a"]));
    assert_eq!(changes.added, [w.path("a/new"), w.path("a/new/deep")]);
    assert_eq!(bytes(&tree, "a/new/deep/y"), Some(1));
    // An unknown path means the nearest known folder above it.
    w.put("b/z", "1");
    tree.refresh(&folders(&w, &["b/gone/deeper"]));
    assert_eq!((bytes(&tree, "b/x"), bytes(&tree, "b/z")), (Some(2), Some(1)));
    std::fs::rename(w.path("a/new"), w.path("b/moved")).unwrap();
    let changes = tree.refresh(&folders(&w, &["a", "b"]));
    assert_eq!(changes.added, [w.path("b/moved"), w.path("b/moved/deep")]);
    assert_eq!(changes.removed, [w.path("a/new"), w.path("a/new/deep")]);
}

#[test]
fn a_folder_is_current_until_something_in_it_changes() {
    let w = World::new();
    w.put("a/x", "1").put("b/x", "1");
    let mut tree = w.tree();
    let (a, b) = (w.path("a"), w.path("b"));
    assert!(tree.is_current([a.as_path(), b.as_path()]));
    w.put("a/x", "22");
    assert!(!tree.is_current([a.as_path()]) && tree.is_current([b.as_path()]));
    assert!(!tree.refresh(&folders(&w, &["a"])).other_folders, "the folders are the same");
    assert!(tree.is_current([a.as_path(), b.as_path()]));
    w.put("a/new/x", "1");
    assert!(tree.refresh(&folders(&w, &["a"])).other_folders);
    assert!(!tree.is_current([w.path("nowhere").as_path()]));
}

#[test]
fn a_file_behind_a_link_is_seen_by_the_folder_it_is_in() {
    let w = World::new();
    let store = w.dir.path().join("store");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(store.join("blob"), "1").unwrap();
    std::fs::create_dir_all(w.root()).unwrap();
    symlink(store.join("blob"), w.path("m.safetensors")).unwrap();
    let mut tree = w.tree();
    let real = std::fs::canonicalize(&store).unwrap();
    assert!(tree.folders().any(|f| f == real));
    std::fs::write(store.join("blob"), "22").unwrap();
    tree.refresh(&Dirty::Folders(BTreeSet::from([real])));
    assert_eq!(tree.entry(&w.path("m.safetensors")).unwrap().stamp.bytes, 2);
}

#[test]
fn links_in_circles_and_upwards_end() {
    let w = World::new();
    w.put("a/x", "1");
    symlink("..", w.path("a/up")).unwrap();
    symlink(".", w.path("a/self")).unwrap();
    symlink(w.dir.path(), w.path("out")).unwrap();
    symlink("b2", w.path("b1")).unwrap();
    symlink("b1", w.path("b2")).unwrap();
    let tree = w.tree();
    let listed: Vec<PathBuf> = tree.listings().map(|(p, _)| p.to_owned()).collect();
    assert_eq!(listed, [w.root(), w.path("a")]);
    assert!(tree.problems().iter().any(|p| p.path == w.path("out")));
}

#[test]
fn depth_has_a_bound_that_is_told() {
    let w = World::new();
    w.put("1/2/3/4/5/6/7/8/9/m.safetensors", safetensors("t", 8));
    w.put("1/2/3/4/5/6/7/8/m.safetensors", safetensors("t", 8));
    assert_eq!(w.units(), [("1/2/3/4/5/6/7/8/m.safetensors".to_owned(), "file")]);
    let tree = w.tree();
    assert_eq!(tree.problems().len(), 1);
    assert!(tree.problems()[0].what.contains("8 levels"));
}

#[test]
fn a_folder_that_cannot_be_listed_is_a_problem_until_it_can() {
    use std::os::unix::fs::PermissionsExt;
    let w = World::new();
    w.put("a/m.safetensors", safetensors("t", 8));
    let rights = |mode| std::fs::set_permissions(w.path("a"), std::fs::Permissions::from_mode(mode)).unwrap();
    rights(0o000);
    let denied = std::fs::read_dir(w.path("a")).is_err();
    let mut tree = w.tree();
    assert_eq!(tree.problems().len(), usize::from(denied));
    rights(0o755);
    tree.refresh(&folders(&w, &["."]));
    assert!(tree.problems().is_empty());
    assert_eq!(crate::watch::units(&tree).len(), 1);
}

#[test]
fn names_that_are_not_utf8_are_counted() {
    use std::os::unix::ffi::OsStrExt;
    let w = World::new();
    w.put("m.safetensors", safetensors("t", 8));
    std::fs::write(w.root().join(std::ffi::OsStr::from_bytes(b"\xff.safetensors")), "x").unwrap();
    assert_eq!(w.units().len(), 1);
    assert!(w.tree().problems()[0].what.contains("UTF-8"));
}
