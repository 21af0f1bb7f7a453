//! Speed in llama.cpp: its program `llama-bench`, or `llama-completion` or `llama-cli` where that is missing.
//!
//! The JSON of llama-bench has the nanoseconds of each repetition (tools/llama-bench/llama-bench.cpp: `samples_ns`). The others print times at their end
//! (`llama_perf_context_print`). The time to load is that of the process without the repetitions.

use super::program::{Ended, run};
use super::{GENERATED, PROMPT, Settings, Speed, SpeedRequest, median, megabytes, push};
use crate::model::{ModelError, Result};
use crate::quality::statistics::Estimate;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The programs, the better first.
const PROGRAMS: [&str; 3] = ["llama-bench", "llama-completion", "llama-cli"];
/// Folders of an installation or a build in which the programs are.
const PLACES: [&str; 3] = ["", "bin", "build/bin"];
/// Brackets at which the list of results may begin.
const MAX_LISTS: usize = 8;
/// Names a folder with the programs.
const VARIABLE: &str = "REMOLD_LLAMA_CPP";

/// A program of llama.cpp that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LlamaCpp {
    program: PathBuf,
    name: &'static str,
}

/// Finds a program of llama.cpp: in the folder that was named, or that `REMOLD_LLAMA_CPP` names, or in PATH. Otherwise says what was looked for.
///
/// # Errors
/// A folder that was named and has none.
pub(crate) fn find(request: &SpeedRequest) -> Result<std::result::Result<LlamaCpp, String>> {
    let variable = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    let named = request.llama_cpp.as_deref().map(|f| (f, "--llama-cpp"));
    if let Some((folder, by)) = named.or_else(|| Some((variable.as_deref()?, VARIABLE))) {
        return match in_folders(&PLACES.map(|place| folder.join(place))) {
            Some(found) => Ok(Ok(found)),
            None => {
                let what = format!("there is no {} in it, its bin or its build/bin", PROGRAMS.join(", "));
                let hint = "Name the folder with the programs of llama.cpp, or leave it out to search PATH.";
                Err(ModelError::request(what).in_file(folder).field(by).with_hint(hint))
            }
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|p| p.is_absolute()).collect();
    Ok(in_folders(&folders).ok_or_else(|| {
        format!(
            "llama.cpp was not measured: PATH has none of {}; --llama-cpp DIR or {VARIABLE} names a folder with them",
            PROGRAMS.join(", ")
        )
    }))
}

fn in_folders(folders: &[PathBuf]) -> Option<LlamaCpp> {
    PROGRAMS.into_iter().find_map(|name| {
        let program = folders.iter().map(|f| f.join(name)).find(|p| p.is_file())?;
        Some(LlamaCpp { program, name })
    })
}

impl LlamaCpp {
    /// Measures a GGUF.
    ///
    /// # Errors
    /// A program that cannot be started, fails, or says nothing that can be read; a cancelled task.
    pub(crate) fn measure(&self, model: &Path, settings: Settings<'_>) -> Result<Speed> {
        if self.name == "llama-bench" { self.bench(model, settings) } else { self.completion(model, settings) }
    }

    fn failed(&self, model: &Path, ended: &Ended) -> ModelError {
        let what = format!("{} failed on it: {}", self.name, ended.failure());
        let hint =
            "Run the program yourself to see all that it says; without --speed the model is not run in llama.cpp.";
        ModelError::request(what).in_file(model).with_hint(hint)
    }

    fn bench(&self, model: &Path, settings: Settings<'_>) -> Result<Speed> {
        let mut args = vec!["-m".to_owned(), model.display().to_string()];
        for (flag, value) in
            [("-p", PROMPT), ("-n", GENERATED), ("-r", settings.repetitions), ("-t", settings.threads())]
        {
            args.extend([flag.to_owned(), value.to_string()]);
        }
        args.extend(["-o", "json", "--no-warmup"].map(str::to_owned));
        let mut ended = run(&self.program, &args, settings.task)?;
        let mut notes = String::new();
        // Some builds crash in repacked products on some processors.
        if ended.status.code().is_none() {
            args.extend(["--repack", "0"].map(str::to_owned));
            notes = format!(", with --repack 0 since it crashed without ({})", ended.status);
            ended = run(&self.program, &args, settings.task)?;
        }
        if !ended.status.success() {
            return Err(self.failed(model, &ended));
        }
        let Some((mut speed, measured)) = bench_figures(&ended.out) else {
            let what = format!("the output of {} is not the JSON that is expected", self.name);
            return Err(ModelError::request(what).in_file(model).with_hint("Use a newer llama.cpp."));
        };
        let load = Estimate::plain((ended.seconds - measured).max(0.0));
        speed.figures.insert(0, ("llama_cpp_load_s", load));
        push(&mut speed.figures, "llama_cpp_peak_mb", ended.peak_bytes.map(megabytes));
        speed.how = format!(
            "{}: {}, {PROMPT} tokens of prompt, {GENERATED} generated, median of {}{notes}",
            self.program.display(),
            speed.how,
            settings.repetitions
        );
        Ok(speed)
    }

    fn completion(&self, model: &Path, settings: Settings<'_>) -> Result<Speed> {
        let mut args = vec!["-m".to_owned(), model.display().to_string()];
        args.extend(["-p".to_owned(), " the".repeat(PROMPT)]);
        for (flag, value) in [("-n", GENERATED), ("-t", settings.threads())] {
            args.extend([flag.to_owned(), value.to_string()]);
        }
        args.extend(["-no-cnv", "--ignore-eos", "--temp", "0", "--seed", "1", "--no-warmup"].map(str::to_owned));
        let mut runs = Vec::new();
        let mut most = None;
        for _ in 0..settings.repetitions {
            let ended = run(&self.program, &args, settings.task)?;
            let times = perf_times(&ended.err).or_else(|| perf_times(&ended.out));
            match times.filter(|_| ended.status.success()) {
                Some(times) => runs.push(times),
                None => return Err(self.failed(model, &ended)),
            }
            most = most.max(ended.peak_bytes);
        }
        let version = run(&self.program, &["--version".to_owned()], settings.task)?;
        let version =
            version.err.lines().chain(version.out.lines()).find(|l| l.starts_with("version")).map(str::to_owned);
        let of = |f: fn(&PerfTimes) -> f64| median(runs.iter().map(f).collect());
        let mut figures = Vec::new();
        push(&mut figures, "llama_cpp_load_s", of(|t| t.load / 1e3));
        push(&mut figures, "llama_cpp_prompt_tps", of(|t| t.prompt.1 / t.prompt.0 * 1e3));
        push(&mut figures, "llama_cpp_generation_tps", of(|t| t.generation.1 / t.generation.0 * 1e3));
        push(&mut figures, "llama_cpp_token_ms", of(|t| t.generation.0 / t.generation.1));
        push(&mut figures, "llama_cpp_peak_mb", most.map(megabytes));
        let how = format!(
            "{}: {}, {} threads, about {PROMPT} tokens of prompt, {GENERATED} generated, median of {}",
            self.program.display(),
            version.as_deref().unwrap_or("of an unknown version"),
            settings.threads(),
            settings.repetitions
        );
        Ok(Speed { figures, how })
    }
}

/// Figures from the JSON of llama-bench, and the seconds of all repetitions.
fn bench_figures(json: &str) -> Option<(Speed, f64)> {
    // A backend may write before the list.
    let mut lists = json.match_indices('[').take(MAX_LISTS);
    let tests: Vec<Value> = lists.find_map(|(from, _)| serde_json::from_str(&json[from..]).ok())?;
    let mut figures = Vec::new();
    let mut all = 0.0;
    for (tokens, rate, latency) in
        [("n_prompt", "llama_cpp_prompt_tps", None), ("n_gen", "llama_cpp_generation_tps", Some("llama_cpp_token_ms"))]
    {
        let of = |t: &&Value| t.get(tokens).and_then(Value::as_f64).is_some_and(|n| n > 0.0);
        let test = tests.iter().find(of)?;
        let n = test.get(tokens)?.as_f64()?;
        let times: Vec<f64> = test.get("samples_ns")?.as_array()?.iter().filter_map(Value::as_f64).collect();
        let times: Vec<f64> = times.into_iter().filter(|ns| *ns > 0.0).map(|ns| ns / 1e9).collect();
        all += times.iter().sum::<f64>();
        push(&mut figures, rate, median(times.iter().map(|s| n / s).collect()));
        if let Some(latency) = latency {
            push(&mut figures, latency, median(times.iter().map(|s| s / n * 1e3).collect()));
        }
    }
    let first = tests.first()?;
    let text = |key: &str| match first.get(key) {
        Some(Value::String(s)) => s.chars().take(80).collect(),
        Some(Value::Number(n)) => n.to_string(),
        _ => "unknown".to_owned(),
    };
    let how = format!(
        "llama.cpp build {} ({}), {}, {} threads",
        text("build_number"),
        text("build_commit"),
        text("backends"),
        text("n_threads")
    );
    Some((Speed { figures, how }, all))
}

/// Milliseconds, and tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
struct PerfTimes {
    load: f64,
    prompt: (f64, f64),
    generation: (f64, f64),
}

/// The times that programs of llama.cpp print at their end: `prompt eval time = 12.34 ms / 5 tokens (…)`.
fn perf_times(text: &str) -> Option<PerfTimes> {
    let mut times = PerfTimes { load: f64::NAN, prompt: (0.0, 0.0), generation: (0.0, 0.0) };
    for line in text.lines().filter(|l| l.contains("time =")) {
        let Some((head, tail)) = line.split_once("time =") else { continue };
        let mut numbers = tail.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter_map(|w| w.parse::<f64>().ok());
        let (Some(ms), count) = (numbers.next(), numbers.next()) else { continue };
        let head = head.trim_end();
        match count {
            _ if head.ends_with("load") => times.load = ms,
            Some(n) if head.ends_with("prompt eval") => times.prompt = (ms, n),
            Some(n) if head.ends_with("eval") => times.generation = (ms, n),
            _ => {}
        }
    }
    let known = |(ms, n): (f64, f64)| ms > 0.0 && n > 0.0;
    (times.load.is_finite() && known(times.prompt) && known(times.generation)).then_some(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const JSON: &str = r#"[
  {"build_commit": "abc1234", "build_number": 9001, "backends": "CPU", "n_threads": 2, "n_prompt": 128, "n_gen": 0,
   "avg_ts": 1000.0, "samples_ns": [ 128000000, 64000000, 256000000 ], "samples_ts": [ 1000.0, 2000.0, 500.0 ]},
  {"build_commit": "abc1234", "build_number": 9001, "backends": "CPU", "n_threads": 2, "n_prompt": 0, "n_gen": 16,
   "avg_ts": 100.0, "samples_ns": [ 160000000, 320000000, 80000000 ], "samples_ts": [ 100.0, 50.0, 200.0 ]}
]"#;

    fn value(speed: &Speed, name: &str) -> f64 {
        speed.figures.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("{name}")).1.value
    }

    #[test]
    fn the_json_of_llama_bench_is_read() {
        let (speed, seconds) = bench_figures(&format!("[a line] of a backend\n{JSON}")).unwrap();
        assert!((value(&speed, "llama_cpp_prompt_tps") - 1000.0).abs() < 1e-6);
        assert!((value(&speed, "llama_cpp_generation_tps") - 100.0).abs() < 1e-6);
        assert!((value(&speed, "llama_cpp_token_ms") - 10.0).abs() < 1e-6);
        assert!((seconds - 1.008).abs() < 1e-9);
        assert!(speed.how.contains("build 9001 (abc1234), CPU, 2 threads"), "{}", speed.how);
        for bad in ["", "[]", "{}", "[1]", "[{\"n_prompt\": 1}]", "[{\"n_prompt\": 1, \"samples_ns\": 3}]"] {
            assert!(bench_figures(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn printed_times_are_read() {
        let text = "llama_perf_context_print:        load time =     104.53 ms\n\
                    llama_perf_context_print: prompt eval time =      64.00 ms /   128 tokens (    0.50 ms per token,  2000.00 tokens per second)\n\
                    llama_perf_context_print:        eval time =     150.00 ms /    15 runs   (   10.00 ms per token,   100.00 tokens per second)\n\
                    llama_perf_context_print:       total time =     300.00 ms /   143 tokens\n";
        let times = perf_times(text).unwrap();
        assert_eq!(times, PerfTimes { load: 104.53, prompt: (64.0, 128.0), generation: (150.0, 15.0) });
        assert!(perf_times("load time = 3 ms").is_none());
    }

    fn script(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn request(dir: &Path) -> SpeedRequest {
        SpeedRequest { llama_cpp: Some(dir.to_owned()), repetitions: 3 }
    }

    #[test]
    fn a_program_is_run_and_a_crash_is_worked_around() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        let crash = format!("case \"$*\" in *'--repack 0') cat <<'E'\n{JSON}\nE\n;; *) kill -SEGV $$ ;; esac");
        script(&dir.path().join("bin"), "llama-bench", &crash);
        let found = find(&request(dir.path())).unwrap().unwrap();
        let settings =
            Settings { repetitions: 3, task: crate::task::Task { threads: 2, ..crate::task::Task::quiet() } };
        let speed = found.measure(Path::new("m.gguf"), settings).unwrap();
        assert!((value(&speed, "llama_cpp_prompt_tps") - 1000.0).abs() < 1e-6);
        assert!(speed.how.contains("with --repack 0 since it crashed"), "{}", speed.how);
        script(&dir.path().join("bin"), "llama-bench", "echo 'cannot load' >&2; exit 1");
        let e = found.measure(Path::new("m.gguf"), settings).err().unwrap();
        assert!(e.to_string().contains("llama-bench failed on it") && e.to_string().contains("cannot load"), "{e}");
    }

    #[test]
    fn a_folder_without_the_programs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let e = find(&request(dir.path())).unwrap_err();
        assert!(e.to_string().contains("llama-bench, llama-completion, llama-cli"), "{e}");
    }
}
