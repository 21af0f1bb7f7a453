//! `recipe`: list, show, check, new.

use super::args::{RecipeArgs, RecipeCommand};
use super::text::{Style, safe, table};
use super::{Exit, err, note, out, recipe_new};
use crate::recipe;

/// `remold recipe`.
pub(crate) fn run(args: RecipeArgs) -> Exit {
    match args.command {
        RecipeCommand::List => {
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
