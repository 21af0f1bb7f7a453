//! Which model to ship, in words: the rule, the choice, what it lost. Only what was measured.

use super::{number, short_label};
use crate::tui::core::units;
use crate::tui::tabs::compare::state::{CompareState, Offer, Scale, Verdict};

/// Scored tokens below which the figures are too uncertain for a decision.
const FEW: f64 = 1000.0;

/// The sentences.
pub(super) fn sentences(s: &CompareState) -> String {
    let name = |o: &Offer| format!("{} {}", number(o.column), short_label(s, o.column, 40));
    let limit = s.quality.limit;
    let (figure, most) = match s.scale() {
        Scale::Cosine => ("1 − mean cosine", limit.nats() / 10.0),
        _ => ("mean KLD", limit.nats()),
    };
    let title = limit.title();
    let mut text = match s.verdict() {
        Verdict::Unmeasured if s.is_evaluated() => {
            let others = s.columns.len().saturating_sub(1);
            let what = if others == 1 { "the other one" } else { &format!("the other {others}") };
            return format!("Only the baseline was measured on this text; e measures {what}.");
        }
        Verdict::Unmeasured => {
            return "No text was evaluated, so no model is recommended: e measures on a text what each of them lost."
                .to_owned();
        }
        Verdict::Ship(o, next) => {
            let mut text = format!(
                "Ship {} ({}): the smallest with {figure} ≤ {most} ({title} limit, L changes it). It lost: {}.",
                name(&o),
                units::bytes(o.bytes),
                losses(s, o.column)
            );
            if let Some(next) = next {
                let larger = (next.bytes as f64 / o.bytes.max(1) as f64 - 1.0) * 100.0;
                let less = o.loss / next.loss.max(1e-9);
                text.push_str(&format!(" {} is {larger:.0} % larger and loses {less:.1} times less.", name(&next)));
            }
            text
        }
        Verdict::None(o) => format!(
            "Ship none of them: no {figure} is clearly ≤ {most} ({title} limit, L changes it). {} loses least: {}. Try a \
             larger type.",
            name(&o),
            losses(s, o.column)
        ),
    };
    if let Some((scored, _)) = s.figure(0, "scored_tokens").filter(|(scored, _)| *scored < FEW) {
        text.push_str(&format!(" Only {scored:.0} tokens were scored: use a longer text before you decide."));
    }
    let missing: Vec<String> =
        (1..s.columns.len()).filter(|column| s.quality_of(*column).is_none()).map(number).collect();
    if !missing.is_empty() {
        text.push_str(&format!(" Not evaluated: {}; e evaluates again.", missing.join(", ")));
    }
    if s.result.as_ref().is_some_and(|r| r.comparison.baseline.lossy) {
        text.push_str(" The baseline is itself quantized: losses are relative to it.");
    }
    text
}

/// What a model lost, by the figures that people ask for first.
fn losses(s: &CompareState, column: usize) -> String {
    let value = |metric: &str| s.figure(column, metric).map(|(v, _)| v);
    let mut parts = Vec::new();
    if let Some((v, u)) = s.figure(column, "kld_mean") {
        parts.push(format!("mean KLD {}", compact(v, u)));
    }
    if let Some(v) = value("kld_p999") {
        parts.push(format!("99.9 % KLD {}", compact(v, None)));
    }
    if let Some(v) = value("top1_agreement") {
        parts.push(format!("another most probable token in {:.1} %", 100.0 - v));
    }
    if let Some(v) = value("ppl_ratio") {
        parts.push(format!("perplexity {:+.1} %", (v - 1.0) * 100.0).replace('-', "−"));
    }
    if let Some(v) = value("cosine_mean") {
        parts.push(format!("mean cosine {v:.6}"));
    }
    if let Some(v) = value("neighbour_overlap") {
        parts.push(format!("{:.1} % of the nearest neighbours changed", 100.0 - v));
    }
    parts.join(", ")
}

/// A value with as many digits as are certain: two of the uncertainty, or three of the value.
pub(super) fn compact(value: f64, uncertainty: Option<f64>) -> String {
    let digits = |v: f64, significant: f64| {
        if v == 0.0 || !v.is_finite() {
            0
        } else {
            (significant - 1.0 - v.abs().log10().floor()).clamp(0.0, 8.0) as usize
        }
    };
    let text = match uncertainty.filter(|u| *u > 0.0) {
        Some(u) => {
            let digits = digits(u, 2.0);
            format!("{value:.digits$} ±{u:.digits$}")
        }
        None => format!("{value:.*}", digits(value, 3.0)),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_are_certain() {
        let cases = [
            (0.002_517_1, Some(0.000_061_2), "0.002517 ±0.000061"),
            (28.652, Some(0.66), "28.65 ±0.66"),
            (96.18, Some(0.4), "96.18 ±0.40"),
            (0.081_37, None, "0.0814"),
            (0.0, None, "0"),
            (1905.0, None, "1905"),
            (-0.25, Some(0.0), "−0.250"),
            (f64::NAN, None, "NaN"),
        ];
        for (value, uncertainty, expected) in cases {
            assert_eq!(compact(value, uncertainty), expected);
        }
    }
}
