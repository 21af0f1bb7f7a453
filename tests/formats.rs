//! What the readers and layouts of the file formats do, seen from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "formats/archives.rs"]
mod archives;
#[path = "formats/folders.rs"]
mod folders;
#[path = "formats/hostile.rs"]
mod hostile;
#[path = "formats/layouts.rs"]
mod layouts;
#[path = "formats/made_zip.rs"]
mod made_zip;
#[path = "formats/material.rs"]
mod material;
#[path = "formats/pickles.rs"]
mod pickles;
#[path = "formats/probing.rs"]
mod probing;
#[path = "formats/reject.rs"]
mod reject;
#[path = "formats/roundtrip.rs"]
mod roundtrip;
#[path = "formats/scanning.rs"]
mod scanning;
#[path = "../src/skip.rs"]
mod skip;
#[path = "formats/splitting.rs"]
mod splitting;
#[path = "formats/support.rs"]
mod support;
