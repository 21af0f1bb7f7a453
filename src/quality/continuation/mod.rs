//! What models say after the same prompt, and how far each of them is from what the baseline predicts on the way.
//!
//! The baseline continues the prompt token by token. Every other model then sees the baseline's text in one pass: that gives its
//! predictions and the KL divergence at every position, and the first token where it would have gone on differently. From there it continues
//! by itself. Memory: the logits of the baseline's positions, and keys and values of one sequence.

mod sampling;

use super::{BaseRow, TextTokenizer, score};
use crate::arch;
use crate::arch::chat::{ChatTokens, Message, Role, derive_apart};
use crate::forward::{Forward, Rounding, Session};
use crate::model::{MetaValue, Model, ModelError, Result};
use crate::task::Task;
use std::path::{Path, PathBuf};

pub(crate) use sampling::Sampling;

/// Tokens that are listed of each prediction.
pub(crate) const TOP: usize = 5;
/// Limits of the KL divergence of a token in nats that the marks under a text have a step for: `.` below the first, then 1 to 9.
pub(crate) const STEPS: [f64; 9] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];
/// Most bytes of logits that are kept of the baseline.
const MAX_LOGITS: usize = 256 << 20;
/// Positions whose logits are computed together.
const BLOCK: usize = 64;

/// The mark of a token: `.`, or a digit from 1 to 9.
pub(crate) fn mark(kld: f64) -> char {
    let step = STEPS.iter().filter(|limit| kld >= **limit).count();
    u32::try_from(step).ok().filter(|s| *s > 0).and_then(|s| char::from_digit(s, 10)).unwrap_or('.')
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The models; the first is the baseline.
    pub models: Vec<PathBuf>,
    /// The prompt.
    pub prompt: String,
    /// The prompt is a message of a user, put into the model's chat template.
    pub chat: bool,
    /// Tokens to continue with, at most.
    pub tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// How the inputs of products are rounded.
    pub rounding: Rounding,
}

/// A token that a model may say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Its number.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// Its probability.
    pub probability: f64,
}

/// A position of the baseline's text.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    /// The KL divergence of the model from the baseline, in nats. 0 for the baseline.
    pub kld: f64,
    /// The most probable tokens, best first.
    pub top: Vec<Candidate>,
}

/// What a model says.
#[derive(Clone, Debug)]
pub(crate) struct Continuation {
    /// The model.
    pub path: PathBuf,
    /// Its tokens.
    pub ids: Vec<u32>,
    /// The texts of the tokens.
    pub pieces: Vec<String>,
    /// It ended by itself.
    pub ended: bool,
    /// The number of its first token that is not the baseline's; `None` if it says the same.
    pub differs_at: Option<usize>,
    /// What it predicts along the baseline's text.
    pub along: Vec<Position>,
}

impl Continuation {
    /// The text of some tokens.
    pub(crate) fn text(&self, range: std::ops::Range<usize>) -> String {
        self.pieces.get(range).unwrap_or_default().concat()
    }

    /// The mean KL divergence along the baseline's text.
    pub(crate) fn mean_kld(&self) -> f64 {
        self.along.iter().map(|p| p.kld).sum::<f64>() / self.along.len().max(1) as f64
    }
}

/// Hears how it goes on.
pub(crate) trait Listener {
    /// The baseline begins.
    fn begins(&self, _path: &Path) {}
    /// A model has read the baseline's text: how far it is from it, and what it says up to the first difference.
    fn read(&self, _model: usize, _so_far: &Continuation) {}
    /// A model says a token. Of a model other than the baseline, those that are the baseline's come first.
    fn token(&self, _model: usize, _text: &str) {}
    /// A model is done.
    fn done(&self, _model: usize, _continuation: &Continuation) {}
}

/// A model that was opened.
struct Speaker {
    path: PathBuf,
    forward: Forward,
    tokenizer: TextTokenizer,
    /// Tokens that end a text.
    ends: Vec<u32>,
    prompt: Vec<u32>,
}

impl Speaker {
    fn open(path: &Path, request: &Request, task: Task<'_>) -> Result<Self> {
        let model = arch::open(path)?;
        let forward = Forward::open(&model, request.rounding)?;
        if forward.is_encoder() {
            let what = "an encoder does not continue texts";
            return Err(ModelError::unsupported(what).in_file(path).with_hint("Compare it with `remold eval`."));
        }
        let tokenizer = TextTokenizer::of(&model)?;
        let prompt = prompt(&model, &tokenizer, request, task)?;
        if let Some(context) = forward.context()
            && (prompt.len() + request.tokens) as u64 > context
        {
            let what = format!(
                "the prompt has {}; with {} more it is longer than the {context} that the model was trained with",
                crate::units::plural(prompt.len(), "token"),
                request.tokens
            );
            return Err(ModelError::request(what).in_file(path).with_hint("Use a shorter prompt or fewer --tokens."));
        }
        Ok(Self { path: path.to_owned(), forward, ends: tokenizer.ends.clone(), tokenizer, prompt })
    }

    fn candidates(&self, logits: &[f32]) -> Vec<Candidate> {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
        let mut order: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
        let last = TOP.min(order.len()).saturating_sub(1);
        order.select_nth_unstable_by(last, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.truncate(TOP);
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let candidate = |(id, logit): (u32, f32)| Candidate {
            id,
            text: self.tokenizer.piece(&self.prompt, id),
            probability: f64::from(logit - most).exp() / sum,
        };
        order.into_iter().map(candidate).collect()
    }

    /// Continues the prompt and `said`; gives each logits row to `see`.
    fn go_on(
        &self,
        said: &mut Vec<u32>,
        request: &Request,
        task: Task<'_>,
        see: &mut dyn FnMut(&[f32], u32) -> Result<()>,
    ) -> Result<bool> {
        let mut session = Session::new(&self.forward);
        let mut next: Vec<u32> = self.prompt.iter().chain(said.iter()).copied().collect();
        while said.len() < request.tokens {
            let logits = session.push(&next, task)?;
            if let Some(at) = logits.iter().position(|l| !l.is_finite()) {
                let what = format!("the logit of token {at} is not finite after {} tokens", said.len());
                return Err(ModelError::bad(what).in_file(&self.path));
            }
            let id = request.sampling.choose(&logits, said.len());
            see(&logits, id)?;
            said.push(id);
            if self.ends.contains(&id) {
                return Ok(true);
            }
            next = vec![id];
        }
        Ok(false)
    }
}

/// The prompt as tokens.
fn prompt(model: &Model, tokenizer: &TextTokenizer, request: &Request, task: Task<'_>) -> Result<Vec<u32>> {
    if !request.chat {
        return match tokenizer.tokens(&request.prompt)? {
            ids if ids.is_empty() => Err(ModelError::request("the prompt is empty").with_hint("Write some text.")),
            ids => Ok(ids),
        };
    }
    let metadata = super::tokens::gguf_metadata(model)?;
    let template = metadata.get("tokenizer.chat_template").and_then(MetaValue::as_str);
    let refused = |why: String| {
        let hint = "Leave out --chat to continue the prompt as it is.";
        ModelError::request(format!("the prompt cannot be put into a chat: {why}")).in_file(&model.path).with_hint(hint)
    };
    let template = template.ok_or_else(|| refused("the model has no chat template".to_owned()))?;
    let tokens = ChatTokens::of(&metadata);
    let message = Message { role: Role::User, content: &request.prompt };
    // Templates are programs from outside: they are rendered in a process with limits, and the shape of their messages is used.
    let shape = derive_apart(template, &tokens, task.cancel)?.map_err(refused)?;
    let text = shape.render(&[message], true);
    tokenizer.with_control_tokens(&text)
}

/// What the models say.
///
/// # Errors
/// Models that cannot be run, have no tokenizer, or another vocabulary than the first; a prompt that is empty or too long; a cancelled task.
pub(crate) fn continuations(request: &Request, task: Task<'_>, listener: &dyn Listener) -> Result<Vec<Continuation>> {
    let speakers: Vec<Speaker> =
        request.models.iter().map(|p| Speaker::open(p, request, task)).collect::<Result<_>>()?;
    let Some((base, others)) = speakers.split_first() else { return Ok(Vec::new()) };
    let vocabulary = base.forward.vocabulary();
    if request.tokens.saturating_mul(vocabulary).saturating_mul(4) > MAX_LOGITS {
        let most = MAX_LOGITS / 4 / vocabulary.max(1);
        let what = format!("{} tokens are too many for a vocabulary of {vocabulary}", request.tokens);
        return Err(ModelError::limit(what).with_hint(format!("Use --tokens {most} or fewer.")));
    }
    for other in others {
        if let Some(difference) = base.tokenizer.difference(&other.tokenizer) {
            let what = format!("its vocabulary is not that of {}: {difference}", base.path.display());
            return Err(ModelError::request(what).in_file(&other.path).with_hint("Compare models of one vocabulary."));
        }
        if other.forward.vocabulary() != vocabulary || other.prompt != base.prompt {
            let what = format!("its tokens for the prompt are not those of {}", base.path.display());
            return Err(ModelError::request(what).in_file(&other.path).with_hint("Compare models of one vocabulary."));
        }
    }
    let mut logits: Vec<f32> = Vec::new();
    let mut ids = Vec::new();
    let (mut along, mut pieces) = (Vec::new(), Vec::new());
    let mut seen = base.prompt.clone();
    listener.begins(&base.path);
    let ended = base.go_on(&mut ids, request, task, &mut |row, id| {
        logits.extend_from_slice(row);
        along.push(Position { kld: 0.0, top: base.candidates(row) });
        let piece = base.tokenizer.piece(&seen, id);
        listener.token(0, &piece);
        seen.push(id);
        pieces.push(piece);
        Ok(())
    })?;
    let first = Continuation { path: base.path.clone(), ids, pieces, ended, differs_at: None, along };
    listener.done(0, &first);
    let mut all = vec![first];
    for (number, other) in (1..).zip(others) {
        let spoken = beside((number, other), (&all[0], &logits), request, task, listener)?;
        listener.done(number, &spoken);
        all.push(spoken);
    }
    Ok(all)
}

/// What a model says, and what it thinks of the baseline's text.
fn beside(
    (number, speaker): (usize, &Speaker),
    (base, base_logits): (&Continuation, &[f32]),
    request: &Request,
    task: Task<'_>,
    listener: &dyn Listener,
) -> Result<Continuation> {
    let quiet = Task { progress: &|_, _| {}, ..task };
    let (width, vocabulary) = (speaker.forward.width(), speaker.forward.vocabulary());
    let start = speaker.prompt.len() - 1;
    let spoken = base.ids.len();
    // The last token is predicted, but predicts nothing that is shown.
    let sequence: Vec<u32> = speaker.prompt.iter().chain(&base.ids).copied().take(start + spoken).collect();
    let states = speaker.forward.states(&[sequence], quiet, &mut ())?;
    let mut along = Vec::with_capacity(spoken);
    let mut differs_at = None;
    let mut rows = Vec::new();
    for block in (0..spoken).step_by(BLOCK) {
        let end = (block + BLOCK).min(spoken);
        let part = states.get((start + block) * width..(start + end) * width).unwrap_or_default();
        speaker.forward.logits(part, quiet, &mut (), &mut rows)?;
        for (i, row) in (block..end).zip(rows.chunks_exact(vocabulary.max(1))) {
            let wanted = &base_logits[i * vocabulary..(i + 1) * vocabulary];
            let scored = score(row, Some(BaseRow::Logits(wanted)), base.ids[i]).and_then(|p| p.against);
            let Some(against) = scored else {
                let what = format!("its predictions are not finite after {i} tokens");
                return Err(ModelError::bad(what).in_file(&speaker.path));
            };
            along.push(Position { kld: against.kld, top: speaker.candidates(row) });
            if differs_at.is_none() && request.sampling.choose(row, i) != base.ids[i] {
                differs_at = Some(i);
            }
        }
    }
    let same = differs_at.unwrap_or(spoken);
    let (path, ids, pieces) = (speaker.path.clone(), base.ids[..same].to_vec(), base.pieces[..same].to_vec());
    let mut said = Continuation { path, ids, pieces, ended: base.ended, differs_at, along };
    listener.read(number, &said);
    said.pieces.iter().for_each(|p| listener.token(number, p));
    if differs_at.is_some() {
        let mut seen: Vec<u32> = speaker.prompt.iter().chain(&said.ids).copied().collect();
        let pieces = &mut said.pieces;
        said.ended = speaker.go_on(&mut said.ids, request, task, &mut |_, id| {
            let piece = speaker.tokenizer.piece(&seen, id);
            listener.token(number, &piece);
            seen.push(id);
            pieces.push(piece);
            Ok(())
        })?;
    }
    Ok(said)
}
