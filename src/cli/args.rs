//! The arguments of every command.

use super::target_flags::TargetFlags;
use super::watch::WatchArgs;
use clap::{Args, Parser, Subcommand, value_parser};
use std::path::PathBuf;

/// Turns a model as it was trained into the files it must run from.
#[derive(Debug, Parser)]
#[command(name = "remold", version, about, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(after_help = "Without a command, `remold [DIR]` opens the workbench on a folder of models.\n\
    Exit codes: 0 done; 1 the job failed; 2 the request was wrong, nothing was written; 3 a check failed; 130 cancelled; \
    143 or 129 interrupted by SIGTERM or SIGHUP, `remold jobs resume` goes on.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub workbench: WorkbenchArgs,
}

impl Cli {
    /// The number of threads that a command was given, to be capped.
    pub(crate) fn threads(&mut self) -> Option<&mut usize> {
        Some(match self.command.as_mut()? {
            Command::Convert(a) => &mut a.run.threads,
            Command::Split(a) => &mut a.run.threads,
            Command::Merge(a) => &mut a.run.threads,
            Command::Run(a) => &mut a.run.threads,
            Command::Plan(a) => &mut a.threads,
            Command::Compare(a) => &mut a.threads,
            Command::Verify(a) => &mut a.threads,
            Command::Watch(a) => &mut a.rule.threads,
            _ => return None,
        })
    }
}

/// A size that is more than nothing.
fn size(text: &str) -> Result<String, &'static str> {
    match crate::recipe::parse_size(text) {
        None | Some(0) => Err("write it as 4G, 500M or 4.5GiB"),
        Some(_) => Ok(text.to_owned()),
    }
}

/// The whole command tree, for documentation.
pub(crate) fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

#[derive(Debug, Args)]
pub(crate) struct WorkbenchArgs {
    /// Folder of models to open in the workbench
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Theme of the workbench: dark, light, high-contrast, colour-blind, ansi16, mono, or a file in the themes folder
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Do not take up where the folder was left
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a model file or folder holds
    Inspect(InspectArgs),
    /// Convert a model to one or several formats
    Convert(Box<ConvertArgs>),
    /// Split a GGUF into several files
    Split(SplitArgs),
    /// Merge the files of a split GGUF into one
    Merge(MergeArgs),
    /// Forecast size, error and time of every quantization, and the best mix for a budget
    Plan(Box<PlanArgs>),
    /// Carry out a recipe
    Run(RunArgs),
    /// Export every checkpoint of a training run as soon as it is whole
    Watch(Box<WatchArgs>),
    /// Check that an output is what was written, or that it follows from its source
    Verify(Box<VerifyArgs>),
    /// Compare models of one network: sizes, and what each tensor lost against a baseline
    Compare(CompareArgs),
    /// List, show, follow, pause, cancel, resume or clean jobs
    Jobs(JobsArgs),
    /// List, show, check or start recipes
    Recipe(RecipeArgs),
    /// Tell what remold finds of the terminal, the machine and its folders, and what to do where something is wanting
    Doctor(DoctorArgs),
    /// List the formats, architectures and quantizations
    Formats,
    /// Configuration of the workbench: where it is, what is wrong in it, its default, the keys
    Config(ConfigArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Run the job of a folder (started by remold itself)
    #[command(hide = true)]
    Worker {
        /// The job's folder
        dir: PathBuf,
        /// Go on from the journal
        #[arg(long)]
        resume: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say where the files are (also without a word)
    Path,
    /// Say what is wrong in config.toml, keys.toml and the themes; exit code 2 if anything is
    Check,
    /// Print a config.toml with every default and what it is for
    Default,
    /// Print the keys of every command, as lines of keys.toml
    Keys,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A model file, a model folder, or a folder of models
    pub path: PathBuf,
    /// List every tensor
    #[arg(long)]
    pub tensors: bool,
    /// List all metadata, uncut
    #[arg(long)]
    pub metadata: bool,
    /// Show what becomes of every field of config.json
    #[arg(long)]
    pub config: bool,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The model: a file or a folder
    pub src: PathBuf,
    /// What to make: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m or safetensors:bf16; may be repeated
    #[arg(long, value_name = "FORMAT[:QUANT]")]
    pub to: Vec<String>,
    /// Output file, or folder for several targets
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Take targets and options from a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE")]
    pub recipe: Option<String>,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Take the tensors alone: no configuration, no tokenizer, no check that they are a whole model
    #[arg(long)]
    pub bare: bool,
    /// Write sparse tensors of a PyTorch file in full
    #[arg(long)]
    pub densify: bool,
    #[command(flatten)]
    pub options: TargetFlags,
    #[command(flatten)]
    pub run: RunFlags,
    /// An earlier output of the same kind: tensors whose source did not change since are copied from it, not encoded again
    #[arg(long, value_name = "OUTPUT")]
    pub reuse: Option<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    pub force: bool,
    /// Convert although checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The model: a file or a folder
    pub src: PathBuf,
    #[command(flatten)]
    pub options: TargetFlags,
    /// Count sparse tensors of a PyTorch file in full
    #[arg(long)]
    pub densify: bool,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Threads to measure with; all cores when not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Measure although checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Models of different formats are compared too: a Hugging Face folder is brought to GGUF names first, as a conversion does.\n\
    With --json, one event a line: metric for every figure, tensor.finished for every tensor of every model (output: its place in the order given)."
)]
pub(crate) struct CompareArgs {
    /// Two to six models that hold the same network: files or folders
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// The model that the others are measured against; the first one when not given
    #[arg(long, value_name = "MODEL")]
    pub baseline: Option<PathBuf>,
    /// Write the comparison to a file: .md to read, .csv a line a tensor, .json everything; may be repeated
    #[arg(long, value_name = "FILE")]
    pub export: Vec<PathBuf>,
    /// List every tensor
    #[arg(long)]
    pub tensors: bool,
    /// Tokens that memory is told for; 4096, or the networks' context when that is shorter
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub context: Option<u64>,
    /// A text to measure perplexity and divergence on (not in this version)
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// One event a line on stdout
    #[arg(long)]
    pub json: bool,
    /// Threads to compare with; all cores when not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Compare although checksums in the models do not match their bytes
    #[arg(long)]
    pub no_checksums: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Every output that remold writes has a manifest beside it, NAME.remold.json, with the checksums of all its bytes.\n\
    Exit codes: 0 everything was checked and is right; 1 it could not be read; 2 the request was wrong; 3 something differs, or \
    there is no manifest and the bytes were not compared."
)]
pub(crate) struct VerifyArgs {
    /// The output: a file, a folder, any file of a split GGUF, or its manifest
    pub output: PathBuf,
    /// Rebuild the output from this source, tensor by tensor and without writing, and compare; by the recipe in its manifest, or by --recipe or --to
    #[arg(long, value_name = "MODEL")]
    pub source: Option<PathBuf>,
    /// What it was made with, instead of what the manifest says: FORMAT or FORMAT:QUANT, as in gguf:q4_k_m
    #[arg(long, value_name = "FORMAT[:QUANT]", requires = "source", conflicts_with = "recipe")]
    pub to: Option<String>,
    /// What it was made with, instead of what the manifest says: a recipe file or a recipe by name
    #[arg(short, long, value_name = "RECIPE", requires = "source")]
    pub recipe: Option<String>,
    /// Set a recipe key, as in target.context_length=4096; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "source")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub options: TargetFlags,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Threads to check with; all cores when not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The files are NAME-00001-of-0000N.gguf, equal to those of llama-gguf-split to the byte. llama.cpp loads them \
    all when it is given the first.\nTo split while quantizing: `remold convert … --max-shard-size 4G`."
)]
#[command(group = clap::ArgGroup::new("limit").required(true).multiple(true))]
pub(crate) struct SplitArgs {
    /// The GGUF, or any file of a set that is to be split anew
    pub file: PathBuf,
    /// At most this much tensor data a file, as in 4G; a larger tensor gets a file of its own
    #[arg(long, alias = "split-max-size", value_name = "SIZE", group = "limit", value_parser = size)]
    pub max_size: Option<String>,
    /// So many tensors a file
    #[arg(long, alias = "split-max-tensors", value_name = "N", group = "limit", value_parser = value_parser!(u64).range(1..), conflicts_with = "max_size")]
    pub max_tensors: Option<u64>,
    /// So many whole layers a file; what belongs to no layer stays with the tensor before it
    #[arg(long, alias = "split-max-layers", value_name = "N", group = "limit", value_parser = value_parser!(u64).range(1..), conflicts_with_all = ["max_size", "max_tensors"])]
    pub max_layers: Option<u64>,
    /// The first file holds the metadata and no tensor
    #[arg(long, group = "limit")]
    pub no_tensor_first_split: bool,
    /// Name before -00001-of-0000N.gguf, or a folder; the source's name when not given
    #[arg(short, long, value_name = "PREFIX")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunFlags,
    /// Replace outputs that exist
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The merged file is the one that was split, to the byte. (llama-gguf-split --merge leaves three keys of the split in it.)\n\
    The files that are merged stay where they are."
)]
pub(crate) struct MergeArgs {
    /// Any file of the set, or all of them
    #[arg(required = true, value_name = "SHARD")]
    pub shards: Vec<PathBuf>,
    /// The file to write, or a folder; NAME.gguf beside the set when not given
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunFlags,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
}

/// How to run.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunFlags {
    /// Print the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// One event a line on stdout
    #[arg(long)]
    pub json: bool,
    /// Run in a worker process that outlives this terminal
    #[arg(long)]
    pub detach: bool,
    /// Worker threads; all cores when not given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Write no manifest (NAME.remold.json) beside the outputs
    #[arg(long)]
    pub no_manifest: bool,
    /// Memory the run may take, as in 2GB: fewer threads work when it is short; 80 % of what is available when not given
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A recipe file, or a recipe by name
    pub recipe: String,
    /// The model, when the recipe names none
    #[arg(long, value_name = "PATH")]
    pub source: Option<PathBuf>,
    /// Set a recipe key; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Replace outputs that exist
    #[arg(long)]
    pub force: bool,
    /// Convert although checksums in the source do not match its bytes
    #[arg(long)]
    pub no_checksums: bool,
    #[command(flatten)]
    pub run: RunFlags,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Detached jobs, and those of the workbench, wait for their turn: one runs at once, or as many as REMOLD_JOBS_AT_ONCE says. \
    `remold convert` without --detach runs at once."
)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    pub command: Option<JobsCommand>,
    /// JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List all jobs, newest first
    List,
    /// Show one job: facts, outputs, warnings, errors, its report
    Show {
        /// The job's number
        id: String,
    },
    /// Follow a job to its end
    Attach {
        /// The job's number
        id: String,
    },
    /// Stop a job and remove what is half-written
    Cancel {
        /// The job's number
        id: String,
    },
    /// Hold a running job between two chunks; it keeps what it has, and the next in the queue may run
    Pause {
        /// The job's number
        id: String,
    },
    /// Let a paused job go on, a lost one where it stopped; begin a cancelled or failed one again, under the same number
    Resume {
        /// The job's number
        id: String,
    },
    /// Print a job's events and log
    Log {
        /// The job's number
        id: String,
    },
    /// Plan and run the recipe of a job again, as a new job
    Rerun {
        /// The job's number
        id: String,
        /// Replace outputs that exist
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        run: RunFlags,
    },
    /// Remove the folder of an ended job; its outputs stay
    Remove {
        /// The job's number
        id: String,
    },
    /// Remove the folders of all ended jobs
    Clean,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 usable; 1 something makes remold unusable.")]
pub(crate) struct DoctorArgs {
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    pub command: RecipeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipeCommand {
    /// List the recipes that come with remold and your own
    List,
    /// Print a recipe
    Show {
        /// Its name
        name: String,
    },
    /// Check a recipe file: TOML, YAML or JSON
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print a commented recipe to start from
    New,
}
