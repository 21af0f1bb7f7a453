//! The recipe under work, as far as it is a choice of presets and options.

use crate::tui::core::recipe::{Field, PRESETS, RecipeState};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// No choice has more values.
const VALUES_MOST: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RecipePart {
    source: PathBuf,
    preset: String,
    marked: Vec<String>,
    options: Vec<(String, String)>,
    zoom: bool,
}

fn preset(name: &str) -> Option<usize> {
    PRESETS.iter().position(|p| p.name() == name)
}

/// That an output may be replaced is said anew each time.
fn kept(field: Field) -> bool {
    field != Field::Overwrite
}

impl RecipePart {
    /// What is composed; nothing before a source is chosen.
    pub(super) fn of(r: &RecipeState) -> Option<Self> {
        let name = |i: &usize| PRESETS.get(*i).map(|p| p.name());
        Some(Self {
            source: r.source.clone()?,
            preset: name(&r.preset)?,
            marked: r.marked.iter().filter_map(name).collect(),
            options: Field::ALL
                .into_iter()
                .filter(|f| kept(*f))
                .map(|f| (f.label().to_owned(), r.value(f).to_owned()))
                .collect(),
            zoom: r.zoom,
        })
    }

    pub(super) fn restore(self, r: &mut RecipeState) {
        r.set_source(self.source);
        r.preset = preset(&self.preset).unwrap_or(0);
        r.marked = self.marked.iter().filter_map(|n| preset(n)).collect();
        r.zoom = self.zoom;
        for (label, value) in self.options {
            let Some(field) = Field::ALL.into_iter().find(|f| f.label() == label && kept(*f)) else { continue };
            if field.is_text() {
                r.set_text(field, &value);
                continue;
            }
            // A value that is offered no longer leads round to where it began.
            let first = r.value(field).to_owned();
            for _ in 0..VALUES_MOST {
                if r.value(field) == value {
                    break;
                }
                r.turn(field, 1);
                if r.value(field) == first {
                    break;
                }
            }
        }
    }
}
