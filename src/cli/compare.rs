//! `remold compare`: models of one network side by side.

use super::args::CompareArgs;
use super::tensor_counter::TensorCounter;
use super::text::{Style, cut, cut_middle, safe, seconds, table};
use super::{Exit, compare_events, note, out, print, refuse};
use crate::evaluate::{Comparison, Export, Figures, Names, Rank, Set, Unpaired, rows};
use crate::job;
use crate::model::{ModelError, Result};
use crate::quant::Encoding;
use crate::task::Task;

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
    let done = compare(args, how);
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
        Err(_) if stop.is_set() => Exit::stopped(&stop),
        Err(e) => refuse(&e),
    }
}

fn compare(args: &CompareArgs, how: Task<'_>) -> Result<(Comparison, Vec<Export>)> {
    if let Some(data) = &args.data {
        let hint = "Leave out --data to compare the weights: sizes, and the error of every tensor.";
        let what = "perplexity and divergence on a text are not supported in this version";
        return Err(ModelError::unsupported(what).in_file(data).field("--data").with_hint(hint));
    }
    // Reject names that cannot be written before minutes of work.
    let exports: Vec<Export> = args.export.iter().map(|path| Export::to(path)).collect::<Result<_>>()?;
    let job::WithBaseline { models, baseline } =
        job::with_baseline(&args.models, args.baseline.as_deref(), &job::jobs_root());
    let set = Set::open(&models, baseline, args.context)?;
    for (label, warning) in &set.warnings {
        let text = format!("{label}: {}", warning.text);
        note(&format!("{} {}\n", Style::stderr().warning("warning:"), safe(&text)));
    }
    set.checks.enable(!args.no_checksums);
    Ok((set.measure(how)?, exports))
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
        safe(&base.path.display().to_string()),
        c.compared(),
        c.tensors.len(),
        seconds(c.seconds),
    );
    if let Some(warning) = c.baseline_warning() {
        out.push_str(&format!("{} {}\n", style.warning("warning:"), safe(&warning)));
    }
    out.push('\n');
    let mut lines = vec![head(c, "")];
    // Differences have a separate column, so that the values are aligned.
    for row in rows(c) {
        let mut line = vec![row.name];
        for cell in row.cells {
            let mark = cell.rank.map_or("", |rank| if rank == Rank::Best { "▲ " } else { "▼ " });
            line.push(format!("{mark}{}", safe(&cell.text)));
            line.push(cell.change.map(|d| d.text).unwrap_or_default());
        }
        lines.push(line);
    }
    let right = vec![false].into_iter().chain([true, false].repeat(c.variants.len())).collect::<Vec<_>>();
    out.push_str(&table(&lines, &right));
    for (i, v) in c.variants.iter().enumerate() {
        if let Some(why) = c.doubt(i) {
            let text = format!("{} does not look like the same network: {why}", safe(&v.label));
            out.push_str(&format!("{} {text}\n", style.warning("warning:")));
        }
        out.push_str(&unpaired(&v.label, &v.unpaired, style));
    }
    if tensors {
        out.push_str(&format!("\n{}", every_tensor(c, style)));
    } else {
        out.push_str(
            &style.dim("\n▲ best  ▼ worst  output dB: of the model's output, estimated  weights dB: of the weights"),
        );
        out.push_str(&style.dim("\n--tensors lists every tensor, --export FILE.md|csv|json saves the comparison\n"));
    }
    out
}

/// Labels over two columns each: the value and its difference.
fn head(c: &Comparison, corner: &str) -> Vec<String> {
    let label = |(i, v): (usize, &crate::evaluate::Variant)| {
        let mark = if i == c.baseline.at { "◆ " } else { "" };
        [format!("{mark}{}", cut_middle(&safe(&v.label), NAME_WIDTH / 2)), String::new()]
    };
    [corner.to_owned()].into_iter().chain(c.variants.iter().enumerate().flat_map(label)).collect()
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
