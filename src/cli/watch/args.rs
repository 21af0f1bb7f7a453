//! The arguments of `remold watch`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "A checkpoint is exported when everything that proves it whole is there: the marker that its trainer writes last, every shard of the index, \
        headers and sizes that agree, no ranges that were never written, and nothing that changed for the quiet time. `--explain PATH` shows each rule.\n\
        What was exported is remembered: a watcher that is stopped or killed goes on where it was, and exports nothing twice.\n\
        Placeholders of --name: {path} {run} {unit} {step} {quant} {format}."
)]
pub struct WatchArgs {
    #[command(subcommand)]
    pub command: Option<WatchCommand>,
    /// The folder to watch; it need not exist yet
    #[arg(value_name = "DIR", required = true)]
    pub dir: Option<PathBuf>,
    /// What to make: a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// What to make: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m; may be repeated
    #[arg(long, value_name = "FORMAT[:QUANT]")]
    pub to: Vec<String>,
    /// Folder for the exports, outside of DIR; DIR-exports beside it when not given
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Name of an export, without type and extension; a version is added (-v2) when it is taken
    #[arg(long, value_name = "TEMPLATE", default_value = crate::watch::DEFAULT_NAME)]
    pub name: String,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Take the tensors alone: no configuration, no tokenizer, no check that they are a whole model
    #[arg(long)]
    pub bare: bool,
    /// Export every checkpoint, or the newest of each run
    #[arg(long, value_name = "POLICY", value_parser = ["every", "newest"], default_value = "every")]
    pub policy: String,
    /// When an exported source changes: write a new version, or replace the export
    #[arg(long, value_name = "WHAT", value_parser = ["version", "replace"], default_value = "version")]
    pub on_change: String,
    /// Remove older exports of a run when a new one is made, and keep this many; only files that remold wrote, unchanged since
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub keep_last: Option<usize>,
    /// A shell command for each export that succeeded; what happened is in the environment (REMOLD_SOURCE, REMOLD_OUTPUT, …) and as JSON on stdin
    #[arg(long, value_name = "COMMAND")]
    pub on_finish: Option<String>,
    /// The same for each export that failed
    #[arg(long, value_name = "COMMAND")]
    pub on_fail: Option<String>,
    /// Only sources of this name or in folders of this name (* and ?); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Not sources of this name or in folders of this name; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Seconds without a change before a source counts as settled
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub quiet_time: f64,
    /// A file of this name (* and ?) says that a checkpoint is done, in the place of its trainer's own marker
    #[arg(long, value_name = "PATTERN")]
    pub done_marker: Option<String>,
    /// How changes are noticed: by events where the file system sends them, or by looking
    #[arg(long, value_name = "HOW", value_parser = crate::watch::Backend::NAMES, default_value = "auto")]
    pub backend: String,
    /// Export what is whole, or becomes so by waiting, and end
    #[arg(long)]
    pub once: bool,
    /// Watch in a process that outlives this terminal
    #[arg(long, conflicts_with_all = ["once", "json", "explain"])]
    pub detach: bool,
    /// Print a systemd user unit that runs this watcher
    #[arg(long, conflicts_with_all = ["once", "json", "explain", "detach"])]
    pub print_unit: bool,
    /// One event a line on stdout
    #[arg(long)]
    pub json: bool,
    /// Show whether this source would be exported now, and every rule that says so; export nothing
    #[arg(long, value_name = "PATH")]
    pub explain: Option<PathBuf>,
    /// Threads of an export; all cores when not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Memory an export may take, as in 2GB
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum WatchCommand {
    /// List the watchers, running and stopped
    List {
        /// One JSON array on stdout
        #[arg(long)]
        json: bool,
    },
    /// Follow what a watcher does
    Attach {
        /// The watcher, as `remold watch list` names it; may be left out where only one runs
        id: Option<String>,
        /// One event a line on stdout
        #[arg(long)]
        json: bool,
    },
    /// Begin no more exports for now; the running one goes on. Lasts until `resume`, also over a restart
    Pause {
        /// The watcher, as `remold watch list` names it; may be left out where only one runs
        id: Option<String>,
    },
    /// Begin exports again
    Resume {
        /// The watcher, as `remold watch list` names it; may be left out where only one runs
        id: Option<String>,
    },
    /// Export a checkpoint now, whatever its state: before it is whole, once more after a failure, or again
    #[command(visible_alias = "retry")]
    Export {
        /// The checkpoint, in a folder that is watched
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The watcher, where several watch the folder
        #[arg(long, value_name = "ID")]
        watcher: Option<String>,
    },
    /// Export a checkpoint no more
    Ignore {
        /// The checkpoint, in a folder that is watched
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// Take it into account again
        #[arg(long)]
        undo: bool,
        /// The watcher, where several watch the folder
        #[arg(long, value_name = "ID")]
        watcher: Option<String>,
    },
    /// Ask a watcher to end; its running export goes on
    Stop {
        /// The watcher, as `remold watch list` names it; may be left out where only one runs
        id: Option<String>,
    },
}
