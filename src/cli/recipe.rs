//! `recipe`: list, show, check, new.

use super::args::{RecipeArgs, RecipeCommand};
use super::text::{Style, safe, table};
use super::{Exit, err, note, out, print, recipe_new, refuse};
use crate::model::ModelError;
use crate::recipe;
use crate::units::quoted;

/// `remold recipe`.
pub(crate) fn run(args: RecipeArgs) -> Exit {
    match args.command {
        RecipeCommand::List { json: true } => {
            for p in sound() {
                let builtin = matches!(p.origin, recipe::Origin::BuiltIn);
                print::json(&serde_json::json!({ "name": p.name, "description": p.about, "built_in": builtin }));
            }
            Exit::Done
        }
        RecipeCommand::List { json: false } => {
            let rows: Vec<Vec<String>> = sound()
                .into_iter()
                .map(|p| {
                    let own = if matches!(p.origin, recipe::Origin::BuiltIn) { "" } else { "yours" };
                    vec![p.name, own.to_owned(), p.about]
                })
                .collect();
            // A column only where it says something.
            let some = rows.iter().any(|row| !row[1].is_empty());
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .map(|row| row.into_iter().enumerate().filter(|(n, _)| some || *n != 1).map(|(_, cell)| cell).collect())
                .collect();
            out(&table(&rows, &[false; 3][..if some { 3 } else { 2 }]));
            // A recipe that is not in the list although its file is there.
            for file in recipe::presets::with_mistakes() {
                let check = format!("`remold recipe check {}`", quoted(&file.to_string_lossy()));
                let what = format!("{} has mistakes and is left out; {check} lists them", file.display());
                note(&format!("{} {}\n", Style::stderr().warning("warning:"), safe(&what)));
            }
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
            if let Err(e) = std::fs::metadata(&file) {
                let named = file.to_str().and_then(|name| recipe::find(name).ok());
                return refuse(&match named.map(|preset| preset.origin) {
                    Some(recipe::Origin::File(there)) => {
                        let check = format!("`remold recipe check {}`", quoted(&there.to_string_lossy()));
                        let what = "this is the name of a recipe, and files are checked";
                        ModelError::request(what).in_file(&file).with_hint(format!("Its file: {check}."))
                    }
                    Some(recipe::Origin::BuiltIn) => {
                        let what = "this is a recipe that comes with remold: there is no file to check";
                        let hint = format!("`remold recipe show {}` prints it.", file.display());
                        ModelError::request(what).in_file(&file).with_hint(hint)
                    }
                    None => ModelError::io(&file, "reading", e),
                });
            }
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

/// The recipes that can be run.
fn sound() -> Vec<recipe::presets::Preset> {
    let wrong = recipe::presets::with_mistakes();
    let is_sound =
        |p: &recipe::presets::Preset| !matches!(&p.origin, recipe::Origin::File(file) if wrong.contains(file));
    recipe::presets().into_iter().filter(is_sound).collect()
}
