//! Control characters in names, metadata, file names and recipes never reach the terminal.

use crate::lab::{Lab, Ran};
use crate::made::{Gguf, floats};

/// An escape sequence, C1's way to begin one, a bell, a bidirectional override, a character without width.
const EVIL: &str = "e\x1b]0;t\x07\u{9b}31m\u{202e}\u{200b}\x7f\u{85}l";

/// True for what a terminal acts on: everything of C0 but line ends, DEL, C1, overrides and marks without width.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn calm(what: &str, ran: &Ran) {
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        // Lines in a pipe; a live display is not drawn there.
        if let Some(c) = text.chars().find(|c| acts(*c)) {
            panic!("{what}: {stream} has {c:?}:\n{text:?}");
        }
    }
    assert!(!ran.err.contains("panicked"), "{what}: {}", ran.err);
}

/// Runs the program with arguments that may hold anything.
fn run(lab: &Lab, args: &[&str]) -> Ran {
    let mut command = lab.command();
    command.args(args);
    let ran = crate::lab::finish(crate::lab::start(&mut command));
    calm(&format!("{args:?}"), &ran);
    ran
}

#[test]
fn nothing_that_a_file_says_moves_the_terminal() {
    let lab = Lab::new();
    let name = format!("blk.0.{EVIL}.weight");
    let json_name: String =
        name.chars().map(|c| if c.is_control() { format!("\\u{:04x}", c as u32) } else { c.to_string() }).collect();
    let file = format!("m{EVIL}.safetensors");
    lab.write(&file, floats(&[(json_name.as_str(), &[2, 32], vec![0.5; 64]), ("b", &[32], vec![1.0; 32])]));
    lab.write("m.safetensors", floats(&[(json_name.as_str(), &[2, 32], vec![0.5; 64])]));
    let gguf = Gguf::new(1, 3)
        .str(b"general.architecture")
        .u32(8)
        .str(EVIL.as_bytes())
        .str(format!("key.{EVIL}").as_bytes())
        .u32(8)
        .str(format!("{EVIL}\nsecond").as_bytes())
        .str(b"list")
        .u32(9)
        .u32(8)
        .u64(1)
        .str(EVIL.as_bytes())
        .tensor(&name, &[32, 2], 0, 0)
        .data(256);
    lab.write("m.gguf", gguf);
    lab.write(
        &format!("{EVIL}.toml"),
        format!("[[target]]\nformat = \"gguf\"\n\"{}\" = 1\n", "k\\u001b\\u009b\\u202e"),
    );
    lab.write("raw.toml", format!("target = \"gguf:{EVIL}\"\n"));
    let index = format!("{{\"weight_map\":{{\"a\":\"m-{}-x.safetensors\"}}}}", "\\u001b[2J\\u009b");
    lab.write("set/model.safetensors.index.json", index);
    lab.write("folder/config.json", format!("{{\"architectures\":[\"{}\"]}}", "X\\u001b[2J\\u009b\\u202e"));
    lab.write("folder/model.safetensors", floats(&[("a", &[1], vec![1.0])]));
    let recipe = format!("{EVIL}.toml");
    let none = format!("none{EVIL}");
    let commands: Vec<Vec<&str>> = vec![
        vec!["inspect", "--tensors", "--metadata", &file],
        vec!["inspect", "--tensors", "--metadata", "--json", &file],
        vec!["inspect", "--tensors", "--metadata", "m.gguf"],
        vec!["inspect", "--json", "m.gguf"],
        vec!["inspect", "."],
        vec!["inspect", "--json", "."],
        vec!["inspect", &none],
        vec!["inspect", "set"],
        vec!["inspect", "folder"],
        vec!["inspect", "--config", "folder"],
        vec!["convert", "folder", "--to", "gguf:q8_0"],
        vec!["convert", &file, "--to", "gguf:f16", "--dry-run"],
        vec!["convert", &file, "--to", "gguf:f16", "--dry-run", "--json"],
        vec!["convert", &file, "--to", "safetensors:f16", "-o", "o.safetensors"],
        vec!["convert", &file, "--to", "safetensors:f16", "-o", "p.safetensors", "--json"],
        vec!["convert", &file, "--to", &none],
        vec!["convert", &file, "--to", "gguf", "--set", &none],
        vec!["convert", &file, "--to", "gguf", "--tensor-type", &none],
        vec!["convert", "m.gguf", "--to", "safetensors", "-o", &none],
        vec!["convert", "m.gguf", "--to", "gguf:q8_0", "--imatrix", &none],
        vec!["plan", &file],
        vec!["plan", "--json", &file],
        vec!["compare", &file, "m.safetensors", "--tensors"],
        vec!["compare", &file, "m.safetensors", "--json"],
        vec!["compare", &file, "m.gguf"],
        vec!["recipe", "check", &recipe],
        vec!["recipe", "check", "raw.toml"],
        vec!["recipe", "show", &none],
        vec!["run", &recipe],
        vec!["run", &none],
        vec!["jobs"],
        vec!["jobs", "list", "--json"],
        vec!["jobs", "show", "1"],
        vec!["jobs", "show", &none],
        vec!["jobs", "log", "1"],
        vec!["jobs", "log", "1", "--json"],
        vec!["jobs", "attach", "1"],
        vec!["jobs", "attach", "2"],
        vec!["split", "m.gguf", "--max-tensors", "1"],
        vec![none.as_str()],
        vec!["--", &none],
        vec!["config", &none],
    ];
    for args in &commands {
        run(&lab, args);
    }
    // The names themselves are shown, escaped.
    let ran = run(&lab, &["inspect", "--tensors", &file]).expect(0);
    assert!(
        ran.out.contains("blk.0.e\\u{1b}]0;t\\u{7}\\u{9b}31m\\u{202e}\\u{200b}\\u{7f}\\u{85}l.weight"),
        "{}",
        ran.out
    );
    // JSON has the value itself.
    let ran = run(&lab, &["inspect", "--json", "m.gguf"]).expect(0);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["tensors"][0]["name"], name);
    assert_eq!(told["architecture"], EVIL);
    assert!(ran.out.contains("\\u009b31m\\u202e\\u200b\\u007f\\u0085l"), "{}", ran.out);
}

#[test]
fn a_detached_job_logs_nothing_that_moves_the_terminal() {
    let lab = Lab::new();
    let name: String = "w\\u001b[2J\\u009b".to_owned();
    lab.write("m.safetensors", floats(&[(name.as_str(), &[2, 32], vec![f32::NAN; 64])]));
    run(&lab, &["convert", "m.safetensors", "--to", "gguf:q8_0", "-o", "o.gguf", "--detach"]).expect(0);
    run(&lab, &["jobs", "attach", "1"]).expect(1);
    let log = std::fs::read_to_string(lab.job().join("log.txt")).unwrap();
    assert!(log.contains("\\u{1b}[2J\\u{9b}") && !log.chars().any(acts), "{log:?}");
}

/// A name with a line end in it does not begin a line of its own, which could look like a message of the program.
#[test]
fn no_name_begins_a_line() {
    const NAME: &str = "x\nerror: INJECTED";
    let lab = Lab::new();
    let json_name = NAME.replace('\n', "\\n");
    lab.write("folder/config.json", format!("{{\"architectures\":[\"{json_name}\"]}}"));
    lab.write("folder/model.safetensors", floats(&[("a", &[1], vec![1.0])]));
    lab.write("m.safetensors", floats(&[(json_name.as_str(), &[2, 33], vec![0.5; 66])]));
    let gguf = Gguf::new(1, 1).str(b"general.architecture").u32(8).str(NAME.as_bytes());
    lab.write("m.gguf", gguf.tensor(NAME, &[32, 2], 0, 0).data(256));
    lab.write(&format!("{NAME}.gguf"), "GGUF");
    lab.write("set/model.safetensors.index.json", format!("{{\"weight_map\":{{\"a\":\"{json_name}.safetensors\"}}}}"));
    lab.write("r.toml", format!("[[target]]\nformat = \"{json_name}\"\n\"{json_name}\" = 1\n"));
    let bad_file = format!("{NAME}.gguf");
    let option = format!("--{NAME}");
    let with_value = format!("--threads={NAME}");
    let commands: Vec<Vec<&str>> = vec![
        vec!["inspect", "--config", "folder"],
        vec!["inspect", "m.gguf", "--metadata", "--tensors"],
        vec!["inspect", "m.safetensors", "--tensors"],
        vec!["inspect", &bad_file],
        vec!["inspect", NAME],
        vec!["inspect", "set"],
        vec!["convert", "folder", "--to", "gguf:q8_0"],
        vec!["convert", "m.gguf", "--to", "safetensors", "--dry-run"],
        vec!["convert", "m.gguf", "--to", NAME],
        vec!["convert", "m.gguf", "--to", "gguf", "--set", NAME],
        vec!["convert", "m.gguf", "--to", "gguf:q8_0", "--tensor-type", NAME],
        vec!["convert", "m.gguf", "--to", "gguf:q8_0", "--imatrix", NAME],
        vec!["convert", "m.safetensors", "--to", "gguf:q8_0", "-o", NAME],
        vec!["convert", "m.gguf", "--to", "gguf", "--target-size", NAME],
        vec!["convert", "m.gguf", &option],
        vec!["convert", "m.gguf", &with_value],
        vec!["plan", "m.gguf"],
        vec!["compare", "m.gguf", "m.safetensors"],
        vec!["recipe", "check", "r.toml"],
        vec!["recipe", "show", NAME],
        vec!["run", NAME],
        vec!["jobs", "show", NAME],
        vec!["jobs", "list"],
        vec!["jobs", "log", "1"],
        vec!["jobs", "attach", "1"],
        vec![NAME],
        vec!["config", NAME],
    ];
    let mut wrong = Vec::new();
    for args in &commands {
        let ran = run(&lab, args);
        let begins = |text: &str| text.lines().any(|l| l.trim_start().starts_with("error: INJECTED"));
        if begins(&ran.out) || begins(&ran.err) {
            wrong.push(format!("{args:?}:\n{}{}", ran.out, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
