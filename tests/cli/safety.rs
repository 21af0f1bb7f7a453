//! No input, neighbour or other job's file is harmed, whatever its name and whatever happens meanwhile.

use crate::lab::{Lab, finish, hash, start, wait_for, words};
use crate::made::{big, floats, imatrix_dat, noise};
use remold::testing::engine::{EventBody, from_json, is_part_name};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// A GGUF of two small tensors.
fn gguf(lab: &Lab, name: &str) {
    lab.write("w.safetensors", floats(&[("a", &[4, 32], noise(128, 1)), ("b", &[8], noise(8, 2))]));
    lab.run("convert w.safetensors --to gguf:f32 -o made.gguf").expect(0);
    fs::rename(lab.path("made.gguf"), lab.path(name)).unwrap();
}

#[test]
fn a_source_whose_name_ends_in_part_is_converted_and_kept() {
    let lab = Lab::new();
    gguf(&lab, "x.gguf.part");
    let before = hash(&lab.path("x.gguf.part"));
    lab.run("convert x.gguf.part --to gguf:f16 -o x.gguf").expect(0);
    assert_eq!(hash(&lab.path("x.gguf.part")), before);
    let values = fs::read(lab.path("x.gguf")).unwrap();
    assert!(values[values.len() - 256..].iter().any(|b| *b != 0), "not zeros");
}

#[test]
fn links_and_downloads_named_part_are_left_alone() {
    for plant in ["symlink", "hard link", "file", "folder"] {
        let lab = Lab::new();
        gguf(&lab, "m.gguf");
        let part = lab.path("out.gguf.part");
        match plant {
            "symlink" => symlink(lab.path("m.gguf"), &part).unwrap(),
            "hard link" => fs::hard_link(lab.path("m.gguf"), &part).unwrap(),
            "file" => fs::write(&part, b"a download").unwrap(),
            _ => fs::create_dir(&part).unwrap(),
        }
        let before = lab.tree();
        lab.run("convert m.gguf --to gguf:f16 -o out.gguf").expect(0);
        let mut after = lab.tree();
        assert!(after.remove("out.gguf").is_some() && after.remove("out.gguf.remold.json").is_some(), "{plant}");
        assert_eq!(after, before, "{plant}");
    }
}

#[test]
fn no_input_of_any_kind_is_an_output() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    gguf(&lab, "m.gguf");
    lab.write("calib.dat", imatrix_dat(&[("a", noise(32, 3).into_iter().map(f32::abs).collect())]));
    lab.write("r.toml", "[[target]]\nformat = \"gguf\"\nquantization = \"f16\"\n");
    lab.write("types.txt", "a=f32\n");
    for (name, to) in
        [("m.gguf", "link.gguf"), ("calib.dat", "calib.gguf"), ("r.toml", "r.gguf"), ("types.txt", "t.gguf")]
    {
        fs::hard_link(lab.path(name), lab.path(to)).unwrap();
    }
    let before = lab.tree();
    for line in [
        "convert m.gguf --to gguf:f16 -o m.gguf --force",
        "convert m.gguf --to gguf:f16 -o link.gguf --force",
        "convert m.gguf --to gguf:q8_0 --imatrix calib.dat -o calib.dat --force",
        "convert m.gguf --to gguf:q8_0 --imatrix calib.dat -o calib.gguf --force",
        "convert m.gguf -r r.toml -o r.gguf --force",
        "convert m.gguf --to gguf:f16 --tensor-type-file types.txt -o t.gguf --force",
        "convert tiny-llama --to gguf:f16 -o tiny-llama/config.json --force",
    ] {
        let ran = lab.run(line).expect(2);
        assert!(ran.err.contains("the output is the input") || ran.err.contains("inside"), "{line}: {}", ran.err);
        assert_eq!(lab.tree(), before, "{line}");
    }
}

/// Writes to a file while it is converted: once the first tensor is done, long before the last one is read.
fn convert_while(lab: &Lab, line: &str, change: impl FnOnce()) -> crate::lab::Ran {
    let mut command = lab.command();
    command.args(words(line));
    let child = start(&mut command);
    wait_for("a finished tensor", || {
        let text = fs::read_to_string(lab.job().join("events.jsonl")).unwrap_or_default();
        let done = |l: &str| {
            from_json(l.as_bytes())
                .is_ok_and(|e: remold::testing::engine::Event| matches!(e.body, EventBody::TensorFinished(_)))
        };
        text.lines().any(done).then_some(())
    });
    change();
    finish(child)
}

#[test]
fn a_source_that_is_written_to_while_it_is_read_is_not_published() {
    let rewrite = |path: &Path, keep_time: bool| {
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        let len = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(len - 100)).unwrap();
        file.write_all(&[7; 100]).unwrap();
        if keep_time {
            file.set_modified(modified).unwrap();
        }
    };
    for keep_time in [false, true] {
        let lab = Lab::new();
        let source = lab.write("big.safetensors", big(12));
        fs::create_dir_all(lab.jobs()).unwrap();
        lab.write("w.safetensors", floats(&[("a", &[4, 32], noise(128, 1))]));
        lab.run("convert w.safetensors --to gguf -o w.gguf").expect(0);
        let ran = convert_while(&lab, "convert big.safetensors --to gguf:iq3_s -o out.gguf --threads 1", || {
            wait_for("the second job", || lab.job().ends_with("2").then_some(()));
            rewrite(&source, keep_time);
        });
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("big.safetensors: the file changed while it was being converted"), "{}", ran.err);
        assert!(!lab.path("out.gguf").exists());
        let left = lab.tree().into_keys().any(|n| n.rsplit('/').next().is_some_and(is_part_name));
        assert!(!left, "unfinished files were removed");
    }
}

#[test]
fn a_checkpoint_that_is_removed_while_it_is_read_is_still_converted() {
    let lab = Lab::new();
    let source = lab.write("big.safetensors", big(8));
    lab.run("convert big.safetensors --to gguf:iq3_s -o straight.gguf").expect(0);
    fs::remove_dir_all(lab.jobs()).unwrap();
    fs::create_dir(lab.jobs()).unwrap();
    fs::create_dir(lab.jobs().join("0")).unwrap();
    let ran = convert_while(&lab, "convert big.safetensors --to gguf:iq3_s -o out.gguf --threads 1", || {
        fs::remove_file(&source).unwrap();
    });
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(hash(&lab.path("out.gguf")), hash(&lab.path("straight.gguf")));
}

/// The change time of a removed file is new whatever was done to it before: writes to it are watched.
#[test]
fn a_source_that_is_rewritten_and_then_removed_is_not_published() {
    let lab = Lab::new();
    let source = lab.write("big.safetensors", big(8));
    fs::create_dir_all(lab.jobs().join("0")).unwrap();
    let ran = convert_while(&lab, "convert big.safetensors --to gguf:iq3_s -o out.gguf --threads 1", || {
        let mut file = fs::OpenOptions::new().write(true).open(&source).unwrap();
        let (modified, len) = (file.metadata().unwrap().modified().unwrap(), file.metadata().unwrap().len());
        file.seek(SeekFrom::Start(len - 100)).unwrap();
        file.write_all(&[7; 100]).unwrap();
        file.set_modified(modified).unwrap();
        fs::remove_file(&source).unwrap();
    });
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("big.safetensors: the file"), "{}", ran.err);
    assert!(!lab.path("out.gguf").exists());
}

#[test]
fn names_that_are_no_text_are_refused_before_anything_is_made() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::new();
    gguf(&lab, "m.gguf");
    let odd = OsStr::from_bytes(b"x\xff.gguf");
    let folder = OsStr::from_bytes(b"d\xff");
    fs::copy(lab.path("m.gguf"), lab.dir().join(odd)).unwrap();
    fs::create_dir(lab.dir().join(folder)).unwrap();
    let out = lab.dir().join(folder).join("o.gguf");
    let jobs = || fs::read_dir(lab.jobs()).unwrap().count();
    let (before, known) = (lab.tree(), jobs());
    let to = |source: &OsStr, output: &OsStr, more: &[&str]| {
        let mut command = lab.command();
        command.arg("convert").arg(source).args(["--to", "gguf:f16", "-o"]).arg(output).args(more);
        finish(start(&mut command))
    };
    for more in [&[][..], &["--detach"], &["--dry-run", "--json"], &["--force"]] {
        for (source, output) in
            [(odd, OsStr::new("o.gguf")), (OsStr::new("m.gguf"), odd), (OsStr::new("m.gguf"), out.as_os_str())]
        {
            let ran = to(source, output, more);
            assert!(ran.code == Some(2) && ran.err.contains("not UTF-8"), "{more:?}: {:?} {}", ran.code, ran.err);
        }
    }
    // A folder above has such a name.
    let mut command = lab.command();
    command.current_dir(lab.dir().join(folder)).args(["convert", "../m.gguf", "--to", "gguf:f16", "-o", "o.gguf"]);
    let ran = finish(start(&mut command));
    assert!(ran.code == Some(2) && ran.err.contains("not UTF-8"), "{}", ran.err);
    assert_eq!((lab.tree(), jobs()), (before, known));
}

#[test]
fn a_second_job_is_refused_at_once_also_when_the_name_is_long() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(8));
    lab.write("w.safetensors", floats(&[("a", &[4, 32], noise(128, 1))]));
    let name = format!("{}.gguf", "n".repeat(240));
    fs::create_dir_all(lab.jobs().join("0")).unwrap();
    let ran = convert_while(&lab, &format!("convert big.safetensors --to gguf:iq3_s -o {name} --threads 1"), || {
        let ran = lab.run(&format!("convert w.safetensors --to gguf -o {name}"));
        assert!(ran.code != Some(0) && ran.err.contains("another job is writing this output"), "{}", ran.err);
    });
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(fs::metadata(lab.path(&name)).unwrap().len() > 1000, "the first job's");
}

/// In a folder like /tmp users cannot replace each other's files; this is reported before any work.
#[test]
fn files_of_others_in_a_sticky_folder_are_refused_at_once() {
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        crate::skip::skipped("only root can make files of two users");
        return;
    }
    let lab = Lab::new();
    lab.write("w.safetensors", floats(&[("a", &[4, 32], noise(128, 1))]));
    let open = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let root = lab.dir().parent().unwrap().to_owned();
    open(&root, 0o777);
    open(&root.join("home"), 0o777);
    open(&lab.dir(), 0o777);
    fs::create_dir(lab.path("tmp")).unwrap();
    open(&lab.path("tmp"), 0o1777);
    lab.write("tmp/o.gguf", "theirs");
    open(&lab.path("tmp/o.gguf"), 0o666);
    fs::copy(env!("CARGO_BIN_EXE_remold"), lab.path("program")).unwrap();
    open(&lab.path("program"), 0o755);
    let run = |args: &str| {
        let mut command = std::process::Command::new(lab.path("program"));
        lab.surround(&mut command);
        finish(start(command.args(words(args)).uid(65534).gid(65534)))
    };
    let ran = run("convert w.safetensors --to gguf -o tmp/o.gguf --force").expect(2);
    assert!(ran.err.contains("belongs to another user") && ran.err.contains("sticky"), "{}", ran.err);
    assert_eq!(fs::read(lab.path("tmp/o.gguf")).unwrap(), b"theirs");
    assert!(!lab.jobs().exists() || fs::read_dir(lab.jobs()).unwrap().count() == 0);
    run("convert w.safetensors --to gguf -o tmp/mine.gguf").expect(0);
    run("convert w.safetensors --to gguf -o tmp/mine.gguf --force").expect(0);
}

#[test]
fn force_replaces_regular_files_and_nothing_else() {
    let lab = Lab::new();
    gguf(&lab, "m.gguf");
    let fifo = lab.path("fifo.gguf");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    symlink(lab.path("nowhere"), lab.path("dangling.gguf")).unwrap();
    symlink("/dev/null", lab.path("device.gguf")).unwrap();
    for name in ["fifo.gguf", "dangling.gguf", "device.gguf", "/dev/null"] {
        let ran = lab.run(&format!("convert m.gguf --to gguf:f16 -o {name} --force")).expect(2);
        assert!(ran.err.contains("not a regular file") || ran.err.contains("broken link"), "{name}: {}", ran.err);
    }
    assert!(fs::symlink_metadata(&fifo).unwrap().mode() & 0o170_000 == 0o010_000);
    assert!(fs::metadata("/dev/null").unwrap().mode() & 0o170_000 == 0o020_000);
    // A link to a file stays a link; the file it leads to is replaced.
    fs::create_dir(lab.path("store")).unwrap();
    lab.write("store/real.gguf", "old");
    symlink(lab.path("store/real.gguf"), lab.path("out.gguf")).unwrap();
    lab.run("convert m.gguf --to gguf:f16 -o out.gguf --force").expect(0);
    assert!(fs::symlink_metadata(lab.path("out.gguf")).unwrap().is_symlink());
    assert!(fs::read(lab.path("store/real.gguf")).unwrap().starts_with(b"GGUF"));
}

#[test]
fn permissions_are_kept_and_never_wider_than_the_source_s() {
    let mode = |p: &Path| fs::metadata(p).unwrap().mode() & 0o777;
    let lab = Lab::new();
    gguf(&lab, "m.gguf");
    lab.write("out.gguf", "old");
    fs::set_permissions(lab.path("out.gguf"), fs::Permissions::from_mode(0o600)).unwrap();
    lab.run("convert m.gguf --to gguf:f16 -o out.gguf --force").expect(0);
    assert_eq!(mode(&lab.path("out.gguf")), 0o600);
    lab.run("convert m.gguf --to gguf:f16 -o new.gguf").expect(0);
    assert_eq!(mode(&lab.path("new.gguf")) & 0o600, 0o600);
    assert_eq!(mode(&lab.path("new.gguf")), mode(&lab.path("w.safetensors")), "as the umask says");
    fs::set_permissions(lab.path("m.gguf"), fs::Permissions::from_mode(0o600)).unwrap();
    lab.run("convert m.gguf --to gguf:f16 -o private.gguf").expect(0);
    assert_eq!(mode(&lab.path("private.gguf")), 0o600);
}

/// A replaced folder has the new set alone, and keeps what was never part of the old one.
#[test]
fn a_folder_is_replaced_as_a_whole() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to safetensors:f16 --max-shard-size 2MB -o hf").expect(0);
    let shards = |lab: &Lab| lab.tree().into_keys().filter(|n| n.starts_with("hf/model-")).count();
    assert!(shards(&lab) > 1);
    lab.write("hf/notes.txt", "mine");
    lab.write("hf/logs/run.txt", "mine too");
    lab.run("convert tiny-llama --to safetensors:f16 -o hf --force").expect(0);
    assert_eq!(shards(&lab), 0, "{:?}", lab.tree());
    assert!(lab.path("hf/model.safetensors").is_file());
    assert_eq!(fs::read(lab.path("hf/notes.txt")).unwrap(), b"mine");
    assert_eq!(fs::read(lab.path("hf/logs/run.txt")).unwrap(), b"mine too");
    lab.run("inspect hf").expect(0);
    // A folder that exists and is empty stays the same one: a shell may be in it.
    fs::create_dir(lab.path("here")).unwrap();
    let inode = fs::metadata(lab.path("here")).unwrap().ino();
    lab.run("convert tiny-llama --to safetensors:f16 -o here").expect(0);
    assert_eq!(fs::metadata(lab.path("here")).unwrap().ino(), inode);
    assert!(lab.path("here/model.safetensors").is_file());
    let left = lab.tree().into_keys().find(|n| n.contains(".remold-"));
    assert_eq!(left, None);
}

/// Files whose names merely begin like weight files are not ours, and a link is never followed out of the folder.
#[test]
fn replacing_a_folder_removes_no_weights_of_others() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.write("hf/config.json", "{}");
    let own = [
        "model.fp16.safetensors",
        "model_ema.safetensors",
        "modelling_lora.safetensors",
        "model-backup-2024.safetensors",
    ];
    own.iter().for_each(|name| drop(lab.write(&format!("hf/{name}"), *name)));
    // A file with a name of weights that no manifest lists may be anybody's work.
    let foreign = lab.write("hf/model-00001-of-00002.safetensors", "precious");
    let ran = lab.run("convert mini-bert --to safetensors:f16 -o hf --force").expect(2);
    assert!(
        ran.err.contains("holds 1 weight file that is not listed in a manifest of remold, so remold does not remove it: model-00001-of-00002.safetensors"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read(&foreign).unwrap(), b"precious");
    fs::remove_file(foreign).unwrap();
    lab.run("convert mini-bert --to safetensors:f16 -o hf --max-shard-size 50KB --force").expect(0);
    let shards = |lab: &Lab| lab.tree().into_keys().filter(|n| n.starts_with("hf/model-0")).collect::<Vec<_>>();
    assert!(shards(&lab).len() > 1, "{:?}", lab.tree());
    // Its own shards are listed, but not with other contents.
    let shard = lab.path(&shards(&lab)[0]);
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, "other").unwrap();
    lab.run("convert mini-bert --to safetensors:f16 -o hf --force").expect(2);
    fs::write(&shard, bytes).unwrap();
    let ran = lab.run("convert mini-bert --to safetensors:f16 -o hf --force").expect(0);
    assert!(
        ran.err.contains("in the output folder will be removed, so that they are not part of the new output: model"),
        "{}",
        ran.err
    );
    assert_eq!(shards(&lab), [""; 0]);
    for name in own {
        assert_eq!(fs::read(lab.path("hf").join(name)).unwrap(), name.as_bytes());
    }
    fs::remove_file(lab.path("hf/config.json")).unwrap();
    lab.write("shared.json", "{}");
    symlink(lab.path("shared.json"), lab.path("hf/config.json")).unwrap();
    let ran = lab.run("convert mini-bert --to safetensors:f16 -o hf --force").expect(2);
    assert!(ran.err.contains("hf/config.json: a file of the output folder is a link"), "{}", ran.err);
    assert_eq!(fs::read(lab.path("shared.json")).unwrap(), b"{}");
}

#[test]
fn the_folder_one_is_in_can_be_the_output() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.write("out/notes.txt", "mine");
    lab.write("out/config.json", "{}");
    let mut command = lab.command();
    command.current_dir(lab.path("out")).args(words("convert ../mini-bert --to safetensors:f16 -o . --force"));
    let ran = finish(start(&mut command));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(fs::read(lab.path("out/notes.txt")).unwrap(), b"mine");
    assert!(lab.path("out/model.safetensors").is_file() && !lab.tree().keys().any(|n| n.contains(".remold-")));
    let ran = lab.run("convert mini-bert --to gguf:f16 -o new/../mini-bert/x.gguf").expect(2);
    assert!(ran.err.contains("inside the source"), "{}", ran.err);
}
