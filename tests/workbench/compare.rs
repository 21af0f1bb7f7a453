//! The Compare tab: what keys do, and its screens, on a comparison with fixed figures.

use super::sample::{self, Bench, DIR};
use super::screens::{LARGE, SMALL, TINY, check, picture, plain, render, shows, styled};
use indexmap::IndexMap;
use remold::testing::evaluate::{
    Baseline, BaselineSource, Comparison, Figures, Group, Measured, Names, Sameness, TensorFigures, TypeShare,
    Unpaired, Variant, rows,
};
use remold::testing::model::{FormatId, Role};
use remold::testing::quant::Encoding;
use remold::testing::tui::core::{Action, BaselineChoice, Effect, ErrorCard, Layer, Tab, update};
use remold::testing::tui::look::Depth;
use remold::testing::tui::tabs::compare::{Chart, Compared, Order, Page, Prompt as ComparePrompt, TensorOrder};
use std::path::PathBuf;
use std::sync::Arc;

/// Name, format, size in units of 100 kB, dB of the whole.
const VARIANTS: [(&str, &str, u64, f64); 5] = [
    ("exp42/checkpoint-2000", "safetensors", 24_716, 0.0),
    ("exports/llama-1000-Q4_K_M.gguf", "gguf", 8_077, 22.6),
    ("tiny-llama", "safetensors", 13_215, 44.2),
    ("exp42/checkpoint-1000", "safetensors", 24_716, 61.0),
    ("exp42/checkpoint-500", "safetensors", 24_716, 12.9),
];

pub(super) fn at(name: &str) -> PathBuf {
    PathBuf::from(DIR).join(name)
}

fn figures(db: Option<f64>, elems: u64) -> Figures {
    let rmse = db.map_or(0.0, |db| 0.02 * 10f64.powf(-db / 20.0));
    Figures {
        elems,
        same: if db.is_some() { Sameness::Differs } else { Sameness::Exact },
        rmse: Some(rmse),
        sqnr_db: db,
        cosine: Some(1.0 - rmse),
        max_abs: Some(rmse * 9.0),
    }
}

/// A comparison of these models; `measured` at the end, otherwise from the headers only.
fn compared(paths: &[PathBuf], measured: bool) -> Arc<Compared> {
    let known = |p: &PathBuf| VARIANTS.iter().find(|v| at(v.0) == *p).unwrap_or(&VARIANTS[1]);
    let kinds = [
        ("attn_q", Role::Attention, 0.3),
        ("attn_v", Role::Attention, 4.0),
        ("ffn_down", Role::Ffn, 2.0),
        ("ffn_up", Role::Ffn, 0.0),
    ];
    let mut tensors = Vec::new();
    for layer in 0..16u32 {
        for (kind, role, better) in kinds {
            let of = |(i, p): (usize, &PathBuf)| {
                let db = known(p).3 + better + f64::from(layer * layer % 7) * 0.9 - f64::from(layer) * 0.3;
                (measured && i > 0).then(|| figures(Some(db), 4_194_304))
            };
            tensors.push(TensorFigures {
                name: format!("blk.{layer}.{kind}.weight"),
                layer: Some(layer),
                kind: kind.into(),
                role,
                shape: vec![2048, 2048],
                types: paths
                    .iter()
                    .map(|p| Encoding::parse(if known(p).1 == "gguf" { "Q4_K" } else { "bf16" }))
                    .collect(),
                figures: paths.iter().enumerate().map(of).collect(),
            });
        }
    }
    tensors.push(TensorFigures {
        name: "output_norm.weight".into(),
        layer: None,
        kind: "output_norm".into(),
        role: Role::Norm,
        shape: vec![2048],
        types: paths.iter().map(|_| Some(Encoding::default())).collect(),
        figures: (0..paths.len()).map(|i| (measured && i > 0).then(|| figures(None, 2048))).collect(),
    });
    let group = |v: usize, name: String, of: &dyn Fn(&TensorFigures) -> bool| {
        let own: Vec<&Figures> = tensors.iter().filter(|t| of(t)).filter_map(|t| t.figures[v].as_ref()).collect();
        let dbs: Vec<f64> = own.iter().filter_map(|f| f.sqnr_db).collect();
        let db = (!dbs.is_empty()).then(|| dbs.iter().sum::<f64>() / dbs.len() as f64);
        Group { name, tensors: own.len(), figures: figures(db, 1) }
    };
    let variant = |(i, path): (usize, &PathBuf)| {
        let (name, format, size, db) = *known(path);
        let bytes = size * 100_000;
        let sums = || Measured {
            all: figures(Some(db), 1_235_814_400),
            output_sqnr_db: Some(db - 1.2),
            compared: 65,
            identical: 0,
            exact: 1,
            layers: (0..16u32).map(|l| group(i, l.to_string(), &|t| t.layer == Some(l))).collect(),
            kinds: ["attn_q", "attn_v", "ffn_down", "ffn_up", "output_norm"]
                .map(|k| group(i, k.into(), &|t| t.kind == k))
                .to_vec(),
            roles: Vec::new(),
        };
        Variant {
            label: name.rsplit('/').next().unwrap().to_owned(),
            path: path.clone(),
            format: FormatId::parse(format).unwrap(),
            bytes,
            tensor_bytes: bytes,
            tensors: if i == 1 { 64 } else { 65 },
            parameters: 1_235_814_400,
            bits_per_weight: bytes as f64 * 8.0 / 1_235_814_400.0,
            types: vec![
                TypeShare {
                    name: if format == "gguf" { "Q4_K" } else { "bf16" }.into(),
                    tensors: 90,
                    bytes: bytes / 10 * 7,
                },
                TypeShare { name: "Q6_K".into(), tensors: 10, bytes: bytes / 10 * 3 },
            ],
            facts: IndexMap::from([("context length".to_owned(), if i == 1 { "8192" } else { "131072" }.to_owned())]),
            memory_bytes: Some(bytes + 134_217_728),
            built: false,
            unpaired: Unpaired {
                missing: if i == 1 { vec!["rope_freqs.weight".into()] } else { Vec::new() },
                ..Unpaired::default()
            },
            measured: (measured && i > 0).then(sums),
        }
    };
    let comparison = Comparison {
        baseline: Baseline::default(),
        variants: paths.iter().enumerate().map(variant).collect(),
        names: Names::Gguf,
        context: 4096,
        seconds: if measured { 6.4 } else { 0.0 },
        tensors: tensors.clone(),
        evaluated: None,
        graphs: None,
    };
    let rows = rows(&comparison);
    Arc::new(Compared { comparison, rows })
}

/// On the tab with the first `n` models, before anything is known of them.
pub(super) fn asked(n: usize) -> Bench {
    let mut b = sample::start();
    b.state.models.marked = VARIANTS[..n].iter().map(|v| at(v.0)).collect();
    b.keys("v");
    b
}

/// The same with their figures.
pub(super) fn done(n: usize) -> Bench {
    let mut b = asked(n);
    answer(&mut b);
    b
}

fn answer(b: &mut Bench) {
    let (id, paths) = (b.state.compare.request, b.state.compare.columns.clone());
    b.act(Action::CompareOverview(id, compared(&paths, false)));
    b.act(Action::Compared(id, Ok(compared(&paths, true))));
}

#[test]
fn screens() {
    let none = ["Variants of the same model", "Mark models in Models (1) with space and press v", "a add"];
    shows(sample::start().keys("4"), SMALL, &none);
    check("compare-styled", styled(&render(&mut done(3), SMALL, Depth::True, false)));
    picture("compare", &mut done(3), TINY);
    plain(&mut done(3));
    shows(
        &mut done(3),
        LARGE,
        &["◆ checkpoint-2000", "2 llama-1000-Q4_K_M", "weights dB by layer, up is better", "−67.3 %"],
    );
    picture("compare-cosine", done(3).keys("m"), LARGE);
    plain(done(3).keys("m"));
    check("compare-rmse-mono", styled(&render(done(3).keys("mm"), SMALL, Depth::Mono, false)));
    let baseline = ["◆ …eckpoint-2000", "◆ output dB and 6 more: this is the baseline"];
    shows(done(3).keys("h"), SMALL, &baseline);
    picture("compare-kinds", done(3).keys("<tab>"), SMALL);
    picture("compare-many", done(5).keys("<right><right><right>"), SMALL);
    shows(done(5).keys("<right><right><right>"), LARGE, &["checkpoint-1000", "checkpoint-500"]);
    picture("compare-tensors", done(3).keys("<enter>jj"), SMALL);
    let mut b = asked(3);
    let (id, paths) = (b.state.compare.request, b.state.compare.columns.clone());
    b.act(Action::CompareOverview(id, compared(&paths, false)));
    b.act(Action::CompareProgress(id, 12, 65));
    picture("compare-measuring", &mut b, SMALL);
    shows(done(2).keys("E"), SMALL, &["write to › comparison.md", "type to replace"]);
    let offered = ["Add a model to the comparison", "4/4", "exp42/checkpoint-500", "safetensors  2.47 GB"];
    shows(done(2).keys("a"), SMALL, &offered);
    let mut b = asked(2);
    let card = ErrorCard {
        hint: Some("Compare models that hold the same network in different types or formats.".into()),
        ..ErrorCard::new("mini-bert: no tensor has the same name and shape as one in checkpoint-2000 (llama)", true)
    };
    b.act(Action::Compared(b.state.compare.request, Err(card)));
    picture("compare-failed", &mut b, SMALL);
    picture("models-marked", sample::start().keys("kk  "), SMALL);
}

#[test]
fn every_size_draws() {
    for keys in ["", "<tab>", "<enter>", "<enter>/x", "E", "a", "<right><right><right>"] {
        for n in [1, 2, 5] {
            let mut b = done(n);
            b.keys(keys);
            for w in (1..130).step_by(7) {
                for h in (1..40).step_by(3) {
                    render(&mut b, (w, h), Depth::True, w % 2 == 0);
                }
            }
        }
    }
}

#[test]
fn marks_go_on_and_v_compares_them() {
    let mut b = sample::start();
    b.keys("gg");
    while b.state.models.selected != Some(at("exp42/checkpoint-500")) {
        b.keys("j");
    }
    b.keys("  ");
    let marked = [at("exp42/checkpoint-500"), at("exp42/checkpoint-1000")];
    assert_eq!(b.state.models.marked, marked);
    assert_eq!(b.state.models.selected, Some(at("exp42/checkpoint-2000")), "a mark goes on to the next line");
    b.effects.clear();
    b.keys("v");
    assert_eq!((b.state.tab, b.state.compare.selected), (Tab::Compare, 1));
    assert!(
        b.effects.contains(&Effect::Compare(b.state.compare.request, marked.to_vec(), BaselineChoice::Find, None)),
        "{:?}",
        b.effects
    );
    // One mark and the line stood on are a pair.
    b.keys("1k v");
    assert_eq!(b.state.compare.columns, [at("exp42/checkpoint-500"), at("exp42/checkpoint-2000")]);
}

#[test]
fn a_job_is_compared_with_its_source() {
    let mut b = sample::start();
    b.job(1.0).keys("v");
    let made = b.state.jobs.view.as_ref().unwrap().plan.as_ref().unwrap().outputs[0].path.clone();
    assert_eq!(b.state.compare.columns, [at("exp42/checkpoint-2000"), made]);
    let mut b = sample::start();
    b.job(0.5).keys("v");
    assert_eq!(b.state.tab, Tab::Jobs, "not while it runs");
}

#[test]
fn answers_to_earlier_requests_are_dropped() {
    let mut b = asked(2);
    let (id, paths) = (b.state.compare.request, b.state.compare.columns.clone());
    b.act(Action::Compared(id - 1, Ok(compared(&paths, true))));
    b.act(Action::CompareProgress(id - 1, 9, 9));
    assert!(b.state.compare.result.is_none() && b.state.compare.running == Some((0, 0)));
}

#[test]
fn leaving_stops_and_coming_back_asks_again() {
    let mut b = asked(2);
    let first = b.state.compare.request;
    b.effects.clear();
    b.keys("1");
    assert_eq!(b.effects, [Effect::StopComparing]);
    b.effects.clear();
    b.keys("4");
    let columns = b.state.compare.columns.clone();
    assert_eq!(b.effects, [Effect::Compare(first + 1, columns, BaselineChoice::Find, None)]);
    answer(&mut b);
    b.effects.clear();
    b.keys("14");
    assert_eq!(b.effects, [], "what is measured is kept");
}

#[test]
fn the_baseline_is_pinned_and_models_come_and_go() {
    let mut b = done(3);
    b.effects.clear();
    b.keys("<right>b");
    let names = ["tiny-llama", "exp42/checkpoint-2000", "exports/llama-1000-Q4_K_M.gguf"].map(at);
    assert_eq!(b.state.compare.columns, names);
    let given = BaselineChoice::First(BaselineSource::Given);
    let asked = Effect::Compare(b.state.compare.request, names.to_vec(), given, None);
    assert_eq!(b.effects, [asked], "errors are against it");
    answer(&mut b);
    b.effects.clear();
    b.keys("<right><right>d");
    assert_eq!(b.state.compare.columns, names[..2]);
    let [Effect::Uncompare(id, result, path)] = b.effects.as_slice() else { panic!("{:?}", b.effects) };
    assert_eq!((*id, path), (b.state.compare.request, &names[2]));
    assert!(b.state.compare.is_measured(), "the others' errors stay true");
    let rest = remold::testing::tui::runtime::effects::take_out(result, path);
    assert_eq!(rest.comparison.variants.len(), 2);
    b.act(Action::Compared(b.state.compare.request, Ok(rest)));
    assert!(b.state.compare.variant(1).is_some() && b.state.compare.is_measured());
    b.keys("a");
    assert!(matches!(b.state.layer, Some(Layer::Picker(_))));
    b.keys("Q4_K<enter>");
    assert_eq!(b.state.compare.columns, names);
    b.keys("ddd");
    assert!(b.state.compare.columns.is_empty() && b.state.compare.running.is_none());
}

#[test]
fn models_and_tensors_have_orders() {
    let mut b = done(3);
    b.keys("s");
    assert_eq!(b.state.compare.order, Order::Size);
    b.keys("s");
    let least = at("tiny-llama");
    assert_eq!((b.state.compare.order, &b.state.compare.columns[1]), (Order::Error, &least));
    assert_eq!(b.state.compare.columns[b.state.compare.selected], at("exports/llama-1000-Q4_K_M.gguf"), "kept");
    b.keys("<enter>");
    let result = b.state.compare.result.clone().unwrap();
    let first = |b: &Bench| result.comparison.tensors[b.state.compare.tensor_rows()[0]].name.clone();
    let worst = first(&b);
    b.keys("s");
    assert_eq!((b.state.compare.tensor_order, first(&b)), (TensorOrder::File, "blk.0.attn_q.weight".into()));
    assert_ne!(worst, first(&b));
    b.keys("/norm<enter>");
    assert_eq!(b.state.compare.tensor_rows().len(), 1);
    b.keys("<esc>");
    assert_eq!(b.state.compare.tensor_rows().len(), 65);
    b.keys("<esc>");
    assert!(b.state.compare.page == Page::Models && b.state.tab == Tab::Compare);
    // Nothing is open any more: it stays where it is.
    b.keys("<esc>");
    assert!(b.state.compare.page == Page::Models && b.state.tab == Tab::Compare);
    b.keys("<tab>");
    assert_eq!(b.state.compare.chart, Chart::Kinds);
}

#[test]
fn an_export_asks_for_a_name() {
    let mut b = done(2);
    b.keys("E");
    assert!(matches!(b.state.compare.line, Some((ComparePrompt::Export, _))));
    b.effects.clear();
    b.keys("<ctrl-u>q.csv<enter>");
    let result = b.state.compare.result.clone().unwrap();
    assert_eq!(b.effects, [Effect::ExportComparison(result, at("q.csv"))]);
    b.keys("E<up>");
    assert!(b.state.compare.asks_for_a_file(), "only enter takes the name");
    b.keys("<esc>");
    assert_eq!((b.effects.len(), b.state.compare.line.is_none()), (1, true));
    let card = ErrorCard::new("q.csv: the file exists already", true);
    update(&mut b.state, Action::Exported(Err(card)));
    assert!(b.state.toasts.iter().any(|t| t.text.contains("exists already")));
    let typed = b.state.compare.line.as_ref().map(|(_, line)| line.text.as_str());
    assert_eq!(typed, Some("q.csv"), "what was typed is corrected, not typed again");
    b.effects.clear();
    b.keys("<ctrl-u>~/r.csv<enter>");
    let [Effect::ExportComparison(_, path)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(path, &PathBuf::from("/home/ada/r.csv"));
}

#[test]
fn a_mark_on_a_broken_model_does_not_spoil_the_others_and_marks_can_go() {
    let mut b = sample::start();
    let broken = b.state.models.found().find(|(_, m)| m.summary.is_err()).map(|(p, _)| p.clone()).unwrap();
    b.state.models.marked = vec![at(VARIANTS[0].0), broken, at(VARIANTS[1].0)];
    b.keys("v");
    assert_eq!(b.state.compare.columns, [at(VARIANTS[0].0), at(VARIANTS[1].0)]);
    assert!(b.state.toasts.iter().any(|t| t.text.starts_with("skipped")), "{:?}", b.state.toasts);
    b.keys("1u");
    assert!(b.state.models.marked.is_empty());
}

#[test]
fn another_network_of_the_same_shapes_is_reported() {
    let mut compared = (*compared(&[at(VARIANTS[0].0), at(VARIANTS[1].0)], true)).clone();
    assert_eq!(compared.comparison.doubt(1), None);
    let measured = compared.comparison.variants[1].measured.as_mut().unwrap();
    measured.all.sqnr_db = Some(-2.5);
    assert!(compared.comparison.doubt(1).is_some_and(|why| why.contains("differ from the baseline")));
    assert_eq!(compared.comparison.doubt(0), None, "the baseline is itself");
}

#[test]
fn memory_is_shown_for_the_contexts_that_the_networks_support() {
    let mut b = done(3);
    b.effects.clear();
    let context = |b: &mut Bench| {
        b.keys("c");
        match b.effects.drain(..).next_back() {
            Some(Effect::Compare(_, _, _, context)) => context,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([0; 4].map(|_| context(&mut b)), [Some(8_192), Some(32_768), Some(131_072), None]);
    let mut b = sample::start();
    b.keys("4c");
    assert!(b.effects.iter().all(|e| !matches!(e, Effect::Compare(..))), "nothing is known of any context");
}

#[test]
fn what_cannot_be_read_is_not_offered() {
    let mut b = done(2);
    let broken: Vec<PathBuf> =
        b.state.models.found().filter(|(_, m)| m.summary.is_err()).map(|(p, _)| p.clone()).collect();
    assert!(!broken.is_empty(), "the sample has a broken model");
    b.keys("a");
    assert!(!b.state.compare.offered.is_empty());
    assert!(b.state.compare.offered.iter().all(|p| !broken.contains(p)));
}

/// The colours and the symbols of a row of the screen from a column on.
fn cells(buf: &ratatui::buffer::Buffer, y: u16, from: u16, to: u16) -> Vec<(String, ratatui::style::Color)> {
    (from..to).map(|x| (buf[(x, y)].symbol().to_owned(), buf[(x, y)].fg)).collect()
}

/// The row that has these words, and the column at which they begin.
pub(super) fn find(buf: &ratatui::buffer::Buffer, words: &str) -> (u16, u16) {
    let found = (0..buf.area.height).find_map(|y| {
        let line: Vec<&str> = (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
        let at = (0..line.len()).find(|i| line[*i..].concat().starts_with(words))?;
        Some((at as u16, y))
    });
    found.unwrap_or_else(|| panic!("{words} in\n{}", super::screens::text(buf)))
}

#[test]
fn the_baseline_that_was_found_goes_first_and_a_lossy_one_is_named() {
    let mut b = asked(3);
    let marked = b.state.compare.columns.clone();
    let id = b.state.compare.request;
    // The worker found the source of the others, which was none of them.
    let source = at("exp42/checkpoint-1000");
    let with: Vec<PathBuf> = std::iter::once(source.clone()).chain(marked.clone()).collect();
    let mut result = Arc::unwrap_or_clone(compared(&with, true));
    result.comparison.baseline = Baseline { at: 0, source: BaselineSource::Manifest, lossy: false };
    b.act(Action::CompareOverview(id, Arc::new(result.clone())));
    assert_eq!(b.state.compare.columns, with);
    assert!(b.state.compare.selected > 0, "not on the baseline");
    shows(&mut b, LARGE, &["against ◆ checkpoint-1000, the source named in the manifests"]);
    // A quantized baseline, by the order of the columns the second.
    let mut b = asked(2);
    let columns = b.state.compare.columns.clone();
    let turned: Vec<PathBuf> = columns.iter().rev().cloned().collect();
    let mut result = Arc::unwrap_or_clone(compared(&turned, true));
    result.comparison.baseline = Baseline { at: 0, source: BaselineSource::MostPrecise, lossy: true };
    b.act(Action::Compared(b.state.compare.request, Ok(Arc::new(result))));
    assert_eq!(b.state.compare.columns, turned);
    let warning = "! the baseline llama-1000-Q4_K_M.gguf is Q4_K, itself quantized: all errors are relative";
    shows(&mut b, LARGE, &[warning, "the most precise of these"]);
    // Two checkpoints of one run differ by more than quantization.
    let mut result = Arc::unwrap_or_clone(compared(&turned, true));
    result.comparison.baseline = Baseline { at: 0, source: BaselineSource::Earlier, lossy: true };
    b.act(Action::Compared(b.state.compare.request, Ok(Arc::new(result))));
    let words = ["is an earlier checkpoint: training has changed the weights", "is Q4_K, itself quantized"];
    shows(&mut b, LARGE, &words);
    shows(&mut b, SMALL, &["an earlier checkpoint", "alone;"]);
    // Whoever removes the baseline does not get it back.
    b.effects.clear();
    b.keys("hhd");
    assert!(b.effects.iter().all(|e| !matches!(e, Effect::Compare(_, _, BaselineChoice::Find, _))), "{:?}", b.effects);
    assert_eq!(b.state.compare.baseline, BaselineChoice::Precise);
}

#[test]
fn models_out_of_view_are_counted_and_names_keep_what_differs() {
    shows(&mut done(5), SMALL, &["more → l", "l next"]);
    shows(done(5).keys("<right><right><right>"), SMALL, &["h ← "]);
    shows(done(5).keys("<enter>"), SMALL, &["more →"]);
    // All models in the lines below the list.
    let below = ["2 llama-1000-Q4_K_M", "3 tiny-llama", "4 checkpoint-1000", "5 checkpoint-500"];
    shows(done(5).keys("<enter>"), LARGE, &below);
    // Names that differ at the end are cut at the beginning, between words.
    let mut b = asked(3);
    let names =
        ["a-very-long-training-run-checkpoint-2000-Q5_K_M.gguf", "a-very-long-training-run-checkpoint-2000-Q8_0.gguf"];
    let paths = [at("exp42/checkpoint-2000"), at(names[0]), at(names[1])];
    let mut result = Arc::unwrap_or_clone(compared(&paths, true));
    for (variant, name) in result.comparison.variants.iter_mut().skip(1).zip(names) {
        variant.label = name.to_owned();
    }
    b.state.compare.columns = paths.to_vec();
    b.act(Action::Compared(b.state.compare.request, Ok(Arc::new(result))));
    shows(&mut b, SMALL, &["2 …Q5_K_M", "3 …Q8_0"]);
    let wide = ["2 a-very-long-training-run-checkpoint-2000-Q5_K_M", "3 a-very-long-training-run-checkpoint-2000-Q8_0"];
    shows(&mut b, LARGE, &wide);
}

#[test]
fn the_best_and_the_worst_of_a_row_are_marked_without_colour_too() {
    let buf = render(&mut done(3), LARGE, Depth::Mono, false);
    let (_, y) = find(&buf, "output dB");
    let line: String = (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
    assert!(line.contains("▼21.4 dB") && line.contains("▲43.0 dB"), "{line}");
    let ascii = render(&mut done(3), LARGE, Depth::Mono, true);
    let (_, y) = find(&ascii, "output dB");
    let line: String = (0..ascii.area.width).map(|x| ascii[(x, y)].symbol()).collect();
    assert!(line.contains("v21.4 dB") && line.contains("^43.0 dB"), "{line}");
}

#[test]
fn errors_have_the_colours_of_their_scale() {
    let mut b = done(3);
    b.keys("<enter>");
    let buf = render(&mut b, LARGE, Depth::True, false);
    // The scale in the last line: glyph and number of each step.
    let (x, y) = find(&buf, "<15");
    let scale = cells(&buf, y, x - 1, x + 30);
    let of = |word: &str| {
        let (x, _) = find(&buf, word);
        buf[(x - 1, y)].fg
    };
    let legend = [of("<15"), of("20 "), of("40 ")];
    assert!(legend[0] != legend[1] && legend[1] != legend[2], "{scale:?}");
    // A tensor of 23 dB has the colour of the step from 20, one of 46 that of the step from 40.
    for (step, range) in [(1, 20.0..25.0), (2, 40.0..99.0)] {
        let mut seen = 0;
        for row in 2..buf.area.height - 6 {
            for x in 1..buf.area.width - 3 {
                let text: String = (x..x + 4).map(|x| buf[(x, row)].symbol()).collect();
                let Ok(db) = text.parse::<f64>() else { continue };
                if text.contains('.') && range.contains(&db) && buf[(x + 5, row)].symbol() == "d" {
                    assert_eq!(buf[(x, row)].fg, legend[step], "{db} in row {row}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 3, "{seen}");
    }
}

#[test]
fn the_markers_are_on_their_curves() {
    let buf = render(&mut done(2), LARGE, Depth::True, false);
    let (_, title) = find(&buf, "weights dB by layer");
    let mut marks = 0;
    for y in title + 1..buf.area.height - 4 {
        for x in 10..buf.area.width - 1 {
            if buf[(x, y)].symbol() != "2" {
                continue;
            }
            marks += 1;
            // The curve goes on in the cells beside it.
            let near = (y - 1..=y + 1).flat_map(|y| [(x - 1, y), (x + 1, y)]);
            let braille = |s: &str| s.chars().any(|c| ('\u{2800}'..='\u{28ff}').contains(&c));
            assert!(near.into_iter().any(|at| braille(buf[at].symbol())), "{x} {y}");
            assert!(x < buf.area.width - 3, "the last marker is off the edge");
        }
    }
    assert!(marks >= 8, "{marks}");
}
