//! A folder of jobs that several users and machines share.

use crate::lab::Lab;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

/// A job in `shared`, made by this user.
fn with_a_job(rights: u32) -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let shared = lab.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(rights)).unwrap();
    lab.run("--jobs-root shared convert tiny-llama --to gguf:q8_0").expect(0);
    lab
}

/// Makes the job somebody else's.
fn give_away(lab: &Lab, change: impl Fn(&mut serde_json::Value)) {
    let path = lab.path("shared/1/owner");
    let mut owner: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut owner);
    std::fs::write(&path, owner.to_string()).unwrap();
}

#[test]
fn others_may_read_the_jobs_of_a_shared_folder_only() {
    let shared = with_a_job(0o777);
    assert_eq!(mode(&shared.path("shared/1")), 0o755);
    for file in ["plan.json", "events.jsonl", "owner", "report.json", "recipe.toml"] {
        assert_eq!(mode(&shared.path("shared/1").join(file)), 0o644, "{file}");
    }
    assert_eq!(mode(&shared.path("shared/.last")), 0o666);
    let group = with_a_job(0o770);
    assert_eq!(mode(&group.path("shared/1")), 0o750);
    assert_eq!(mode(&group.path("shared/1/plan.json")), 0o640);
    let own = with_a_job(0o755);
    assert_eq!((mode(&own.path("shared/1")), mode(&own.path("shared/1/plan.json"))), (0o700, 0o600));
}

#[test]
fn the_job_of_another_user_is_seen_and_not_touched() {
    let lab = with_a_job(0o777);
    assert!(!lab.run("--jobs-root shared jobs").expect(0).out.contains(" by "));
    give_away(&lab, |owner| {
        owner["uid"] = 4_000_000_000u32.into();
        owner["user"] = "ana".into();
        owner["host"] = "gpu-2".into();
    });
    let listed = lab.run("jobs --jobs-root shared").expect(0).out;
    assert!(listed.contains("ana@gpu-2") && listed.contains("by"), "{listed}");
    assert!(lab.run("--jobs-root shared jobs list --json").expect(0).out.contains("\"user\":\"ana\""));
    lab.run("--jobs-root shared jobs attach 1").expect(0);
    lab.run("--jobs-root shared jobs show 1").expect(0);
    for command in ["cancel", "pause", "resume", "remove"] {
        let refused = lab.run(&format!("--jobs-root shared jobs {command} 1")).expect(2);
        assert!(refused.err.contains("job 1 belongs to ana@gpu-2"), "{command}: {}", refused.err);
    }
    lab.run("--jobs-root shared jobs clean").expect(0);
    assert!(lab.path("shared/1/plan.json").exists());
}

#[test]
fn a_job_on_another_machine_is_not_thought_lost() {
    let lab = with_a_job(0o777);
    give_away(&lab, |owner| owner["host"] = "gpu-2".into());
    // Without its last word it is still running, as far as can be seen from here.
    let events = lab.path("shared/1/events.jsonl");
    let text = std::fs::read_to_string(&events).unwrap();
    let begun: Vec<&str> = text.lines().filter(|l| !l.contains("\"job.finished\"")).collect();
    std::fs::write(&events, begun.join("\n") + "\n").unwrap();
    let listed = lab.run("--jobs-root shared jobs").expect(0).out;
    assert!(listed.contains("running") && listed.contains("@gpu-2"), "{listed}");
    let refused = lab.run("--jobs-root shared jobs remove 1").expect(2);
    assert!(refused.err.contains("belongs to"), "{}", refused.err);
    give_away(&lab, |owner| {
        let here = rustix::system::uname();
        owner["host"] = here.nodename().to_string_lossy().into_owned().into();
    });
    assert!(lab.run("--jobs-root shared jobs").expect(0).out.contains("lost"));
}
