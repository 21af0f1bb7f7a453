//! The option values of one target.

use super::{OptionValue, TargetOption, keys};
use crate::recipe::key::{Key, Kind};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use std::path::PathBuf;

/// The values that a target gives to options of its format, by key. What is not here has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Options(IndexMap<String, Json>);

impl Options {
    /// The value of an option, or its default.
    pub(crate) fn get<T: OptionValue>(&self, option: &TargetOption<T>) -> T {
        T::read(self.0.get(option.key.name))
    }

    /// True if the option has a value other than its default.
    pub(crate) fn has<T>(&self, option: &TargetOption<T>) -> bool {
        self.0.contains_key(option.key.name)
    }

    /// Gives an option a value; its default takes it out.
    pub(crate) fn set<T: OptionValue>(&mut self, option: &TargetOption<T>, value: T) {
        self.put(&option.key, value.write());
    }

    /// The canonical JSON of a key's value.
    pub fn json(&self, key: &Key) -> Option<&Json> {
        self.0.get(key.name)
    }

    /// Gives a key a canonical value, or takes it out. A flag that is off, and an empty list or table, are the defaults; of an
    /// option that can be on, off or neither, off is a value.
    pub(crate) fn put(&mut self, key: &Key, value: Option<Json>) {
        let default = |v: &Json| match v {
            Json::Bool(on) => !on && !key.tri_state,
            Json::Array(items) => items.is_empty(),
            Json::Object(map) => map.is_empty(),
            Json::Null => true,
            Json::Number(_) | Json::String(_) => false,
        };
        match value.filter(|v| !default(v)) {
            Some(value) => drop(self.0.insert(key.name.to_owned(), value)),
            None => drop(self.0.shift_remove(key.name)),
        }
    }

    /// The names of the options that are given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The paths that options name: files that are read.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let is_path = |name: &str| keys().any(|k| k.name == name && k.kind == Kind::Path);
        let given = self.0.iter().filter(|(name, _)| is_path(name));
        given.filter_map(|(_, v)| v.as_str()).map(PathBuf::from).collect()
    }

    /// What each option that is given says, in a few words, for those that say it in a list; in the order of the tables.
    pub(crate) fn facts(&self) -> Vec<String> {
        let mut facts: Vec<String> = Vec::new();
        for key in keys().filter(|k| !k.fact.is_empty()) {
            let Some(value) = self.json(key) else { continue };
            let count = match value {
                Json::Array(items) => items.len(),
                Json::Object(map) => map.len(),
                _ => 1,
            };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let fact = key.fact.replace("{n}", &count.to_string());
            let fact = fact.replace("{s}", if count == 1 { "" } else { "s" }).replace("{}", &text);
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
        facts
    }

    /// The rules of a table of selectors, in order; empty without one.
    pub(crate) fn rules(&self) -> Vec<(String, String)> {
        let tables = keys().filter(|k| k.kind == Kind::Rules).filter_map(|k| self.json(k)?.as_object());
        let text = |v: &Json| v.as_str().unwrap_or_default().to_owned();
        tables.flatten().map(|(selector, v)| (selector.clone(), text(v))).collect()
    }

    /// Takes out the options that the filter does not keep.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.0.retain(|name, _| keys().find(|k| k.name == name.as_str()).is_some_and(&keep));
    }

    /// Takes over the values that the filter chooses and that are not given here.
    pub(crate) fn adopt(&mut self, from: &Self, which: impl Fn(&Key) -> bool) {
        for key in keys().filter(|k| which(k) && self.json(k).is_none()).collect::<Vec<_>>() {
            self.put(key, from.json(key).cloned());
        }
    }

    /// Gives options whose default is the path of another the path as it is given now.
    pub(crate) fn keep_given_names(&mut self) {
        for key in keys().filter(|k| self.json(k).is_none()).collect::<Vec<_>>() {
            let given = key.named_after.and_then(|other| self.0.get(other)).cloned();
            self.put(key, given);
        }
    }

    /// Replaces every path, of options that take one.
    pub(crate) fn map_paths(&mut self, mut change: impl FnMut(PathBuf) -> PathBuf) {
        for (name, value) in &mut self.0 {
            let is_path = keys().any(|k| k.name == name.as_str() && k.kind == Kind::Path);
            if let (true, Some(path)) = (is_path, value.as_str()) {
                *value = Json::String(change(PathBuf::from(path)).to_string_lossy().into_owned());
            }
        }
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = IndexMap::<String, Json>::deserialize(deserializer)?;
        let mut options = Self::default();
        for (name, value) in map {
            let key = keys()
                .find(|k| k.name == name)
                .ok_or_else(|| serde::de::Error::custom(format!("unknown option `{name}`")))?;
            options.put(key, Some(value));
        }
        Ok(options)
    }
}
