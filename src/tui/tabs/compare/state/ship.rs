//! Which model to ship: the smallest one whose loss is within a limit. It follows from measured figures only.

use super::CompareState;

/// How much a model may differ from the baseline: a limit of the mean KL divergence in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// 0.01: differences are hard to notice.
    Strict,
    /// 0.05: what 4-bit types of most models stay below.
    #[default]
    Usual,
    /// 0.1: differences are noticeable.
    Loose,
}

impl Limit {
    /// The divergence.
    pub fn nats(self) -> f64 {
        match self {
            Self::Strict => 0.01,
            Self::Usual => 0.05,
            Self::Loose => 0.1,
        }
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Usual => "usual",
            Self::Loose => "loose",
        }
    }

    /// The next one.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Strict => Self::Usual,
            Self::Usual => Self::Loose,
            Self::Loose => Self::Strict,
        }
    }
}

/// What loss is measured by, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Mean KL divergence on a text.
    Kld,
    /// One less the mean cosine of embeddings of texts.
    Cosine,
    /// Output dB, estimated from the weights.
    Decibel,
}

/// A model with its size and its loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    /// Its column.
    pub column: usize,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its loss: less is better. Decibels are negative here.
    pub loss: f64,
    /// The standard error of the loss.
    pub error: f64,
    /// True if another one is no larger, loses no more, and is better in one of the two.
    pub dominated: bool,
}

/// What follows from the figures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// No text was evaluated.
    Unmeasured,
    /// The smallest model within the limit, and the next larger one on the Pareto line.
    Ship(Offer, Option<Offer>),
    /// None is within the limit; the one with the least loss.
    None(Offer),
}

/// Marks those that another one dominates.
fn dominate(offers: &mut [Offer]) {
    let all = offers.to_vec();
    for o in offers {
        let beats = |p: &Offer| p.bytes <= o.bytes && p.loss <= o.loss && (p.bytes < o.bytes || p.loss < o.loss);
        o.dominated = all.iter().any(beats);
    }
}

fn choose(offers: &[Offer], limit: f64) -> Verdict {
    let mut line: Vec<Offer> = offers.iter().copied().filter(|o| !o.dominated).collect();
    line.sort_by_key(|o| o.bytes);
    // Two standard errors: a measurement on little text has to be clearly below the limit.
    match line.iter().position(|o| o.loss + 2.0 * o.error <= limit) {
        Some(at) => Verdict::Ship(line[at], line.get(at + 1).copied()),
        None => line.last().map_or(Verdict::Unmeasured, |o| Verdict::None(*o)),
    }
}

impl CompareState {
    /// What the loss of the models is measured by now.
    pub(crate) fn scale(&self) -> Scale {
        let has = |metric: &str| (1..self.columns.len()).any(|column| self.figure(column, metric).is_some());
        match (has("kld_mean"), has("cosine_mean")) {
            (true, _) => Scale::Kld,
            (_, true) => Scale::Cosine,
            _ => Scale::Decibel,
        }
    }

    /// The models with their sizes and losses, without the baseline and what was not measured.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        let scale = self.scale();
        let loss = |column: usize| match scale {
            Scale::Kld => self.figure(column, "kld_mean"),
            Scale::Cosine => self.figure(column, "cosine_mean").map(|(v, u)| (1.0 - v, u)),
            Scale::Decibel => {
                let m = self.measured(column)?;
                m.output_sqnr_db.filter(|_| !m.all.broken()).map(|db| (-db, None))
            }
        };
        let offer = |column: usize| {
            let (loss, error) = loss(column).filter(|(loss, _)| loss.is_finite())?;
            let bytes = self.variant(column)?.bytes;
            Some(Offer { column, bytes, loss, error: error.unwrap_or(0.0), dominated: false })
        };
        let mut offers: Vec<Offer> = (1..self.columns.len()).filter_map(offer).collect();
        dominate(&mut offers);
        offers
    }

    /// Which of them to ship.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.scale() {
            Scale::Kld => choose(&self.offers(), self.quality.limit.nats()),
            Scale::Cosine => choose(&self.offers(), self.quality.limit.nats() / 10.0),
            Scale::Decibel => Verdict::Unmeasured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(of: &[(u64, f64, f64)]) -> Vec<Offer> {
        let offer = |(column, (bytes, loss, error)): (usize, &(u64, f64, f64))| Offer {
            column: column + 1,
            bytes: *bytes,
            loss: *loss,
            error: *error,
            dominated: false,
        };
        let mut all: Vec<Offer> = of.iter().enumerate().map(offer).collect();
        dominate(&mut all);
        all
    }

    #[test]
    fn the_smallest_within_the_limit_is_shipped() {
        // Q8_0, Q4_K_M, Q3_K_M, Q4_0 (as large as Q4_K_M and worse), Q2_K.
        let all =
            offers(&[(85, 1e-4, 1e-6), (50, 0.0025, 1e-4), (42, 0.0097, 3e-4), (51, 0.006, 2e-4), (34, 0.2, 0.01)]);
        assert_eq!(all.iter().map(|o| o.dominated).collect::<Vec<_>>(), [false, false, false, true, false]);
        let Verdict::Ship(best, next) = choose(&all, Limit::Usual.nats()) else { panic!() };
        assert_eq!((best.column, next.map(|o| o.column)), (3, Some(2)), "never the dominated one");
        // 0.0097 with twice its error is above 0.01.
        let Verdict::Ship(best, _) = choose(&all, Limit::Strict.nats()) else { panic!() };
        assert_eq!(best.column, 2);
        let Verdict::None(least) = choose(&all[4..], 0.1) else { panic!() };
        assert_eq!(least.column, 5);
        assert_eq!(choose(&[], 0.1), Verdict::Unmeasured);
    }

    #[test]
    fn of_equal_models_none_dominates_the_other() {
        assert!(offers(&[(5, 0.1, 0.0), (5, 0.1, 0.0)]).iter().all(|o| !o.dominated));
        assert!(offers(&[(5, 0.1, 0.0), (5, 0.2, 0.0)])[1].dominated);
    }

    #[test]
    fn the_limits_go_round() {
        let mut limit = Limit::default();
        let all = [0; 3].map(|_| {
            limit = limit.next();
            limit.nats()
        });
        assert_eq!((all, limit), ([0.1, 0.01, 0.05], Limit::Usual));
    }
}
