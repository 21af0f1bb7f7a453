//! Files of Keras: `.keras` (a zip archive, written straight under its final name) and `.weights.h5` (Keras 3.15).

use super::{Exports, Family, PLAIN, Reading};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family = Family {
    name: "keras",
    title: "a Keras file",
    claim,
    exports: Exports::No {
        why: "this version does not read Keras files",
        what_to_run: "Load it with keras.saving.load_model and save its weights with safetensors.",
    },
    reading: Reading { zips: |n| n.ends_with(".keras"), model: false },
    ..PLAIN
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    folder.names().filter(|n| n.ends_with(".keras") || n.ends_with(".weights.h5")).map(Claim::file).collect()
}
