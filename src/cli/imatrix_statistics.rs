//! `remold imatrix --show-statistics`: a table as llama-imatrix prints it.

use super::text::{Style, cut, plural, safe, table};
use crate::calibrate::{Statistics, TensorStatistics};
use std::path::Path;

/// Columns of a name before it is cut.
const NAME_WIDTH: usize = 24;

/// The tables of tensors and layers.
pub(super) fn text(path: &Path, s: &Statistics) -> String {
    let style = Style::stdout();
    let head =
        ["layer", "tensor", "Σ(Act²)", "min", "max", "μ", "σ", "active", "N", "entropy", "E (norm)", "ZD", "CosSim"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(s.tensors.iter().map(tensor));
    let mut right = vec![true; head.len()];
    right[1] = false;
    let mut out = format!(
        "{}  {}\n\n{}",
        style.bold(&safe(&path.display().to_string())),
        plural(s.tensors.len(), "tensor"),
        table(&lines, &right)
    );
    let mut lines = vec![["layer", "μΣ(Act²)", "μZD", "μCosSim"].map(str::to_owned).to_vec()];
    lines.extend(s.layers.iter().map(|l| {
        vec![l.layer.to_string(), format!("{:.2}", l.sum), percent(l.outliers, 4), format!("{:.4}", l.cosine)]
    }));
    out.push_str(&format!("\n{}", table(&lines, &[true; 4])));
    out.push_str(&style.dim(
        "\nAct² mean square of the inputs of a column  N columns, over all experts that got tokens  ZD share more than σ above μ\n\
         CosSim cosine with the same tensor of the layer before  by layer: means weighted by N\n",
    ));
    out
}

fn tensor(t: &TensorStatistics) -> Vec<String> {
    vec![
        t.layer.map_or_else(|| "-".to_owned(), |l| l.to_string()),
        cut(&safe(&t.tensor), NAME_WIDTH),
        format!("{:.2}", t.sum),
        format!("{:.4}", t.min),
        format!("{:.4}", t.max),
        format!("{:.2}", t.mean),
        format!("{:.2}", t.deviation),
        percent(t.active, 2),
        t.values.to_string(),
        format!("{:.4}", t.entropy),
        percent(t.entropy_norm, 2),
        percent(t.outliers, 2),
        t.cosine.map_or_else(|| "–".to_owned(), |c| format!("{c:.4}")),
    ]
}

fn percent(share: f64, digits: usize) -> String {
    format!("{:.digits$} %", 100.0 * share)
}
