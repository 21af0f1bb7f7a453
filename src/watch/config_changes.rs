//! What changed in `config.json` from one checkpoint of a run to the next. A job keeps the one of its source.

use super::Unit;
use crate::files;
use crate::job::JobFolder;
use serde_json::Value;
use std::collections::BTreeMap;

/// Name of the file, in a checkpoint and in the folder of a job.
const NAME: &str = "config.json";
/// Longest file that is kept and compared.
const MAX_BYTES: u64 = 1 << 20;
/// Most changes that are listed.
const MAX_CHANGES: usize = 20;
/// Most characters of a value.
const MAX_VALUE_CHARS: usize = 40;
/// Keys that do not describe the model.
const IGNORED: [&str; 3] = ["_name_or_path", "transformers_version", "use_cache"];

/// Stores the configuration of a source with the job that exports it. A missing or unreadable one is not stored.
pub(crate) fn keep(unit: &Unit, job: &JobFolder) {
    let file = unit.files.iter().find(|f| f.name == NAME);
    if let Some(bytes) = file.and_then(|f| files::read(&f.path, MAX_BYTES).ok()) {
        // It only serves to show what changed.
        let _ = job.write(NAME, &bytes);
    }
}

/// The keys that differ between the configurations that two jobs kept, as `key: before → now`; none where one of them is absent.
pub(crate) fn between(before: &JobFolder, now: &JobFolder) -> Vec<String> {
    let read = |job: &JobFolder| -> Option<Value> {
        serde_json::from_slice(&files::read(&job.path(NAME), MAX_BYTES).ok()?).ok()
    };
    let (Some(before), Some(now)) = (read(before), read(now)) else { return Vec::new() };
    differences(&before, &now)
}

fn differences(before: &Value, now: &Value) -> Vec<String> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", now, &mut new);
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = keys.into_iter().filter(|k| old.get(*k) != new.get(*k) && !IGNORED.contains(&k.as_str()));
    let mut all: Vec<String> = changed
        .map(|k| match (old.get(k), new.get(k)) {
            (Some(a), Some(b)) => format!("{k}: {} → {}", short(a), short(b)),
            (None, Some(b)) => format!("{k}: {} (new)", short(b)),
            (Some(a), None) => format!("{k}: {} (removed)", short(a)),
            (None, None) => k.clone(),
        })
        .collect();
    if all.len() > MAX_CHANGES {
        let more = all.len() - MAX_CHANGES;
        all.truncate(MAX_CHANGES);
        all.push(format!("{more} more keys"));
    }
    all
}

/// The values of an object by dotted keys; lists stay whole.
fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, into);
            }
        }
        other => {
            into.insert(prefix.to_owned(), other.to_string());
        }
    }
}

fn short(value: &str) -> String {
    if value.chars().count() <= MAX_VALUE_CHARS {
        return value.to_owned();
    }
    value.chars().take(MAX_VALUE_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_new_and_removed_keys_are_named_and_versions_are_not() {
        let of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let before = of(
            r#"{"rope_theta": 1e4, "rope_scaling": {"factor": 2.0}, "transformers_version": "4", "old": 1, "same": [1, 2]}"#,
        );
        let now = of(
            r#"{"rope_theta": 5e5, "rope_scaling": {"factor": 4.0}, "transformers_version": "5", "new": null, "same": [1, 2]}"#,
        );
        let found = differences(&before, &now);
        assert_eq!(found[0], "new: null (new)");
        assert_eq!(found[1], "old: 1 (removed)");
        assert_eq!(found[2], "rope_scaling.factor: 2.0 → 4.0");
        assert!(found[3].starts_with("rope_theta: ") && found.len() == 4, "{found:?}");
        assert_eq!(differences(&before, &before), Vec::<String>::new());
    }

    #[test]
    fn long_lists_of_changes_are_cut() {
        let object = |n: i32| Value::Object((0..50).map(|i| (format!("k{i:02}"), Value::from(n))).collect());
        let found = differences(&object(1), &object(2));
        assert_eq!((found.len(), found[MAX_CHANGES].as_str()), (MAX_CHANGES + 1, "30 more keys"));
        let long = Value::from("x".repeat(1000));
        assert!(differences(&Value::Null, &long)[0].len() < 200);
    }
}
