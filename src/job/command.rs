//! The command line that carries out a job again, as a shell takes it.

use super::Measurement;
use crate::files::paths::on_jobs;
use crate::plan::Plan;
use crate::recipe::{Recipe, Source, Target};
use crate::units::{own_command, quoted};
use std::path::Path;

/// Commands that make a job of what they are given, so that the same words make it again.
const MAKERS: [&str; 5] = ["convert", "run", "split", "merge", "jobs"];

/// The command for a job of `folder`: that of this process where it was started for the job, otherwise one made from the recipe.
pub(super) fn of_job(recipe: &Recipe, plan: &Plan, folder: &Path) -> Option<String> {
    let started_for_it = std::env::args_os().skip(1).any(|word| MAKERS.iter().any(|maker| word == *maker));
    if started_for_it {
        return own_command();
    }
    let joined = |words: Vec<String>| words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ");
    convert(recipe, plan).map(joined).or_else(|| rerun(folder)).or_else(|| run(folder).map(joined))
}

/// The command for a measurement: that of this process where it was started for it, otherwise one made from the request.
pub(super) fn of_measurement(request: &Measurement) -> String {
    let maker = match request {
        Measurement::Evaluation(_) => "eval",
        Measurement::Imatrix(_) => "imatrix",
    };
    let started_for_it = std::env::args_os().skip(1).any(|word| word == maker);
    started_for_it.then(own_command).flatten().unwrap_or_else(|| request.command())
}

/// `remold jobs rerun`, for a job in the folder of jobs that this process uses.
fn rerun(folder: &Path) -> Option<String> {
    let root = std::path::absolute(folder.parent()?).ok()?;
    let is_used = std::path::absolute(super::jobs_root()).ok()? == root;
    let id = folder.file_name()?.to_str()?;
    is_used.then(|| on_jobs(&format!("jobs rerun {id}")))
}

/// `remold run` with the recipe that the job keeps.
fn run(folder: &Path) -> Option<Vec<String>> {
    let recipe = std::path::absolute(folder.join("recipe.toml")).ok()?;
    Some(["remold", "run", recipe.to_str()?].map(str::to_owned).to_vec())
}

/// `remold convert` for a recipe of one target that says no more than its type and its place; `None` for others.
fn convert(recipe: &Recipe, plan: &Plan) -> Option<Vec<String>> {
    let ([target], [output]) = (recipe.targets.as_slice(), plan.outputs.as_slice()) else { return None };
    let bare = Recipe {
        name: recipe.name.clone(),
        description: recipe.description.clone(),
        output_dir: recipe.output_dir.clone(),
        source: Source { path: recipe.source.path.clone(), ..Source::default() },
        targets: vec![Target {
            quantization: target.quantization.clone(),
            output: target.output.clone(),
            force: target.force,
            ..Target::of(target.format)
        }],
        read_from: recipe.read_from.clone(),
        ..Recipe::default()
    };
    if bare != *recipe {
        return None;
    }
    let absolute = |path: &Path| Some(std::path::absolute(path).ok()?.to_str()?.to_owned());
    let to = match target.quantization.as_deref() {
        Some(quantization) => format!("{}:{quantization}", target.format),
        None => target.format.to_string(),
    };
    let mut words = ["remold", "convert"].map(str::to_owned).to_vec();
    words.extend([absolute(recipe.source.path.as_ref()?)?, "--to".to_owned(), to]);
    words.extend(["-o".to_owned(), absolute(&output.path)?]);
    words.extend(target.force.then(|| "--force".to_owned()));
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::plan::PlannedOutput;
    use crate::recipe::options::gguf;

    #[test]
    fn a_plain_recipe_is_a_convert_and_any_other_a_run() {
        let target = Target { quantization: Some("q4_k_m".into()), ..Target::of(FormatId::Gguf) };
        let source = Source { path: Some("/my models/a".into()), ..Source::default() };
        let plan = Plan {
            outputs: vec![PlannedOutput { path: "/out/it's.gguf".into(), ..PlannedOutput::default() }],
            ..Plan::default()
        };
        let of = |target: &Target| {
            let recipe = Recipe { source: source.clone(), targets: vec![target.clone()], ..Recipe::default() };
            of_job(&recipe, &plan, Path::new("/jobs/7")).unwrap()
        };
        assert_eq!(of(&target), r"remold convert '/my models/a' --to gguf:q4_k_m -o '/out/it'\''s.gguf'");
        let forced = Target { force: true, ..target.clone() };
        assert!(of(&forced).ends_with(" --force"));
        let more = target.with(&gguf::EFFORT, Some("max".to_owned()));
        assert_eq!(of(&more), "remold run /jobs/7/recipe.toml");
        let known = crate::job::jobs_root().join("7");
        assert!(rerun(&known).is_some_and(|words| words.ends_with("jobs rerun 7")));
    }
}
