//! The arguments of `remold imatrix`.

use clap::{Args, value_parser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The file is what llama-imatrix writes; `remold convert --imatrix` and llama-quantize read it. Weights are read layer by layer, \
        so that the model need not fit in memory.\n\
        Examples:\n  \
        remold imatrix MODEL --data text.txt -o imatrix.gguf\n  \
        remold imatrix --merge one.gguf two.gguf -o both.gguf\n  \
        remold imatrix --show-statistics imatrix.gguf"
)]
pub(crate) struct ImatrixArgs {
    /// The model: a file or a folder, in any type
    #[arg(value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// The text to compute, UTF-8
    #[arg(short = 'f', long, value_name = "FILE", requires = "model")]
    pub data: Option<PathBuf>,
    /// Add up these importance matrices, .gguf or .dat, and what is computed from --data
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub merge: Vec<PathBuf>,
    /// As --merge, separated by commas
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub in_file: Vec<PathBuf>,
    /// Print statistics of each tensor and layer of an importance matrix
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "data", "merge", "in_file", "output"])]
    pub show_statistics: Option<PathBuf>,
    /// Output file, .gguf or .dat [default: imatrix.gguf]
    #[arg(short, long, alias = "output-file", value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Form of the output [default: what its name says]
    #[arg(long, value_name = "FORM", value_parser = clap::builder::PossibleValuesParser::new(crate::calibrate::Form::NAMES))]
    pub output_format: Option<String>,
    /// Replace an existing output
    #[arg(long)]
    pub force: bool,
    /// Tokens of a window [default: 512, or the context length of the model if it is shorter]
    #[arg(short, long, alias = "ctx-size", value_name = "N", value_parser = value_parser!(u32).range(16..=1 << 20))]
    pub context: Option<u32>,
    /// Windows to compute at most [default: all of the text]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub chunks: Option<u32>,
    /// Windows to leave out at the beginning of the text
    #[arg(long, alias = "chunk", value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub from_chunk: u32,
    /// Memory for the windows that are computed together, as in 1GiB; with more, the weights are read less often [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = super::args::size)]
    pub memory: Option<String>,
    /// Also collect the inputs of the output matrix
    #[arg(long)]
    pub process_output: bool,
    /// Print events as JSON lines, or statistics as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Run in a worker process that outlives this terminal; see `remold jobs`
    #[arg(long, requires = "model")]
    pub detach: bool,
    /// Threads to compute with; 0 is all cores [default: all cores]
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}
