//! Pipes, devices, sockets, folders and endless files in the place of files are refused at once; folders of remold's own are private;
//! threads are capped.

use crate::lab::{Lab, fixture};
use crate::made::{floats, noise};
use rustix::fs::Mode;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// Far less than the deadline after which a program that hangs is killed.
const AT_ONCE: Duration = Duration::from_secs(20);

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("m.safetensors", floats(&[("block.weight", &[4, 256], noise(1024, 3))]));
    rustix::fs::mkfifoat(rustix::fs::CWD, lab.path("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    std::fs::create_dir(lab.path("folder")).unwrap();
    lab.model("tiny-llama");
    lab
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let lab = lab();
    let _socket = std::os::unix::net::UnixListener::bind(lab.path("socket")).unwrap();
    let mut wrong = Vec::new();
    for (place, what) in [
        ("pipe", "a named pipe"),
        ("/dev/zero", "a device"),
        ("/dev/tty", "a device"),
        ("socket", "a socket"),
        ("folder", "a folder"),
    ] {
        for (args, folder_too) in [
            (format!("convert tiny-llama --to gguf:q4_k_m --imatrix {place} -o o.gguf"), true),
            (format!("convert m.safetensors --to gguf:q4_k --tensor-type-file {place} -o o.gguf"), true),
            (format!("convert m.safetensors --recipe {place} -o o.gguf"), false),
            (format!("run {place}"), false),
            (format!("recipe check {place}"), true),
            (format!("inspect {place}"), false),
            (format!("convert {place} --to gguf"), false),
            (format!("compare m.safetensors {place}"), false),
            (format!("plan {place}"), false),
        ] {
            if place == "folder" && !folder_too {
                continue;
            }
            let begun = Instant::now();
            let ran = lab.run(&args);
            if ran.code != Some(2) || !ran.err.contains(&format!("it is {what}, not a regular file")) {
                wrong.push(format!("{args}: {:?} {}", ran.code, ran.err));
            }
            if begun.elapsed() > AT_ONCE {
                wrong.push(format!("{args}: took {:?}", begun.elapsed()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_without_end_are_refused() {
    let lab = lab();
    // Sparse: nothing of it is on the disk.
    for name in ["types.txt", "huge.toml", "huge.dat"] {
        std::fs::File::create(lab.path(name)).unwrap().set_len(1 << 40).unwrap();
    }
    for args in [
        "convert tiny-llama --to gguf:q4_k_m --imatrix huge.dat -o o.gguf",
        "convert m.safetensors --to gguf:q4_k --tensor-type-file types.txt -o o.gguf",
        "run huge.toml",
    ] {
        let ran = lab.run(args).expect(2);
        assert!(ran.err.contains("bytes"), "{}", ran.err);
    }
}

#[test]
fn a_pipe_as_a_sidecar_does_not_hang() {
    let lab = Lab::new();
    let model = lab.path("model");
    std::fs::create_dir(&model).unwrap();
    for entry in std::fs::read_dir(fixture("models/tiny-llama")).unwrap().flatten() {
        let name = entry.file_name();
        let to = model.join(&name);
        if name == "tokenizer_config.json" || name == "config.json" {
            rustix::fs::mkfifoat(rustix::fs::CWD, to, Mode::RUSR | Mode::WUSR).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    let begun = Instant::now();
    lab.run("convert model --to gguf:q8_0 -o o.gguf");
    lab.run("inspect model");
    assert!(begun.elapsed() < AT_ONCE);
}

#[test]
fn job_and_cache_folders_are_private() {
    let lab = lab();
    lab.run("convert m.safetensors --to gguf:q8_0 -o o.gguf").expect(0);
    lab.run("convert m.safetensors --to gguf:q8_0 -o p.gguf --detach").expect(0);
    lab.run("jobs attach 2").expect(0);
    lab.run("plan tiny-llama").expect(0);
    let home = lab.dir().parent().unwrap().join("home");
    let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    let mut seen = 0;
    for root in [lab.jobs(), home.join(".cache")] {
        let mut todo = vec![root];
        while let Some(at) = todo.pop() {
            assert_eq!(mode(&at), if at.is_dir() { 0o700 } else { 0o600 }, "{}", at.display());
            seen += 1;
            if at.is_dir() {
                todo.extend(std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()));
            }
        }
    }
    assert!(seen > 15, "{seen}");
    // Outputs are not remold's own: they have the rights that the umask gives.
    assert_eq!(mode(&lab.path("o.gguf")), mode(&lab.path("m.safetensors")));
    // Those of earlier versions are closed by the next job.
    let old = lab.jobs().join("1");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    lab.run("convert m.safetensors --to gguf:q8_0 -o q.gguf").expect(0);
    assert_eq!(mode(&old), 0o700);
}

#[test]
fn threads_are_capped_with_a_word() {
    let lab = lab();
    for args in [
        "convert m.safetensors --to gguf:q8_0 -o o.gguf --threads 1000000000",
        "plan tiny-llama --threads 1000000000",
        "compare m.safetensors o.gguf --threads 1000000000",
    ] {
        let ran = lab.run(args).expect(0);
        assert!(ran.err.contains("--threads 1000000000 is more than this machine can use"), "{}", ran.err);
    }
    assert!(!lab.run("plan tiny-llama --threads 3").expect(0).err.contains("--threads"));
}

/// The files of a job's own folder are read as untrusted files: a copied job may contain anything.
#[test]
fn pipes_and_devices_in_a_job_folder_hang_nothing() {
    let lab = lab();
    let begun = Instant::now();
    let mut number = 0;
    for file in ["events.jsonl", "plan.json", "report.json", "journal", "recipe.toml", "lock", "log.txt", "threads"] {
        for device in [false, true] {
            lab.run(&format!("convert m.safetensors --to gguf:q8_0 -o {file}-{device}.gguf")).expect(0);
            number += 1;
            let path = lab.jobs().join(number.to_string()).join(file);
            let _ = std::fs::remove_file(&path);
            if device {
                std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
            } else {
                rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
            }
            for command in ["list", "show", "log", "resume", "attach", "remove"] {
                let id = if command == "list" { String::new() } else { number.to_string() };
                if command == "attach" && file == "events.jsonl" {
                    // A job without events waits for its turn for a minute.
                    continue;
                }
                let ran = lab.run(&format!("jobs {command} {id}"));
                assert!(!ran.err.contains("panicked"), "{command} {file}: {}", ran.err);
            }
        }
    }
    lab.run("jobs clean");
    assert!(begun.elapsed() < AT_ONCE * 3, "{:?}", begun.elapsed());
}
