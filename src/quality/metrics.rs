//! The table of metrics: their names in events, conditions and help, their units and what they mean.

use super::tasks::TaskKind;

/// What a larger value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Less is better.
    Less,
    /// More is better.
    More,
    /// Neither: zero, or the value of the baseline, is best.
    Neither,
}

/// What has to be there for a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A model that predicts tokens.
    Text,
    /// The same, and a baseline.
    Baseline,
    /// The same, and a baseline that is a model.
    Layers,
    /// An embedding model and a baseline.
    Embedding,
    /// A file of multiple-choice tasks.
    Task(TaskKind),
    /// The same, and a baseline that is a model.
    TaskBaseline(TaskKind),
    /// That speed is measured, and a program of llama.cpp.
    LlamaCpp,
    /// That speed is measured.
    OwnPass,
}

impl Needs {
    /// True if it is measured against a baseline.
    pub(crate) const fn is_relative(self) -> bool {
        match self {
            Self::Baseline | Self::Layers | Self::Embedding | Self::TaskBaseline(_) => true,
            Self::Text | Self::Task(_) | Self::LlamaCpp | Self::OwnPass => false,
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricSpec {
    /// Its name in events and conditions.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its unit, empty for a plain number.
    pub unit: &'static str,
    /// Decimal places for people.
    pub decimals: usize,
    /// What is better.
    pub better: Better,
    /// What it needs.
    pub needs: Needs,
    /// What it means, as one sentence.
    pub meaning: &'static str,
}

/// Every metric, in the order of reports.
pub(crate) const METRICS: [MetricSpec; 47] = {
    use Better::{Less, More, Neither};
    use Needs::{Baseline, Embedding, Layers, LlamaCpp, OwnPass, Text};
    use TaskKind::{Hellaswag, MultipleChoice, Winogrande};
    const fn m(
        name: &'static str,
        title: &'static str,
        unit_decimals: (&'static str, usize),
        better: Better,
        needs: Needs,
        meaning: &'static str,
    ) -> MetricSpec {
        MetricSpec { name, title, unit: unit_decimals.0, decimals: unit_decimals.1, better, needs, meaning }
    }
    [
        m("perplexity", "perplexity", ("", 4), Less, Text, "How many tokens the model hesitates between on average."),
        m(
            "top1_accuracy",
            "right token first",
            ("%", 2),
            More,
            Text,
            "How often the token of the text is the most probable one.",
        ),
        m(
            "perplexity_baseline",
            "perplexity of the baseline",
            ("", 4),
            Neither,
            Baseline,
            "The perplexity of the baseline on the same text.",
        ),
        m("ppl_ratio", "perplexity ratio", ("", 6), Less, Baseline, "The perplexity divided by that of the baseline."),
        m(
            "ppl_difference",
            "perplexity difference",
            ("", 4),
            Less,
            Baseline,
            "The perplexity minus that of the baseline.",
        ),
        m("ln_ppl_ratio", "ln perplexity ratio", ("", 6), Less, Baseline, "The logarithm of the perplexity ratio."),
        m(
            "ppl_correlation",
            "perplexity correlation",
            ("%", 3),
            More,
            Baseline,
            "The correlation of the log-probabilities of the right tokens with those of the baseline.",
        ),
        m(
            "kld_mean",
            "mean KLD",
            ("", 6),
            Less,
            Baseline,
            "The mean KL divergence of the predictions from the baseline's, in nats.",
        ),
        m("kld_max", "maximum KLD", ("", 6), Less, Baseline, "The KL divergence of the worst token."),
        m("kld_p999", "99.9 % KLD", ("", 6), Less, Baseline, "The KL divergence that 99.9 % of the tokens stay below."),
        m("kld_p99", "99 % KLD", ("", 6), Less, Baseline, "The KL divergence that 99 % of the tokens stay below."),
        m("kld_p95", "95 % KLD", ("", 6), Less, Baseline, "The KL divergence that 95 % of the tokens stay below."),
        m("kld_p90", "90 % KLD", ("", 6), Less, Baseline, "The KL divergence that 90 % of the tokens stay below."),
        m("kld_median", "median KLD", ("", 6), Less, Baseline, "The KL divergence that half of the tokens stay below."),
        m(
            "kld_min",
            "minimum KLD",
            ("", 6),
            Neither,
            Baseline,
            "The KL divergence of the best token; slightly negative values are rounding.",
        ),
        m(
            "delta_p_mean",
            "mean Δp",
            ("%", 3),
            Neither,
            Baseline,
            "The mean change of the probability of the right token, in percentage points.",
        ),
        m(
            "delta_p_rms",
            "RMS Δp",
            ("%", 3),
            Less,
            Baseline,
            "The root mean square change of the probability of the right token, in percentage points.",
        ),
        m(
            "top1_agreement",
            "top-1 agreement",
            ("%", 2),
            More,
            Baseline,
            "How often the most probable token is that of the baseline.",
        ),
        m(
            "top2_agreement",
            "top-2 agreement",
            ("%", 2),
            More,
            Baseline,
            "How often the two most probable tokens are those of the baseline, in order.",
        ),
        m("top3_agreement", "top-3 agreement", ("%", 2), More, Baseline, "The same for three tokens."),
        m("top4_agreement", "top-4 agreement", ("%", 2), More, Baseline, "The same for four tokens."),
        m("top5_agreement", "top-5 agreement", ("%", 2), More, Baseline, "The same for five tokens."),
        m(
            "flips",
            "flips",
            ("%", 2),
            Less,
            Baseline,
            "How often the right token is the most probable one in either the model or the baseline, but not in both.",
        ),
        m(
            "hidden_rms",
            "hidden state error",
            ("", 6),
            Less,
            Layers,
            "The error of the hidden state after a layer, relative to its length; a condition takes the worst layer.",
        ),
        m(
            "hidden_cosine",
            "hidden state cosine",
            ("", 6),
            More,
            Layers,
            "The cosine between the hidden states after a layer; a condition takes the worst layer.",
        ),
        m(
            "cosine_mean",
            "mean cosine",
            ("", 6),
            More,
            Embedding,
            "The mean cosine between the embedding of a text and the baseline's.",
        ),
        m("cosine_min", "minimum cosine", ("", 6), More, Embedding, "The cosine of the worst text."),
        m(
            "similarity_spearman",
            "similarity rank correlation",
            ("", 6),
            More,
            Embedding,
            "Spearman's rank correlation of the similarities of all pairs of texts with the baseline's.",
        ),
        m(
            "neighbour_overlap",
            "neighbour overlap",
            ("%", 2),
            More,
            Embedding,
            "How many of the ten nearest texts of a text are the same as in the baseline.",
        ),
        m(
            "scored_tokens",
            "scored tokens",
            ("", 0),
            Neither,
            Text,
            "The number of predictions that the figures are made from.",
        ),
        m(
            "hellaswag_accuracy",
            "HellaSwag accuracy",
            ("%", 2),
            More,
            Needs::Task(Hellaswag),
            "How often the right answer of a task is the most probable one.",
        ),
        m(
            "hellaswag_agreement",
            "HellaSwag agreement",
            ("%", 2),
            More,
            Needs::TaskBaseline(Hellaswag),
            "How often the answer to a task is that of the baseline.",
        ),
        m(
            "winogrande_accuracy",
            "Winogrande accuracy",
            ("%", 2),
            More,
            Needs::Task(Winogrande),
            "How often the right answer of a task is the most probable one.",
        ),
        m(
            "winogrande_agreement",
            "Winogrande agreement",
            ("%", 2),
            More,
            Needs::TaskBaseline(Winogrande),
            "How often the answer to a task is that of the baseline.",
        ),
        m(
            "multiple_choice_accuracy",
            "multiple choice accuracy",
            ("%", 2),
            More,
            Needs::Task(MultipleChoice),
            "How often the right answer of a task is the most probable one.",
        ),
        m(
            "multiple_choice_agreement",
            "multiple choice agreement",
            ("%", 2),
            More,
            Needs::TaskBaseline(MultipleChoice),
            "How often the answer to a task is that of the baseline.",
        ),
        m(
            "llama_cpp_load_s",
            "llama.cpp load time",
            ("s", 3),
            Less,
            LlamaCpp,
            "The time that llama.cpp takes to start and to load the model.",
        ),
        m(
            "llama_cpp_prompt_tps",
            "llama.cpp prompt",
            ("tok/s", 1),
            More,
            LlamaCpp,
            "Tokens of a prompt that llama.cpp reads in a second.",
        ),
        m(
            "llama_cpp_generation_tps",
            "llama.cpp generation",
            ("tok/s", 2),
            More,
            LlamaCpp,
            "Tokens that llama.cpp generates in a second: all tokens of a repetition over all of its time.",
        ),
        m(
            "llama_cpp_token_ms",
            "llama.cpp token",
            ("ms", 2),
            Less,
            LlamaCpp,
            "The time that llama.cpp takes for a generated token: the mean of a repetition.",
        ),
        m(
            "llama_cpp_peak_mb",
            "llama.cpp peak memory",
            ("MB", 1),
            Less,
            LlamaCpp,
            "The most memory that llama.cpp has at a time.",
        ),
        m(
            "own_pass_load_s",
            "own pass load time",
            ("s", 3),
            Less,
            OwnPass,
            "The time that remold takes to open the model; weights are read later.",
        ),
        m(
            "own_pass_prompt_tps",
            "own pass prompt",
            ("tok/s", 1),
            More,
            OwnPass,
            "Tokens of a prompt that remold's own pass, which is not a runtime, reads in a second.",
        ),
        m(
            "own_pass_generation_tps",
            "own pass generation",
            ("tok/s", 2),
            More,
            OwnPass,
            "Tokens that remold's own pass, which is not a runtime, generates in a second: all tokens of a repetition over all of its time.",
        ),
        m(
            "own_pass_token_ms",
            "own pass token",
            ("ms", 2),
            Less,
            OwnPass,
            "The time that remold's own pass, which is not a runtime, takes for a generated token: the median of all tokens, which a few slow ones do not change.",
        ),
        m(
            "own_pass_peak_mb",
            "own pass peak memory",
            ("MB", 1),
            Less,
            OwnPass,
            "The most memory that remold's own pass, which is not a runtime, has at a time.",
        ),
        m("texts", "texts", ("", 0), Neither, Embedding, "The number of texts that the figures are made from."),
    ]
};

/// The names of all metrics.
pub(crate) static METRIC_NAMES: [&str; METRICS.len()] = {
    let mut names = [""; METRICS.len()];
    let mut i = 0;
    while i < METRICS.len() {
        names[i] = METRICS[i].name;
        i += 1;
    }
    names
};

/// A metric by name.
pub(crate) fn metric(name: &str) -> Option<&'static MetricSpec> {
    METRICS.iter().find(|m| m.name == name)
}

impl MetricSpec {
    /// A value with its uncertainty for people: `0.002517 ± 0.000061`.
    pub(crate) fn text(&self, value: f64, uncertainty: Option<f64>) -> String {
        let digits = self.decimals;
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        // Minus zero is a rounding of nothing.
        let value = if format!("{value:.digits$}").trim_start_matches('-').chars().all(|c| "0.".contains(c)) {
            format!("{:.digits$}", 0.0)
        } else {
            format!("{value:.digits$}").replace('-', "−")
        };
        match uncertainty {
            // One that is not zero must not look like it.
            Some(u) if u > 0.0 && u < 0.5 * 0.1f64.powi(digits as i32) => {
                format!("{value} ± {u:.1e}{unit}").replace("e-", "e−")
            }
            Some(u) => format!("{value} ± {u:.digits$}{unit}"),
            None => format!("{value}{unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::statistics::{Against, Position, Positions};
    use super::*;

    #[test]
    fn the_table_has_every_figure_once() {
        let names: std::collections::BTreeSet<&str> = METRICS.iter().map(|m| m.name).collect();
        assert_eq!(names.len(), METRICS.len());
        let position = |i: u32| Position {
            nll: f64::from(i),
            right: true,
            against: Some(Against { nll: f64::from(i), right: false, kld: 0.1, same: 3 }),
        };
        let summary = Positions((0..30).map(position).collect()).summary();
        for (name, _) in &summary.figures {
            assert!(names.contains(name), "{name}");
        }
        // In the order of the table.
        let places: Vec<_> = summary.figures.iter().map(|(n, _)| METRICS.iter().position(|m| m.name == *n)).collect();
        assert!(places.is_sorted(), "{places:?}");
        let unmeasured =
            |m: &&MetricSpec| matches!(m.needs, Needs::Text | Needs::Baseline) && summary.get(m.name).is_none();
        assert_eq!(METRICS.iter().filter(unmeasured).map(|m| m.name).collect::<Vec<_>>(), ["scored_tokens"]);
    }

    #[test]
    fn values_are_written_with_their_digits() {
        let of = |name: &str, v, u| metric(name).unwrap().text(v, u);
        assert_eq!(of("kld_mean", 0.0025171, Some(0.0000612)), "0.002517 ± 0.000061");
        assert_eq!(of("top1_agreement", 96.483, Some(0.4)), "96.48 ± 0.40 %");
        assert_eq!(of("kld_min", -0.0000001, None), "0.000000");
        assert_eq!(of("delta_p_mean", -0.25, None), "−0.250 %");
        assert_eq!(of("scored_tokens", 1905.0, None), "1905");
    }
}
