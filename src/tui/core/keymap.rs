//! Which keys run which command: the registry's, with the user's over them. Lookup, hints, help and palette ask here and
//! nowhere else.

use super::commands::{self, Cmd, Command};
use super::keys::{Code, Key};
use std::collections::HashMap;

/// One key, or two in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// As it is written: `g g`.
    pub text: String,
    /// The keys, one or two.
    pub keys: Vec<Key>,
}

impl Sequence {
    /// Reads `x`, `ctrl-r`, `g g`.
    ///
    /// # Errors
    /// A key that no terminal sends, or an invalid name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let keys: Vec<Key> = text.split_whitespace().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() || keys.len() > 2 {
            return Err(format!("\"{text}\" is not a key, or two keys separated by a space"));
        }
        let words: Vec<String> = keys.iter().map(Key::to_string).collect();
        Ok(Self { text: words.join(" "), keys })
    }

    /// True if one of the two is the beginning of the other.
    fn clashes(&self, other: &Self) -> bool {
        let n = self.keys.len().min(other.keys.len());
        self.keys[..n] == other.keys[..n]
    }
}

/// A key as the user writes it, with what a terminal can distinguish.
fn key(text: &str) -> Result<Key, String> {
    let text = if text == "shift-tab" { "backtab" } else { text };
    let Some(mut key) = Key::parse(text) else {
        let hint = if text.starts_with("shift-") { "; write a shifted letter as a capital: G" } else { "" };
        return Err(format!("{text} is not a key (x, G, ctrl-r, alt-x, enter, space, pagedown, f5){hint}"));
    };
    if let Code::Char(c) = key.code
        && key.ctrl
    {
        key.code = Code::Char(c.to_ascii_lowercase());
        let same = [('i', "tab"), ('m', "enter"), ('[', "esc")];
        if let Some((_, name)) = same.iter().find(|(same, _)| *same == c.to_ascii_lowercase()) {
            return Err(format!("terminals cannot distinguish {text} from {name}"));
        }
        if c == 'c' {
            return Err("ctrl-c always quits".into());
        }
    }
    Ok(key)
}

/// The keys the user gives to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The command's name.
    pub name: String,
    /// The keys as written; none unbinds.
    pub keys: Vec<String>,
    /// Its place in the file, for messages.
    pub line: usize,
}

/// Which keys run which command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    of: HashMap<&'static str, Vec<Sequence>>,
    changed: Vec<&'static str>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { of: commands::all().map(|c| (c.name, registered(c))).collect(), changed: Vec::new() }
    }
}

fn registered(c: &Command) -> Vec<Sequence> {
    c.keys.iter().filter_map(|k| read(k)).collect()
}

/// A key of the user's for a command: `ctrl-c` can be said of quitting only, where it says nothing new.
fn own(command: &Command, text: &str) -> Result<Sequence, String> {
    let same = registered(command).into_iter().find(|s| command.cmd == Cmd::Quit && s.text == text);
    same.map_or_else(|| Sequence::parse(text), Ok)
}

/// The registry's own keys may be what a user's may not (`ctrl-c`).
fn read(text: &str) -> Option<Sequence> {
    let keys: Vec<Key> = text.split(' ').map(Key::parse).collect::<Option<_>>()?;
    Some(Sequence { text: text.to_owned(), keys })
}

impl Keymap {
    /// Applies the user's bindings over the registry's. A mistake is reported with its line, and the default is kept.
    pub fn with(bindings: &[Binding]) -> (Self, Vec<(usize, String)>) {
        let (mut map, mut wrong) = (Self::default(), Vec::new());
        let mut lines: HashMap<&'static str, usize> = HashMap::new();
        for b in bindings {
            let Some(command) = commands::all().find(|c| c.name == b.name) else {
                let near = nearest(&b.name, commands::all().map(|c| c.name));
                wrong.push((b.line, format!("there is no command {}; did you mean {near}?", b.name)));
                continue;
            };
            match b.keys.iter().map(|k| own(command, k)).collect::<Result<Vec<_>, _>>() {
                Ok(keys) => {
                    map.of.insert(command.name, keys);
                    map.changed.push(command.name);
                    lines.insert(command.name, b.line);
                }
                Err(e) => wrong.push((b.line, format!("{}: {e}", b.name))),
            }
        }
        // Each turn takes one binding back, so this ends.
        while let Some((mine, other, key)) = map.conflict(&lines) {
            let line = lines.remove(mine.name).unwrap_or(0);
            wrong.push((line, format!("{}: {key} is already a key of {}", mine.name, other.name)));
            map.of.insert(mine.name, registered(mine));
            map.changed.retain(|n| *n != mine.name);
        }
        wrong.sort();
        (map, wrong)
    }

    /// A binding of the user's that takes another command's key in a place where both count. Commands that share a key in the
    /// registry take turns (each has its `when`), and may share another one as well.
    fn conflict(&self, lines: &HashMap<&'static str, usize>) -> Option<(&'static Command, &'static Command, String)> {
        let mut own: Vec<&Command> = commands::all().filter(|c| lines.contains_key(c.name)).collect();
        // Of two user bindings the later one is dropped.
        own.sort_by_key(|c| std::cmp::Reverse(lines.get(c.name)));
        for mine in own {
            for other in commands::all().filter(|o| o.name != mine.name && o.cmd != mine.cmd) {
                let turns = registered(mine).iter().any(|a| registered(other).contains(a));
                if turns || !mine.scopes.iter().any(|s| other.scopes.contains(s)) {
                    continue;
                }
                let hit = self.keys(mine).iter().find(|a| self.keys(other).iter().any(|b| a.clashes(b)));
                if let Some(key) = hit {
                    return Some((mine, other, key.text.clone()));
                }
            }
        }
        None
    }

    /// The keys of a command, the first of them the one to show.
    pub(crate) fn keys(&self, command: &Command) -> &[Sequence] {
        self.of.get(command.name).map_or(&[], Vec::as_slice)
    }

    /// The keys as they are written.
    pub(crate) fn texts(&self, command: &Command) -> Vec<&str> {
        self.keys(command).iter().map(|s| s.text.as_str()).collect()
    }

    /// True if the keys are the user's.
    pub(crate) fn is_own(&self, command: &Command) -> bool {
        self.changed.contains(&command.name)
    }

    /// How many commands have the user's keys.
    pub(crate) fn own(&self) -> usize {
        self.changed.len()
    }
}

/// The likest of some names.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> &'n str {
    let like = |n: &str| strsim::jaro_winkler(n, name);
    names.max_by(|a, b| like(a).total_cmp(&like(b))).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(name: &str, keys: &[&str], line: usize) -> Binding {
        Binding { name: name.into(), keys: keys.iter().map(|k| (*k).to_owned()).collect(), line }
    }

    fn command(name: &str) -> &'static Command {
        commands::all().find(|c| c.name == name).unwrap()
    }

    #[test]
    fn the_users_keys_take_the_place_of_the_registrys() {
        let own = [bind("models.convert", &["C", "alt-c"], 1), bind("top", &["T t"], 2), bind("redraw", &[], 3)];
        let (map, wrong) = Keymap::with(&own[..1]);
        assert_eq!(wrong, []);
        assert_eq!(map.texts(command("models.convert")), ["C", "alt-c"]);
        assert!(map.is_own(command("models.convert")) && !map.is_own(command("top")));
        let (map, wrong) = Keymap::with(&own);
        assert_eq!(wrong, [], "T is the theme's everywhere; in lists the inner place wins");
        assert!(map.keys(command("redraw")).is_empty());
    }

    #[test]
    fn what_is_wrong_keeps_its_default_and_is_told_with_its_line() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("recipe.strt", &["x"], "there is no command recipe.strt; did you mean recipe.start?"),
            ("models.convert", &["r"], "models.convert: r is already a key of models.rescan"),
            ("models.rescan", &["g"], ""),
            ("down", &["g"], "down: g is already a key of top"),
            ("zoom", &["ctrl-c"], "zoom: ctrl-c always quits"),
            ("quit", &["ctrl-i"], "quit: terminals cannot distinguish ctrl-i from tab"),
            ("quit", &["a b c"], "quit: \"a b c\" is not a key, or two keys separated by a space"),
            (
                "quit",
                &["shift-q"],
                "quit: shift-q is not a key (x, G, ctrl-r, alt-x, enter, space, pagedown, f5); write a shifted letter as a capital: G",
            ),
        ];
        for (name, keys, expected) in cases {
            let (map, wrong) = Keymap::with(&[bind(name, keys, 7)]);
            if expected.is_empty() {
                assert_eq!(wrong, [], "{name}");
                continue;
            }
            assert_eq!(wrong, [(7, (*expected).to_owned())]);
            assert_eq!(map, Keymap::default(), "{name}");
        }
    }

    #[test]
    fn of_two_of_the_users_the_later_gives_way_and_a_swap_is_none() {
        let (map, wrong) = Keymap::with(&[bind("zoom", &["W"], 1), bind("copy.path", &["W"], 2)]);
        assert_eq!(wrong, [(2, "copy.path: W is already a key of zoom".into())]);
        assert_eq!((map.texts(command("zoom")), map.texts(command("copy.path"))), (vec!["W"], vec!["y"]));
        let names = [("copy.path", 2), ("copy.output", 3), ("copy.value", 4), ("copy.command", 5)];
        let copies = names.map(|(name, at)| bind(name, &["z"], at));
        let (_, wrong) = Keymap::with(&[&[bind("zoom", &["y"], 1)], &copies[..]].concat());
        assert_eq!(wrong, []);
    }

    #[test]
    fn commands_that_take_turns_may_share_another_key() {
        let own = [bind("recipe.open-row", &["W"], 1), bind("recipe.add-here", &["W"], 2)];
        assert_eq!(Keymap::with(&own).1, []);
    }
}
