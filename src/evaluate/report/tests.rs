use super::markup::tests::check_well_formed;
use super::*;
use crate::evaluate::{Evaluated, Figure, HiddenFigures, ModelFigures, testing_comparison};

const HOSTILE: &str = "<script>alert(1)</script>\"' onload=\"x&amp;\u{1b}[2J\u{202e}";

/// A comparison of three models with figures of a text.
fn evaluated(labels: &[&str]) -> Comparison {
    let mut c = testing_comparison(labels);
    let figures = |i: usize| {
        let figure = |value, uncertainty| Figure { value, uncertainty };
        let mut metrics = indexmap::IndexMap::new();
        metrics.insert("perplexity".to_owned(), figure(28.0 + i as f64, Some(1.5)));
        if i > 0 {
            metrics.insert("kld_mean".to_owned(), figure(0.002 * 10f64.powi(i as i32), Some(0.0004)));
            metrics.insert("top1_agreement".to_owned(), figure(97.0 - i as f64, Some(0.4)));
        }
        let layer = |layer| HiddenFigures { layer, hidden_rms: 0.01 * f64::from(layer + 1), hidden_cosine: 0.99 };
        ModelFigures { metrics, layers: (0..4).map(layer).filter(|_| i > 0).collect() }
    };
    c.evaluated = Some(Evaluated {
        text: format!("/texts/{HOSTILE}.txt").into(),
        measured_on: "15 windows of 256 tokens, 1905 tokens scored".to_owned(),
        mode: "exact".to_owned(),
        notes: vec![HOSTILE.to_owned()],
        window: Some(256),
        chunks: 0,
        seconds: 12.0,
        variants: (0..labels.len()).map(figures).collect(),
    });
    for (i, v) in c.variants.iter_mut().enumerate() {
        v.bytes = 10_000_000 - 2_000_000 * i as u64;
    }
    c
}

#[test]
fn the_page_is_well_formed_with_and_without_a_text() {
    for c in [testing_comparison(&["base", "a"]), evaluated(&["base", "a-Q8_0.gguf", "b-Q4_K_M.gguf", "c-Q2_K.gguf"])] {
        let page = page(&c, "now");
        check_well_formed(&page);
        for part in [
            "How it was measured",
            "Weights dB by kind",
            "Where the loss is",
            "remold compare",
            "<svg",
            "prefers-color-scheme",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        for outside in ["src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}

#[test]
fn hostile_names_are_escaped_everywhere() {
    let mut c = evaluated(&["base", HOSTILE, "b"]);
    for t in &mut c.tensors {
        t.name = HOSTILE.to_owned();
        t.kind = HOSTILE.to_owned();
    }
    for v in &mut c.variants {
        v.path = format!("/m/{HOSTILE}").into();
        v.facts.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
        v.unpaired.missing.push(HOSTILE.to_owned());
        if let Some(m) = &mut v.measured {
            m.kinds.iter_mut().for_each(|g| g.name = HOSTILE.to_owned());
        }
    }
    let page = page(&c, "now");
    check_well_formed(&page);
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'), "{page}");
    assert!(!page.contains("onload=\""), "{page}");
    assert!(page.matches("&lt;script&gt;").count() > 8);
}

#[test]
fn divergence_is_plotted_against_size_with_bars_and_the_front() {
    let page = page(&evaluated(&["base", "a", "b", "c"]), "now");
    assert!(page.contains("mean KL divergence, nats") && page.contains("class=\"front\""), "{page}");
    // A bar has a line and two ends.
    assert_eq!(page.matches("class=\"bar s").count(), 3 * 3);
    assert!(page.contains("28.0000 ± 1.5000") && page.contains("96.00 ± 0.40 %"), "{page}");
    assert!(page.contains("Divergence after each layer"));
    // Without a text the axis is an estimate, and says so.
    let page = super::page(&testing_comparison(&["base", "a"]), "now");
    assert!(page.contains("output dB, estimated") && page.contains("estimate from the weights alone"), "{page}");
    // A model that is larger and loses more is named.
    let mut beaten = evaluated(&["base", "a", "b"]);
    beaten.variants[2].bytes = 9_000_000;
    assert!(super::page(&beaten, "now").contains("b is not on it: a is no larger and loses less."));
}

/// Opens the page in Chromium, where there is one.
#[test]
fn a_browser_reads_the_page() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|b| std::process::Command::new(b).arg("--version").output().is_ok_and(|o| o.status.success()))
    else {
        crate::skip::skipped("the HTML report in a browser: there is no chromium");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.html");
    std::fs::write(&file, page(&evaluated(&["base", HOSTILE, "b-Q4_K_M.gguf", "c-Q2_K.gguf"]), "now")).unwrap();
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let out = std::process::Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &profile, "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&out.stdout);
    if dom.is_empty() {
        crate::skip::skipped(&format!("the HTML report in a browser: {browser} does not run here"));
        return;
    }
    // What the browser understood is what was written: nothing was closed or moved by its parser.
    assert_eq!(
        dom.matches("<svg").count(),
        page(&evaluated(&["base", HOSTILE, "b", "c"]), "now").matches("<svg").count()
    );
    assert!(dom.contains("How it was measured</h2>") && dom.contains("class=\"front\""), "{dom}");
    assert!(!dom.contains("<script"), "{dom}");
}
