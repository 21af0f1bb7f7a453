//! Kills while tensors are copied from an earlier output, and the result of a resume.

use super::kill_tests::{Bench, kinds, tree};
use super::{EventSink, Gate, RunOptions, Stop, plan_reuse, run};
use crate::files::fault::Kill;
use crate::plan::{self, Plan};
use crate::task::Task;

/// Makes an earlier output, and the plan of one that reuses it.
fn plan_with_earlier(bench: &Bench) -> Plan {
    let mut recipe = bench.recipe.clone();
    let earlier =
        bench.root.path().join("earlier").join(recipe.targets[0].output.as_ref().unwrap().file_name().unwrap());
    recipe.targets[0].output = Some(earlier.clone());
    let prepared = plan::prepare(&recipe, Task::quiet()).unwrap();
    let options = RunOptions {
        threads: 1,
        stop: &Stop::default(),
        gate: &Gate::default(),
        sink: &EventSink::new("3"),
        journal: None,
        origin: Default::default(),
    };
    run(&prepared, &options).unwrap();
    let (mut plan, mut recipe) = (bench.plan(), bench.recipe.clone());
    recipe.targets[0].reuse = Some(earlier);
    plan_reuse(&recipe, &mut plan).unwrap();
    let reuse = plan.outputs[0].reuse.as_ref().unwrap();
    assert_eq!(reuse.tensors, plan.outputs[0].tensors.len());
    plan
}

#[test]
fn a_kill_while_tensors_are_copied_leaves_what_a_resume_completes() {
    for (kind, target, before) in kinds().into_iter().filter(|(kind, ..)| ["a file", "a new folder"].contains(kind)) {
        let straight = Bench::new(&target);
        before(&straight);
        straight.work(&straight.plan(), false).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
        let copied = Bench::new(&target);
        let plan = plan_with_earlier(&copied);
        let report = copied.work(&plan, false).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
        let reused = report.outputs[0].reused.clone().unwrap();
        assert_eq!(
            (reused.tensors, reused.bytes),
            (reused.of, plan.outputs[0].reuse.as_ref().unwrap().bytes),
            "{kind}"
        );
        let whole = tree(&copied.out());
        for (path, bytes) in tree(&straight.out()) {
            let is_manifest = path.to_string_lossy().ends_with(plan::MANIFEST_SUFFIX);
            assert!(is_manifest || whole[&path] == bytes, "{kind}: {}", path.display());
        }
        let mut kills = 0;
        for at in 0.. {
            let bench = Bench::new(&target);
            let plan = plan_with_earlier(&bench);
            let kill = Kill::at(bench.root.path(), at);
            let first = bench.work(&plan, false);
            let (log, killed) = kill.result();
            drop(kill);
            if !killed {
                first.unwrap_or_else(|e| panic!("{kind}, not killed: {e:?}"));
                break;
            }
            kills += 1;
            bench.work(&plan, true).unwrap_or_else(|e| panic!("{kind}, killed after {at}: {}: {e:?}", log.join("\n")));
            assert!(tree(&bench.out()) == whole, "{kind}, killed after {at}: {}: other bytes", log.join("\n"));
        }
        assert!(kills > 8, "{kind}: {kills} kills");
    }
}
