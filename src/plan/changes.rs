//! What differs between two plans of one job, in words.

use super::{Plan, PlannedOutput, SourceFile};

/// The first difference between what was planned and what would be done now; `None` when both write the same bytes to the same places.
pub(crate) fn first(planned: &Plan, now: &Plan) -> Option<String> {
    let (planned, now) = (&planned.clone().absolute(), &now.clone().absolute());
    if planned.fingerprint() == now.fingerprint() {
        return None;
    }
    let found = source(planned, now).or_else(|| outputs(planned, now));
    Some(found.unwrap_or_else(|| "the plan is different".to_owned()))
}

fn source(planned: &Plan, now: &Plan) -> Option<String> {
    if planned.source != now.source {
        return Some(format!("the source is {}, not {}", now.source.display(), planned.source.display()));
    }
    let was = |f: &&SourceFile| !now.source_files.iter().any(|n| n.path == f.path);
    if let Some(gone) = planned.source_files.iter().find(was) {
        return Some(format!("{} is no longer read", gone.path.display()));
    }
    for file in &now.source_files {
        let path = file.path.display();
        let Some(old) = planned.source_files.iter().find(|f| f.path == file.path) else {
            return Some(format!("{path} is read too"));
        };
        if old != file {
            return Some(match () {
                () if old.bytes != file.bytes => {
                    format!("{path} changed: it has {} bytes, not {}", file.bytes, old.bytes)
                }
                () if old.inode != file.inode => format!("{path} changed: it is a different file with the same name"),
                () => format!("{path} changed: it was written to, or its attributes were changed"),
            });
        }
    }
    None
}

fn outputs(planned: &Plan, now: &Plan) -> Option<String> {
    if planned.outputs.len() != now.outputs.len() {
        return Some(format!("there are {} outputs, not {}", now.outputs.len(), planned.outputs.len()));
    }
    planned.outputs.iter().zip(&now.outputs).find_map(|(old, new)| output(old, new))
}

fn output(old: &PlannedOutput, new: &PlannedOutput) -> Option<String> {
    let path = new.path.display();
    if old.files != new.files {
        return Some(format!("the files of {path} have other names or sizes"));
    }
    if old.tensors.len() != new.tensors.len() {
        return Some(format!("{path} has {} tensors, not {}", new.tensors.len(), old.tensors.len()));
    }
    if let Some(field) = other_field(old, new) {
        return Some(format!("the field `{field}` of {path} is different"));
    }
    let changed = old.tensors.iter().zip(new.tensors.iter()).find(|(o, n)| o != n);
    changed.map(|(o, n)| {
        format!("{path}: the tensor {} was planned as {} {}, and is {} {}", n.name, o.name, o.to, n.name, n.to)
    })
}

/// The first field that differs, besides those that have words of their own.
fn other_field(old: &PlannedOutput, new: &PlannedOutput) -> Option<String> {
    let fields = |o: &PlannedOutput| {
        let (tensors, replaces, replaced, stale) = (Default::default(), Vec::new(), Vec::new(), Vec::new());
        let rest =
            PlannedOutput { tensors, replaces, replaced, stale, bits_per_weight: 0.0, estimate: None, ..o.clone() };
        serde_json::to_value(rest).ok()
    };
    let (old, new) = (fields(old)?, fields(new)?);
    let (old, new) = (old.as_object()?, new.as_object()?);
    old.keys().chain(new.keys()).find(|k| old.get(*k) != new.get(*k)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_has_words() {
        let file = SourceFile { path: "/m/a".into(), bytes: 3, mtime_ns: 1, ctime_ns: 1, inode: 7 };
        let output = PlannedOutput { path: "/o".into(), files: vec![("/o".into(), 9)], ..PlannedOutput::default() };
        let plan = Plan { source_files: vec![file.clone()], outputs: vec![output.clone()], ..Plan::default() };
        assert_eq!(first(&plan, &plan), None);
        let replaced = PlannedOutput { replaces: vec!["/o".into()], ..output.clone() };
        assert_eq!(
            first(&plan, &Plan { outputs: vec![replaced], ..plan.clone() }),
            None,
            "what is there is no part of it"
        );
        let with = |file: SourceFile| first(&plan, &Plan { source_files: vec![file], ..plan.clone() }).unwrap();
        assert_eq!(with(SourceFile { bytes: 4, ..file.clone() }), "/m/a changed: it has 4 bytes, not 3");
        assert!(with(SourceFile { ctime_ns: 2, ..file.clone() }).contains("written to"));
        assert!(with(SourceFile { path: "/m/b".into(), ..file.clone() }).contains("/m/a is no longer read"));
        let other = PlannedOutput { files: vec![("/o".into(), 10)], ..output };
        assert!(first(&plan, &Plan { outputs: vec![other], ..plan.clone() }).unwrap().contains("sizes"));
    }
}
