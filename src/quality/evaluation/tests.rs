use super::super::pass::Deaf;
use super::*;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

fn tiny() -> Evaluation {
    Evaluation {
        data: Some(fixture("golden/eval/eval.txt")),
        context: Some(256),
        ..Evaluation::of(vec![fixture("models/tiny-llama")])
    }
}

fn refused(request: &Evaluation, conditions: &[&str]) -> String {
    let conditions: Vec<Condition> = conditions.iter().map(|c| Condition::parse(c).unwrap()).collect();
    let e = evaluate(request, &conditions, Task::quiet(), &Deaf).unwrap_err();
    assert!(e.hint().is_some(), "no hint: {e}");
    e.to_string()
}

#[test]
fn perplexity_is_that_of_llama_perplexity() {
    let report = evaluate(&tiny(), &[], Task::quiet(), &Deaf).unwrap();
    let ppl = report.models[0].get("perplexity").unwrap();
    // fixtures/golden/eval: 28.4793 ± 1.5776 for the f32 GGUF.
    assert!((ppl.value / 28.479_301 - 1.0).abs() < 5e-5, "{ppl:?}");
    assert!((ppl.uncertainty.unwrap() - 1.577_598).abs() < 5e-4, "{ppl:?}");
    assert_eq!(report.measured_on, "15 windows of 256 tokens, 1905 tokens scored");
}

#[test]
fn a_baseline_that_is_the_model_differs_by_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    std::os::unix::fs::symlink(fixture("models/tiny-llama"), &copy).unwrap();
    let twice = Evaluation { models: vec![fixture("models/tiny-llama"), copy], ..tiny() };
    assert!(evaluate(&twice, &[], Task::quiet(), &Deaf).unwrap_err().to_string().contains("given twice"));
    let logits = dir.path().join("base");
    let save = Evaluation { save_logits: Some(logits.clone()), chunks: 3, ..tiny() };
    let direct = evaluate(&save, &[], Task::quiet(), &Deaf).unwrap();
    let against = Evaluation { logits: Some(logits.clone()), data: None, context: None, ..tiny() };
    let report = evaluate(&against, &[], Task::quiet(), &Deaf).unwrap();
    let get = |name| report.models[0].get(name).unwrap().value;
    assert!(get("kld_mean").abs() < 1e-5 && get("top1_agreement") > 99.5, "{report:?}");
    assert_eq!(get("scored_tokens"), 381.0);
    assert_eq!(report.models[0].get("perplexity"), direct.models[0].get("perplexity"));
    // What does not fit the file is refused.
    let other = Evaluation { context: Some(128), ..against.clone() };
    assert!(refused(&other, &[]).contains("its windows have 256 tokens"));
    let other = Evaluation { data: Some(fixture("models/tiny-llama-holdout.txt")), ..against.clone() };
    assert!(refused(&other, &[]).contains("another text"));
    assert!(refused(&Evaluation { save_logits: Some(logits), logits: None, ..tiny() }, &[]).contains("exists"));
    let other = Evaluation { models: vec![fixture("models/tiny-llama3-pt")], ..against };
    assert!(refused(&other, &[]).contains("a vocabulary of 2048 tokens"));
}

#[test]
fn requests_that_cannot_be_fulfilled_are_explained() {
    let no_data = Evaluation { data: None, ..tiny() };
    assert!(refused(&no_data, &[]).contains("no text"));
    assert!(refused(&Evaluation { context: Some(4096), ..tiny() }, &[]).contains("longer than the"));
    let short = Evaluation { context: None, data: Some(fixture("models/tiny-llama/config.json")), ..tiny() };
    assert!(refused(&short, &[]).contains("need at least 1024"), "{}", refused(&short, &[]));
    let other = Evaluation { baseline: Some(fixture("models/tiny-llama3-pt")), ..tiny() };
    assert!(refused(&other, &[]).contains("token 0 is"), "{}", refused(&other, &[]));
    let encoder = Evaluation { baseline: Some(fixture("models/mini-bert")), ..tiny() };
    assert!(refused(&encoder, &[]).contains("embedding model"));
    assert!(refused(&tiny(), &["kld_mean > 0.1"]).contains("kld_mean is not measured here"));
    assert!(refused(&tiny(), &["cosine_min < 0.1"]).contains("cosine_min is not measured here"));
    let alone = Evaluation { models: vec![fixture("models/mini-bert")], ..tiny() };
    assert!(refused(&alone, &[]).contains("against a baseline"));
}

#[test]
fn labels_distinguish_models() {
    let paths = ["a/x/m.gguf", "b/x/m.gguf", "b/n.gguf"].map(PathBuf::from);
    assert_eq!(labels(&paths), ["a/x/m.gguf", "b/x/m.gguf", "n.gguf"]);
}
