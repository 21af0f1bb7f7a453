//! Dimensions: numbers, symbols and their arithmetic, in a canonical form, so that equal expressions are equal values.
//!
//! The same type holds the elements of small integer tensors while shapes are inferred, so numbers may be negative. What cannot be expressed, or
//! overflows, is [`Dim::Unknown`], which equals nothing but itself as "not known": ask [`Dim::same`] for equality of dimensions.

mod parse;
mod poly;

use super::Text;
use poly::Poly;
use std::fmt;
use std::sync::Arc;

/// One dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) enum Dim {
    /// Not known.
    #[default]
    Unknown,
    /// A number.
    Known(i64),
    /// A symbol or an expression of symbols; never a plain number.
    Expr(Expr),
}

/// A sum of products of symbols.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expr(Arc<Poly>);

impl Dim {
    /// A symbol, whatever its text.
    pub(crate) fn symbol(name: impl Into<Text>) -> Self {
        Self::from_poly(Poly::symbol(name.into()))
    }

    /// The dimension that a text stands for: an expression such as `past + sequence` or `2*batch`, or else one symbol.
    pub(crate) fn parse(text: &str) -> Self {
        parse::expression(text).map_or_else(|| Self::symbol(text), Self::from_poly)
    }

    /// The number, if it is one.
    pub(crate) fn known(&self) -> Option<i64> {
        if let Self::Known(n) = self { Some(*n) } else { None }
    }

    /// The number that it is when its symbols have these values; `None` if one has none, or it is not known.
    pub(crate) fn sized(&self, value: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
        match self {
            Self::Unknown => None,
            Self::Known(n) => Some(*n),
            Self::Expr(e) => e.0.sized(value),
        }
    }

    /// The symbols in it, each once.
    pub(crate) fn symbols(&self) -> Vec<Text> {
        let mut all = Vec::new();
        if let Self::Expr(e) = self {
            e.0.symbols(&mut all);
        }
        all
    }

    /// True if it is not negative, whatever its symbols are: they stand for sizes.
    pub(crate) fn is_natural(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(n) => *n >= 0,
            Self::Expr(e) => e.0.is_natural(),
        }
    }

    /// True unless it is unknown.
    pub(crate) fn is_some(&self) -> bool {
        *self != Self::Unknown
    }

    /// True if both are known to be equal, for all values of the symbols.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.is_some() && self == other
    }

    /// True if both are known to differ: numbers that are not equal.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        matches!(self.minus(other), Self::Known(n) if n != 0)
    }

    /// The sum.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.with(other, Poly::plus)
    }

    /// The difference.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.with(other, |a, b| a.plus(&b.times(&Poly::number(-1))?))
    }

    /// The product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        if self.known() == Some(0) || other.known() == Some(0) {
            return Self::Known(0);
        }
        self.with(other, Poly::times)
    }

    /// The quotient, if the division leaves no rest for all values of the symbols; unknown otherwise.
    pub(crate) fn divided_exactly(&self, by: &Self) -> Self {
        self.with(by, Poly::divided_exactly)
    }

    /// The quotient, rounded down.
    pub(crate) fn divided_down(&self, by: &Self) -> Self {
        self.with(by, Poly::divided_down)
    }

    /// The quotient, rounded up.
    pub(crate) fn divided_up(&self, by: &Self) -> Self {
        let zero = Self::Known(0);
        zero.minus(&zero.minus(self).divided_down(by))
    }

    /// The product of dimensions; 1 of none.
    pub(crate) fn product<'a>(dims: impl IntoIterator<Item = &'a Self>) -> Self {
        dims.into_iter().fold(Self::Known(1), |a, d| a.times(d))
    }

    fn with(&self, other: &Self, f: impl Fn(&Poly, &Poly) -> Option<Poly>) -> Self {
        match (self.poly(), other.poly()) {
            (Some(a), Some(b)) => f(&a, &b).map_or(Self::Unknown, Self::from_poly),
            _ => Self::Unknown,
        }
    }

    fn poly(&self) -> Option<Arc<Poly>> {
        match self {
            Self::Unknown => None,
            Self::Known(n) => Some(Arc::new(Poly::number(*n))),
            Self::Expr(e) => Some(e.0.clone()),
        }
    }

    fn from_poly(poly: Poly) -> Self {
        poly.as_number().map_or_else(|| Self::Expr(Expr(Arc::new(poly))), Self::Known)
    }
}

impl From<u64> for Dim {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or(Self::Unknown, Self::Known)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("?"),
            Self::Known(n) => write!(f, "{n}"),
            Self::Expr(e) => e.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Dim {
        Dim::parse(text)
    }

    #[test]
    fn equal_expressions_have_one_form() {
        assert_eq!(d("b + a"), d("a + b"));
        assert_eq!(d("a").plus(&d("a")), d("2*a"));
        assert_eq!(d("a + b").minus(&d("b")), d("a"));
        assert_eq!(d("a").minus(&d("a")), Dim::Known(0));
        let product = d("batch").times(&d("past + sequence"));
        assert_eq!(product.to_string(), "batch*past + batch*sequence");
        assert_eq!(product.divided_exactly(&d("past + sequence")), d("batch"));
        assert_eq!(product.divided_exactly(&d("batch")), d("past + sequence"));
        assert_eq!(product.divided_exactly(&d("heads")), Dim::Unknown);
        assert_eq!(d("6*a").divided_exactly(&Dim::Known(4)), Dim::Unknown);
    }

    #[test]
    fn quotients_are_rounded_and_written_as_they_are_read() {
        let half = d("h").plus(&Dim::Known(3)).divided_down(&Dim::Known(2));
        assert_eq!(half.to_string(), "floor((h + 1)/2) + 1");
        assert_eq!(d(&half.to_string()), half);
        assert_eq!(d("4*h + 3").divided_down(&Dim::Known(2)), d("2*h + 1"));
        assert_eq!(d("4*h + 3").divided_up(&Dim::Known(2)), d("2*h + 2"));
        assert_eq!(Dim::Known(-7).divided_down(&Dim::Known(2)), Dim::Known(-4));
        assert_eq!(Dim::Known(7).divided_up(&Dim::Known(2)), Dim::Known(4));
        assert_eq!(Dim::Known(7).divided_down(&Dim::Known(0)), Dim::Unknown);
    }

    #[test]
    fn names_that_are_no_expressions_are_one_symbol() {
        for text in ["batch-size", "N x 3", "", "a+b", "unk::1", "(", "floor(a", "3 + ", "a + + b", "1e3"] {
            let dim = d(text);
            assert_eq!(dim.to_string(), text);
            assert_eq!(dim, Dim::symbol(text));
        }
        assert_eq!(d("12"), Dim::Known(12));
    }

    #[test]
    fn expressions_have_a_value_where_their_symbols_have() {
        let dim = Dim::parse("past + 2*sequence");
        let value = |name: &str| match name {
            "past" => Some(3),
            "sequence" => Some(4),
            _ => None,
        };
        assert_eq!(dim.sized(&value), Some(11));
        assert_eq!(dim.divided_down(&Dim::Known(4)).sized(&value), Some(2));
        assert_eq!(dim.plus(&Dim::symbol("other")).sized(&value), None);
        assert_eq!(Dim::Unknown.sized(&value), None);
        let mut symbols: Vec<String> = dim.symbols().iter().map(ToString::to_string).collect();
        symbols.sort();
        assert_eq!(symbols, ["past", "sequence"]);
    }

    #[test]
    fn what_grows_without_bound_becomes_unknown() {
        let mut x = d("a + b");
        for _ in 0..20 {
            x = x.times(&d("a + b + c + 1"));
        }
        assert_eq!(x, Dim::Unknown);
        assert_eq!(Dim::Known(i64::MAX).plus(&Dim::Known(1)), Dim::Unknown);
        let mut nested = d("a");
        for _ in 0..100 {
            nested = nested.divided_down(&d("b")).plus(&Dim::Known(1));
        }
        assert_eq!(nested, Dim::Unknown);
        let deep = format!("{}a{}", "floor(".repeat(5000), "/2)".repeat(5000));
        assert_eq!(d(&deep), Dim::symbol(deep.as_str()));
        assert!(!Dim::Unknown.same(&Dim::Unknown));
    }
}
