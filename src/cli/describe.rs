//! One event in one line.

use super::text::{bytes, safe, seconds};
use crate::engine::EventBody;
use crate::units::small;

/// What happened, for a log.
pub fn event(body: &EventBody) -> String {
    let line = match body {
        EventBody::Queued { title } => format!("queued     {title}"),
        EventBody::Started { pid, threads } => format!("started    process {pid}, {threads} threads"),
        EventBody::Paused => "paused".to_owned(),
        EventBody::Resumed => "resumed".to_owned(),
        EventBody::Plan { outputs, tensors, bytes: n, warnings } => {
            format!("plan       {tensors} tensors, {}, {} warnings → {}", bytes(*n), warnings.len(), outputs.join(", "))
        }
        EventBody::TensorStarted(t) => format!("tensor     {} {} → {}", t.name, t.from, t.to),
        EventBody::TensorProgress { name, fraction, .. } => format!("tensor     {name} {:.0} %", fraction * 100.0),
        EventBody::TensorFinished(t) => {
            let error = match (t.sqnr_db, t.max_abs) {
                (Some(db), Some(max)) => format!("  weights {db:.1} dB, largest error {}", small(max)),
                _ => String::new(),
            };
            let gain = t.gain_db.map(|db| format!(", {db:.2} dB gained")).unwrap_or_default();
            format!("tensor     {} {} → {}{error}{gain}", t.tensor.name, t.tensor.from, t.tensor.to)
        }
        EventBody::Metric(m) => format!("metric     {} {} of {}", m.name, m.value, m.model),
        EventBody::Warning(w) => format!("warning    {}", w.text),
        EventBody::Sample(s) => format!("sample     {:.0} %, {} resident", s.fraction * 100.0, bytes(s.rss)),
        EventBody::OutputWritten { path, bytes: n } => format!("written    {path}, {}", bytes(*n)),
        EventBody::OutputReused { copied: c, .. } => format!(
            "reused     {} of {} tensors, {}, copied from {}",
            c.tensors,
            c.of,
            bytes(c.bytes),
            c.from.display()
        ),
        EventBody::OutputUnchanged { path, earlier } => {
            format!("unchanged  {path} would be the same as {} and is not written", earlier.display())
        }
        EventBody::OutputVerified { path, by } => format!("verified   {path} by {}", by.join(" and ")),
        EventBody::OutputPublished { path, .. } => format!("published  {path}"),
        EventBody::Finished { seconds: s, peak_rss } => {
            format!("finished   {}, peak {}", seconds(*s), bytes(*peak_rss))
        }
        EventBody::Failed { error, .. } => format!("failed     {}", error.message),
        EventBody::Cancelled { .. } => "cancelled".to_owned(),
        EventBody::Interrupted { signal, .. } => format!("interrupted by signal {signal}; it can be resumed"),
        EventBody::Unknown => "(an event of a later version)".to_owned(),
    };
    safe(&line)
}
