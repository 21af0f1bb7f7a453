//! Curves over layers: the error of the weights, and the divergence of the hidden state.

use super::markup::{element, escape, text};
use super::plot::{Frame, legend, mark, polyline};
use super::scale::{self, Scale};
use super::series;
use crate::evaluate::Comparison;

const FRAME: Frame = Frame { height: 300.0 };
/// Layers up to which points are marked.
const MARKED: usize = 64;

/// A curve: the number of its series, its name, its points.
struct Curve<'a> {
    series: usize,
    name: &'a str,
    points: Vec<(u32, Option<f64>)>,
}

/// Both plots, as far as they were measured.
pub(super) fn section(c: &Comparison) -> String {
    let mut out = String::new();
    let hidden: Vec<Curve<'_>> = series(c)
        .enumerate()
        .filter_map(|(series, (i, v))| {
            let layers = &c.evaluated.as_ref()?.variants.get(i)?.layers;
            let points = layers.iter().map(|l| (l.layer, Some(l.hidden_rms))).collect();
            Some(Curve { series, name: &v.label, points })
        })
        .collect();
    let words = "The error of the hidden state after each layer, relative to its length, on the text. A step up shows a layer that loses much; \
                 a curve that falls shows that later layers correct it.";
    out.push_str(&plot("Divergence after each layer", "relative error of the hidden state", words, true, &hidden));
    let weights: Vec<Curve<'_>> = series(c)
        .enumerate()
        .filter_map(|(series, (_, v))| {
            let layers = &v.measured.as_ref()?.layers;
            let point = |g: &crate::evaluate::Group| Some((g.name.parse().ok()?, g.figures.sqnr_db));
            Some(Curve { series, name: &v.label, points: layers.iter().filter_map(point).collect() })
        })
        .collect();
    let words = "Signal over error of the weights of each layer: higher is better. Layers without loss have no point.";
    out.push_str(&plot("Error of the weights by layer", "weights dB", words, false, &weights));
    out
}

fn plot(title: &str, y_title: &str, words: &str, log: bool, curves: &[Curve<'_>]) -> String {
    let usable = |v: &f64| v.is_finite() && (!log || *v > 0.0);
    let values = || curves.iter().flat_map(|c| &c.points).filter_map(|(_, v)| v.filter(usable));
    if values().next().is_none() {
        return String::new();
    }
    let last = curves.iter().flat_map(|c| &c.points).map(|(layer, _)| *layer).max().unwrap_or(0);
    let x = Scale::between(-0.3, f64::from(last) + 0.3, FRAME.x());
    let y = Scale::over(values(), log, FRAME.y());
    let whole = |v: f64| if v.fract() == 0.0 { scale::label(v) } else { String::new() };
    let mut drawn = FRAME.axes((&x, &whole), (&y, &scale::label), ("layer", y_title));
    for curve in curves {
        let place = |(layer, v): &(u32, Option<f64>)| v.filter(usable).map(|v| (x.at(f64::from(*layer)), y.at(v)));
        drawn.push_str(&polyline(&format!("curve s{}", curve.series), curve.points.iter().map(place)));
        if curve.points.len() <= MARKED {
            for point in &curve.points {
                let Some(at) = place(point) else { continue };
                let value = point.1.unwrap_or_default();
                let value = if log { format!("{value:.6}") } else { format!("{value:.1} dB") };
                let tip = element("title", "", escape(&format!("{}, layer {}: {value}", curve.name, point.0)));
                drawn.push_str(&element("g", "", tip + &mark(curve.series, at, 3.2)));
            }
        }
    }
    let names: Vec<&str> = curves.iter().map(|c| c.name).collect();
    text("h2", title)
        + &text("p", words)
        + &legend(curves.iter().filter(|c| c.points.iter().any(|(_, v)| v.is_some())).map(|c| (c.series, c.name)))
        + &FRAME.svg(&format!("{y_title} by layer of {}", names.join(", ")), &drawn)
}
