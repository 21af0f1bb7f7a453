//! `config`: where the user's files are, what is wrong in them, the default one, the keys that count.

use super::lab::{Lab, Ran, finish, start, words};

fn config(lab: &Lab, args: &str) -> Ran {
    let mut command = lab.command();
    command.env("XDG_CONFIG_HOME", lab.path("cfg")).args(words(args));
    finish(start(&mut command))
}

#[test]
fn says_where_the_files_are_and_that_nothing_is_wrong_without_any() {
    let lab = Lab::new();
    let ran = config(&lab, "config").expect(0);
    assert!(ran.out.contains("cfg/remold/config.toml  (not found)"), "{}", ran.out);
    assert_eq!(config(&lab, "config path").expect(0).out, ran.out);
    assert!(config(&lab, "config check").expect(0).out.contains("not found, defaults apply"));
}

#[test]
fn mistakes_are_reported_with_their_line_and_the_nearest_name() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("cfg/remold/themes")).unwrap();
    lab.write("cfg/remold/config.toml", "mouse = 3\n\ntheme = \"drak\"\n");
    lab.write("cfg/remold/keys.toml", "\"recipe.strt\" = \"x\"\nzoom = [\"ctrl-i\"]\n\"models.convert\" = \"r\"\n");
    lab.write("cfg/remold/themes/mine.toml", "[styles]\nacent = \"red\"\n");
    let ran = config(&lab, "config check").expect(2);
    let told: Vec<&str> = ran.err.lines().filter_map(|l| l.split_once("cfg/remold/")).map(|(_, l)| l).collect();
    assert_eq!(
        told,
        [
            "config.toml:1: mouse must be true or false",
            "config.toml:3: theme drak: there is no theme with this name; did you mean dark?",
            "keys.toml:1: there is no command recipe.strt; did you mean recipe.start?",
            "keys.toml:2: zoom: terminals cannot distinguish ctrl-i from tab",
            "keys.toml:3: models.convert: r is already a key of models.rescan",
            "themes/mine.toml:2: there is no role acent; did you mean accent?",
        ],
        "{}",
        ran.err
    );
    assert!(ran.out.is_empty());
}

/// What the documentation and `remold config` give as an example is valid.
#[test]
fn the_examples_of_keys_are_valid() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("cfg/remold")).unwrap();
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let keys = page.split_once("## keys.toml").unwrap().1;
    let example = keys.split_once("```\n").unwrap().1.split_once("```").unwrap().0;
    assert!(example.contains("recipe.start"), "{example}");
    lab.write("cfg/remold/keys.toml", example);
    config(&lab, "config check").expect(0);
    let said = config(&lab, "config").expect(0).out;
    let line = said.lines().find_map(|l| l.trim().split_once("; `remold config keys`")).unwrap().0;
    lab.write("cfg/remold/keys.toml", line);
    config(&lab, "config check").expect(0);
    let json: serde_json::Value = serde_json::from_str(&config(&lab, "config path --json").expect(0).out).unwrap();
    assert!(json["keys"].as_str().unwrap().ends_with("keys.toml"));
}

#[test]
fn the_default_file_and_the_list_of_keys_are_files_without_a_fault() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("cfg/remold")).unwrap();
    lab.write("cfg/remold/config.toml", config(&lab, "config default").expect(0).out);
    let keys = config(&lab, "config keys").expect(0).out;
    // A command that counts in several places is listed in each.
    let mut lines: Vec<&str> = keys.lines().filter(|l| l.starts_with('"')).collect();
    assert!(lines.len() > 30, "{keys}");
    lines.sort_unstable();
    lines.dedup();
    lab.write("cfg/remold/keys.toml", lines.join("\n"));
    let ran = config(&lab, "config check").expect(0);
    assert!(ran.err.is_empty() && ran.out.lines().all(|l| l.starts_with('✓')), "{}{}", ran.out, ran.err);
    lab.write("cfg/remold/keys.toml", "zoom = [\"alt-z\"]\n");
    assert!(config(&lab, "config keys").expect(0).out.contains("\"zoom\" = [\"alt-z\"]"));
}
