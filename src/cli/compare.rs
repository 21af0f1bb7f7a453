//! `remold compare`: models of one network side by side.

use super::args::{AsProgram, CompareArgs};
use super::compare_table::metric_table;
use super::tensor_counter::TensorCounter;
use super::text::{Style, cut, safe, seconds, table};
use super::{Exit, compare_events, compare_graphs, note, out, print, refuse};
use crate::evaluate::{
    Comparison, Evaluated, Export, Figures, Graphs, MetricRow, Names, Set, TensorFigures, Unpaired, all_rows,
};
use crate::files::{parent_of, paths::from_here};
use crate::formats;
use crate::forward::Rounding;
use crate::job;
use crate::model::{ModelError, Result, few};
use crate::quality::{Evaluation, Listener, evaluate};
use crate::quant::Encoding;
use crate::task::Task;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Columns of a name before it is cut.
const NAME_WIDTH: usize = 48;
/// Names listed of tensors without a partner.
const LISTED: usize = 5;

/// `remold compare`.
pub(crate) fn run(args: &CompareArgs) -> Exit {
    if args.prompt.is_some() {
        return super::compare_text::run(args);
    }
    let stop = super::signals::stop_on_signal();
    let progress = TensorCounter::new(args.json).doing("comparing");
    let how = Task { threads: args.threads, progress: &|done, all| progress.advance(done, all), cancel: stop.flag() };
    let done = compare(args, how, &progress);
    drop(progress);
    match done {
        Ok((comparison, exports)) => {
            if args.json {
                print::json_lines(&compare_events::lines(&comparison));
            } else {
                out(&text(&comparison, args.tensors));
            }
            let written = exports.iter().try_for_each(|e| {
                e.write(&comparison)?;
                note(&format!("wrote {}\n", safe(&e.path.display().to_string())));
                Ok(())
            });
            written.map_or_else(|e: ModelError| refuse(&e), |()| Exit::Done)
        }
        Err(_) if stop.is_set() => {
            note("stopped; nothing was compared\n");
            Exit::stopped(&stop)
        }
        Err(e) => refuse(&e),
    }
}

fn compare(args: &CompareArgs, how: Task<'_>, progress: &TensorCounter) -> Result<(Comparison, Vec<Export>)> {
    // Reject names that cannot be written before minutes of work.
    let inputs: Vec<PathBuf> = args.models.iter().chain(&args.baseline).chain(&args.data).cloned().collect();
    let export = |path: &PathBuf| if args.force { Export::replacing(path, &inputs) } else { Export::to(path) };
    let exports: Vec<Export> = args.export.iter().map(export).collect::<Result<_>>()?;
    for (i, path) in args.export.iter().enumerate() {
        if args.export[..i].iter().any(|earlier| is_same_name(earlier, path)) {
            let hint = "Give each export a name of its own.";
            return Err(ModelError::request("two exports have this name").in_file(path).with_hint(hint));
        }
        if let Some(error) = inputs.iter().find_map(|input| formats::inside_source(path, input)) {
            return Err(error.with_hint("Choose a name outside of it: remold does not create files inside a source."));
        }
    }
    let job::WithBaseline { models, baseline, sources, lost } =
        job::with_baseline(&args.models, args.baseline.as_deref(), &job::jobs_root());
    let mut set = Set::open(&models, baseline, args.context)?;
    for source in &lost {
        let source = safe(&from_here(source).display().to_string());
        let text =
            format!("{source}, which the manifests name as the source, is gone or has changed: it is not compared");
        note(&format!("{} {text}\n", Style::stderr().dim("note:")));
    }
    if !sources.is_empty() {
        set = set.of_different_sources();
        let named: Vec<String> = sources.iter().map(|p| safe(&from_here(p).display().to_string())).collect();
        let text = format!("made from {}; --baseline compares all models with one of these", named.join(" and "));
        note(&format!("{} {text}\n", Style::stderr().dim("note:")));
    }
    for (label, warning) in &set.warnings {
        let text = format!("{label}: {}", warning.text);
        note(&format!("{} {}\n", Style::stderr().warning("warning:"), safe(&text)));
    }
    set.checks.enable(!args.no_checksums);
    compare_graphs::check(args, set.has_graphs())?;
    let say = |what: &str| progress.say(|| safe(what));
    let quiet = Task { progress: &|_, _| {}, ..how };
    let graphs = set.graph_outputs(&compare_graphs::request(args), quiet, &say)?;
    let asked = args.data.is_some() || !args.dims.is_empty() || args.bisect;
    if let Some(why) = graphs.as_ref().filter(|_| asked).and_then(Graphs::nothing_compared) {
        let hint = "Give other inputs with --data or --dim, or leave these options out to compare the weights alone.";
        return Err(ModelError::request(format!("the outputs cannot be compared: {why}")).with_hint(hint));
    }
    // Models that cannot be evaluated are refused at once, so this comes before the weights.
    let text = args.data.as_deref().filter(|_| graphs.is_none());
    let evaluated = text.map(|data| evaluated(args, data, set.overview(), how, progress)).transpose()?;
    let mut comparison = set.measure(how)?;
    (comparison.evaluated, comparison.graphs) = (evaluated, graphs);
    Ok((comparison, exports))
}

/// True for two spellings of the path of a file.
fn is_same_name(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| std::fs::canonicalize(parent_of(path)).ok();
    a == b || (a.file_name() == b.file_name() && folder(a).is_some_and(|at| Some(at) == folder(b)))
}

/// What the models predict of a text.
fn evaluated(
    args: &CompareArgs,
    data: &Path,
    overview: &Comparison,
    how: Task<'_>,
    progress: &TensorCounter,
) -> Result<Evaluated> {
    let paths = overview.variants.iter().map(|v| v.path.clone()).collect();
    let window = args.window.map(|n| n as usize);
    let chunks = args.chunks.map_or(0, |n| n as usize);
    let request = Evaluation {
        baseline: overview.variants.get(overview.baseline.at).map(|v| v.path.clone()),
        data: Some(data.to_owned()),
        context: window,
        chunks,
        rounding: match args.rounding {
            Some(AsProgram::LlamaCpp) => Rounding::LlamaCpp,
            Some(AsProgram::Exact) | None => Rounding::Exact,
        },
        ..Evaluation::of(paths)
    };
    let quiet = Task { progress: &|_, _| {}, ..how };
    let report = evaluate(&request, &[], quiet, &Shown(progress))?;
    Ok(Evaluated { window, chunks, ..Evaluated::of(overview, &report, data) })
}

/// Shows how far the evaluation is.
struct Shown<'a>(&'a TensorCounter);

impl Listener for Shown<'_> {
    fn progress(&self, done: usize, all: usize, what: &str) {
        self.0.say(|| format!("evaluating {:3.0} %  {}", done as f64 * 100.0 / all.max(1) as f64, safe(what)));
    }
}

fn text(c: &Comparison, tensors: bool) -> String {
    let style = Style::stdout();
    let base = &c.variants[c.baseline.at];
    let names = match c.names {
        Names::Gguf => "",
        Names::Own => ", matched by the names in the files",
    };
    let how = match c.baseline.source.words() {
        "" => String::new(),
        words => format!(" ({words})"),
    };
    let mut out = format!(
        "{} {}{how}  {} of {} tensors compared in {}{names}\n",
        style.bold("baseline"),
        safe(&from_here(&base.path).display().to_string()),
        c.compared(),
        c.tensors.len(),
        seconds(c.seconds),
    );
    if let Some(warning) = c.baseline_warning() {
        out.push_str(&format!("{} {}\n", style.warning("warning:"), safe(&warning)));
    }
    if let Some(e) = &c.evaluated {
        let text = format!("{}: {} in {}, {}", e.text.display(), e.measured_on, seconds(e.seconds), mode(&e.mode));
        out.push_str(&format!("{} {}\n", style.bold("text"), safe(&text)));
        e.notes.iter().for_each(|note| out.push_str(&format!("{} {}\n", style.dim("note:"), safe(note))));
    }
    for (i, v) in c.variants.iter().enumerate() {
        if let Some(why) = c.doubt(i) {
            let text = format!("{} does not look like the same network: {}", safe(&v.label), safe(&why));
            out.push_str(&format!("{} {text}\n", style.warning("warning:")));
        }
    }
    for (i, v) in c.variants.iter().enumerate() {
        let broken = |t: &&TensorFigures| t.figures[i].as_ref().is_some_and(Figures::broken);
        let names: Vec<&str> = c.tensors.iter().filter(broken).map(|t| t.name.as_str()).collect();
        if !names.is_empty() {
            let text = format!("{} or the baseline has values that are not finite in {}", v.label, few(&names));
            out.push_str(&format!("{} {}\n", style.warning("warning:"), safe(&text)));
        }
    }
    if let Some(graphs) = &c.graphs {
        out.push_str(&compare_graphs::head(c, graphs, style));
    }
    out.push('\n');
    let wanted = |r: &MetricRow| !r.detail || print::is_verbose() || r.name.starts_with("KV cache");
    let rows: Vec<MetricRow> = all_rows(c).into_iter().filter(wanted).collect();
    out.push_str(&metric_table(c, &rows, columns()));
    if let Some(graphs) = &c.graphs {
        out.push_str(&compare_graphs::details(c, graphs, style));
    }
    for v in &c.variants {
        out.push_str(&unpaired(&v.label, &v.unpaired, style));
    }
    if tensors {
        out.push_str(&format!("\n{}", every_tensor(c, style)));
    } else {
        let figures = match &c.graphs {
            Some(_) => {
                "output SNR, max error: of the worst output, against the baseline's\nweights dB: of the tensors of equal names"
            }
            None => {
                "output dB: of the model's output, estimated\nweights dB: of the weights  memory: tensors and an f16 KV cache"
            }
        };
        out.push_str(&style.dim(&format!("\n▲ best  ▼ worst  {figures}")));
        let more = match &c.evaluated {
            None if c.graphs.is_some() => "--data FILE gives the inputs, --verbose lists the figures of all outputs",
            None => "--data FILE adds perplexity and KL divergence on a text",
            Some(_) => "--verbose lists all figures",
        };
        let export = "--export FILE.html|md|csv|json saves the comparison";
        out.push_str(&style.dim(&format!("\n{more}, --tensors every tensor,\n{export}\n")));
    }
    out
}

/// Columns that a table may have: those of the terminal, else what COLUMNS says. A pipe and a file have no width.
fn columns() -> usize {
    let terminal = || crossterm::terminal::size().ok().map(|(width, _)| usize::from(width));
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    std::io::stdout().is_terminal().then(terminal).flatten().or_else(said).unwrap_or(usize::MAX)
}

fn mode(name: &str) -> String {
    if name == "exact" { "computed exactly".to_owned() } else { format!("rounded as {name} does") }
}

fn unpaired(label: &str, u: &Unpaired, style: Style) -> String {
    let list = |names: &[String]| {
        let shown: Vec<String> = names.iter().take(LISTED).map(|n| safe(n)).collect();
        let more = names.len().saturating_sub(LISTED);
        if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
    };
    let shapes: Vec<String> =
        u.reshaped.iter().map(|r| format!("{} {:?} instead of {:?}", r.name, r.here, r.baseline)).collect();
    let mut out = String::new();
    for (what, names) in [("has no", &u.missing), ("alone has", &u.extra), ("has a different shape for", &shapes)] {
        if !names.is_empty() {
            out.push_str(&format!("{} {} {what} {}\n", style.warning("not compared:"), safe(label), list(names)));
        }
    }
    out
}

fn every_tensor(c: &Comparison, style: Style) -> String {
    let others: Vec<usize> = (0..c.variants.len()).filter(|v| *v != c.baseline.at).collect();
    let mut lines = vec![vec!["tensor".to_owned(), safe(&c.variants[c.baseline.at].label)]];
    for v in &others {
        lines[0].extend([safe(&c.variants[*v].label), String::new()]);
    }
    for t in &c.tensors {
        let named = |v: usize| t.types[v].map_or("–", Encoding::name).to_owned();
        let mut line = vec![cut(&safe(&t.name), NAME_WIDTH), named(c.baseline.at)];
        for v in &others {
            line.extend([named(*v), t.figures[*v].as_ref().map(Figures::quality).unwrap_or_default()]);
        }
        lines.push(line);
    }
    let right = vec![false, false].into_iter().chain([false, true].repeat(others.len())).collect::<Vec<_>>();
    format!("{}\n{}", style.bold("tensors"), table(&lines, &right))
}
