//! `recipe`: list, show, check, new.

use super::args::{RecipeArgs, RecipeCommand};
use super::text::{Style, table};
use super::{Exit, err, out, refuse};
use crate::model::ModelError;
use crate::recipe;

/// `remold recipe`.
pub fn run(args: RecipeArgs) -> Exit {
    match args.command {
        RecipeCommand::List => {
            let rows: Vec<Vec<String>> = recipe::presets().into_iter().map(|p| vec![p.name, p.about]).collect();
            out(&table(&rows, &[false; 2]));
            Exit::Done
        }
        RecipeCommand::Show { name } => match recipe::find(&name) {
            Some(p) => {
                out(&recipe::to_toml(&p.recipe));
                Exit::Done
            }
            None => {
                let e = ModelError::request(format!("there is no recipe named `{name}`"));
                refuse(&e.with_hint("`remold recipe list` names them."))
            }
        },
        RecipeCommand::Check { file } => match recipe::load(&file) {
            Err(e) => {
                err(&e.to_string());
                Exit::Request
            }
            Ok(_) => {
                err(&format!("{} {}\n", Style::stderr().good("✓"), file.display()));
                Exit::Done
            }
        },
        RecipeCommand::New => {
            out(&recipe::template());
            Exit::Done
        }
    }
}
