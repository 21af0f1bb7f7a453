//! The pages of the Compare tab: quality on a text, the map with histograms, texts side by side, with fixed figures.

use super::compare::{at, done, find};
use super::sample::{self, Bench};
use super::screens::{LARGE, SMALL, TINY, plain, render, shows, text};
use remold::testing::evaluate::{TensorShapes, ValueShape};
use remold::testing::tui::core::{Action, Effect, ErrorCard, Session, Tab};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::compare::{
    Chart, EvaluationJob, Limit, ModelQuality, Page, PageNews, PageRequest, Quality, QualityNews, QualityValue,
    SpeechNews, Spoken, SpokenPosition,
};
use std::path::PathBuf;
use std::sync::Arc;

/// The figures of models whose mean KL divergences are these.
fn quality(models: &[PathBuf], klds: &[f64], scored: f64) -> Arc<Quality> {
    let model = |(path, kld): (&PathBuf, &f64)| {
        let value = |metric, value, uncertainty| QualityValue { metric, value, uncertainty };
        let mut values =
            vec![value("perplexity", 28.48 * (1.0 + kld), Some(0.66)), value("top1_accuracy", 41.0, Some(1.1))];
        if *kld > 0.0 {
            values.extend([
                value("ppl_ratio", 1.0 + kld, Some(kld / 4.0)),
                value("kld_mean", *kld, Some(kld / 40.0)),
                value("kld_max", kld * 90.0, None),
                value("kld_p999", kld * 40.0, None),
                value("kld_p99", kld * 11.0, None),
                value("top1_agreement", 100.0 - kld * 900.0, Some(0.4)),
                value("flips", kld * 300.0, Some(0.2)),
            ]);
        }
        values.push(value("scored_tokens", scored, None));
        let layers = if *kld > 0.0 { (1..=16).map(|layer| kld * f64::from(layer)).collect() } else { Vec::new() };
        ModelQuality { path: path.clone(), values, layers }
    };
    Arc::new(Quality {
        text: at("wiki.txt"),
        windows: "w".into(),
        rounding: "exact",
        baseline: models[0].clone(),
        measured_on: "15 windows of 256 tokens, 1905 tokens scored".into(),
        notes: vec!["windows have 256 tokens, not 512: the model was trained with no more".into()],
        models: models.iter().zip(klds).map(model).collect(),
        seconds: 12.0,
        jobs: vec!["12".into()],
        when: None,
    })
}

fn say(b: &mut Bench, news: QualityNews) {
    let id = match b.effects.iter().rev().find(|e| matches!(e, Effect::ComparePage(PageRequest::Evaluate(..)))) {
        Some(Effect::ComparePage(PageRequest::Evaluate(id, ..))) => *id,
        _ => panic!("{:?}", b.effects),
    };
    b.act(Action::ComparePage(PageNews::Quality(id, news)));
}

/// Asserts that sentences are on the screen, wherever their lines end.
fn says(b: &mut Bench, sentences: &[&str]) {
    let picture = text(&render(b, LARGE, Depth::True, false));
    let words: Vec<&str> = picture.split_whitespace().collect();
    for sentence in sentences {
        assert!(words.join(" ").contains(sentence), "{sentence:?} is not on the screen:\n{picture}");
    }
}

/// On the page, after an evaluation with these divergences.
fn evaluated(klds: &[f64]) -> Bench {
    let mut b = done(klds.len());
    b.keys("ewiki.txt<enter>");
    let result = quality(&b.state.compare.columns, klds, 1905.0);
    say(&mut b, QualityNews::Done(Ok(result)));
    b
}

#[test]
fn a_text_is_asked_for_and_the_models_are_run_on_it() {
    let mut b = done(3);
    b.keys("e");
    shows(&mut b, SMALL, &["text ›", "first 16 windows (↑ ↓)", "KL divergence"]);
    shows(&mut b, LARGE, &["first 16 windows (↑ ↓), roughly ", "tab completes"]);
    b.keys("<up><up>");
    shows(&mut b, LARGE, &["all of it (↑ ↓); tab completes"]);
    b.keys("<down><down><down><down>");
    shows(&mut b, SMALL, &["first 4 windows (↑ ↓)"]);
    b.keys("<up>");
    b.effects.clear();
    b.keys("wi<tab>");
    assert_eq!(b.effects, [Effect::ComparePage(PageRequest::Complete(at(""), "wi".into()))]);
    b.act(Action::ComparePage(PageNews::Completed("w".into(), "wrong".into(), Vec::new())));
    let names = vec!["wiki.txt".into(), "wiki2.txt".into()];
    b.act(Action::ComparePage(PageNews::Completed("wi".into(), "wiki".into(), names)));
    shows(&mut b, SMALL, &["text › wiki", "wiki.txt  wiki2.txt"]);
    b.effects.clear();
    b.keys(".txt<enter>");
    let columns = b.state.compare.columns.clone();
    let id = b.state.compare.quality.request;
    assert_eq!(b.effects, [Effect::ComparePage(PageRequest::Evaluate(id, columns.clone(), at("wiki.txt"), 16))]);
    shows(&mut b, SMALL, &["on wiki.txt", "opening the models"]);
    let job = EvaluationJob { id: "12".into(), dir: at("jobs/12"), text: at("wiki.txt"), since: b.state.now };
    say(&mut b, QualityNews::Job(job));
    say(&mut b, QualityNews::Progress(0.45, Some(61.2), "tiny-llama, layer 7 of 16".into()));
    for layer in 0..9 {
        say(&mut b, QualityNews::Layer(columns[1].clone(), layer, 0.001 * f64::from(layer + 1)));
    }
    shows(&mut b, LARGE, &["on wiki.txt, job 12", "45 %, about 1:02 left   tiny-llama, layer 7 of 16"]);
    shows(&mut b, SMALL, &["45 %", "hidden state error by layer", "x stop"]);
    plain(&mut b);
    // It goes on while another tab is shown, and says when it is over.
    b.effects.clear();
    b.keys("1");
    assert_eq!(b.effects, [], "nothing stops it");
    b.act(Action::ComparePage(PageNews::Quality(
        id,
        QualityNews::Done(Ok(quality(&columns, &[0.0, 0.0025, 0.04], 1905.0))),
    )));
    assert!(b.state.toasts.iter().any(|t| t.text.starts_with("evaluated on wiki.txt")), "{:?}", b.state.toasts);
    b.keys("4");
    assert_eq!(b.state.compare.page, Page::Quality);
    // Another one is stopped, and what it says then is not heard.
    b.keys("e<enter>");
    assert!(b.state.compare.quality.running.is_some(), "the last text is offered again");
    let id = b.state.compare.quality.request;
    b.effects.clear();
    b.keys("x");
    assert_eq!(b.effects, [Effect::ComparePage(PageRequest::StopEvaluating)]);
    b.act(Action::ComparePage(PageNews::Quality(id, QualityNews::Done(Err(ErrorCard::new("cancelled", true))))));
    assert!(b.state.compare.quality.failure.is_none() && b.state.compare.is_measured());
    shows(&mut b, SMALL, &["mean KLD"]);
}

#[test]
fn what_was_measured_before_is_shown_at_once_with_its_text() {
    let mut b = done(3);
    let columns = b.state.compare.columns.clone();
    let asked =
        |b: &Bench| match b.effects.iter().rev().find(|e| matches!(e, Effect::ComparePage(PageRequest::Kept(..)))) {
            Some(Effect::ComparePage(PageRequest::Kept(id, models))) => (*id, models.clone()),
            _ => panic!("{:?}", b.effects),
        };
    let (id, models) = asked(&b);
    assert_eq!(models, columns);
    let one = quality(&columns, &[0.0, 0.0025, 0.04], 1905.0);
    let other = Quality {
        text: at("code.txt"),
        windows: "c".into(),
        jobs: vec!["9".into(), "7".into()],
        when: Some(b.state.now - jiff::SignedDuration::from_hours(3)),
        ..(*quality(&columns[..2], &[0.0, 0.0125], 1905.0)).clone()
    };
    b.act(Action::ComparePage(PageNews::Kept(id - 1, Vec::new(), None)));
    b.act(Action::ComparePage(PageNews::Kept(id, vec![one, Arc::new(other)], None)));
    b.keys("e");
    assert!(b.state.compare.line.is_none(), "no text is asked for");
    assert!(asked(&b).0 > id, "they are looked up once more");
    shows(&mut b, LARGE, &["on wiki.txt: 15 windows", "text 1 of 2 (t), job 12", "mean KLD", "t other text"]);
    shows(&mut b, SMALL, &["on wiki.txt: 15 windows"]);
    b.keys("t");
    shows(&mut b, LARGE, &["on code.txt", "text 2 of 2 (t), job 9 and 1 earlier, 3 h ago", "Not evaluated: 3"]);
    b.keys("t");
    shows(&mut b, SMALL, &["on wiki.txt"]);
    // An evaluation that goes on is followed: it was started before the workbench, or continued in Jobs.
    b.keys("1");
    b.effects.clear();
    b.keys("4");
    let (id, _) = asked(&b);
    let job = EvaluationJob { id: "13".into(), dir: at("jobs/13"), text: at("code.txt"), since: b.state.now };
    b.act(Action::ComparePage(PageNews::Kept(id, Vec::new(), Some(job.clone()))));
    let request = b.state.compare.quality.request;
    assert_eq!(b.effects.last(), Some(&Effect::ComparePage(PageRequest::Follow(request, columns, job.dir))));
    shows(&mut b, LARGE, &["on code.txt, job 13"]);
    b.act(Action::ComparePage(PageNews::Quality(request, QualityNews::Progress(0.1, None, String::new()))));
    shows(&mut b, LARGE, &["10 %"]);
    b.keys("x");
    assert!(b.state.toasts.iter().any(|t| t.text == "job 13 is cancelled; e starts again"), "{:?}", b.state.toasts);
}

#[test]
fn a_text_that_cannot_be_used_says_why() {
    let mut b = done(2);
    b.keys("enone.txt<enter>");
    let card = ErrorCard {
        hint: Some("Use a longer text.".into()),
        ..ErrorCard::new("none.txt: the text is too short", true)
    };
    say(&mut b, QualityNews::Done(Err(card)));
    shows(&mut b, SMALL, &["✗ none.txt: the text is too short", "Use a longer text."]);
    // What was refused is corrected at once, and not offered again.
    assert_eq!(b.state.compare.line.as_ref().map(|(_, line)| line.text.as_str()), Some("none.txt"));
    b.keys("<esc>e");
    assert_eq!(b.state.compare.line.as_ref().map(|(_, line)| line.text.as_str()), Some(""));
}

#[test]
fn figures_are_ranked_and_the_smallest_within_the_limit_is_recommended() {
    // As large as in `compare`: 2 is the smallest, then 3, then 4.
    let mut b = evaluated(&[0.0, 0.04, 0.0025, 0.005]);
    let words =
        ["mean KLD", "▼0.0400 ±0.0010", "▲0.002500 ±0.000063", "99.9 % KLD", "top-1 agreement", "▲ best  ▼ worst"];
    shows(&mut b, LARGE, &words);
    let ship = "Ship 2 llama-1000-Q4_K_M (807.7 MB): the smallest with mean KLD ≤ 0.05 (usual limit, L changes it)";
    says(&mut b, &[ship, "another most probable token in 36.0 %", "perplexity +4.0 %"]);
    says(&mut b, &["3 tiny-llama is 64 % larger and loses 16.0 times less."]);
    // The one that is larger and worse than another has its name in parentheses.
    shows(&mut b, LARGE, &["(checkpoint-1000)", "mean KLD by size, log scale"]);
    shows(&mut b, SMALL, &["Ship 2 llama-1000-Q4_K_M", "mean KLD by size", "15 windows of 256 tokens"]);
    plain(&mut b);
    b.keys("LL");
    assert_eq!(b.state.compare.quality.limit, Limit::Strict);
    says(&mut b, &["Ship 3 tiny-llama (1.32 GB): the smallest with mean KLD ≤ 0.01 (strict"]);
    b.keys("L");
    let mut bad = evaluated(&[0.0, 0.4, 0.2]);
    says(&mut bad, &["Ship none of them: no mean KLD is clearly ≤ 0.05", "3 tiny-llama loses least"]);
    // The other chart; the figures that do not fit.
    b.keys("<tab>");
    shows(&mut b, LARGE, &["error of the hidden state after each layer"]);
    shows(&mut b, SMALL, &["more figures"]);
    b.keys("G");
    shows(&mut b, SMALL, &["scored tokens"]);
}

#[test]
fn nothing_is_recommended_without_a_measurement() {
    let mut b = done(3);
    b.keys("<tab><tab>");
    assert_eq!(b.state.compare.chart, Chart::Sizes);
    shows(&mut b, LARGE, &["output dB by size, estimated from the weights", "e measures KLD on a text"]);
    assert!(!text(&render(&mut b, LARGE, Depth::True, false)).contains("Ship"));
    plain(&mut b);
    b.keys("e<esc>");
    shows(&mut b, LARGE, &["All models are run on the same text"]);
    // Figures against another baseline are not those of this comparison.
    let mut b = evaluated(&[0.0, 0.04, 0.0025]);
    b.keys("<esc><right>b");
    assert!(b.state.compare.quality.result.is_some() && b.state.compare.chart == Chart::Layers);
    b.keys("e<esc>");
    assert!(!text(&render(&mut b, LARGE, Depth::True, false)).contains("Ship"), "measured against another model");
    // Few tokens, and a model that came later.
    let mut b = done(3);
    b.keys("ew.txt<enter>");
    let result = quality(&b.state.compare.columns[..2], &[0.0, 0.01], 190.0);
    say(&mut b, QualityNews::Done(Ok(result)));
    says(&mut b, &["Only 190 tokens were scored", "Not evaluated: 3; e evaluates again."]);
}

#[test]
fn the_map_has_a_cursor_for_all_models_and_a_cell_opens_histograms() {
    let mut b = done(3);
    b.keys("M");
    let grid = ["Map", "2 llama-1000-Q4_K_M", "3 tiny-llama", "attn_q", "ffn_down", "output_norm", "<15", "exact"];
    shows(&mut b, LARGE, &grid);
    plain(&mut b);
    // The same cell is marked in every grid.
    let reversed = |b: &mut Bench, size| {
        let buf = render(b, size, Depth::Mono, false);
        let is = |x: &u16, y: u16| buf[(*x, y)].modifier.contains(ratatui::style::Modifier::REVERSED);
        (4..12).map(|y| (0..buf.area.width).filter(|x| is(x, y)).count()).collect::<Vec<_>>()
    };
    let first = reversed(&mut b, LARGE);
    assert_eq!(first.iter().filter(|n| **n > 0).count(), 1, "{first:?}");
    b.keys("jll");
    assert_ne!(first, reversed(&mut b, LARGE));
    assert_eq!((b.state.compare.cursor.kind, b.state.compare.cursor.layer), (1, 2));
    shows(&mut b, LARGE, &["blk.2.attn_v.weight", "2048 × 2048"]);
    // One model at a time where they do not fit, with a switch.
    shows(done(5).keys("M"), SMALL, &["2 llama-1000", "more → tab"]);
    assert_eq!(b.state.compare.selected, 1);
    b.keys("<tab>");
    assert_eq!(b.state.compare.selected, 2);
    b.keys("<tab>");
    assert_eq!(b.state.compare.selected, 1, "round the end, not to the baseline");
    // Histograms of the cell, and of the next one when the cursor moves.
    b.effects.clear();
    b.keys("<enter>");
    let [Effect::ComparePage(PageRequest::Shapes(id, _, tensor, 1))] = &b.effects[..] else {
        panic!("{:?}", b.effects)
    };
    let (id, tensor) = (*id, *tensor);
    assert_eq!(b.state.compare.result.as_ref().unwrap().comparison.tensors[tensor].name, "blk.2.attn_v.weight");
    shows(&mut b, SMALL, &["Histograms", "reading values"]);
    let shape = |min: f64, max: f64| ValueShape { min, max, bars: (0..64u64).map(|i| i.min(63 - i) * 9).collect() };
    let shapes = TensorShapes {
        seen: 1 << 20,
        elems: 4 << 20,
        range: (-0.12, 0.12),
        error_range: (-0.01, 0.01),
        base: shape(-0.4, 0.38),
        here: shape(-0.39, 0.37),
        error: shape(-0.02, 0.019),
        zeroed: 5_000,
        rmse: 0.003,
        not_finite: 0,
    };
    b.act(Action::ComparePage(PageNews::Shapes(id, Ok(Arc::new(shapes)))));
    let words =
        ["◆ …eckpoint-2000", "min −0.4", "what was lost", "RMSE", "0.48 % became zero", "a sample of 1.05 M of 4.19 M"];
    shows(&mut b, LARGE, &words[1..]);
    shows(&mut b, SMALL, &["what was lost", "weights dB"]);
    plain(&mut b);
    b.effects.clear();
    b.keys("j");
    assert!(
        matches!(&b.effects[..], [Effect::ComparePage(PageRequest::Shapes(next, ..))] if *next == id + 1),
        "{:?}",
        b.effects
    );
    b.act(Action::ComparePage(PageNews::Shapes(id, Err(ErrorCard::new("late", true)))));
    shows(&mut b, SMALL, &["reading values"]);
    b.keys("<esc>");
    assert!(b.state.compare.shapes.is_none() && b.state.compare.page == Page::Map);
    b.keys("<esc>");
    assert_eq!(b.state.compare.page, Page::Models);
    // From the list of tensors as well.
    b.effects.clear();
    b.keys("<enter><enter>");
    assert!(matches!(&b.effects[..], [Effect::ComparePage(PageRequest::Shapes(..))]), "{:?}", b.effects);
}

#[test]
fn a_tensor_gets_two_more_bits_in_a_recipe() {
    let mut b = done(3);
    b.keys("Mj");
    b.keys("+");
    assert_eq!(b.state.tab, Tab::Recipe);
    let recipe = b.state.recipe.recipe().unwrap();
    assert_eq!(recipe.source.path, Some(at("exp42/checkpoint-2000")));
    let toml = |b: &Bench| remold::testing::recipe::to_toml(&b.state.recipe.recipe().unwrap());
    assert!(toml(&b).contains("llama-1000-Q4_K_M.gguf"), "{}", toml(&b));
    assert!(toml(&b).contains(r"re:^blk\\.0\\.attn_v\\.weight$") && toml(&b).contains("\"q6_k\""), "{}", toml(&b));
    assert!(b.state.toasts.iter().any(|t| t.text.contains("Q4_K becomes Q6_K")), "{:?}", b.state.toasts);
    // A second tensor goes into the same recipe; undo takes it back.
    b.keys("4l+");
    assert!(toml(&b).contains(r"blk\\.0\\.attn_v") && toml(&b).contains(r"blk\\.1\\.attn_v"), "{}", toml(&b));
    b.keys("u");
    assert!(!toml(&b).contains(r"blk\\.1\\.attn_v"), "{}", toml(&b));
    // A model that is no GGUF has no such types.
    b.keys("4<tab>+");
    assert_eq!(b.state.tab, Tab::Compare);
    assert!(b.state.toasts.iter().any(|t| t.text.contains("tiny-llama is not a GGUF")), "{:?}", b.state.toasts);
}

fn spoken(pieces: &[&str], differs_at: Option<usize>, kld: f64) -> Box<Spoken> {
    let top = |i: usize| vec![(pieces[i.min(pieces.len() - 1)].to_owned(), 0.61), (" a".to_owned(), 0.3)];
    Box::new(Spoken {
        pieces: pieces.iter().map(|p| (*p).to_owned()).collect(),
        ended: false,
        differs_at,
        along: (0..4).map(|i| SpokenPosition { kld: kld * i as f64, top: top(i) }).collect(),
    })
}

#[test]
fn texts_stream_side_by_side_and_differences_are_marked() {
    let mut b = done(3);
    b.keys("p");
    shows(&mut b, SMALL, &["prompt, as it is ›", "tab: put it into"]);
    b.keys("The capital of Norway is<tab>");
    shows(&mut b, SMALL, &["prompt, as a chat ›"]);
    b.effects.clear();
    b.keys("<tab><enter>");
    let [Effect::ComparePage(PageRequest::Speak(id, models, prompt))] = &b.effects[..] else {
        panic!("{:?}", b.effects)
    };
    assert_eq!((models, prompt.chat), (&b.state.compare.columns, false));
    let id = *id;
    let say = |b: &mut Bench, news| {
        b.act(Action::ComparePage(PageNews::Speech(id, news)));
    };
    say(&mut b, SpeechNews::Token(0, " Oslo".into()));
    shows(&mut b, SMALL, &["Oslo", "waiting…", "0 of 3 models done"]);
    say(&mut b, SpeechNews::Done(0, spoken(&[" Oslo", ",", " which", "\nlies"], None, 0.0)));
    say(&mut b, SpeechNews::Done(1, spoken(&[" Oslo", ",", " the", " city"], Some(2), 0.02)));
    say(&mut b, SpeechNews::Done(2, spoken(&[" Oslo", ",", " which", "\nlies"], None, 0.0004)));
    say(&mut b, SpeechNews::Ended(Ok(())));
    let words =
        ["Oslo, which⏎", "Oslo, the city", ".....5≠≠≠≠", "differs at 3", "same text", "most probable tokens here"];
    shows(&mut b, LARGE, &words);
    plain(&mut b);
    b.keys("d");
    assert_eq!(b.state.compare.speech.at, 2);
    shows(&mut b, SMALL, &["token 3 of 4", "61.0 %"]);
    b.keys("<right><right><right>");
    assert_eq!(b.state.compare.speech.at, 3, "not beyond the end");
    b.keys("<home>");
    assert_eq!(b.state.compare.speech.at, 0);
    // Cancelled in the middle: what was said stays.
    b.keys("p<enter>");
    b.effects.clear();
    b.keys("x");
    assert_eq!(b.effects, [Effect::ComparePage(PageRequest::StopSpeaking)]);
    assert!(!b.state.compare.speech.running);
    b.keys("p<enter>");
    let id = b.state.compare.speech.request;
    let card = ErrorCard::new("tiny-llama: the model has no chat template", true);
    b.act(Action::ComparePage(PageNews::Speech(id, SpeechNews::Ended(Err(card)))));
    shows(&mut b, SMALL, &["✗ tiny-llama: the model has no chat template"]);
}

#[test]
fn the_last_text_and_the_last_prompt_are_offered_after_a_restart() {
    let mut b = evaluated(&[0.0, 0.01]);
    b.keys("<esc>pHello<enter>");
    let kept = Session::of(&b.state);
    let mut b = sample::start();
    b.act(Action::Restored(Box::new(kept)));
    assert_eq!((b.state.compare.quality.typed.as_str(), b.state.compare.speech.typed.as_str()), ("wiki.txt", "Hello"));
}

#[test]
fn kinds_scroll() {
    let mut b = done(3);
    b.keys("<tab>");
    shows(&mut b, SMALL, &["j ↓"]);
    let (_, last) = find(&render(&mut b, LARGE, Depth::True, false), "output_norm");
    assert!(last > 0);
    b.keys("G");
    shows(&mut b, SMALL, &["output_norm", "k ↑"]);
    b.keys("gg");
    shows(&mut b, SMALL, &["j ↓"]);
}

#[test]
fn every_size_draws() {
    let ready = |which: usize| {
        let mut b = match which {
            0 => evaluated(&[0.0, 0.04, 0.0025, 0.005]),
            1 => {
                let mut b = done(4);
                b.keys("M");
                b
            }
            2 => {
                let mut b = done(2);
                b.keys("pHello<enter>");
                let id = b.state.compare.speech.request;
                for model in 0..2 {
                    let said = spoken(&[" a\n\n", "日本語", "", "long ".repeat(40).as_str()], Some(model), 0.2);
                    b.act(Action::ComparePage(PageNews::Speech(id, SpeechNews::Done(model, said))));
                }
                b
            }
            _ => {
                let mut b = done(2);
                b.keys("eno<enter>");
                b
            }
        };
        b.keys("");
        b
    };
    for which in 0..4 {
        let mut b = ready(which);
        for w in (1..130).step_by(7) {
            for h in (1..40).step_by(3) {
                render(&mut b, (w, h), Depth::True, w % 2 == 0);
            }
        }
        // Letters of a model have no likeness in ASCII.
        if which != 2 {
            plain(&mut b);
        }
        render(&mut b, TINY, Depth::True, false);
    }
}

#[test]
fn an_encoder_is_not_asked_to_continue_a_text() {
    let mut b = done(2);
    let mut compared = (**b.state.compare.result.as_ref().unwrap()).clone();
    compared.comparison.variants[1].facts.insert("architecture".into(), "bert".into());
    b.state.compare.result = Some(Arc::new(compared));
    b.keys("p");
    assert!(b.state.compare.line.is_none() && b.state.compare.page != Page::Speech);
    says(&mut b, &["is an encoder and does not continue texts; e compares its embeddings of a text"]);
}

#[test]
fn kinds_have_their_whole_names() {
    let mut b = done(2);
    let mut compared = (**b.state.compare.result.as_ref().unwrap()).clone();
    for measured in compared.comparison.variants.iter_mut().filter_map(|v| v.measured.as_mut()) {
        measured.kinds[0].name = "layer_output_norm".into();
    }
    b.state.compare.result = Some(Arc::new(compared));
    b.keys("<tab>");
    shows(&mut b, SMALL, &["layer_output_norm"]);
}

#[test]
fn a_text_that_only_the_baseline_was_measured_on_recommends_nothing() {
    let mut b = done(3);
    b.keys("ewiki.txt<enter>");
    let mut result = (*quality(&b.state.compare.columns, &[0.0, 0.01, 0.02], 1905.0)).clone();
    result.models.truncate(1);
    say(&mut b, QualityNews::Done(Ok(std::sync::Arc::new(result))));
    shows(&mut b, LARGE, &["Only the baseline was measured on this text; e measures the other 2."]);
    b.keys("L");
    assert!(b.state.toasts.iter().any(|t| t.text.starts_with("there is no recommendation")), "{:?}", b.state.toasts);
}
