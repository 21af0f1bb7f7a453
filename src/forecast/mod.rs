//! What each tensor would lose in each type, estimated from a sample of its rows; and the types with the least loss within a budget.
//!
//! Must not know recipes, files that are written, jobs or screens. [`Subject`] is a tensor to measure; [`Scores`] measures
//! them in parallel and keeps what was found on disk, under a hash of the sampled values, so that a second budget costs no
//! measuring; [`choose()`] picks one option for each [`Group`] of tensors: Lagrangian bisection, then a greedy fill, then
//! exchanges. [`values`] describes the values of one tensor,
//! for looking at it. `pace` times the types for plans that are not measured. `candidates` says which types a tensor may have and which go together. The same source gives the same
//! sample, the same scores and the same choice on every machine. Test with `cargo test forecast::`.

mod candidates;
mod choose;
pub(crate) mod divergence;
mod output_loss;
mod sample;
mod score;
mod score_cache;
mod scores;
mod sensitivity;
pub(crate) mod values;

pub(crate) use candidates::{Candidates, fused_with};
pub(crate) use choose::{Choice, Group, choose, choose_at_once};
pub(crate) use output_loss::{OutputLoss, output_db};
pub(crate) use score::Score;
pub(crate) use score_cache::scores_root;
pub(crate) use scores::{Scores, Subject};
pub(crate) use sensitivity::Surroundings;
