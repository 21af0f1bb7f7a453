//! A folder of jobs that several users and machines share.

use crate::lab::Lab;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
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

/// A folder of jobs that everybody may write to.
fn open_root(lab: &Lab) -> std::path::PathBuf {
    let root = lab.path("shared");
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o2777)).unwrap();
    root
}

/// How this user's folders of the queue end in a shared folder of jobs.
fn queue_suffix() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("-{host}-{}", rustix::process::geteuid().as_raw())
}

#[test]
fn links_that_others_put_into_a_shared_folder_are_not_followed() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let root = open_root(&lab);
    let precious = ["victim/model-00001-of-00002.safetensors", "victim/llama-7b.gguf", "victim/bashrc"];
    for file in precious {
        lab.write(file, "precious");
    }
    let empty = lab.write("victim/000000000000000000000001-5", "");
    for name in [".queue", ".slots", ".queue-watch", ".slots-watch"] {
        symlink(lab.path("victim"), root.join(format!("{name}{}", queue_suffix()))).unwrap();
    }
    symlink(lab.path("victim/bashrc"), root.join(".last")).unwrap();
    std::fs::create_dir(lab.path("victim/ended")).unwrap();
    symlink(lab.path("victim/ended"), root.join("9")).unwrap();
    let before = crate::lab::tree(&lab.path("victim"));
    let rights = mode(&lab.path("victim/bashrc"));
    lab.run("--jobs-root shared jobs").expect(0);
    lab.run("--jobs-root shared convert tiny-llama --to gguf:q8_0 -q").expect(0);
    lab.run("--jobs-root shared convert tiny-llama --to gguf:q4_0 --detach").expect(0);
    crate::lab::wait_for("the job in the background", || {
        let listed = lab.run("--jobs-root shared jobs list --json").expect(0).out;
        (listed.matches("\"finished\"").count() == 2).then_some(())
    });
    lab.run("--jobs-root shared jobs remove 9").expect(2);
    lab.run("--jobs-root shared jobs clean").expect(0);
    assert_eq!(crate::lab::tree(&lab.path("victim")), before);
    assert_eq!(mode(&lab.path("victim/bashrc")), rights);
    assert!(empty.exists());
}

/// A job folder as another user would make one to have files removed.
fn planted(lab: &Lab, number: u32) -> std::path::PathBuf {
    let job = lab.path("shared").join(number.to_string());
    std::fs::create_dir(&job).unwrap();
    let event = |kind: &str| {
        format!(
            "{{\"t\":\"2020-01-01T00:00:00Z\",\"job\":\"{number}\",\"kind\":\"{kind}\",\"pid\":1,\"threads\":1,\"seconds\":1.0}}\n"
        )
    };
    let events = ["job.started", "job.cancelled"].map(event).concat();
    let part = lab.path("victim/thesis.txt");
    let begin = serde_json::json!({"version": "0", "fingerprint": "x", "token": "t", "outputs": [{"parts": [part]}]});
    let journal = format!("{}\n", serde_json::json!({"begin": begin}));
    for (file, text) in [
        ("recipe.toml", ""),
        ("plan.json", "{}"),
        ("lock", ""),
        ("events.jsonl", events.as_str()),
        ("journal", journal.as_str()),
    ] {
        std::fs::write(job.join(file), text).unwrap();
    }
    job
}

#[test]
fn a_journal_removes_only_files_with_the_names_of_its_job() {
    let lab = Lab::new();
    open_root(&lab);
    lab.write("victim/thesis.txt", "precious");
    planted(&lab, 7);
    lab.run("--jobs-root shared jobs clean").expect(0);
    assert!(!lab.path("shared/7").exists(), "the job is this user's");
    assert_eq!(std::fs::read_to_string(lab.path("victim/thesis.txt")).unwrap(), "precious");
}

#[test]
fn the_owner_of_the_folder_decides_whose_job_it_is() {
    let lab = Lab::new();
    open_root(&lab);
    lab.write("victim/thesis.txt", "precious");
    let job = planted(&lab, 7);
    // One that everybody can write to may have been filled by anybody.
    std::fs::set_permissions(&job, std::fs::Permissions::from_mode(0o777)).unwrap();
    for command in ["resume", "remove", "cancel"] {
        let refused = lab.run(&format!("--jobs-root shared jobs {command} 7")).expect(2);
        assert!(refused.err.contains("other users can write to the folder of job 7"), "{}", refused.err);
    }
    lab.run("--jobs-root shared jobs clean").expect(0);
    assert!(job.join("journal").exists());
    // One of another user that claims to be this user's.
    let me = rustix::process::geteuid().as_raw();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let claim = serde_json::json!({"host": host, "user": "me", "uid": me});
    std::fs::set_permissions(&job, std::fs::Permissions::from_mode(0o755)).unwrap();
    if std::os::unix::fs::chown(&job, Some(12345), None).is_err() {
        return crate::skip::skipped("a folder of another user: only root can make one");
    }
    for owner in [None, Some(claim)] {
        if let Some(claim) = owner {
            std::fs::write(job.join("owner"), claim.to_string()).unwrap();
        }
        let listed = lab.run("--jobs-root shared jobs").expect(0).out;
        assert!(listed.contains("user 12345"), "{listed}");
        for command in ["resume", "remove", "cancel"] {
            let refused = lab.run(&format!("--jobs-root shared jobs {command} 7")).expect(2);
            assert!(refused.err.contains("job 7 belongs to user 12345"), "{}", refused.err);
        }
        lab.run("--jobs-root shared jobs clean").expect(0);
        lab.run(&format!("worker {}", job.display())).expect(2);
        assert!(job.join("journal").exists() && lab.path("victim/thesis.txt").exists());
    }
}

#[test]
fn jobs_that_are_being_made_are_not_cleaned() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (over, lab) = (&over, &lab);
        scope.spawn(move || {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                lab.run("jobs clean -q").expect(0);
            }
        });
        let codes: Vec<_> =
            (0..12).map(|_| lab.run("convert tiny-llama --to gguf:f16 -o x.gguf --force -q").code).collect();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(codes, vec![Some(0); 12]);
    });
    // A folder without anything in it is a job in the making, unless it is old.
    std::fs::create_dir_all(lab.jobs().join("900")).unwrap();
    lab.run("jobs clean -q").expect(0);
    assert!(lab.jobs().join("900").exists());
}
