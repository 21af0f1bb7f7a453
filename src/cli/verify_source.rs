//! `remold verify OUTPUT --source MODEL`: an output against what its source gives.

use super::args::{ConvertArgs, ManyFlags, RunFlags, VerifyArgs};
use super::convert::recipe_of;
use super::request::{self, RequestError};
use super::tensor_counter::TensorCounter;
use super::text::{Style, bytes, plural, safe};
use super::threads::threads;
use super::verify::{unlisted, unreadable};
use super::{Exit, note, out, print, signals};
use crate::arch;
use crate::engine::{RebuildOptions, Rebuilt, manifest, rebuild};
use crate::formats;
use crate::model::{ModelError, OutputIndex, Result};
use crate::plan;
use crate::recipe::{self, Recipe, Syntax};
use crate::task::{self, Task};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Rebuilds and compares.
pub(crate) fn run(args: &VerifyArgs, source: &Path) -> Exit {
    for long in args.options.given_of_the_runtime() {
        let text =
            format!("--{long} has no effect: it only affects files beside the output, and only the output is compared");
        note(&format!("{} {text}\n", Style::stderr().warning("warning:")));
    }
    let stop = signals::stop_on_signal();
    let found = recipe(args, source).and_then(|(recipe, output)| Ok(compare(&recipe, &output, args, stop.flag())?));
    match found {
        _ if stop.is_set() => Exit::stopped(&stop),
        Ok(rebuilt) => {
            let same = rebuilt.count == 0 && rebuilt.other_count == 0;
            if args.json {
                print::json(&rebuilt);
            } else {
                out(&text(&args.output, source, &rebuilt));
                if let Some(found) = manifest::find(&args.output)
                    && let Ok((head, files)) = manifest::read(&found.manifest, |_| Ok(()))
                {
                    note(&unlisted(&found.unlisted(&head.output, &files)));
                }
            }
            if same { Exit::Done } else { Exit::Check }
        }
        Err(RequestError::Model(e)) => unreadable(&e),
        Err(e) => e.report(),
    }
}

/// The recipe with the output as its only target, and the output's path.
fn recipe(args: &VerifyArgs, source: &Path) -> Result<(Recipe, PathBuf), RequestError> {
    let found = manifest::find(&args.output);
    if args.to.is_none() && args.recipe.is_none() {
        if !args.options.is_empty() {
            let what = "these options need --to or --recipe; without them the manifest says how the output was made";
            let hint = "Add --to or --recipe, or change single keys of the manifest's recipe with --set.";
            return Err(ModelError::request(what).in_file(&args.output).with_hint(hint).into());
        }
        let Some(found) = found else {
            let what = "the output has no manifest, so it is unknown how it was made";
            let hint = "Give --to or --recipe, for example `--to gguf:q4_k_m` for a file of llama-quantize.";
            return Err(ModelError::request(what).in_file(&args.output).with_hint(hint).into());
        };
        let (head, _) = manifest::read(&found.manifest, |_| Ok(()))?;
        let output = found.output(&head.output);
        let Some(text) = &head.recipe else {
            let what = "the manifest has no recipe";
            return Err(ModelError::request(what).in_file(&found.manifest).with_hint("Give --to or --recipe.").into());
        };
        let mut recipe = recipe::parse(text, Syntax::Toml, None).map_err(|e| RequestError::Recipe(e.to_string()))?;
        request::replace_source(&mut recipe, source);
        request::apply(&mut recipe, &args.set, false)?;
        return Ok((only(recipe, head.target, &output)?, output));
    }
    let output = args.output.clone();
    let asked = ConvertArgs {
        validate: None,
        fail_if: Vec::new(),
        src: vec![source.to_owned()],
        many: ManyFlags::default(),
        to: args.to.iter().cloned().collect(),
        output: None,
        recipe: args.recipe.clone(),
        set: args.set.clone(),
        bare: false,
        densify: false,
        hyperparameter: Vec::new(),
        lora: None,
        options: args.options.clone(),
        run: RunFlags::default(),
        reuse: None,
        force: false,
        no_checksums: false,
    };
    Ok((only(recipe_of(&asked, source, None)?, OutputIndex(0), &output)?, output))
}

/// The recipe with one of its targets alone, which is written to `output`.
fn only(mut recipe: Recipe, target: OutputIndex, output: &Path) -> Result<Recipe> {
    if target.0 >= recipe.targets.len() {
        return Err(ModelError::request("the recipe has no target for this output").in_file(output));
    }
    let mut target = recipe.targets.swap_remove(target.0);
    // A set is asked for by the name of the whole.
    let whole = formats::whole_path(target.format, output);
    (target.output, target.output_name, target.reuse) = (Some(whole), None, None);
    recipe.targets = vec![target];
    Ok(recipe)
}

fn compare(recipe: &Recipe, output: &Path, args: &VerifyArgs, stop: &AtomicBool) -> Result<Rebuilt> {
    let progress = TensorCounter::new(args.json).doing("measuring");
    let how = Task { threads: args.threads, progress: &|done, all| progress.advance(done, all), cancel: stop };
    let prepared = plan::prepare_to_compare(recipe, how)?;
    let made = arch::open(output).map_err(|e| match manifest::find(output) {
        Some(_) => {
            let verify = format!("`remold verify {}`", crate::units::quoted(&output.to_string_lossy()));
            e.with_hint(format!("{verify}, without --source, shows where it differs from what was written."))
        }
        None => e,
    })?;
    made.check_readable()?;
    let (compared, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let threads = threads(args.threads).min(prepared.threads.max(1));
    let options = RebuildOptions { threads, stop, compared: &compared };
    let all = prepared.plan.outputs.first().map_or(0, |o| o.bytes);
    let rebuilt = thread::scope(|scope| {
        let shown = task::start_in(scope, || {
            while !over.load(Ordering::Relaxed) {
                let done = compared.load(Ordering::Relaxed);
                progress.say(|| format!("rebuilding, {} of {}", bytes(done), bytes(all)));
                thread::park_timeout(LOOK);
            }
        });
        let ended = task::OnExit(|| {
            over.store(true, Ordering::Relaxed);
            // Without the thread, only the progress is not shown.
            shown.iter().for_each(|s| s.thread().unpark());
        });
        let rebuilt = rebuild(&prepared, &made, &options);
        drop(ended);
        rebuilt
    });
    drop(progress);
    rebuilt
}

fn text(output: &Path, source: &Path, rebuilt: &Rebuilt) -> String {
    let style = Style::stdout();
    let (output, source) = (safe(&output.to_string_lossy()), safe(&source.to_string_lossy()));
    let mut lines = if rebuilt.count == 0 {
        let what = {
            let tensors = plural(rebuilt.tensors, "tensor");
            format!("all {tensors}, {}, match a rebuild from {source}", bytes(rebuilt.bytes))
        };
        let mark = if rebuilt.other_count == 0 { style.good("✓") } else { style.warning("!") };
        format!("{mark} {output}: {what}\n")
    } else {
        let (n, of) = (rebuilt.count, plural(rebuilt.tensors, "tensor"));
        let verb = if n == 1 { "does" } else { "do" };
        let what = format!("{n} of {of} {verb} not match a rebuild from {source}");
        format!("{} {output}: {what}\n", style.error("✗"))
    };
    for d in &rebuilt.differences {
        let place = match (d.row, d.column) {
            (Some(row), Some(column)) => format!(", row {row}, column {column}"),
            _ => String::new(),
        };
        lines.push_str(&format!("  {}{place}: {}\n", safe(&d.name), safe(&d.what)));
    }
    if rebuilt.count > rebuilt.differences.len() {
        lines.push_str(&format!("  and {} more tensors\n", rebuilt.count - rebuilt.differences.len()));
    }
    if rebuilt.other_count == 0 {
        if rebuilt.count == 0 {
            lines.push_str(match rebuilt.unchecked_files {
                0 => "  everything else matches too\n",
                _ => "  the other files match too; the records of the archive are not compared\n",
            });
        }
        return lines;
    }
    lines.push_str(&format!("{} besides the tensors:\n", style.warning("differences")));
    for other in &rebuilt.others {
        lines.push_str(&format!("  {}\n", safe(other)));
    }
    if rebuilt.other_count > rebuilt.others.len() {
        lines.push_str(&format!("  and {} more\n", rebuilt.other_count - rebuilt.others.len()));
    }
    lines
}
