//! Speed of remold's own pass. It reads all weights for every token that is generated, so its memory stays small and it is slow: the figures say
//! how long other measurements take, not how fast the model is for its users.

use super::{GENERATED, PROMPT, Settings, Speed, median, megabytes, peak, push};
use crate::arch;
use crate::forward::{Forward, Rounding, Session};
use crate::model::Result;
use crate::task::Task;
use std::path::Path;
use std::time::Instant;

/// Repetitions at most: the pass is slow, and its times vary little.
const MOST_REPETITIONS: usize = 3;

/// Measures a model of any format.
///
/// # Errors
/// Networks that cannot be run; those of the pass; a cancelled task.
pub(crate) fn measure(path: &Path, rounding: Rounding, settings: Settings<'_>) -> Result<Speed> {
    // From here on, the most memory of this process is counted anew.
    let counted = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let begun = Instant::now();
    let model = arch::open(path).map_err(|e| e.in_file(path))?;
    let forward = Forward::open(&model, rounding).map_err(|e| e.in_file(path))?;
    let load = begun.elapsed().as_secs_f64();
    let task = Task { progress: &|_, _| {}, ..settings.task };
    let context = forward.context().map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let prompt = PROMPT.min(context.saturating_sub(GENERATED).max(1));
    let generated = GENERATED.min(context.saturating_sub(prompt));
    // Any tokens will do: what is computed does not depend on them.
    let vocabulary = u32::try_from(forward.vocabulary()).unwrap_or(u32::MAX).max(1);
    let tokens: Vec<u32> = (1..).map(|i: u32| i.wrapping_mul(2_654_435_761) % vocabulary).take(prompt).collect();
    let repetitions = settings.repetitions.min(MOST_REPETITIONS);
    let (mut rates, mut latencies, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repetitions {
        let begun = Instant::now();
        if forward.is_encoder() {
            forward.states(std::slice::from_ref(&tokens), task, &mut ()).map_err(|e| e.in_file(path))?;
            rates.push(prompt as f64 / begun.elapsed().as_secs_f64());
            check(task)?;
            continue;
        }
        let mut session = Session::new(&forward);
        let mut logits = session.push(&tokens, task).map_err(|e| e.in_file(path))?;
        check(task)?;
        rates.push(prompt as f64 / begun.elapsed().as_secs_f64());
        let mut total = 0.0;
        for _ in 0..generated {
            let begun = Instant::now();
            let next = most_probable(&logits);
            logits = session.push(&[next], task).map_err(|e| e.in_file(path))?;
            check(task)?;
            let seconds = begun.elapsed().as_secs_f64();
            latencies.push(seconds * 1e3);
            total += seconds;
        }
        if generated > 0 {
            totals.push(generated as f64 / total);
        }
    }
    let mut figures = vec![("own_pass_load_s", crate::quality::statistics::Estimate::plain(load))];
    push(&mut figures, "own_pass_prompt_tps", median(rates));
    push(&mut figures, "own_pass_generation_tps", median(totals));
    push(&mut figures, "own_pass_token_ms", median(latencies));
    let most = std::fs::read_to_string("/proc/self/status").ok().and_then(|s| peak(&s)).filter(|_| counted);
    push(&mut figures, "own_pass_peak_mb", most.map(megabytes));
    let generation =
        if generated > 0 && !forward.is_encoder() { format!(", {generated} generated") } else { String::new() };
    let how = format!(
        "remold's own pass, no runtime: {} threads, {prompt} tokens of prompt{generation}, median of {repetitions}; weights are read from the file in every pass; the time of a token is the median of all tokens, so that it and the rate differ where some are slow",
        settings.threads()
    );
    Ok(Speed { figures, how })
}

fn check(task: Task<'_>) -> Result<()> {
    if task.is_cancelled() { Err(crate::quality::pass::cancelled()) } else { Ok(()) }
}

fn most_probable(logits: &[f32]) -> u32 {
    let best = (0u32..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_and_an_encoder_are_timed() {
        let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models").join(name);
        let settings = Settings { repetitions: 1, task: Task::quiet() };
        let speed = measure(&fixture("tiny-llama"), Rounding::Exact, settings).unwrap();
        let names: Vec<&str> = speed.figures.iter().map(|(n, _)| *n).collect();
        assert!(names.starts_with(&[
            "own_pass_load_s",
            "own_pass_prompt_tps",
            "own_pass_generation_tps",
            "own_pass_token_ms"
        ]));
        assert!(speed.figures.iter().all(|(_, e)| e.value > 0.0), "{:?}", speed.figures);
        assert!(speed.how.contains("no runtime"));
        let speed = measure(&fixture("mini-bert"), Rounding::Exact, settings).unwrap();
        assert!(speed.figures.iter().all(|(n, _)| !n.contains("generation")));
    }
}
