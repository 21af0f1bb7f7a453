//! `recipe`: list, show, check, new.

use super::args::{RecipeArgs, RecipeCommand};
use super::text::{Style, safe, table};
use super::{Exit, err, note, out, print, recipe_new, refuse};
use crate::model::ModelError;
use crate::recipe;

/// `remold recipe`.
pub(crate) fn run(args: RecipeArgs) -> Exit {
    match args.command {
        RecipeCommand::List { json: true } => {
            for p in recipe::presets() {
                let builtin = matches!(p.origin, recipe::Origin::BuiltIn);
                print::json(&serde_json::json!({ "name": p.name, "description": p.about, "built_in": builtin }));
            }
            Exit::Done
        }
        RecipeCommand::List { json: false } => {
            let rows: Vec<Vec<String>> = recipe::presets().into_iter().map(|p| vec![p.name, p.about]).collect();
            out(&table(&rows, &[false; 2]));
            Exit::Done
        }
        RecipeCommand::Show { name } => match recipe::find(&name) {
            Ok(p) => {
                out(&recipe::to_toml(&p.recipe));
                Exit::Done
            }
            Err(e) => {
                err(&format!("{} {e}\n", Style::stderr().error("error:")));
                Exit::Request
            }
        },
        RecipeCommand::Check { file } if !file.exists() => {
            refuse(&ModelError::request("no such file or folder").in_file(&file))
        }
        RecipeCommand::Check { file } => {
            let problems = recipe::lint_file(&file, &recipe::Available::default());
            for p in &problems {
                err(&format!("{p}\n"));
            }
            if problems.iter().any(recipe::Problem::is_error) {
                return Exit::Request;
            }
            note(&format!("{} {}\n", Style::stderr().good("✓"), safe(&file.to_string_lossy())));
            Exit::Done
        }
        RecipeCommand::New(args) => recipe_new::run(&args),
    }
}
