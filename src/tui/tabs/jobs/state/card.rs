//! The report of a finished job as Markdown, for the page of a model: what it was made from, what was made, and how.

use super::JobsState;
use crate::engine::OutputReport;
use crate::tui::core::units;
use std::path::Path;

/// Text in a cell of a table: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A measured figure, and the one that was forecast.
fn figure(measured: Option<f64>, forecast: Option<f64>) -> String {
    match (measured, forecast) {
        (Some(db), Some(forecast)) => format!("{db:.1} (forecast {forecast:.1})"),
        (Some(db), None) => format!("{db:.1}"),
        (None, _) => "no loss".to_owned(),
    }
}

fn row(o: &OutputReport) -> String {
    let forecast = o.forecast.unwrap_or_default();
    let cells = [
        format!("`{}`", name(&o.path)),
        format!("{} {}", o.format, o.quantization),
        units::bytes(o.bytes),
        format!("{:.2}", o.bits_per_weight),
        figure(o.output_sqnr_db, forecast.output_sqnr_db),
        figure(o.sqnr_db, forecast.sqnr_db),
    ];
    format!("| {} |", cells.map(|text| cell(&text)).join(" | "))
}

impl JobsState {
    /// The report of the followed job as Markdown, if it has finished.
    pub(crate) fn card(&self) -> Option<String> {
        let view = self.view.as_ref()?;
        let report = view.report.as_ref().filter(|r| !r.outputs.is_empty())?;
        let source = view.plan.as_ref().map_or(report.source.as_path(), |plan| plan.source.as_path());
        let mut made = format!("Made from `{}`", name(source));
        if let Some(plan) = &view.plan {
            let architecture = plan.architecture.as_deref().unwrap_or("unknown architecture");
            made += &format!(" ({architecture}, {} parameters)", units::params(plan.parameters));
        }
        let version = if report.version.is_empty() { String::new() } else { format!(" {}", report.version) };
        let mut lines = vec![
            format!("{made} with remold{version}."),
            String::new(),
            "| file | type | size | bits per weight | output dB | weights dB |".to_owned(),
            "| --- | --- | ---: | ---: | ---: | ---: |".to_owned(),
        ];
        lines.extend(report.outputs.iter().map(row));
        let checked = report.outputs.iter().all(|o| !o.verified_by.is_empty());
        if checked {
            lines.extend([String::new(), "Every file was read back and compared with what was written.".to_owned()]);
        }
        if let Some(command) = &view.command {
            lines.extend([String::new(), "```".to_owned(), command.clone(), "```".to_owned()]);
        }
        Some(lines.join("\n") + "\n")
    }
}
