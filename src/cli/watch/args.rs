//! The arguments of `remold watch`.

use super::super::args::at_least_one;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "A checkpoint is exported once it is proved complete: the marker that its trainer writes last exists, every shard of the index exists, \
    headers and sizes agree, no range is unwritten, and nothing changed for the quiet time. `--explain PATH` shows each rule.\n\
    Exports are remembered: a watcher that was stopped or killed continues where it left off, and exports nothing twice.\n\
    One process can watch several folders with `--rules FILE`: a TOML file with a [[watch]] table for each, in which `path` is the folder, \
    `out` is the folder for the exports, and every other option is a key of the same name (keep_last = 3).\n\
    Placeholders of --name: {path} {run} {unit} {step} {quant} {format}."
)]
pub(crate) struct WatchArgs {
    #[command(subcommand)]
    pub command: Option<WatchCommand>,
    /// The folder to watch; it does not have to exist yet
    #[arg(value_name = "DIR", required_unless_present = "rules")]
    pub dir: Option<PathBuf>,
    /// Watch the folders of a file: TOML with a `[[watch]]` table for each, whose keys are these options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dir", "RuleArgs"])]
    pub rules: Option<PathBuf>,
    #[command(flatten)]
    pub rule: RuleArgs,
    /// Export the complete checkpoints, and those that only need to settle, and exit
    #[arg(long)]
    pub once: bool,
    /// Watch in a process that outlives this terminal
    #[arg(long, conflicts_with_all = ["once", "json", "explain"])]
    pub detach: bool,
    /// Print a systemd user unit that runs this watcher
    #[arg(long, conflicts_with_all = ["once", "json", "explain", "detach"])]
    pub print_unit: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Show whether this source would be exported now, with the result of every rule; export nothing
    #[arg(long, value_name = "PATH")]
    pub explain: Option<PathBuf>,
}

/// What is said of one rule: an option on the command line, a key of the same name in a file of rules.
#[derive(Clone, Debug, Args)]
pub(crate) struct RuleArgs {
    /// What to make: a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// What to make: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m; may be repeated
    #[arg(long, value_name = "FORMAT[:QUANT]")]
    pub to: Vec<String>,
    /// Folder for the exports, outside DIR [default: DIR-exports next to it]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Name of an export, without type and extension; a version (-v2) is added if the name is taken
    #[arg(long, value_name = "TEMPLATE", default_value = crate::watch::DEFAULT_NAME)]
    pub name: String,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read only the tensors: no configuration, no tokenizer, no check that the model is complete
    #[arg(long)]
    pub bare: bool,
    /// Export every checkpoint, or only the newest of each run
    #[arg(long, value_name = "POLICY", value_parser = ["every", "newest"], default_value = "every")]
    pub policy: String,
    /// When an exported source changes: write a new version, or replace the export
    #[arg(long, value_name = "WHAT", value_parser = ["version", "replace"], default_value = "version")]
    pub on_change: String,
    /// Encode every export in full: do not copy unchanged tensors from an earlier export
    #[arg(long)]
    pub no_incremental: bool,
    /// Do not write manifests (NAME.remold.json) next to the exports
    #[arg(long)]
    pub no_manifest: bool,
    /// When a new version of a source (with --policy newest: a newer checkpoint) is complete while an export runs: wait for it to end, cancel
    /// it and start over, or skip the new version
    #[arg(long, value_name = "WHAT", value_parser = crate::watch::OnBusy::NAMES, default_value = "queue")]
    pub on_busy: String,
    /// Keep a checkpoint during its export even if its trainer deletes it, with hard links or reflinks in a hidden folder of the exports
    #[arg(long, value_name = "HOW", value_parser = crate::watch::Pin::NAMES, default_value = "none")]
    pub pin: String,
    /// Remove older exports of a run when a new one is made, and keep this many; only files that remold wrote, unchanged since
    #[arg(long, value_name = "N", value_parser = at_least_one::<usize>)]
    pub keep_last: Option<usize>,
    /// Keep this many exports of a run that are best by --metric, in addition to the newest (one, or as many as --keep-last says)
    #[arg(long, value_name = "N", value_parser = at_least_one::<usize>)]
    pub keep_best: Option<usize>,
    /// What --keep-best compares: the signal-to-noise ratio over all tensors that were re-encoded with loss, that of the worst tensor, or what the recipe measures with its validate table
    #[arg(long, value_name = "METRIC", value_parser = crate::watch::Metric::NAMES, default_value = crate::watch::METRICS[0].name)]
    pub metric: String,
    /// Start exports only at these times of day, as in 22:00-07:00; separate several ranges with commas
    #[arg(long, value_name = "TIMES", value_parser = crate::watch::Active::parse)]
    pub active: Option<crate::watch::Active>,
    /// Pause exports while processes wait for memory for this share of the time, in percent (PSI, some avg10)
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub yield_memory_pressure: Option<f64>,
    /// Pause exports while less memory than this is available, as in 8GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub yield_free_memory: Option<u64>,
    /// Pause exports while a GPU is at least this busy, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub yield_gpu: Option<f64>,
    /// Do not start an export that leaves less disk space than this, as in 50GB [default: 1 GiB, or 2 % of a small file system]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub min_free: Option<u64>,
    /// Nice value of exports, 0 to 19; see nice(1)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=19))]
    pub nice: u8,
    /// A shell command to run after each successful export; details are in the environment (REMOLD_SOURCE, REMOLD_OUTPUT, …) and as JSON on stdin
    #[arg(long, value_name = "COMMAND")]
    pub on_finish: Option<String>,
    /// A shell command to run after each failed export
    #[arg(long, value_name = "COMMAND")]
    pub on_fail: Option<String>,
    /// Include only sources with this name or in folders with this name (* and ?); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Exclude sources with this name or in folders with this name; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Seconds without a change before a source counts as settled
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = number_of_seconds)]
    pub quiet_time: f64,
    /// A file with this name (* and ?) marks a checkpoint as done, instead of its trainer's marker
    #[arg(long, value_name = "PATTERN")]
    pub done_marker: Option<String>,
    /// How to notice changes: with events, if the file system sends them, or by polling
    #[arg(long, value_name = "HOW", value_parser = crate::watch::Backend::NAMES, default_value = "auto")]
    pub backend: String,
    /// Threads of an export [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Maximum memory of an export, as in 2GB
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<String>,
}

/// A number of percent.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok().filter(|n| *n > 0.0 && *n <= 100.0);
    number.ok_or_else(|| "expected a number above 0 and up to 100".to_owned())
}

/// A number of seconds; the limits are checked with the rule.
fn number_of_seconds(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "write a number of seconds, for instance 3 or 0.5".to_owned())
}

/// A number of bytes.
fn size(text: &str) -> Result<u64, String> {
    crate::recipe::parse_size(text).ok_or_else(|| "write it as 4G, 500M or 4.5GiB".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum WatchCommand {
    /// List the watchers, running and stopped
    List {
        /// Print one JSON object per watcher and line
        #[arg(long)]
        json: bool,
    },
    /// Follow what a watcher does
    Attach {
        /// The watcher's name in `remold watch list`, or the start of it; optional if only one runs
        id: Option<String>,
        /// Print every event from the beginning instead of only the last 20
        #[arg(long)]
        all: bool,
        /// Print events as JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Start no more exports for now; a running one continues. Lasts until `resume`, even across restarts
    Pause {
        /// The watcher's name in `remold watch list`; optional if only one runs
        id: Option<String>,
    },
    /// Start exports again
    Resume {
        /// The watcher's name in `remold watch list`; optional if only one runs
        id: Option<String>,
    },
    /// Export a checkpoint now in any state: incomplete, failed, or already exported
    #[command(visible_alias = "retry")]
    Export {
        /// The checkpoint, in a watched folder
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The watcher, if several watch the folder
        #[arg(long, value_name = "ID")]
        watcher: Option<String>,
    },
    /// Ignore a checkpoint
    Ignore {
        /// The checkpoint, in a watched folder
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// Stop ignoring it
        #[arg(long)]
        undo: bool,
        /// The watcher, if several watch the folder
        #[arg(long, value_name = "ID")]
        watcher: Option<String>,
    },
    /// Stop a watcher; its running export continues
    Stop {
        /// The watcher's name in `remold watch list`, or the start of it; optional if only one runs
        id: Option<String>,
    },
    /// Remove the state of a stopped watcher: it is no longer listed, and a new watcher of the same folder exports everything again
    Forget {
        /// The watcher's name in `remold watch list`, or the start of it
        id: String,
    },
}
