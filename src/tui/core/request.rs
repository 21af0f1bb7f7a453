//! What one tab asks of another.

use super::state::Tab;
use crate::evaluate::BaselineSource;
use crate::job::JobSummary;
use std::path::PathBuf;

/// Which of several models is to be the baseline of their comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaselineChoice {
    /// Their source, if it is known and unchanged; it is added where it is none of them. Otherwise the most precise.
    #[default]
    Find,
    /// The most precise of these.
    Precise,
    /// The first, which was chosen so.
    First(BaselineSource),
}

/// A larger type for one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreBits {
    /// The model to convert.
    pub source: PathBuf,
    /// The GGUF whose types are copied.
    pub like: PathBuf,
    /// The tensor.
    pub tensor: String,
    /// The rule that means it and no other.
    pub rule: String,
    /// Its type there.
    pub from: &'static str,
    /// The type that it is to get.
    pub to: &'static str,
    /// The type of the tensor in the model to convert, if that is quantized itself.
    pub quantized: Option<&'static str>,
}

/// What one tab asks of another. The tab returns it as [`super::Effect::Tab`]; the top update hands it to the other tab.
#[derive(Clone, Debug, PartialEq)]
pub enum TabRequest {
    /// Show this tab.
    Show(Tab),
    /// Models: show this model in the tree.
    ShowModel(PathBuf),
    /// Models: look for models again; these outputs were written by jobs that have just finished.
    OutputsWritten(Vec<PathBuf>),
    /// Recipe: compose a conversion of these models, one job for each.
    Convert(Vec<PathBuf>),
    /// Jobs: show the job with this identifier.
    ShowJob(String),
    /// Jobs: this job was started.
    JobStarted {
        /// The job.
        job: Box<JobSummary>,
        /// True to go to the Jobs tab and look at it.
        show: bool,
    },
    /// Jobs: these jobs were started together.
    JobsStarted {
        /// The jobs.
        jobs: Vec<JobSummary>,
        /// True to go to the Jobs tab.
        show: bool,
    },
    /// Compare: compare these models.
    Compare {
        /// The models.
        models: Vec<PathBuf>,
        /// Which of them is to be the baseline.
        baseline: BaselineChoice,
        /// True to leave out those beyond the limit; false to refuse the request.
        truncate: bool,
    },
    /// Recipe: make a GGUF with the types of another one, but with a larger type for one tensor.
    MoreBits(Box<MoreBits>),
    /// Watch: ask the user whether to watch this folder.
    WatchFolder(PathBuf),
    /// Log: show the lines of this job, or all of them.
    ShowLog(Option<String>),
}

impl TabRequest {
    /// The tab that is asked.
    pub(in crate::tui) fn tab(&self) -> Tab {
        match self {
            Self::Show(tab) => *tab,
            Self::ShowModel(_) | Self::OutputsWritten(_) => Tab::Models,
            Self::Convert(_) | Self::MoreBits(_) => Tab::Recipe,
            Self::ShowJob(_) | Self::JobStarted { .. } | Self::JobsStarted { .. } => Tab::Jobs,
            Self::Compare { .. } => Tab::Compare,
            Self::WatchFolder(_) => Tab::Watch,
            Self::ShowLog(_) => Tab::Log,
        }
    }
}
