//! Pages of the documentation that are made from the program.

use remold::testing::tui::config::default_file;
use remold::testing::tui::core::glossary_markdown;
use remold::testing::tui::look::Theme;
use std::path::Path;

fn equal(page: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/{page} is stale: BLESS=1 cargo test --test workbench docs");
}

#[test]
fn the_glossary_equals_its_table() {
    equal("glossary.md", &glossary_markdown());
}

#[test]
fn the_page_of_themes_equals_the_roles() {
    equal("themes.md", &Theme::markdown());
}

#[test]
fn the_page_of_the_configuration_holds_the_default_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("```toml\n").unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    equal("configuration.md", &format!("{before}```toml\n{}```\n{after}", default_file()));
}
