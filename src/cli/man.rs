//! `man`: the manual pages, which clap makes from the table of commands.

use super::text::{Style, plural, safe};
use super::{Exit, args, note, print, refuse};
use crate::files;
use crate::model::{ModelError, Result};
use clap::Command;
use clap_mangen::Man;
use std::io::Write;
use std::path::Path;

/// `remold man`.
pub(crate) fn run(dir: Option<&Path>) -> Exit {
    let Some(dir) = dir else {
        print::generated(page().as_bytes());
        return Exit::Done;
    };
    match write_all(dir) {
        Ok(pages) => {
            let folder = safe(&dir.display().to_string());
            note(&format!("{} {} in {folder}\n", Style::stderr().good("✓"), plural(pages, "manual page")));
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

/// The page of the program alone. The pages of the commands may not be installed, so it names the commands instead.
fn page() -> String {
    let names: Vec<String> = args::shown_commands().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let mut text = String::from_utf8_lossy(&rendered(args::shown_commands())).into_owned();
    for name in names {
        let page = format!("remold\\-{}(1)", name.replace('-', "\\-"));
        text = text.replace(&page, &format!("remold {}", name.replace('-', "\\-")));
    }
    text.replace("remold\\-help(1)", "remold help")
}

fn rendered(command: Command) -> Vec<u8> {
    // roff joins lines; an empty one ends a paragraph.
    let notes = command.get_after_help().map(|text| text.to_string().replace('\n', "\n\n"));
    let command = notes.into_iter().fold(command, Command::after_help);
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = Man::new(command).render(&mut bytes);
    String::from_utf8_lossy(&bytes).replace("\n.SH EXTRA\n", "\n.SH NOTES\n").into_bytes()
}

/// Writes the page of every command, replacing those of an earlier version; returns how many there are.
fn write_all(dir: &Path) -> Result<usize> {
    if dir.exists() && !dir.is_dir() {
        let error = ModelError::request("it is a file, not a folder").in_file(dir);
        return Err(error.with_hint("Name a folder; it is created if there is none."));
    }
    files::create_folders(dir, 0o777).map_err(|e| ModelError::io(dir, "creating the folder", e))?;
    let mut all = args::shown_commands().disable_help_subcommand(true);
    all.build();
    let mut todo = vec![all];
    let mut pages = 0;
    while let Some(command) = todo.pop() {
        todo.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
        let path = dir.join(Man::new(command.clone()).get_filename());
        files::write_output_with(&path, true, |file| file.write_all(&rendered(command)))
            .map_err(|e| ModelError::io(&path, "writing", e))?;
        pages += 1;
    }
    Ok(pages)
}
