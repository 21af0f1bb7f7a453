//! The comparison as one HTML page: plots, maps, tables, and how it was measured.
//!
//! The page loads nothing and runs no script. It is light or dark as the reader's system is, and prints on white paper. Names of models and
//! tensors may contain anything: every text goes through `markup::escape`. `plot` and `scale` draw; `scatter`, `heat` and `curves` are
//! the plots, `tables` the tables. Test with `cargo test --lib evaluate::report`.

mod curves;
mod heat;
mod markup;
mod plot;
mod scale;
mod scatter;
mod tables;

use super::comparison::{Comparison, Variant};
use markup::{element, escape, text};

const STYLE: &str = include_str!("style.css");

/// The page.
pub(super) fn html(c: &Comparison) -> String {
    let written = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    page(c, &written)
}

fn page(c: &Comparison, written: &str) -> String {
    let base = &c.variants[c.baseline.at];
    let names: Vec<&str> = series(c).map(|(_, v)| v.label.as_str()).collect();
    let title = format!("{} compared with {}", names.join(", "), base.label);
    let head = "<meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        .to_owned()
        + "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\"/>\n"
        + &text("title", &title)
        + &element("style", "", STYLE);
    let mut body = element(
        "h1",
        "",
        format!("{} <small>compared with {}</small>", escape(&names.join(", ")), escape(&base.label)),
    );
    if let Some(e) = &c.evaluated {
        let on =
            format!("On {}: {}.", e.text.file_name().unwrap_or(e.text.as_os_str()).to_string_lossy(), e.measured_on);
        body.push_str(&element("p", "class=\"lead\"", escape(&on)));
    }
    let warnings = c.baseline_warning().into_iter().chain((0..c.variants.len()).filter_map(|v| {
        c.doubt(v).map(|why| format!("{} does not look like the same network: {why}", c.variants[v].label))
    }));
    for warning in warnings {
        body.push_str(&element("p", "class=\"warning\"", text("strong", "Warning:") + " " + &escape(&warning) + "."));
    }
    body.push('\n');
    body.push_str(&scatter::section(c));
    body.push_str(&tables::metrics(c));
    body.push_str(&curves::section(c));
    body.push_str(&heat::section(c));
    body.push_str(&tables::groups(c));
    body.push_str(&tables::worst(c));
    body.push_str(&tables::unpaired(c));
    body.push_str(&tables::method(c, written));
    let html = element("head", "", head) + "\n" + &element("body", "", element("main", "", body));
    format!("<!DOCTYPE html>\n{}\n", element("html", "lang=\"en\"", html))
}

/// The models that are compared with the baseline, with their places: the order of colours and marks.
fn series(c: &Comparison) -> impl Iterator<Item = (usize, &Variant)> {
    c.variants.iter().enumerate().filter(|(i, _)| *i != c.baseline.at)
}

#[cfg(test)]
mod tests;
