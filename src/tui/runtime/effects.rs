//! Every call from the workbench into the rest of remold, and nothing else: scan, open, plan, jobs, roles.

use super::scan;
use crate::job::{self, JobSummary, Tail};
use crate::plan::Plan;
use crate::recipe::Recipe;
use crate::tui::core::{ErrorCard, FoundModel, ModelInfo};
use std::path::Path;
use std::sync::Arc;

/// Looks for models below `root`; gives the folders that could not be read.
pub fn scan(root: &Path, found: &mut dyn FnMut(Vec<FoundModel>)) -> Vec<String> {
    scan::walk(root, found)
}

/// Opens a model (headers only) and digests it.
///
/// # Errors
/// What the format's reader says.
pub fn open(path: &Path) -> Result<ModelInfo, ErrorCard> {
    let model = crate::formats::open(path).map_err(|e| ErrorCard::from(&e))?;
    Ok(ModelInfo::digest(&model, role))
}

/// The role of a tensor, by its name.
pub fn role(name: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    let role = if has(&["norm", "ln_", "LayerNorm", "layernorm"]) {
        "norm"
    } else if has(&["embed", "token_embd", "wte", "wpe", "position_embd", "word_embeddings"]) {
        "embedding"
    } else if has(&["attn", "attention", "self_attn", "q_proj", "k_proj", "v_proj", "o_proj"]) {
        "attention"
    } else if has(&["mlp", "ffn", "feed_forward", "intermediate", "experts", "output.dense"]) {
        "ffn"
    } else if has(&["lm_head", "output.weight", "cls", "pooler"]) {
        "output"
    } else {
        "other"
    };
    role.to_owned()
}

/// Plans a recipe.
///
/// # Errors
/// What can be known beforehand.
pub fn plan(recipe: &Recipe) -> Result<Plan, ErrorCard> {
    crate::plan::build(recipe).map_err(|e| ErrorCard::from(&e))
}

/// Starts a job.
///
/// # Errors
/// When its folder or process cannot be made.
pub fn spawn(root: &Path, recipe: &Recipe, plan: &Plan) -> Result<JobSummary, ErrorCard> {
    job::spawn(root, recipe, plan).map_err(|e| ErrorCard::from(&e))
}

/// Stops a job.
///
/// # Errors
/// When it cannot be signalled.
pub fn cancel(dir: &Path) -> Result<(), ErrorCard> {
    job::cancel(dir).map_err(|e| ErrorCard::from(&e))
}

/// Every job, newest first.
pub fn jobs(root: &Path) -> Vec<JobSummary> {
    job::list(root)
}

/// Follows a job's events.
pub fn tail(dir: &Path) -> Tail {
    Tail::new(dir)
}

/// The plan kept in a job's folder.
pub fn job_plan(dir: &Path) -> Option<Arc<Plan>> {
    let text = std::fs::read(dir.join("plan.json")).ok()?;
    serde_json::from_slice(&text).ok().map(Arc::new)
}
