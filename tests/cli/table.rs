//! A table of bad inputs: every row is run, every failing row is reported, and the output is kept next to the tests.

use crate::lab::Lab;
use std::fmt::Write;
use std::path::Path;

/// One bad input.
pub struct Row {
    /// What is wrong; also the title in the file of messages.
    pub name: &'static str,
    /// Puts the input into the lab and gives the arguments.
    pub make: Box<dyn Fn(&Lab) -> String>,
    /// Exit code of the contract: 2 the request, 1 the job.
    pub code: i32,
    /// What the message must say.
    pub says: Vec<&'static str>,
}

pub fn row(name: &'static str, code: i32, says: &[&'static str], make: impl Fn(&Lab) -> String + 'static) -> Row {
    Row { name, make: Box::new(make), code, says: says.to_vec() }
}

/// Runs every row: its exit code, one message, no panic, nothing left behind. Gives what each printed.
pub fn check(file: &str, rows: Vec<Row>) {
    let (mut wrong, mut messages) = (Vec::new(), String::new());
    let count = rows.len();
    for row in rows {
        let lab = Lab::new();
        let args = (row.make)(&lab);
        let before = lab.tree();
        let ran = lab.run(&args);
        let mut fault = |what: String| wrong.push(format!("{}: `remold {args}`: {what}\n{}", row.name, ran.err));
        if ran.code != Some(row.code) {
            fault(format!("exit {:?}, not {}", ran.code, row.code));
        }
        if ran.err.contains("panicked") || ran.err.contains("RUST_BACKTRACE") {
            fault("panicked".into());
        }
        let told = ran.err.lines().filter(|l| l.starts_with("error:")).count();
        if ran.err.contains("os error") {
            fault("gives the number of a system error".into());
        }
        if row.code != 0 && told != 1 {
            fault(format!("{told} messages instead of one"));
        }
        if row.code != 0 && !ran.out.is_empty() {
            fault(format!("printed on stdout: {}", ran.out));
        }
        if row.code == 2 && lab.jobs().exists() {
            fault("a job folder was made for a request that was refused".into());
        }
        if row.code != 0 && lab.tree() != before {
            let after = lab.tree();
            let left: Vec<_> = after.iter().filter(|e| before.get(e.0) != Some(e.1)).collect();
            fault(format!("left behind or changed: {left:?}"));
        }
        for words in &row.says {
            if !ran.err.contains(words) {
                fault(format!("does not say `{words}`"));
            }
        }
        // What is measured differs from run to run.
        let quiet: String = ran.err.lines().filter(|l| !l.contains(" peak memory") && !l.contains(" % ")).fold(
            String::new(),
            |mut s, l| {
                let _ = writeln!(s, "    {}", l.trim_end());
                s
            },
        );
        let quiet =
            quiet.replace(&lab.dir().display().to_string(), "DIR").replace(&lab.jobs().display().to_string(), "JOBS");
        let _ = writeln!(messages, "{} (exit {})\n  $ remold {args}\n{quiet}", row.name, ran.code.unwrap_or(-1));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/messages").join(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &messages).unwrap();
    } else {
        let mut known = std::fs::read_to_string(&path).unwrap_or_default();
        if remold::testing::formats::write_spec(remold::testing::model::FormatId::Gguf)
            .is_some_and(|w| w.second_reader.is_none())
        {
            known = known.replace("read back by gguf-rs and remold", "read back by remold");
        }
        let differs = known.split("\n\n").zip(messages.split("\n\n")).find(|(a, b)| a != b);
        if known != messages {
            wrong.push(format!("{} differs (BLESS=1 rewrites it), first here: {differs:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} faults in {count} rows:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
