//! Judging graphs: whether graphs give the same outputs for the same inputs, and where they part if they do not.
//!
//! [`make_inputs`] makes inputs from a seed by what they are for; [`Tolerance`] says how far outputs may be apart, by the precision of the
//! graphs; [`Figures`] are those of one output; [`bisect`](bisect::bisect) finds the first node that gives another value. Values are computed by the
//! reference evaluation, or by whoever runs the graph elsewhere.
//!
//! Must not know files, models or other engines. Tests: `cargo test --lib graph::judge`.

mod bisect;
mod figures;
mod inputs;
mod roles;
mod structure;
mod tolerance;

#[cfg(test)]
mod tests;

pub(crate) use bisect::{Bisection, Parting, Side, bisect};
pub(crate) use figures::Figures;
pub(crate) use inputs::make_inputs;
pub(crate) use structure::operator_differences;
pub(crate) use tolerance::Tolerance;
