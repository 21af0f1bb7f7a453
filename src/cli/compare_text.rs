//! `remold compare A B --prompt TEXT`: what models say after the same prompt. A terminal shows tokens as they come; a pipe gets the same text
//! as a whole.

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
use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;
use unicode_width::UnicodeWidthChar;

/// Columns of a text.
const WIDTH: usize = 76;
/// What is before each line of it.
const INDENT: &str = "  ";

/// `remold compare --prompt`.
pub(super) fn run(args: &CompareArgs) -> Exit {
    let stop = signals::stop_on_signal();
    let task = Task { threads: args.threads, progress: &|_, _| {}, cancel: stop.flag() };
    let is_streamed = !args.json && std::io::stdout().is_terminal();
    let report = Report::new(args, Style::stdout(), if is_streamed { out } else { |_| {} });
    let shown = Shown { notes: !args.json && !is_streamed, begun: Instant::now(), report };
    let done = request(args).and_then(|r| continuations(&r, task, &shown));
    match done {
        Ok(all) if !stop.is_set() => {
            if args.json {
                print::json_lines(&lines(&all));
                return Exit::Done;
            }
            let report = shown.report;
            report.end(&all, args.top);
            if !is_streamed {
                out(&report.written.into_inner());
            }
            Exit::Done
        }
        done => {
            shown.report.end_line();
            match done {
                Err(e) if !stop.is_set() => refuse(&e),
                _ => Exit::stopped(&stop),
            }
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
            Some(temperature) => Sampling::Random { temperature, seed: args.seed.unwrap_or(0) },
            None => Sampling::Greedy,
        },
        rounding: match args.rounding {
            Some(AsProgram::LlamaCpp) => Rounding::LlamaCpp,
            Some(AsProgram::Exact) | None => Rounding::Exact,
        },
    })
}

/// Hears the models.
struct Shown {
    /// Says what is done while the texts are kept for the end.
    notes: bool,
    begun: Instant,
    report: Report,
}

impl Listener for Shown {
    fn begins(&self, path: &Path) {
        self.report.begins(path);
    }

    fn read(&self, _model: usize, so_far: &Continuation) {
        self.report.read(so_far);
    }

    fn token(&self, model: usize, text: &str) {
        self.report.token(model, text);
    }

    fn done(&self, model: usize, c: &Continuation) {
        if self.notes {
            let time = seconds(self.begun.elapsed().as_secs_f64());
            note(&format!("{}: {} tokens after {time}\n", safe(&c.path.display().to_string()), c.ids.len()));
        }
        self.report.done(model, c);
    }
}

/// What is shown, as it comes.
struct Report {
    prompt: String,
    style: Style,
    /// Where it goes at once.
    sink: fn(&str),
    /// All of it.
    written: RefCell<String>,
    /// Columns used of the line that is being written, if there is one.
    used: Cell<Option<usize>>,
    base: RefCell<Option<Continuation>>,
    /// Where the model that speaks first differs from the baseline, and its tokens so far.
    speaks: Cell<(Option<usize>, usize)>,
}

impl Report {
    fn new(args: &CompareArgs, style: Style, sink: fn(&str)) -> Self {
        Self {
            prompt: args.prompt.clone().unwrap_or_default(),
            style,
            sink,
            written: RefCell::default(),
            used: Cell::default(),
            base: RefCell::default(),
            speaks: Cell::default(),
        }
    }

    fn write(&self, text: &str) {
        self.written.borrow_mut().push_str(text);
        (self.sink)(text);
    }

    /// Writes some more of a text in lines.
    fn put(&self, text: &str) {
        let mut lines = String::new();
        for c in shown(text).chars() {
            let width = c.width().unwrap_or(0);
            if self.used.get().is_some_and(|used| used + width > WIDTH) {
                lines.push('\n');
                self.used.set(None);
            }
            if self.used.get().is_none() {
                lines.push_str(INDENT);
            }
            lines.push_str(&safe(c.encode_utf8(&mut [0; 4])));
            self.used.set(Some(self.used.get().unwrap_or(0) + width));
        }
        self.write(&lines);
    }

    /// Ends the line that is being written.
    fn end_line(&self) {
        if self.used.take().is_some() {
            self.write("\n");
        }
    }

    fn begins(&self, path: &Path) {
        let (prompt, baseline) = (self.style.bold("prompt"), self.style.bold("baseline"));
        let path = safe(&path.display().to_string());
        self.write(&format!("{prompt} {}\n\n{baseline} {path}\n", safe(&self.prompt)));
    }

    fn read(&self, other: &Continuation) {
        let base = self.base.borrow();
        let Some(base) = base.as_ref() else { return };
        let worst = other.along.iter().map(|p| p.kld).fold(0.0, f64::max);
        let name = self.style.bold(&safe(&other.path.display().to_string()));
        let mut head = format!("\n{name}  mean KLD {:.6}, ", other.mean_kld());
        head.push_str(&format!("maximum {worst:.6} along the baseline's text\n"));
        head.push_str(&marked(&shown(&base.text(0..base.pieces.len())), &heat(base, other)));
        if other.differs_at.is_none() {
            head.push_str("  says the same\n");
        }
        self.speaks.set((other.differs_at, 0));
        self.write(&head);
    }

    fn token(&self, model: usize, text: &str) {
        let (differs_at, at) = self.speaks.get();
        if model > 0 {
            self.speaks.set((differs_at, at + 1));
            if differs_at.is_none_or(|first| at < first) {
                // It is in the baseline's text.
                return;
            }
            if differs_at == Some(at) {
                self.differs(at, text);
            }
        }
        self.put(text);
    }

    fn differs(&self, at: usize, piece: &str) {
        let base = self.base.borrow();
        let (word, all) = (self.style.bold("differs at token"), base.as_ref().map_or(0, |b| b.ids.len()));
        let other = base.as_ref().and_then(|b| b.pieces.get(at)).map_or_else(String::new, |p| format!("{p:?}"));
        let both = format!("{} instead of {}", safe(&format!("{piece:?}")), safe(&other));
        self.write(&format!("  {word} {} of {all}: {both}, then\n", at + 1));
    }

    fn done(&self, model: usize, c: &Continuation) {
        let has_own = model == 0 || c.differs_at.is_some();
        if has_own && self.used.get().is_none() {
            self.write(&format!("{INDENT}\n"));
        }
        self.end_line();
        if model == 0 {
            *self.base.borrow_mut() = Some(c.clone());
        }
    }

    /// What the marks mean, and the most probable tokens if they are wanted.
    fn end(&self, all: &[Continuation], with_top: bool) {
        if all.is_empty() {
            return;
        }
        let steps = (1..).zip(continuation::STEPS).map(|(digit, limit)| format!("{digit} {limit}"));
        let steps = steps.collect::<Vec<String>>().join("  ");
        self.write(&format!("\nunder a text: KL divergence per token in nats, at least: {steps}\n"));
        if with_top {
            self.write(&top(all));
        }
    }
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
fn marked(text: &str, marks: &str) -> String {
    let mut out = String::new();
    let (mut line, mut below, mut used) = (String::new(), String::new(), 0);
    let mut flush = |line: &mut String, below: &mut String, used: &mut usize| {
        out.push_str(&format!("{INDENT}{}\n", safe(line)));
        if !below.is_empty() {
            out.push_str(&format!("{INDENT}{below}\n"));
        }
        line.clear();
        below.clear();
        *used = 0;
    };
    let mut marks = marks.chars();
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width > WIDTH {
            flush(&mut line, &mut below, &mut used);
        }
        line.push(c);
        if let Some(mark) = marks.next() {
            below.extend(std::iter::repeat_n(mark, width));
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
    let t = jiff::Timestamp::now();
    let mut out = String::new();
    let mut line = |value: serde_json::Value| out.push_str(&format!("{value}\n"));
    for c in all {
        let model = c.path.to_string_lossy();
        line(json!({
            "t": t, "job": "compare", "kind": "continuation", "model": model, "text": c.pieces.concat(), "ids": c.ids,
            "ended": c.ended, "differs_at": c.differs_at, "kld_mean": c.mean_kld(),
        }));
        for (i, position) in c.along.iter().enumerate() {
            let top: Vec<_> =
                position.top.iter().map(|t| json!({"id": t.id, "text": t.text, "p": t.probability})).collect();
            let baseline = all.first().map(|b| json!({"id": b.ids[i], "text": b.pieces[i]}));
            line(json!({
                "t": t, "job": "compare", "kind": "position", "model": model, "position": i, "baseline": baseline,
                "kld": position.kld, "top": top,
            }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::continuation::Position;
    use std::sync::Mutex;

    fn said(path: &str, pieces: &[&str], differs_at: Option<usize>, kld: f64) -> Continuation {
        Continuation {
            path: path.into(),
            ids: (0u32..).take(pieces.len()).collect(),
            pieces: pieces.iter().map(|p| (*p).to_owned()).collect(),
            ended: false,
            differs_at,
            along: vec![Position { kld, top: Vec::new() }; pieces.len()],
        }
    }

    /// Tokens are written when they come, in lines, and what a model says like the baseline is not said twice.
    #[test]
    fn tokens_are_shown_as_they_come() {
        static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let report = Report {
            prompt: "Once".into(),
            style: Style::plain(),
            sink: |text| SEEN.lock().unwrap().push(text.to_owned()),
            written: RefCell::default(),
            used: Cell::default(),
            base: RefCell::default(),
            speaks: Cell::default(),
        };
        let long = "x".repeat(50);
        let base = said("base", &[" upon\n", &long, &long], None, 0.0);
        report.begins(&base.path);
        base.pieces.iter().for_each(|p| report.token(0, p));
        assert_eq!(SEEN.lock().unwrap()[1..3], ["   upon⏎".to_owned(), long.clone()], "each at once");
        report.done(0, &base);
        let same = said("same", &[" upon\n", &long, &long], None, 0.0);
        let other = said("other", &[" upon\n", " no"], Some(1), 0.02);
        for (number, c) in [(1, &same), (2, &other)] {
            report.read(c);
            c.pieces.iter().for_each(|p| report.token(number, p));
            report.done(number, c);
        }
        report.end(&[base, same, other], false);
        let written = report.written.into_inner();
        assert_eq!(written, SEEN.lock().unwrap().concat());
        let rest = "x".repeat(76 - 6 - 50);
        let (first, second) = (format!("   upon⏎{long}{rest}\n"), format!("  {}\n", "x".repeat(30)));
        assert!(written.starts_with(&format!("prompt Once\n\nbaseline base\n{first}{second}")), "{written}");
        assert!(written.contains("says the same\n\nother  mean KLD 0.020000"), "{written}");
        assert!(written.contains("  differs at token 2 of 3: \" no\" instead of \"xxx"), "{written}");
        assert!(written.contains(", then\n   no\n\nunder a text:"), "{written}");
    }
}
