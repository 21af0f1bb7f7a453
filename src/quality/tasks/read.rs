//! Reads files of multiple-choice tasks as llama-perplexity does.
//!
//! HellaSwag: six lines a task: the text, the number of the right ending from 0, four endings. Winogrande: a task a line, `index,sentence,choice,choice,answer`;
//! the sentence may be in quotes and has a `_` where the choice goes, the answer is 1 or 2. Multiple choice: little-endian; a number of tasks, as
//! many positions, then for each task a question and twice a list of answers with 32-bit labels (the second list is for several right
//! answers and is not used). A string is its length and its bytes. Every length is checked against the bytes that are left.

use super::TaskKind;
use crate::model::{ModelError, Result, read_request_file};
use std::path::Path;

/// Largest file in bytes: HellaSwag's validation set has 9 MB.
const MAX_FILE: u64 = 64 << 20;
/// Most tasks of a file.
const MAX_TASKS: usize = 100_000;
/// Most answers of a task: as in llama-perplexity.
const MAX_ANSWERS: u32 = 100;

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChoiceTask {
    /// The answers.
    pub answers: Vec<Answer>,
    /// Which of them are right.
    pub right: Vec<bool>,
}

/// A possible answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The whole text with it.
    pub text: String,
    /// The part of the text up to the end of the answer, where a text goes on behind it.
    pub head: Option<String>,
}

/// Reads the tasks of a file.
///
/// # Errors
/// A file that cannot be read, is too long, has no task, or is not of the format, with the place.
pub(super) fn read(kind: TaskKind, path: &Path) -> Result<Vec<ChoiceTask>> {
    let bytes = read_request_file(path, MAX_FILE)?;
    let tasks = parse(kind, &bytes).map_err(|e| e.in_file(path).with_hint(hint(kind)))?;
    let problem = match tasks.len() {
        0 => "it has no task".to_owned(),
        n if n > MAX_TASKS => format!("it has {n} tasks, more than {MAX_TASKS}"),
        _ => return Ok(tasks),
    };
    Err(ModelError::bad(problem).in_file(path).with_hint(hint(kind)))
}

const fn hint(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Hellaswag => {
            "A HellaSwag file has six lines for each task: the text, the number of the right ending (0 to 3), and four endings."
        }
        TaskKind::Winogrande => {
            "A Winogrande file has lines of the form 'index,sentence with a _,first choice,second choice,1 or 2'."
        }
        TaskKind::MultipleChoice => {
            "Use a binary file of tasks as llama-perplexity --multiple-choice reads it, such as arc-challenge-validation.bin."
        }
    }
}

fn parse(kind: TaskKind, bytes: &[u8]) -> Result<Vec<ChoiceTask>> {
    match kind {
        TaskKind::MultipleChoice => parse_choices(bytes),
        TaskKind::Hellaswag => hellaswag(text(bytes)?),
        TaskKind::Winogrande => winogrande(text(bytes)?),
    }
}

/// Reads bytes as each kind.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_all(bytes: &[u8]) {
    for kind in [TaskKind::Hellaswag, TaskKind::Winogrande, TaskKind::MultipleChoice] {
        let _ = parse(kind, bytes);
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| ModelError::bad(format!("not UTF-8 text at byte {}", e.valid_up_to())))
}

fn hellaswag(text: &str) -> Result<Vec<ChoiceTask>> {
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).lines().collect();
    if !lines.len().is_multiple_of(6) {
        return Err(ModelError::bad(format!(
            "it has {}, which is not a multiple of 6",
            crate::units::plural(lines.len(), "line")
        )));
    }
    let task = |(number, lines): (usize, &[&str])| {
        let wrong = |what: String| ModelError::bad(format!("line {}: {what}", number * 6 + 2));
        let right: usize = lines[1]
            .trim()
            .parse()
            .map_err(|_| wrong(format!("{:?} is not the number of an ending", cut(lines[1]))))?;
        if right > 3 {
            return Err(wrong(format!("ending {right} does not exist: they are counted from 0 to 3")));
        }
        let answer = |ending: &&str| Answer { text: format!("{} {ending}", lines[0]), head: None };
        let answers = lines[2..].iter().map(answer).collect();
        Ok(ChoiceTask { answers, right: (0..4).map(|i| i == right).collect() })
    };
    lines.chunks_exact(6).enumerate().map(task).collect()
}

fn winogrande(text: &str) -> Result<Vec<ChoiceTask>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| sentence(line).map_err(|what| ModelError::bad(format!("line {}: {what}", i + 1)))).collect()
}

fn sentence(line: &str) -> std::result::Result<ChoiceTask, String> {
    // Commas count outside of quotes; quotes inside of a quoted sentence stay as they are, as in llama-perplexity.
    let mut commas = Vec::new();
    let mut quoted = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted && commas.len() < 4 => commas.push(at),
            _ => {}
        }
    }
    let [a, b, c, d] = commas[..] else {
        return Err(format!("{:?} does not have five fields", cut(line)));
    };
    let whole = &line[a + 1..b];
    let whole = whole.strip_prefix('"').and_then(|s| s.strip_suffix('"')).unwrap_or(whole);
    let Some((before, after)) = whole.split_once('_') else {
        return Err(format!("{:?} has no _", cut(whole)));
    };
    let right = match line[d + 1..].trim() {
        "1" => 0,
        "2" => 1,
        other => return Err(format!("the answer is {:?}, not 1 or 2", cut(other))),
    };
    let answer =
        |choice: &str| Answer { text: format!("{before}{choice}{after}"), head: Some(format!("{before}{choice}")) };
    Ok(ChoiceTask {
        answers: vec![answer(&line[b + 1..c]), answer(&line[c + 1..d])],
        right: (0..2).map(|i| i == right).collect(),
    })
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The tasks of a binary file.
///
/// # Errors
/// Lengths beyond the end of the file; texts that are not UTF-8 or empty; tasks without answers.
fn parse_choices(bytes: &[u8]) -> Result<Vec<ChoiceTask>> {
    let mut reader = Reader { bytes, at: 0 };
    let count = reader.number("the number of tasks")? as usize;
    // A task has at least a question's length and two numbers of answers.
    if count > MAX_TASKS || count.saturating_mul(4 + 12) > bytes.len() {
        return Err(ModelError::bad(format!(
            "it says that it has {count} tasks, which do not fit its {} bytes",
            bytes.len()
        )));
    }
    reader.skip(count * 4, "the positions of the tasks")?;
    let mut tasks = Vec::with_capacity(count);
    for number in 0..count {
        let in_task = |e: ModelError| ModelError::bad(format!("task {}: {e}", number + 1));
        tasks.push(reader.task().map_err(in_task)?);
    }
    Ok(tasks)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, n: usize, what: &str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end =
            end.ok_or_else(|| ModelError::bad(format!("{what}: {n} bytes from byte {} are beyond its end", self.at)))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn number(&mut self, what: &str) -> Result<u32> {
        let part = self.skip(4, what)?;
        Ok(part.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    fn string(&mut self, what: &str) -> Result<String> {
        let length = self.number(what)? as usize;
        let part = self.skip(length, what)?;
        let text = std::str::from_utf8(part).map_err(|_| ModelError::bad(format!("{what} is not UTF-8 text")))?;
        if text.is_empty() {
            return Err(ModelError::bad(format!("{what} is empty")));
        }
        Ok(text.to_owned())
    }

    fn task(&mut self) -> Result<ChoiceTask> {
        let question = self.string("the question")?;
        let (texts, labels) = self.answers()?;
        // Tasks with several right answers, which are not scored.
        self.answers()?;
        if texts.is_empty() {
            return Err(ModelError::bad("it has no answers"));
        }
        let answer = |text: String| Answer { text: format!("{question} {text}"), head: None };
        Ok(ChoiceTask { answers: texts.into_iter().map(answer).collect(), right: labels })
    }

    fn answers(&mut self) -> Result<(Vec<String>, Vec<bool>)> {
        let count = self.number("the number of answers")?;
        if count > MAX_ANSWERS {
            return Err(ModelError::bad(format!("{count} answers are more than {MAX_ANSWERS}")));
        }
        let texts = (0..count).map(|_| self.string("an answer")).collect::<Result<_>>()?;
        let labels = (0..count).map(|_| Ok(self.number("a label")? == 1)).collect::<Result<_>>()?;
        Ok((texts, labels))
    }
}
