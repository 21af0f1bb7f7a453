//! Polynomials with whole coefficients in symbols and rounded quotients, sorted, so that equality is that of the parts.

use crate::graph::Text;
use std::cmp::Ordering;
use std::fmt;

/// Most terms of a sum; shapes of real graphs have up to five.
const MAX_TERMS: usize = 24;
/// Most factors of a product.
const MAX_FACTORS: usize = 8;
/// Deepest nesting of quotients: a dozen strided convolutions one after the other.
const MAX_DEPTH: u32 = 16;

/// A sum of terms, the largest products first; no term has the coefficient 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub(super) struct Poly(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Term {
    /// Sorted; repeated for powers. None for the constant term.
    factors: Vec<Atom>,
    coefficient: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Atom {
    Symbol(Text),
    /// A quotient rounded down.
    Floor(Box<(Poly, Poly)>),
}

impl Poly {
    pub(super) fn number(n: i64) -> Self {
        Self::of(vec![Term { factors: Vec::new(), coefficient: n }]).unwrap_or_default()
    }

    pub(super) fn symbol(name: Text) -> Self {
        Self(vec![Term { factors: vec![Atom::Symbol(name)], coefficient: 1 }])
    }

    /// The number that it is, without any symbol.
    pub(super) fn as_number(&self) -> Option<i64> {
        match self.0.as_slice() {
            [] => Some(0),
            [one] if one.factors.is_empty() => Some(one.coefficient),
            _ => None,
        }
    }

    /// The number that it is when its symbols have these values; `None` if one has none, or it overflows.
    pub(super) fn sized(&self, value: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
        let atom = |a: &Atom| match a {
            Atom::Symbol(name) => value(name),
            Atom::Floor(parts) => {
                let (above, below) = (parts.0.sized(value)?, parts.1.sized(value)?);
                // Sizes are not negative, so rounding down is Euclid's.
                above.checked_div_euclid(below)
            }
        };
        self.0.iter().try_fold(0i64, |sum, t| {
            let product = t.factors.iter().try_fold(t.coefficient, |p, a| p.checked_mul(atom(a)?))?;
            sum.checked_add(product)
        })
    }

    /// Adds the symbols in it to a list, each once.
    pub(super) fn symbols(&self, all: &mut Vec<Text>) {
        for atom in self.0.iter().flat_map(|t| &t.factors) {
            match atom {
                Atom::Symbol(name) if !all.contains(name) => all.push(name.clone()),
                Atom::Symbol(_) => {}
                Atom::Floor(parts) => {
                    parts.0.symbols(all);
                    parts.1.symbols(all);
                }
            }
        }
    }

    /// True if no term is subtracted.
    pub(super) fn is_natural(&self) -> bool {
        let atom = |a: &Atom| match a {
            Atom::Symbol(_) => true,
            Atom::Floor(parts) => parts.0.is_natural() && parts.1.is_natural(),
        };
        self.0.iter().all(|t| t.coefficient >= 0 && t.factors.iter().all(atom))
    }

    /// Sorts terms and adds up equal ones.
    fn of(mut terms: Vec<Term>) -> Option<Self> {
        terms.sort_by(|a, b| order(&a.factors, &b.factors));
        let mut sum: Vec<Term> = Vec::with_capacity(terms.len());
        for term in terms {
            match sum.last_mut().filter(|last| last.factors == term.factors) {
                Some(last) => last.coefficient = last.coefficient.checked_add(term.coefficient)?,
                None => sum.push(term),
            }
        }
        sum.retain(|t| t.coefficient != 0);
        (sum.len() <= MAX_TERMS).then_some(Self(sum))
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        Self::of(self.0.iter().chain(&other.0).cloned().collect())
    }

    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        let mut terms = Vec::with_capacity(self.0.len() * other.0.len());
        for a in &self.0 {
            for b in &other.0 {
                terms.push(a.times(b)?);
            }
        }
        Self::of(terms)
    }

    /// The quotient if there is no rest: long division by the leading term.
    pub(super) fn divided_exactly(&self, by: &Self) -> Option<Self> {
        let lead = by.0.first()?;
        let (mut rest, mut quotient) = (self.clone(), Self::default());
        for _ in 0..=MAX_TERMS {
            let Some(first) = rest.0.first() else { return Some(quotient) };
            let step = Self(vec![first.divided(lead)?]);
            rest = rest.plus(&step.times(by)?.times(&Self::number(-1))?)?;
            quotient = quotient.plus(&step)?;
        }
        None
    }

    pub(super) fn divided_down(&self, by: &Self) -> Option<Self> {
        if let (Some(a), Some(b)) = (self.as_number(), by.as_number()) {
            let down = a.checked_div_euclid(b)?;
            // Euclid rounds up for a negative divisor.
            return Some(Self::number(if b < 0 && a.rem_euclid(b) != 0 { down.checked_sub(1)? } else { down }));
        }
        if let Some(exact) = self.divided_exactly(by) {
            return Some(exact);
        }
        // Whole parts leave the quotient, so that it has one form.
        let whole = by.as_number().filter(|n| *n > 0);
        let (mut out, mut left) = (Vec::new(), Vec::new());
        for t in &self.0 {
            let n = whole.unwrap_or(i64::MAX);
            let (q, r) = if whole.is_some() {
                (t.coefficient.div_euclid(n), t.coefficient.rem_euclid(n))
            } else {
                (0, t.coefficient)
            };
            for (part, to) in [(q, &mut out), (r, &mut left)] {
                if part != 0 {
                    to.push(Term { factors: t.factors.clone(), coefficient: part });
                }
            }
        }
        let (out, left) = (Self::of(out)?, Self::of(left)?);
        if left.as_number().is_some() && whole.is_some() {
            return Some(out);
        }
        if left.depth().max(by.depth()) >= MAX_DEPTH {
            return None;
        }
        let quotient = Atom::Floor(Box::new((left, by.clone())));
        out.plus(&Self(vec![Term { factors: vec![quotient], coefficient: 1 }]))
    }

    fn depth(&self) -> u32 {
        let of = |a: &Atom| match a {
            Atom::Symbol(_) => 0,
            Atom::Floor(parts) => 1 + parts.0.depth().max(parts.1.depth()),
        };
        self.0.iter().flat_map(|t| &t.factors).map(of).max().unwrap_or(0)
    }
}

impl Term {
    fn times(&self, other: &Self) -> Option<Self> {
        let mut factors: Vec<Atom> = self.factors.iter().chain(&other.factors).cloned().collect();
        factors.sort();
        let coefficient = self.coefficient.checked_mul(other.coefficient)?;
        (factors.len() <= MAX_FACTORS).then_some(Self { factors, coefficient })
    }

    fn divided(&self, by: &Self) -> Option<Self> {
        let mut factors = self.factors.clone();
        for f in &by.factors {
            let at = factors.iter().position(|x| x == f)?;
            factors.remove(at);
        }
        (self.coefficient.checked_rem(by.coefficient)? == 0)
            .then(|| Self { factors, coefficient: self.coefficient / by.coefficient })
    }
}

/// More factors first, then by name; multiplying by a factor keeps the order, as long division needs it.
fn order(a: &[Atom], b: &[Atom]) -> Ordering {
    b.len().cmp(&a.len()).then_with(|| a.cmp(b))
}

impl fmt::Display for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (i, term) in self.0.iter().enumerate() {
            let n = term.coefficient;
            match (i, n < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            if n.unsigned_abs() != 1 || term.factors.is_empty() {
                write!(f, "{}", n.unsigned_abs())?;
                if !term.factors.is_empty() {
                    f.write_str("*")?;
                }
            }
            for (k, atom) in term.factors.iter().enumerate() {
                if k > 0 {
                    f.write_str("*")?;
                }
                match atom {
                    Atom::Symbol(name) => f.write_str(name)?,
                    Atom::Floor(parts) => {
                        f.write_str("floor(")?;
                        part(f, &parts.0)?;
                        f.write_str("/")?;
                        part(f, &parts.1)?;
                        f.write_str(")")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One side of a quotient: in parentheses if it is a sum or, below the line, a product.
fn part(f: &mut fmt::Formatter<'_>, poly: &Poly) -> fmt::Result {
    let simple = match poly.0.as_slice() {
        [] => true,
        [t] => t.coefficient > 0 && (t.factors.is_empty() || (t.coefficient == 1 && t.factors.len() == 1)),
        _ => false,
    };
    if simple { write!(f, "{poly}") } else { write!(f, "({poly})") }
}
