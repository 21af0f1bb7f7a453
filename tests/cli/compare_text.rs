//! `compare --prompt`: what models say after the same prompt.

use crate::lab::Lab;
use serde_json::Value;

#[test]
fn models_go_on_side_by_side() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f32 -o whole.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf:q2_k -o small.gguf").expect(0);
    let prompt = "compare tiny-llama whole.gguf small.gguf --prompt import --tokens 24";
    let shown = lab.run(prompt).expect(0);
    assert!(shown.out.contains("says the same") && shown.out.contains("differs at token"), "{}", shown.out);

    let lines = lab.run(&format!("{prompt} --json")).expect(0).out;
    let events: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let spoken: Vec<&Value> = events.iter().filter(|e| e["kind"] == "continuation").collect();
    assert_eq!(spoken.len(), 3);
    assert_eq!(spoken[0]["ids"], spoken[1]["ids"]);
    assert!(spoken[1]["differs_at"].is_null() && spoken[1]["kld_mean"].as_f64().unwrap() < 1e-9);
    let at = spoken[2]["differs_at"].as_u64().unwrap() as usize;
    let ids = |v: &Value| v["ids"].as_array().unwrap().clone();
    let (base, small) = (ids(spoken[0]), ids(spoken[2]));
    assert_eq!(base[..at], small[..at]);
    assert_ne!(base[at], small[at]);
    assert!(spoken[2]["kld_mean"].as_f64().unwrap() > 1e-3);
    // Greedy: what the baseline says is what it finds most probable, and probabilities are in order.
    for position in events.iter().filter(|e| e["kind"] == "position" && e["model"] == "tiny-llama") {
        let top = position["top"].as_array().unwrap();
        assert_eq!(top[0]["id"], position["baseline"]["id"]);
        assert!(top.windows(2).all(|w| w[0]["p"].as_f64() >= w[1]["p"].as_f64()));
    }
    let seeded = |seed: u32| {
        let out = lab.run(&format!("{prompt} --json --temperature 1 --seed {seed}")).expect(0).out;
        serde_json::from_str::<Value>(out.lines().next().unwrap()).unwrap()["text"].clone()
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("tiny-mistral-sharded");
    lab.model("mini-bert");
    for (args, words) in [
        ("tiny-llama tiny-mistral-sharded --prompt a", "vocabulary"),
        ("mini-bert --prompt a", "encoder"),
        ("tiny-llama --prompt a --tokens 60000", "longer than"),
        ("tiny-llama --prompt a --temperature 0", "above zero"),
        ("tiny-llama --tokens 3", "--prompt"),
    ] {
        let refused = lab.run(&format!("compare {args}")).expect(2);
        assert!(refused.err.contains(words), "{args}: {}", refused.err);
    }
}
