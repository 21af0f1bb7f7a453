//! Runs where the system refuses threads.

use super::kill_tests::{Bench, kinds};
use super::run::RunError;
use crate::task::limit;

/// A run needs one thread beside its own; without it, it fails and leaves nothing.
#[test]
fn a_run_does_with_the_threads_it_gets() {
    let (_, target, _) = kinds().swap_remove(0);
    let bench = Bench::new(&target);
    let plan = bench.plan();
    let Err(RunError::Failed(e)) = limit::with_at_most(0, || bench.work(&plan, false)) else { panic!("no thread") };
    assert!(e.to_string().contains("a thread cannot be started"), "{e}");
    let hint = e.hint().map(crate::model::Hint::text).unwrap_or_default();
    assert!(hint.contains("ulimit -u"), "{hint}");
    let left = std::fs::read_dir(bench.out()).unwrap().flatten().map(|e| e.path()).filter(|p| p.is_file()).count();
    assert_eq!(left, 0);
    limit::with_at_most(1, || bench.work(&plan, false)).unwrap();
}
