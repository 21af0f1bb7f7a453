//! Conditions under which a check fails: `kld_mean > 0.01`.

use super::metrics::{METRICS, MetricSpec, metric};
use crate::model::{ModelError, Result};
use std::fmt;

/// How a metric is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    More,
    AtLeast,
    Less,
    AtMost,
}

impl Comparison {
    /// Longer ones first, since a text is matched in this order.
    const ALL: [(&'static str, Self); 4] =
        [(">=", Self::AtLeast), ("<=", Self::AtMost), (">", Self::More), ("<", Self::Less)];
}

/// A condition; a check fails where it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    /// The metric.
    pub metric: &'static MetricSpec,
    comparison: Comparison,
    limit: f64,
}

impl Condition {
    /// Parses `METRIC > NUMBER`; `>=`, `<` and `<=` are the other comparisons. A percent sign may follow where the unit of the metric is percent.
    ///
    /// # Errors
    /// Anything else; a metric that does not exist, with the nearest name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: String| {
            let hint = "Write it as 'METRIC > NUMBER', for instance 'kld_mean > 0.01' or 'top1_agreement < 99'.";
            ModelError::request(what).with_hint(hint)
        };
        let found = Comparison::ALL.iter().find_map(|(sign, c)| Some((text.split_once(sign)?, *c)));
        let Some(((name, number), comparison)) = found else {
            return Err(wrong(format!("{text:?} is not a condition")));
        };
        let name = name.trim();
        let Some(metric) = metric(name) else {
            let nearest =
                METRICS.iter().min_by_key(|m| strsim::damerau_levenshtein(m.name, name)).map_or("", |m| m.name);
            let hint = format!("Did you mean {nearest}? remold eval --help lists all metrics.");
            return Err(ModelError::request(format!("there is no metric {name:?}")).with_hint(hint));
        };
        let mut number = number.trim();
        if metric.unit == "%" {
            number = number.strip_suffix('%').unwrap_or(number).trim_end();
        }
        match number.parse::<f64>() {
            Ok(limit) if limit.is_finite() => Ok(Self { metric, comparison, limit }),
            _ => Err(wrong(format!("{number:?} is not a number"))),
        }
    }

    /// True if the condition holds for a value, so that the check fails. It also holds for a value that is not a number.
    pub(crate) fn fails(&self, value: f64) -> bool {
        value.is_nan()
            || match self.comparison {
                Comparison::More => value > self.limit,
                Comparison::AtLeast => value >= self.limit,
                Comparison::Less => value < self.limit,
                Comparison::AtMost => value <= self.limit,
            }
    }

    /// The value of several layers that decides: the one that is nearest to failing.
    pub(crate) fn worst(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        match self.comparison {
            Comparison::More | Comparison::AtLeast => values.max_by(f64::total_cmp),
            Comparison::Less | Comparison::AtMost => values.min_by(f64::total_cmp),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(_, c)| *c == self.comparison).map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} {}", self.metric.name, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_decide() {
        for (text, said, fails, passes) in [
            ("kld_mean > 0.01", "kld_mean > 0.01", 0.02, 0.01),
            ("kld_mean>=1e-2", "kld_mean >= 0.01", 0.01, 0.0099),
            (" top1_agreement  <99 % ", "top1_agreement < 99", 98.0, 99.0),
            ("cosine_min <= 0.9", "cosine_min <= 0.9", 0.9, 0.91),
        ] {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.to_string(), said);
            assert!(condition.fails(fails) && !condition.fails(passes) && condition.fails(f64::NAN), "{text}");
        }
        let hidden = Condition::parse("hidden_rms > 0.1").unwrap();
        assert_eq!(hidden.worst([0.1, 0.3, 0.2].into_iter()), Some(0.3));
        assert_eq!(Condition::parse("hidden_cosine < 0.1").unwrap().worst([0.1, 0.3].into_iter()), Some(0.1));
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, what, hint) in [
            ("kld_mean", "not a condition", "METRIC > NUMBER"),
            ("kld_meen > 1", "no metric \"kld_meen\"", "kld_mean?"),
            ("kld_mean > x", "not a number", "METRIC > NUMBER"),
            ("kld_mean > nan", "not a number", ""),
            ("kld_mean > 1 %", "not a number", ""),
            ("", "not a condition", ""),
        ] {
            let e = Condition::parse(text).unwrap_err();
            assert!(e.to_string().contains(what), "{e}");
            assert!(e.hint().unwrap().text().contains(hint), "{:?}", e.hint());
        }
    }
}
