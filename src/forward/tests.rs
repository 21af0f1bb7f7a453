//! Against transformers' logits (`golden/quality/logits`), from the folder and from its f32 GGUF.

use super::*;
use std::path::{Path, PathBuf};

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

struct Golden {
    model: Model,
}

impl Golden {
    fn open(name: &str) -> Option<Self> {
        let path = shared().join("golden/quality/logits").join(format!("{name}.safetensors"));
        path.exists().then(|| Self { model: crate::formats::open(&path).unwrap() })
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let entry = self.model.tensor(name).unwrap();
        let mut out = vec![0f32; entry.shape.elems().unwrap() as usize];
        crate::transform::decode(entry, &crate::model::Piece::rows(entry, 0..entry.rows()), &mut Vec::new(), &mut out)
            .unwrap();
        out
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        let bytes = self.model.tensor(name).unwrap().read_all().unwrap();
        if bytes.len() == 8 * self.model.tensor(name).unwrap().shape.elems().unwrap() as usize {
            return bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as u32).collect();
        }
        bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b) as u32).collect()
    }
}

fn largest_difference(got: &[f32], wanted: &[f32]) -> (f32, f32) {
    assert_eq!(got.len(), wanted.len());
    let difference = got.iter().zip(wanted).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    (difference, wanted.iter().fold(0f32, |m, v| m.max(v.abs())))
}

const DECODERS: [&str; 11] = [
    "tiny-llama",
    "tiny-llama3-pt",
    "tiny-mistral-sharded",
    "tiny-mixtral",
    "tiny-phi3",
    "tiny-qwen2",
    "tiny-qwen3",
    "tiny-qwen3moe",
    "tiny-gemma2",
    "tiny-gemma3",
    "tiny-gpt2",
];

/// The golden folder and its models; `None`, reported, where they are absent.
fn present() -> bool {
    let there = shared().join("golden/quality/logits").is_dir();
    if !there {
        crate::skip::skipped("golden/quality/logits absent: no forward pass is compared with transformers");
    }
    there
}

/// As a GGUF of it in f32 would be opened.
fn as_gguf(model: &Model) -> Model {
    let mut gguf = arch::to_gguf(model, &GgufOptions::default()).unwrap().model;
    gguf.format = crate::model::FormatId::Gguf;
    gguf
}

#[test]
fn logits_are_those_of_transformers() {
    if !present() {
        return;
    }
    for name in DECODERS {
        let golden = Golden::open(name).unwrap();
        let folder = arch::open(&shared().join("material/hf").join(name)).unwrap();
        let gguf = as_gguf(&folder);
        for (model, is_folder) in [(&folder, true), (&gguf, false)] {
            // llama.cpp scales the weights of the chosen experts to a sum of one, and the folder does not.
            if name == "tiny-qwen3moe" && !is_folder {
                continue;
            }
            let forward = Forward::open(model, Rounding::Exact).unwrap();
            let sequences = [golden.ids("a.ids"), golden.ids("b.ids")];
            let states = forward.states(&sequences, Task::quiet(), &mut ()).unwrap();
            let (a, b) = states.split_at(sequences[0].len() * forward.width());
            let of = |p: &u32| &b[*p as usize * forward.width()..][..forward.width()];
            let chosen: Vec<f32> = golden.ids("b.positions").iter().flat_map(of).copied().collect();
            for (states, wanted) in [(a, "a.logits"), (&chosen[..], "b.logits")] {
                let mut got = Vec::new();
                forward.logits(states, Task::quiet(), &mut (), &mut got).unwrap();
                let (difference, most) = largest_difference(&got, &golden.floats(wanted));
                println!("{name} {wanted} {is_folder}: {:.2e}", difference / most);
                assert!(difference <= 2e-4 * most, "{name} {wanted} {is_folder}: {difference} of {most}");
            }
        }
    }
}

#[test]
fn an_encoder_gives_the_last_hidden_states() {
    if !present() {
        return;
    }
    let golden = Golden::open("tiny-bert").unwrap();
    let model = arch::open(&shared().join("material/hf/tiny-bert")).unwrap();
    let forward = Forward::open(&model, Rounding::Exact).unwrap();
    let states = forward.states(&[golden.ids("a.ids")], Task::quiet(), &mut ()).unwrap();
    let (difference, most) = largest_difference(&states, &golden.floats("a.last_hidden"));
    assert!(difference <= 2e-4 * most, "{difference} of {most}");
}

#[test]
fn tokens_one_by_one_give_the_same_logits() {
    if !present() {
        return;
    }
    for name in ["tiny-llama", "tiny-gemma3", "tiny-gpt2"] {
        let golden = Golden::open(name).unwrap();
        let model = arch::open(&shared().join("material/hf").join(name)).unwrap();
        let forward = Forward::open(&model, Rounding::Exact).unwrap();
        let ids = golden.ids("a.ids");
        let mut session = Session::new(&forward);
        let mut got = session.push(&ids[..20], Task::quiet()).unwrap();
        for id in &ids[20..] {
            got.extend(session.push(&[*id], Task::quiet()).unwrap());
        }
        let wanted = golden.floats("a.logits");
        let (difference, most) = largest_difference(&got, &wanted[19 * forward.vocabulary()..]);
        assert!(difference <= 2e-4 * most, "{name}: {difference} of {most}");
    }
}

#[test]
fn a_sequence_has_the_same_result_in_any_company() {
    if !present() {
        return;
    }
    let golden = Golden::open("tiny-llama").unwrap();
    let model = arch::open(&shared().join("material/hf/tiny-llama")).unwrap();
    let forward = Forward::open(&model, Rounding::Exact).unwrap();
    let (a, b) = (golden.ids("a.ids"), golden.ids("b.ids"));
    let alone = forward.states(&[a.clone()], Task { threads: 1, ..Task::quiet() }, &mut ()).unwrap();
    let together = forward.states(&[b, a.clone()], Task { threads: 3, ..Task::quiet() }, &mut ()).unwrap();
    assert_eq!(together[together.len() - alone.len()..], alone[..]);
}
