//! `remold plan`: what each quantization would make of a model, and the mix for a budget.

use super::args::PlanArgs;
use super::tensor_counter::TensorCounter;
use super::text::{Style, bytes, count, safe, seconds, table};
use super::{Exit, note, out, plan_text, print, refuse};
use crate::arch;
use crate::model::{ModelError, Result};
use crate::plan::{self, Chosen, Forecast, Forecasted, Heavy, PredictedDivergence};
use crate::recipe::Target;
use crate::task::Task;
use crate::units::quoted;
use std::collections::BTreeMap;

/// The type of the example, if no budget is given.
const COMMON: &str = "q4_k_m";

/// `remold plan`.
pub(crate) fn run(args: &PlanArgs) -> Exit {
    let stop = super::signals::stop_on_signal();
    let progress = TensorCounter::new(args.json);
    let how = Task { threads: args.threads, progress: &|done, all| progress.advance(done, all), cancel: stop.flag() };
    let mut noticed = Vec::new();
    let forecast = arch::open(&args.src).and_then(|model| {
        noticed.clone_from(&model.warnings);
        noticed.extend(plan::densify_without_effect(&model, args.densify));
        let model = if args.densify { model.densified()? } else { model };
        model.checks.enable(!args.no_checksums);
        plan::forecast(&model, &target_of(args)?, how)
    });
    drop(progress);
    note(&plan_text::warnings(&noticed, Style::stderr()));
    match forecast {
        Ok(f) if args.json => {
            print::json(&f);
            Exit::Done
        }
        Ok(f) => {
            out(&text(&f, args));
            Exit::Done
        }
        Err(_) if stop.is_set() => {
            note("stopped; nothing was written\n");
            Exit::stopped(&stop)
        }
        Err(e) => refuse(&e),
    }
}

/// The target whose quantizations are forecast.
fn target_of(args: &PlanArgs) -> Result<Target> {
    let none = || ModelError::unsupported("this version cannot write any format with quantizations");
    let mut targets = [Target::of(plan::forecast_format().ok_or_else(none)?)];
    args.options.apply(&mut targets)?;
    let [target] = targets;
    Ok(target)
}

fn decibel(db: Option<f64>) -> String {
    db.map_or_else(|| "lossless".to_owned(), crate::units::decibel)
}

fn text(f: &Forecast, args: &PlanArgs) -> String {
    let style = Style::stdout();
    let weighted = match &f.imatrix {
        Some(path) => format!("weighted with {}", safe(&path.to_string_lossy())),
        None => "no importance matrix".to_owned(),
    };
    // For very many tensors only some are measured, and there are no mixes.
    let sampled = if f.mixes.is_empty() && f.choice.is_none() { "the tensors" } else { "every tensor" };
    let mut out = format!(
        "{} {}  {}{} parameters, {} as {}\nmeasured on a sample of {sampled} in {}; {weighted}\n\n",
        style.bold("source"),
        safe(&f.source.to_string_lossy()),
        f.architecture.as_ref().map(|a| format!("{}, ", safe(a))).unwrap_or_default(),
        count(f.parameters),
        bytes(f.source_bytes),
        f.source_format,
        seconds(f.seconds),
    );
    out.push_str(&types(f, args));
    if !f.refused.is_empty() {
        out.push_str(&refused(f, style));
    }
    out.push_str(
        &style.dim(
            "a sample does not see every value: NaN and infinity elsewhere are found when the model is converted\n",
        ),
    );
    match &f.choice {
        Some(choice) => out.push_str(&mix(f, choice, args, style)),
        None => {
            out.push_str(&style.dim("--target-size SIZE or --target-bpw BITS shows the mix for another budget\n"));
            out.push_str(&write_one(f, args));
        }
    }
    out
}

/// A divergence in nats, as in llama-perplexity's tables.
fn nats(kld: Option<f64>) -> String {
    kld.map_or_else(String::new, |n| match n {
        // As good as nothing: what is left are roundings of the measurement.
        n if n < 1e-9 => "0".to_owned(),
        n if n < 1e-4 => format!("{n:.1e}"),
        n => format!("{n:.5}"),
    })
}

fn types(f: &Forecast, args: &PlanArgs) -> String {
    let output = if f.imatrix.is_some() { "output dB (imatrix)" } else { "output dB" };
    let measured = f.divergence.is_some();
    let head = match measured {
        true => vec!["", "type", "size", "bits/weight", "KLD", "of a mix", output, "weights dB", "time"],
        false => vec!["", "type", "size", "bits/weight", output, "of a mix", "weights dB", "time"],
    };
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if args.threads == 0 { cores } else { args.threads };
    let mixes: BTreeMap<&str, &Forecasted> = f.mixes.iter().map(|m| (m.name.as_str(), m)).collect();
    for t in &f.types {
        let mixed = mixes.get(t.name.as_str());
        let mut name = t.name.clone();
        if t.fallbacks > 0 {
            name.push_str(&format!(" ({} fall back)", t.fallbacks));
        }
        let mut row = vec![
            if t.on_front { "*" } else { "" }.to_owned(),
            name,
            bytes(t.bytes),
            format!("{:.2}", t.bits_per_weight),
        ];
        match measured {
            true => row.extend([nats(t.kld), nats(mixed.and_then(|m| m.kld)), decibel(t.output_sqnr_db)]),
            false => {
                let mixed = mixed.map(|m| decibel(m.output_sqnr_db)).unwrap_or_default();
                row.extend([decibel(t.output_sqnr_db), mixed]);
            }
        }
        row.extend([decibel(t.sqnr_db), seconds(t.cpu_seconds / threads as f64)]);
        rows.push(row);
    }
    let aligned: Vec<bool> = (0..rows[0].len()).map(|column| column > 1).collect();
    let mut out = table(&rows, &aligned);
    let weighted = if f.imatrix.is_some() { ", weighted by the importance matrix" } else { "" };
    out.push_str(&format!(
        "* less error than every smaller type    time: to encode{}, on this machine\n",
        f.effort.map(|e| format!(" with effort {e}")).unwrap_or_default(),
    ));
    if let Some(d) = &f.divergence {
        out.push_str(&format!(
            "KLD: expected mean KL divergence from the source in nats; costs measured on {} tokens for {} of {} tensors × types, \
             the rest predicted\n",
            d.tokens,
            d.measured,
            d.of
        ));
    }
    let of_a_mix = if measured { "KLD" } else { "output dB" };
    out.push_str(&format!(
        "output: signal-to-noise ratio of the model's output, estimated{weighted}\n\
         of a mix: {of_a_mix} of the --target-size mix of the same size    weights: signal-to-noise ratio of the weights\n\n",
    ));
    out
}

/// Types by the reason they cannot be made.
fn refused(f: &Forecast, style: Style) -> String {
    let wants_matrix = |why: &str| why.contains("importance");
    let (matrix, other): (Vec<_>, Vec<_>) =
        f.refused.iter().partition(|(_, why)| f.imatrix.is_none() && wants_matrix(why));
    let mut out = String::new();
    if !matrix.is_empty() {
        let names: Vec<&str> = matrix.iter().map(|(name, _)| name.as_str()).collect();
        out.push_str(&format!("with an importance matrix (--imatrix) also {}\n", names.join(", ")));
    }
    for (name, why) in other {
        out.push_str(&format!("{} {name}: {}\n", style.warning("not possible:"), safe(why)));
    }
    out
}

fn mix(f: &Forecast, choice: &Chosen, args: &PlanArgs, style: Style) -> String {
    let c = &choice.forecast;
    let mut out = format!(
        "{} {}  {}, {:.2} bits per weight, output {} dB\n",
        style.bold("mix"),
        c.name,
        bytes(c.bytes),
        c.bits_per_weight,
        decibel(c.output_sqnr_db)
    );
    let heavy = |h: &Heavy| format!("{} {:.0} % ({})", safe(&h.name), h.share * 100.0, h.encoding);
    let heaviest: Vec<String> = c.heaviest.iter().take(3).map(heavy).collect();
    if !heaviest.is_empty() {
        out.push_str(&format!("  largest errors: {}\n", heaviest.join(", ")));
    }
    if let (Some(d), Some(kld)) = (&f.divergence, c.kld) {
        let d = PredictedDivergence { nats: kld, check: choice.check.clone(), ..d.clone() };
        plan_text::divergence(&d).iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    // The best file type that fits into the same bytes.
    let fits = f.types.iter().filter(|t| t.bytes <= c.bytes && choice.check.is_none());
    let quality = |t: &&Forecasted| t.kld.map_or(t.output_sqnr_db.unwrap_or(f64::INFINITY), |n| -n);
    if let Some(best) = fits.max_by(|a, b| quality(a).total_cmp(&quality(b))) {
        let loss = match best.kld {
            Some(_) => format!("KLD {} expected", nats(best.kld)),
            None => format!("output {} dB", decibel(best.output_sqnr_db)),
        };
        out.push_str(&format!("  best file type that fits: {}, {}, {loss}\n", best.name, bytes(best.bytes)));
    }
    let rows: Vec<Vec<String>> = choice
        .kinds
        .iter()
        .map(|(kind, types)| {
            let parts: Vec<String> = types.iter().map(|(t, n)| format!("{t} ×{n}")).collect();
            vec![safe(kind), parts.join("  ")]
        })
        .collect();
    for line in table(&rows, &[false, false]).lines() {
        out.push_str(&format!("  {line}\n"));
    }
    let format = plan::forecast_format().map(|f| f.to_string()).unwrap_or_default();
    out.push_str(&format!("write it with: {}\n", command(args, &format)));
    out
}

/// Without a budget, the command for the type that most people take, or the largest there is.
fn write_one(f: &Forecast, args: &PlanArgs) -> String {
    let common = f.types.iter().find(|t| t.name.eq_ignore_ascii_case(COMMON));
    let (Some(named), Some(format)) = (common.or(f.types.last()), plan::forecast_format()) else {
        return String::new();
    };
    let target = format!("{format}:{}", named.name.to_ascii_lowercase());
    format!("write one with: {}\n", command(args, &target))
}

/// The command that converts the model to a target with the same options, as a shell takes it.
fn command(args: &PlanArgs, target: &str) -> String {
    let source = args.src.to_string_lossy();
    let source = if source.starts_with('-') { format!("./{source}") } else { source.into_owned() };
    let mut words = ["remold", "convert", &source, "--to", target].map(str::to_owned).to_vec();
    words.extend(args.options.words());
    words.extend(args.densify.then(|| "--densify".to_owned()));
    words.extend(args.no_checksums.then(|| "--no-checksums".to_owned()));
    let words: Vec<String> = words.iter().map(|word| safe(&quoted(word))).collect();
    words.join(" ")
}
