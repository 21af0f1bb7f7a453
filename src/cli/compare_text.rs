//! `remold compare A B --prompt TEXT`: what models say after the same prompt.

use super::args::{AsProgram, CompareArgs};
use super::print::Style;
use super::text::{safe, seconds};
use super::{Exit, note, out, refuse, signals};
use crate::forward::Rounding;
use crate::model::{ModelError, Result};
use crate::quality::continuation::{self, Continuation, Listener, Request, Sampling, continuations};
use crate::task::Task;
use crate::units::print;
use serde_json::json;
use std::time::Instant;

/// Columns of a text.
const WIDTH: usize = 76;

/// `remold compare --prompt`.
pub(super) fn run(args: &CompareArgs) -> Exit {
    let stop = signals::stop_on_signal();
    let task = Task { threads: args.threads, progress: &|_, _| {}, cancel: stop.flag() };
    let begun = Instant::now();
    let done = request(args).and_then(|r| continuations(&r, task, &Shown { json: args.json, begun }));
    match done {
        _ if stop.is_set() => Exit::stopped(&stop),
        Err(e) => refuse(&e),
        Ok(all) => {
            if args.json {
                print::json_lines(&lines(&all));
            } else {
                out(&text(&all, args));
            }
            Exit::Done
        }
    }
}

fn request(args: &CompareArgs) -> Result<Request> {
    let mut models = args.models.clone();
    if let Some(baseline) = &args.baseline {
        match models.iter().position(|m| m == baseline) {
            Some(at) => models[..=at].rotate_right(1),
            None => models.insert(0, baseline.clone()),
        }
    }
    let prompt = args.prompt.clone().unwrap_or_default();
    if prompt.is_empty() {
        return Err(ModelError::request("the prompt is empty").field("--prompt").with_hint("Write some text."));
    }
    Ok(Request {
        models,
        prompt,
        chat: args.chat,
        tokens: args.tokens as usize,
        sampling: match args.temperature {
            Some(temperature) => Sampling::Random { temperature, seed: args.seed },
            None => Sampling::Greedy,
        },
        rounding: match args.rounding {
            Some(AsProgram::LlamaCpp) => Rounding::LlamaCpp,
            Some(AsProgram::Exact) | None => Rounding::Exact,
        },
    })
}

/// Says what is being done; the texts come as a whole, with their marks.
struct Shown {
    json: bool,
    begun: Instant,
}

impl Listener for Shown {
    fn done(&self, _model: usize, c: &Continuation) {
        if !self.json {
            let time = seconds(self.begun.elapsed().as_secs_f64());
            note(&format!("{}: {} tokens after {time}\n", safe(&c.path.display().to_string()), c.ids.len()));
        }
    }
}

fn text(all: &[Continuation], args: &CompareArgs) -> String {
    let style = Style::stdout();
    let Some((base, others)) = all.split_first() else { return String::new() };
    let mut out = format!("{} {}\n\n", style.bold("prompt"), safe(args.prompt.as_deref().unwrap_or_default()));
    out.push_str(&format!("{} {}\n", style.bold("baseline"), safe(&base.path.display().to_string())));
    out.push_str(&wrapped(&shown(&base.text(0..base.pieces.len())), None));
    for other in others {
        out.push_str(&format!("\n{}  ", style.bold(&safe(&other.path.display().to_string()))));
        let worst = other.along.iter().map(|p| p.kld).fold(0.0, f64::max);
        out.push_str(&format!("mean KLD {:.6}, maximum {worst:.6} along the baseline's text\n", other.mean_kld()));
        out.push_str(&wrapped(&shown(&base.text(0..base.pieces.len())), Some(&heat(base, other))));
        match other.differs_at {
            None => out.push_str("  says the same\n"),
            Some(at) => {
                let piece = |c: &Continuation| c.pieces.get(at).map_or_else(String::new, |p| format!("{p:?}"));
                let both = format!("{} instead of {}", safe(&piece(other)), safe(&piece(base)));
                out.push_str(&format!(
                    "  {} {} of {}: {both}, then\n",
                    style.bold("differs at token"),
                    at + 1,
                    base.ids.len()
                ));
                out.push_str(&wrapped(&shown(&other.text(at..other.pieces.len())), None));
            }
        }
    }
    let steps: Vec<String> = (1..).zip(continuation::STEPS).map(|(digit, limit)| format!("{digit} {limit}")).collect();
    out.push_str(&format!("\nunder a text: KL divergence per token in nats, at least: {}\n", steps.join("  ")));
    if args.top {
        out.push_str(&top(all));
    }
    out
}

/// A text with visible line ends and without control characters; each character stays one.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' {
                '⏎'
            } else if c.is_control() {
                '·'
            } else {
                c
            }
        })
        .collect()
}

/// A step for each character of the baseline's text.
fn heat(base: &Continuation, other: &Continuation) -> String {
    let mut heat = String::new();
    for (piece, position) in base.pieces.iter().zip(&other.along) {
        heat.extend(std::iter::repeat_n(continuation::mark(position.kld), piece.chars().count()));
    }
    heat
}

/// A text in lines, with a line of marks under each.
fn wrapped(text: &str, marks: Option<&str>) -> String {
    use unicode_width::UnicodeWidthChar;
    let mut out = String::new();
    let marks: Vec<char> = marks.unwrap_or_default().chars().collect();
    let (mut line, mut below, mut used) = (String::new(), String::new(), 0);
    let mut flush = |line: &mut String, below: &mut String, used: &mut usize| {
        out.push_str(&format!("  {}\n", safe(line)));
        if !below.is_empty() {
            out.push_str(&format!("  {below}\n"));
        }
        line.clear();
        below.clear();
        *used = 0;
    };
    for (i, c) in text.chars().enumerate() {
        let width = c.width().unwrap_or(0);
        if used + width > WIDTH {
            flush(&mut line, &mut below, &mut used);
        }
        line.push(c);
        if let Some(mark) = marks.get(i) {
            below.extend(std::iter::repeat_n(*mark, width));
        }
        used += width;
    }
    if used > 0 || text.is_empty() {
        flush(&mut line, &mut below, &mut used);
    }
    out
}

/// The most probable tokens of every model at every position.
fn top(all: &[Continuation]) -> String {
    let mut out = String::from("\n");
    let Some(base) = all.first() else { return out };
    for (i, piece) in base.pieces.iter().enumerate() {
        out.push_str(&format!("{:>4} {}\n", i + 1, safe(&format!("{piece:?}"))));
        for c in all {
            let Some(position) = c.along.get(i) else { continue };
            let each = position.top.iter().map(|t| format!("{:?} {:.1} %", t.text, t.probability * 100.0));
            let name = c.path.file_name().unwrap_or(c.path.as_os_str()).to_string_lossy();
            let line = format!("{}  {}", name, each.collect::<Vec<_>>().join("  "));
            out.push_str(&format!("       {:.6}  {}\n", position.kld, safe(&line)));
        }
    }
    out
}

/// A line for each model and one for each of its positions along the baseline's text.
fn lines(all: &[Continuation]) -> String {
    let mut out = String::new();
    let mut line = |value: serde_json::Value| out.push_str(&format!("{value}\n"));
    for c in all {
        let model = c.path.to_string_lossy();
        line(json!({
            "event": "continuation", "job": "compare", "model": model, "text": c.pieces.concat(), "ids": c.ids,
            "ended": c.ended, "differs_at": c.differs_at, "kld_mean": c.mean_kld(),
        }));
        for (i, position) in c.along.iter().enumerate() {
            let top: Vec<_> =
                position.top.iter().map(|t| json!({"id": t.id, "text": t.text, "p": t.probability})).collect();
            let baseline = all.first().map(|b| json!({"id": b.ids[i], "text": b.pieces[i]}));
            line(json!({
                "event": "position", "job": "compare", "model": model, "position": i, "baseline": baseline,
                "kld": position.kld, "top": top,
            }));
        }
    }
    out
}
