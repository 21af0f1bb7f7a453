//! A state with a folder of models, a plan and a job in it: fixed times, fixed names.

use super::plans::{TYPES, forecast, mixed, plan, two};
use indexmap::IndexMap;
use remold::testing::arch::vocab::{Encoded, Piece};
use remold::testing::engine::Event;
use remold::testing::forecast::values::Values;
use remold::testing::job::{JobState, JobSummary};
use remold::testing::model::{
    Defect, FormatId, Hint, Metadata, Model, ModelError, OptionName, Place, Remedy, Sidecar, Sidecars, TensorData,
    TensorEntry, Warning,
};
use remold::testing::recipe::Recipe;
use remold::testing::tensor::{DType, Shape};
use remold::testing::tui::core::{Action, Effect, ErrorCard, FoundModel, Level, State, parse_keys, update};
use remold::testing::tui::tabs::models::{
    Check, Finding, InspectRequest, InspectResponse, ModelInfo, Summary, TokenizerTrial,
};
use remold::testing::tui::tabs::recipe::{
    EditOutcome, EditPlace, LibraryEntry, PlanResponse, TargetRejection, presets,
};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

pub const DIR: &str = "/home/ada/runs";
/// The events of the recorded job.
pub const EVENTS: &str = include_str!("../fixtures/workbench/events.jsonl");

struct Nothing;

impl TensorData for Nothing {
    fn read_rows(&self, _: Range<u64>, dst: &mut [u8]) -> remold::testing::model::Result<()> {
        dst.fill(0);
        Ok(())
    }

    fn read_part(&self, _: u64, _: Range<u64>, dst: &mut [u8]) -> remold::testing::model::Result<()> {
        dst.fill(0);
        Ok(())
    }
}

fn noon() -> jiff::Timestamp {
    "2026-11-23T12:04:31Z".parse().unwrap()
}

/// A 1.24-billion-parameter llama of 16 layers, as a checkpoint folder has it.
pub fn model() -> Model {
    let mut tensors = Vec::new();
    let mut put = |name: String, dims: &[u64]| {
        tensors.push(TensorEntry::new(name, Shape(dims.to_vec()), DType::BF16, Arc::new(Nothing)));
    };
    put("model.embed_tokens.weight".into(), &[128_256, 2048]);
    for l in 0..16 {
        let mut layer = |name: &str, dims: &[u64]| put(format!("model.layers.{l}.{name}.weight"), dims);
        layer("input_layernorm", &[2048]);
        layer("self_attn.q_proj", &[2048, 2048]);
        layer("self_attn.k_proj", &[512, 2048]);
        layer("self_attn.v_proj", &[512, 2048]);
        layer("self_attn.o_proj", &[2048, 2048]);
        layer("post_attention_layernorm", &[2048]);
        layer("mlp.gate_proj", &[8192, 2048]);
        layer("mlp.up_proj", &[8192, 2048]);
        layer("mlp.down_proj", &[2048, 8192]);
    }
    put("model.norm.weight".into(), &[2048]);
    let config = br#"{"model_type":"llama","hidden_size":2048,"num_hidden_layers":16,"num_attention_heads":32,
        "num_key_value_heads":8,"intermediate_size":8192,"max_position_embeddings":131072,"vocab_size":128256,
        "rope_scaling":{"rope_type":"llama3","factor":32.0},"tie_word_embeddings":true,"frobnicate":3}"#;
    let tokenizer = br#"{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<|begin_of_text|>","eos_token":{"content":"<|eot_id|>"}}"#;
    let sidecars = [("config.json", config.to_vec()), ("tokenizer_config.json", tokenizer.to_vec())];
    let mut model = Model {
        path: PathBuf::from(DIR).join("exp42/checkpoint-2000"),
        format: FormatId::Safetensors,
        files: vec![PathBuf::from(DIR).join("exp42/checkpoint-2000/model.safetensors")],
        opened: Vec::new(),
        tensors,
        metadata: Metadata::default(),
        sidecars: Sidecars(
            sidecars.into_iter().map(|(n, b)| (n.to_owned(), Sidecar::Bytes(b))).collect::<IndexMap<_, _>>(),
        ),
        opaque: vec!["optimizer state: 292 tensors".into()],
        unreadable: Vec::new(),
        warnings: vec![Warning::new("config.unknown-field", "config.json has a field nobody knows: frobnicate")],
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
    };
    remold::testing::arch::identify(&mut model);
    model
}

pub fn found() -> Vec<FoundModel> {
    let sound = |arch: &str, params, dtype: &str| {
        Ok(Summary { architecture: Some(arch.into()), params, dtype: dtype.into(), warnings: 0 })
    };
    let broken = |fact: &str, wrong| Err(ErrorCard::new(fact, wrong));
    let all = [
        ("exp42/checkpoint-500", "safetensors", 2_471_645_608, sound("llama", 1_235_814_400, "bf16")),
        ("exp42/checkpoint-1000", "safetensors", 2_471_645_608, sound("llama", 1_235_814_400, "bf16")),
        ("exp42/checkpoint-2000", "safetensors", 2_471_645_608, sound("llama", 1_235_814_400, "bf16")),
        ("exports/llama-1000-Q4_K_M.gguf", "gguf", 807_694_464, sound("llama", 1_235_814_400, "Q4_K")),
        ("exports/llama-1000.onnx", "onnx", 2_480_000_000, broken("onnx models are not read yet", false)),
        ("vision/whisper-base/ggml-base.bin", "ggml", 147_951_465, sound("whisper", 74_000_000, "f16")),
        ("bert-base", "safetensors", 1_100_000_000, broken("is not there, but the index names it", true)),
        ("tiny-llama", "safetensors", 8_397_000, sound("llama", 4_195_584, "bf16")),
    ];
    let make = |(path, format, bytes, summary): (&str, &str, u64, Result<Summary, ErrorCard>)| FoundModel {
        path: PathBuf::from(DIR).join(path),
        format: FormatId::parse(format),
        bytes,
        modified: 0,
        defect: (path == "bert-base").then_some(Defect::Missing),
        summary,
    };
    all.into_iter().map(make).collect()
}

fn events() -> Vec<Event> {
    EVENTS.lines().map(|l| remold::testing::engine::from_json(l.as_bytes()).unwrap()).collect()
}

/// Recipes of the folder, one of them broken, and one that is built in.
pub fn library() -> Vec<LibraryEntry> {
    let recipe = Recipe { targets: vec![presets()[2].target()], ..Recipe::default() };
    let entry = |name: &str, about: &str, file: bool, recipe: Result<Recipe, &str>| LibraryEntry {
        name: name.into(),
        about: about.into(),
        file: file.then(|| PathBuf::from(DIR).join(name)),
        recipe: recipe.map(Box::new).map_err(|e| vec![e.to_owned()]),
    };
    let wrong = "line 3: unknown key `fromat`";
    vec![
        entry("phone-and-server.toml", "a small one and an exact one", true, Ok(recipe.clone())),
        entry("old.toml", wrong, true, Err(wrong)),
        entry("q8", "GGUF Q8_0: 8.5 bits per weight, next to no loss", false, Ok(recipe)),
    ]
}

/// What an editor left behind that is not a recipe.
pub fn mistakes() -> EditOutcome {
    let help = "    Did you mean `context_length`? Keys of a target: format, quantization, output, force, pure";
    let lines = ["line 7: unknown key `contextlength`", help];
    EditOutcome::Mistakes(EditPlace::Draft(Some("/tmp/draft.toml".into())), lines.map(str::to_owned).to_vec())
}

/// A finished job.
pub fn a_job() -> JobSummary {
    jobs(false).remove(0)
}

fn jobs(running: bool) -> Vec<JobSummary> {
    let job = |id: &str, title: &str, state, fraction, seconds| JobSummary {
        id: id.into(),
        dir: PathBuf::from("/home/ada/.local/state/remold/jobs").join(id),
        title: title.into(),
        state,
        created: "2026-11-23T12:04:20Z".parse().unwrap(),
        fraction,
        seconds,
        place: (state == JobState::Queued).then_some(1),
        failed_checks: 0,
        owner: None,
        outputs: Vec::new(),
        sample: None,
    };
    let (state, fraction, seconds) =
        if running { (JobState::Running, 0.62, None) } else { (JobState::Finished, 1.0, Some(14.3)) };
    vec![
        job("41", "checkpoint-2000 → gguf Q4_K_M", state, fraction, seconds),
        job("42", "bert-base → safetensors", JobState::Queued, 0.0, None),
        job("40", "checkpoint-1000 → gguf Q4_K_M", JobState::Finished, 1.0, Some(11.0)),
        job("39", "llava → gguf Q8_0", JobState::Failed, 0.2, Some(3.0)),
        job("38", "checkpoint-500 → gguf Q4_K_M", JobState::Lost, 0.4, None),
    ]
}

/// A workbench on a folder of models, the third checkpoint selected and open.
pub fn start() -> Bench {
    let mut b = Bench { state: State::new(DIR.into(), noon()), effects: Vec::new() };
    b.state.home = Some("/home/ada".into());
    b.state.session_file = Some("/home/ada/.local/state/remold/session/0a1b2c3d.json".into());
    b.state.cores = 2;
    // Tests that want the question ask for it.
    b.state.settings.ask_purpose = false;
    b.act(Action::Found(found()));
    b.act(Action::Jobs(Vec::new()));
    b.keys("jj");
    let mut info = ModelInfo::digest(&model());
    // It is no folder on this machine.
    info.is_file = false;
    info.files = vec![
        ("model.safetensors".into(), 2_471_645_608),
        ("config.json".into(), 877),
        ("tokenizer.json".into(), 9_085_657),
    ];
    b.act(Action::Opened(info.path.clone(), Ok(Arc::new(info))));
    b.effects.clear();
    b
}

/// The state, and what it asked for.
pub struct Bench {
    pub state: State,
    pub effects: Vec<Effect>,
}

impl Bench {
    pub fn act(&mut self, action: Action) -> &mut Self {
        let asked = update(&mut self.state, action);
        self.effects.extend(asked);
        self
    }

    /// Types keys as `jj<enter>/bert<esc>`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in parse_keys(keys) {
            self.act(Action::Key(key));
        }
        self
    }

    /// With the digest of the selected tensor, a bell of values with one NaN, and the small histograms around it.
    pub fn looked_at(&mut self) -> &mut Self {
        let asked = std::mem::take(&mut self.effects);
        for effect in asked {
            match effect {
                Effect::Inspect(InspectRequest::Values(path, tensor)) => {
                    let bell = |i: usize| (100_000.0 * (-((i as f64 - 31.5) / 9.0).powi(2)).exp()) as u64;
                    let values = Values {
                        seen: 4_194_304,
                        elems: 16_777_216,
                        mean: -0.000_12,
                        std: 0.021_3,
                        min: -0.41,
                        max: 0.38,
                        zeros: 12,
                        nan: 1,
                        infinite: 0,
                        outliers: 1_678,
                        histogram: std::array::from_fn(bell),
                        range: (-0.128, 0.128),
                        loss_db: [Some(21.43), Some(33.02), Some(44.17)],
                    };
                    self.act(Action::Inspected(InspectResponse::Values(path, tensor, Ok(Arc::new(values)))));
                }
                Effect::Inspect(InspectRequest::MiniHistograms(path, rows)) => {
                    let made = rows.into_iter().map(|r| (r, (r % 10 != 9).then_some([9, 80, 190, 255, 200, 80, 9])));
                    self.act(Action::Inspected(InspectResponse::MiniHistograms(path, made.collect())));
                }
                _ => {}
            }
        }
        self
    }

    /// With the answer to the text that the tokenizer is tried on.
    pub fn tried(&mut self) -> &mut Self {
        let Some(Effect::Inspect(InspectRequest::Encode(path, text))) = self.effects.last().cloned() else {
            panic!("nothing was asked: {:?}", self.effects)
        };
        let piece = |id, text: &str, added| Piece { id, text: text.into(), added };
        let encoded = Encoded {
            pieces: vec![
                piece(128_000, "<|begin_of_text|>", true),
                piece(791, "The", false),
                piece(39_935, " fox", false),
                piece(11_410, "ĠðŁ", false),
                piece(99, "¦", false),
                piece(232, "Ĭ", false),
            ],
            decoded: text.clone(),
        };
        let fact = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        let tried = TokenizerTrial {
            facts: vec![
                fact("kind", "BPE llama-bpe"),
                fact("vocabulary", "128 256 tokens, 280 147 merges"),
                fact("bos token", "<|begin_of_text|>  128000"),
                fact("eos token", "<|eot_id|>  128009"),
                fact("chat template", "93 lines"),
                fact("run from", "tokenizer.json"),
            ],
            template: Some("{{ bos_token }}".into()),
            encoded: Ok(encoded),
            round_trip: Some(true),
            notes: vec!["approximated: the normalization rules in tokenizer.model are not applied".into()],
        };
        self.act(Action::Inspected(InspectResponse::Encoded(path, text, Ok(Arc::new(tried)))))
    }

    /// On the health of the model after a check of every value that found something.
    pub fn checked(&mut self) -> &mut Self {
        self.keys("<enter>]]]]]n");
        let check = self.state.models.inspect.check.clone().unwrap();
        let finding = Finding {
            level: Level::Error,
            code: "values.not-finite".into(),
            text: "model.layers.3.mlp.up_proj.weight has 12 NaN and 0 infinite of 16 777 216 values".into(),
            remedy: "Use an earlier checkpoint; a model with such values gives nonsense and cannot be quantized."
                .into(),
        };
        let check = Check { done: check.total, findings: vec![finding], ended: Some(Ok(())), ..check };
        self.act(Action::Inspected(InspectResponse::Checked(check)))
    }

    /// On the Recipe tab with its plan, most sizes and the forecast there.
    pub fn planned(&mut self) -> &mut Self {
        self.sized();
        let id = self.state.recipe.forecast_state.request;
        self.act(Action::Forecasted(id, Ok(Arc::new(forecast(None)))))
    }

    /// On the Recipe tab with a budget of 760 MB, its plan and forecast there.
    pub fn within_budget(&mut self) -> &mut Self {
        self.planned().keys("b760MB<enter>");
        let (plan, id) = (self.state.recipe.request, self.state.recipe.forecast_state.request);
        self.act(Action::Planned(plan, PlanResponse::complete(Arc::new(mixed()))));
        self.act(Action::Forecasted(id, Ok(Arc::new(forecast(Some("760MB"))))))
    }

    /// On the Recipe tab with two targets, the second within a budget, their plan and forecast there.
    pub fn two_targets(&mut self) -> &mut Self {
        self.planned().keys("awithin<enter>760MB<enter>");
        let (plan, id) = (self.state.recipe.request, self.state.recipe.forecast_state.request);
        self.act(Action::Planned(plan, PlanResponse::complete(Arc::new(two()))));
        self.act(Action::Forecasted(id, Ok(Arc::new(forecast(Some("760MB"))))))
    }

    /// On the Recipe tab with two targets, the first of which is there already: a job has made it.
    pub fn in_the_way(&mut self) -> &mut Self {
        self.planned().keys("aq8<enter>");
        let mut plan = two();
        let path = plan.outputs[0].path.clone();
        plan.outputs[0].replaces = vec![path.clone()];
        self.state.jobs.list = vec![JobSummary { id: "7".into(), outputs: vec![path], ..jobs(false).remove(0) }];
        self.act(Action::Planned(self.state.recipe.request, PlanResponse::complete(Arc::new(plan))))
    }

    /// On the Recipe tab with three targets of which two cannot be made, each for another reason.
    pub fn refused(&mut self) -> &mut Self {
        self.planned().keys("aq8<enter>aq6<enter>");
        let again = ModelError::request("it is already Q8_0; requantizing it to Q4_K is not allowed")
            .field("output.weight")
            .about_option(OptionName::ALLOW_REQUANTIZE)
            .with_hint(
                Hint::from("Start from the 16- or 32-bit model, or ")
                    .then(Remedy::Set(OptionName::ALLOW_REQUANTIZE))
                    .then(" and accept the loss."),
            );
        let same = ModelError::request("the output is the input")
            .in_file(format!("{DIR}/x.gguf").as_ref())
            .about_option(OptionName::OUTPUT)
            .with_hint(Hint::from(Remedy::GiveOutput(Place::Another)).then("."));
        let refused = [(0, again), (2, same)];
        let refused = refused.iter().map(|(i, e)| TargetRejection { target: Some(*i), card: e.into() }).collect();
        let planned =
            PlanResponse { plan: Some(Arc::new(plan())), targets: vec![1], refused, ..PlanResponse::default() };
        self.act(Action::Planned(self.state.recipe.request, planned))
    }

    /// On the Recipe tab with a target that may replace a file, and its plan.
    pub fn replacing(&mut self) -> &mut Self {
        self.planned().keys("<tab>G");
        assert!(self.state.recipe.show_option("force"));
        self.keys("l<tab>");
        let mut plan = plan();
        plan.outputs[0].replaces = vec![plan.outputs[0].path.clone()];
        self.act(Action::Planned(self.state.recipe.request, PlanResponse::complete(Arc::new(plan))))
    }

    /// On the Recipe tab with its plan and most sizes there, while the model is measured.
    pub fn sized(&mut self) -> &mut Self {
        self.keys("c");
        let (one, all) = (self.state.recipe.request, self.state.recipe.preset_request);
        self.act(Action::Planned(one, PlanResponse::complete(Arc::new(plan()))));
        for (i, p) in presets().iter().enumerate() {
            let size = match p.file_type() {
                Some("as stored") => Ok((2_480_000_000, 16.0)),
                Some(_) if p.needs_imatrix => Err(ErrorCard::new("needs an importance matrix", true)),
                Some(name) => {
                    TYPES.iter().find(|t| t.0 == name).map(|t| (t.1 * 100_000, t.2)).ok_or_else(|| panic!("{name}"))
                }
                None if p.format == FormatId::Safetensors => Ok((2_471_000_000, 16.0)),
                // The last one is still on its way.
                None => continue,
            };
            self.act(Action::PresetPlanned(all, i, size));
        }
        let id = self.state.recipe.forecast_state.request;
        self.act(Action::ForecastMeasured(id, 41, 147))
    }

    /// On the Jobs tab with the recorded job, up to a share of its events.
    pub fn job(&mut self, share: f64) -> &mut Self {
        let all = events();
        let n = (all.len() as f64 * share) as usize;
        self.act(Action::Jobs(jobs(n < all.len())));
        // Below the one that waits, once it has ended.
        self.keys(if n < all.len() { "3" } else { "3j" });
        self.act(Action::JobPlan(all[0].job.clone(), Arc::new(plan())));
        self.act(Action::JobEvents(all[0].job.clone(), all[..n].to_vec()))
    }

    /// More events of the recorded job, from one share of them to another.
    pub fn more_of_the_job(&mut self, from: f64, to: f64) -> &mut Self {
        let all = events();
        let at = |share: f64| (all.len() as f64 * share) as usize;
        self.act(Action::JobEvents(all[0].job.clone(), all[at(from)..at(to)].to_vec()))
    }
}
