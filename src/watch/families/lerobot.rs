//! Checkpoints of LeRobot: `checkpoints/005000/pretrained_model`, then `training_state` beside it, then the link `checkpoints/last`.

use super::{Family, PLAIN, hf_folder};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Outcome, Rule};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family =
    Family { name: "lerobot", title: "a checkpoint of LeRobot", claim, rules: &[&STATE], ..PLAIN };

const STEP: &str = "../training_state/training_step.json";

static STATE: Rule = Rule {
    name: "training state",
    check: |o| {
        Some(match o.unit.file(STEP) {
            Some(_) => Outcome::Pass("the training state, which is written after the model, exists".to_owned()),
            None => Outcome::Careful("the training state, which is written after the model, does not exist".to_owned()),
        })
    },
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let inside = folder.parent().is_some_and(|p| p.name().bytes().all(|b| b.is_ascii_digit()));
    if folder.name() == "pretrained_model" && inside {
        vec![hf_folder::model(folder).with(FileRole::Marker, [STEP])]
    } else {
        Vec::new()
    }
}
