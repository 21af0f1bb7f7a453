//! `remold eval`: what models say of a text.

use super::Exit;
use super::args::{AsProgram, EvalArgs};
use super::measure::{self, MeasureFlags};
use super::text::fold;
use crate::forward::Rounding;
use crate::job::{EvaluationRequest, Measurement};
use crate::quality::{DEFAULT_MEMORY, Evaluation, METRICS, REPETITIONS, SpeedRequest, TaskFile, TaskKind};
use crate::recipe::parse_size;

/// The long help of `--fail-if`: every metric with what it means.
pub(crate) fn fail_if_help() -> String {
    /// What a terminal of 80 columns has beside the indentation of clap.
    const COLUMNS: usize = 68;
    let mut text = String::from(
        "Exit with 3 if this condition holds for any model other than the baseline: METRIC, one of > >= < <=, and a number. May be repeated.\n\nMetrics:\n",
    );
    for m in &METRICS {
        let unit = if m.unit.is_empty() { String::new() } else { format!(" ({})", m.unit) };
        let meaning: Vec<String> = format!("{}{unit}", m.meaning).split(' ').map(str::to_owned).collect();
        // clap would fold the lines without their indentation.
        text.push_str(&format!("  {}\n{}", m.name, fold(&meaning, " ", ("      ", "      "), Some(COLUMNS))));
    }
    text.trim_end().to_owned()
}

/// `remold eval`.
pub(crate) fn run(args: &EvalArgs) -> Exit {
    let request = EvaluationRequest { evaluation: evaluation(args), fail_if: args.fail_if.clone() };
    let flags = MeasureFlags { json: args.json, detach: args.detach, threads: args.threads, layers: args.layers };
    measure::carry_out(&Measurement::Evaluation(request), flags)
}

fn evaluation(args: &EvalArgs) -> Evaluation {
    let number = |n: Option<u32>| n.map_or(0, |n| n as usize);
    Evaluation {
        baseline: args.baseline.clone(),
        data: args.data.clone(),
        logits: args.logits.clone(),
        save_logits: args.save_logits.clone(),
        context: args.context.map(|n| n as usize),
        stride: number(args.stride),
        chunks: number(args.chunks),
        rounding: match args.rounding {
            Some(AsProgram::LlamaCpp) => Rounding::LlamaCpp,
            Some(AsProgram::Exact) | None => Rounding::Exact,
        },
        memory: args.memory.as_deref().and_then(parse_size).unwrap_or(DEFAULT_MEMORY),
        tasks: task_files(args),
        speed: args.speed.then(|| SpeedRequest {
            llama_cpp: args.llama_cpp.clone(),
            repetitions: args.speed_runs.map_or(REPETITIONS, |n| n as usize),
        }),
        ..Evaluation::of(args.models.clone())
    }
}

fn task_files(args: &EvalArgs) -> Vec<TaskFile> {
    let most = args.tasks.map(|n| n as usize);
    let files = [
        (TaskKind::Hellaswag, &args.hellaswag),
        (TaskKind::Winogrande, &args.winogrande),
        (TaskKind::MultipleChoice, &args.multiple_choice),
    ];
    files.into_iter().filter_map(|(kind, path)| Some(TaskFile { kind, path: path.clone()?, most })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_metrics_fits_a_terminal() {
        let help = fail_if_help();
        let list = help.split_once("Metrics:\n").unwrap().1;
        // clap indents by ten.
        assert!(list.lines().all(|line| line.chars().count() <= 70), "{list}");
        assert!(METRICS.iter().all(|m| list.contains(&format!("  {}\n", m.name))));
    }
}
