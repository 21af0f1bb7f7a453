//! A plan and a report as text.

use super::text::{Style, bytes, count, safe, seconds, table};
use crate::engine::Report;
use crate::model::Warning;
use crate::plan::{Plan, PlannedOutput};

/// What `--dry-run` prints.
pub fn plan(plan: &Plan) -> String {
    let style = Style::stdout();
    let mut out = format!(
        "{} {}  {}{} parameters, {} as {}\n",
        style.bold("source"),
        plan.source.display(),
        plan.architecture.as_ref().map(|a| format!("{a}, ")).unwrap_or_default(),
        count(plan.parameters),
        bytes(plan.source_bytes),
        plan.source_format,
    );
    for o in &plan.outputs {
        out.push_str(&output(o, style));
    }
    out.push_str(&format!(
        "\n{} disk {}, memory at most {}\n",
        style.bold("needs"),
        bytes(plan.disk_bytes),
        bytes(plan.memory_bytes)
    ));
    out.push_str(&warnings(&plan.warnings, style));
    out.push_str(&style.dim("nothing was written (dry run)"));
    out.push('\n');
    safe_keep_escapes(&out)
}

/// Tensor names come from files; escape codes of our own stay.
fn safe_keep_escapes(text: &str) -> String {
    text.split('\x1b').map(safe).collect::<Vec<_>>().join("\x1b")
}

fn output(o: &PlannedOutput, style: Style) -> String {
    let mut rows = vec![["tensor", "from", "to", "shape", "bytes", "why"].map(str::to_owned).to_vec()];
    for t in &o.tensors {
        let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
        let why = match (&t.fallback_from, &t.because) {
            (Some(from), _) => format!("{from} does not fit"),
            (None, Some(why)) => why.clone(),
            _ => String::new(),
        };
        rows.push(vec![safe(&t.name), t.from.clone(), t.to.clone(), shape.join("×"), bytes(t.bytes), why]);
    }
    let mut out = format!(
        "\n{} {}  {} {}{}\n",
        style.bold("output"),
        o.path.display(),
        o.format,
        if o.quantization == "auto" { "" } else { &o.quantization },
        o.effort.as_ref().map(|e| format!(", effort {e}")).unwrap_or_default()
    );
    for line in table(&rows, &[false, false, false, false, true, false]).lines() {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&format!(
        "  {} tensors, {} in {} file(s), {:.2} bits per weight\n",
        o.tensors.len(),
        bytes(o.bytes),
        o.files.len(),
        o.bits_per_weight
    ));
    out
}

/// One line a warning; many of a kind are counted.
pub fn warnings(all: &[Warning], style: Style) -> String {
    const SHOWN: usize = 8;
    let mut out = String::new();
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for w in all {
        let n = match seen.iter_mut().find(|(c, _)| *c == w.code) {
            Some((_, n)) => {
                *n += 1;
                *n
            }
            None => {
                seen.push((&w.code, 1));
                1
            }
        };
        if n <= SHOWN {
            out.push_str(&format!("{} {}\n", style.warning("warning:"), safe(&w.text)));
        }
    }
    for (code, n) in seen.into_iter().filter(|(_, n)| *n > SHOWN) {
        out.push_str(&format!("{} and {} more of `{code}`\n", style.warning("warning:"), n - SHOWN));
    }
    out
}

/// The last words of a finished job.
pub fn report(report: &Report) -> String {
    let style = Style::stderr();
    let mut out = String::new();
    for o in &report.outputs {
        let mut facts = vec![bytes(o.bytes), format!("{:.2} bits per weight", o.bits_per_weight)];
        if let Some(db) = o.sqnr_db {
            facts.push(format!("SQNR {db:.1} dB"));
        }
        if let Some(db) = o.gain_db {
            facts.push(format!("effort max: noise {db:.2} dB under the reference's"));
        }
        let worst = o
            .tensors
            .iter()
            .filter(|t| t.sqnr_db.is_some())
            .min_by(|a, b| a.sqnr_db.partial_cmp(&b.sqnr_db).unwrap_or(std::cmp::Ordering::Equal));
        if let Some(t) = worst
            && let Some(db) = t.sqnr_db
        {
            facts.push(format!("worst {} {db:.1} dB", safe(&t.tensor.name)));
        }
        facts.push(format!("read back by {}", o.verified_by.join(" and ")));
        out.push_str(&format!("{} {}\n  {}\n", style.good("✓"), o.path.display(), facts.join(" · ")));
    }
    out.push_str(&style.dim(&format!(
        "  {} wall, {} CPU, {} peak memory",
        seconds(report.seconds),
        seconds(report.cpu_seconds),
        bytes(report.peak_rss)
    )));
    out.push('\n');
    out
}
