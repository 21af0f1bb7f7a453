//! Expressions in the names of dimensions, as Optimum and remold write them: `past_sequence_length + sequence_length`, `2*n`, `floor((h + 1)/2)`.
//!
//! Sums have spaces around their signs and products have none, so that a hyphen in a name stays part of the name.

use super::poly::Poly;

/// Longest text that is looked at.
const MAX_BYTES: usize = 512;
/// Deepest nesting of parentheses.
const MAX_DEPTH: u32 = 16;

/// The polynomial that a text stands for; `None` if it is anything but an expression.
pub(super) fn expression(text: &str) -> Option<Poly> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut parser = Parser { rest: text };
    let sum = parser.sum(0)?;
    parser.rest.is_empty().then_some(sum)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self, depth: u32) -> Option<Poly> {
        if depth > MAX_DEPTH {
            return None;
        }
        let negative = self.take("-");
        let mut sum = self.product(depth)?;
        if negative {
            sum = sum.times(&Poly::number(-1))?;
        }
        loop {
            let sign = match () {
                () if self.take(" + ") => 1,
                () if self.take(" - ") => -1,
                () => return Some(sum),
            };
            sum = sum.plus(&self.product(depth)?.times(&Poly::number(sign))?)?;
        }
    }

    fn product(&mut self, depth: u32) -> Option<Poly> {
        let mut product = self.factor(depth)?;
        while self.take("*") {
            product = product.times(&self.factor(depth)?)?;
        }
        Some(product)
    }

    fn factor(&mut self, depth: u32) -> Option<Poly> {
        if self.take("floor(") {
            let above = self.side(depth)?;
            let below = if self.take("/") { self.side(depth)? } else { return None };
            return if self.take(")") { above.divided_down(&below) } else { None };
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let first = text.chars().next()?;
        if first.is_ascii_digit() { text.parse().ok().map(Poly::number) } else { Some(Poly::symbol(text.into())) }
    }

    /// One side of a quotient.
    fn side(&mut self, depth: u32) -> Option<Poly> {
        if self.take("(") {
            let sum = self.sum(depth + 1)?;
            return self.take(")").then_some(sum);
        }
        if depth >= MAX_DEPTH { None } else { self.factor(depth + 1) }
    }
}
