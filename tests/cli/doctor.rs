//! What `doctor` says where all is well and where it is not; it works without a terminal.

use crate::lab::Lab;

#[test]
fn it_reports_its_findings_and_leaves_no_files() {
    let lab = Lab::new();
    let before = lab.tree();
    let ran = lab.run("doctor").expect(0);
    for word in ["terminal", "none (a pipe", "is writable and supports locks", "quantizes with", "free in"] {
        assert!(ran.out.contains(word), "{word} is not in\n{}", ran.out);
    }
    let told: serde_json::Value = serde_json::from_str(&lab.run("doctor --json").expect(0).out).unwrap();
    assert_eq!(told["usable"], true);
    let checks = told["checks"].as_array().unwrap();
    for c in checks {
        assert_eq!(c["standing"] != "fine", c["remedy"].is_string(), "{c}");
    }
    assert_eq!((lab.tree(), lab.jobs().exists()), (before, false));
}

#[test]
fn a_root_of_jobs_that_cannot_be_written_is_in_the_way_and_has_a_remedy() {
    let lab = Lab::new();
    std::fs::write(lab.jobs(), b"a file").unwrap();
    let ran = lab.run("doctor").expect(1);
    assert!(ran.out.contains('✗') && ran.out.contains("set REMOLD_JOBS to a folder"), "{}", ran.out);
    assert!(ran.out.ends_with("1 problem keeps remold from running\n"), "{}", ran.out);
    let told: serde_json::Value = serde_json::from_str(&lab.run("doctor --json").expect(1).out).unwrap();
    assert_eq!(told["usable"], false);
}
