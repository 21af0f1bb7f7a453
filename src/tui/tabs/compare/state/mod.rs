//! The Compare tab: a set of models, the first of them the baseline, and what was measured of them.

mod amount;
mod map;
mod measure;
mod more_bits;
mod pages;
mod quality;
mod ship;
mod speech;

pub use amount::Amount;
pub(crate) use map::{Grid, MapCursor, Shapes};
pub(crate) use measure::Measure;
pub(crate) use more_bits::{more_bits, rule};
pub use pages::{PageNews, PageRequest};
pub use quality::{EvaluationJob, ModelQuality, Quality, QualityChart, QualityNews, QualityValue};
pub(crate) use quality::{QualityState, Running};
pub use ship::Limit;
pub(crate) use ship::{Offer, Scale, Verdict};
pub(crate) use speech::SpeechState;
pub use speech::{SpeechNews, Spoke, Spoken, SpokenPosition};

use crate::evaluate::{Comparison, Figures, MAX_MODELS, Measured, MetricRow, TensorFigures, Variant};
use crate::tui::core::filter::Filter;
use crate::tui::core::fuzzy::passes;
use crate::tui::core::{BaselineChoice, ErrorCard, LineEdit, natural};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A comparison with its table, as the worker gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The figures.
    pub comparison: Comparison,
    /// The table of metrics.
    pub rows: Vec<MetricRow>,
}

/// What the errors below the table are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chart {
    /// Curves over the layers.
    #[default]
    Layers,
    /// Bars for the kinds of tensor.
    Kinds,
    /// Loss against size.
    Sizes,
}

impl Chart {
    /// The one after it.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Layers => Self::Kinds,
            Self::Kinds => Self::Sizes,
            Self::Sizes => Self::Layers,
        }
    }
}

/// What the tab shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The models as columns, metrics of files and weights as rows.
    #[default]
    Models,
    /// The tensors.
    Tensors,
    /// What the models say of a text.
    Quality,
    /// Errors by kind and layer for every model.
    Map,
    /// What the models say after a prompt.
    Speech,
}

/// Order of the models behind the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they were added.
    #[default]
    Added,
    /// Smallest file first.
    Size,
    /// Least error first.
    Error,
    /// By name.
    Name,
}

impl Order {
    /// Its name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Added => "as added",
            Self::Size => "by size",
            Self::Error => "by error",
            Self::Name => "by name",
        }
    }
}

/// Order of the tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TensorOrder {
    /// Largest error of the selected model first.
    #[default]
    Error,
    /// As in the baseline.
    File,
    /// By name, numbers by value.
    Name,
}

impl TensorOrder {
    /// Its name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::File => "file order",
            Self::Name => "name",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Error => Self::File,
            Self::File => Self::Name,
            Self::Name => Self::Error,
        }
    }
}

/// What a line that is being edited is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Filter of the tensors.
    Filter,
    /// Name of a file to export to.
    Export,
    /// A text to measure quality on.
    Text,
    /// A prompt for the models.
    Speech,
}

/// What the table of tensors depends on.
#[derive(Clone, Debug)]
struct TableKey {
    result: Arc<Compared>,
    filter: String,
    order: TensorOrder,
    /// The model whose errors it is sorted by, among those measured.
    subject: Option<usize>,
}

impl TableKey {
    fn fits(&self, s: &CompareState, result: &Arc<Compared>) -> bool {
        Arc::ptr_eq(&self.result, result)
            && self.filter == s.filter
            && self.order == s.tensor_order
            && self.subject == s.variant_at(s.subject())
    }
}

/// The Compare tab.
#[derive(Clone, Debug, Default)]
pub struct CompareState {
    /// The models; the first is the baseline.
    pub columns: Vec<PathBuf>,
    /// Which of them is to be the baseline.
    pub baseline: BaselineChoice,
    /// Selected model.
    pub selected: usize,
    /// Number of the latest request.
    pub request: u64,
    /// Tensors done and in all, while it is measured.
    pub running: Option<(usize, usize)>,
    /// The results: sizes immediately, errors when they are measured.
    pub result: Option<Arc<Compared>>,
    /// Why there is nothing.
    pub failure: Option<ErrorCard>,
    /// The chart below the table.
    pub chart: Chart,
    /// What the curves are of.
    pub measure: Measure,
    /// Context length of the memory figures; `None` is the default.
    pub context: Option<u64>,
    /// Order of the models.
    pub order: Order,
    /// What is shown.
    pub page: Page,
    /// First kind of tensor that the chart shows.
    pub kinds_scroll: usize,
    /// Selected tensor.
    pub row: usize,
    /// Order of the tensors.
    pub tensor_order: TensorOrder,
    /// Filter of the tensors.
    pub filter: String,
    /// A line being edited.
    pub line: Option<(Prompt, LineEdit)>,
    /// The name last given to an export.
    pub exported: String,
    /// Models that the picker offers, in its order.
    pub offered: Vec<PathBuf>,
    /// What the models say of a text.
    pub quality: QualityState,
    /// What they say after a prompt.
    pub speech: SpeechState,
    /// The cursor of the map.
    pub cursor: MapCursor,
    /// The histograms of a tensor, while they are shown.
    pub shapes: Option<Shapes>,
    /// Number of the latest request for histograms.
    pub shapes_request: u64,
    table: Option<(TableKey, Arc<[usize]>)>,
    grid: Option<(Arc<Compared>, Arc<Grid>)>,
}

impl CompareState {
    /// Takes a result: its baseline becomes the first column, also where it was none of the models before.
    pub(crate) fn take(&mut self, result: Arc<Compared>) {
        let selected = self.columns.get(self.selected).cloned();
        let c = &result.comparison;
        if let Some(base) = c.variants.get(c.baseline.at).filter(|base| self.columns.first() != Some(&base.path)) {
            let old_first = self.columns.first().cloned();
            self.columns.retain(|p| *p != base.path);
            self.columns.insert(0, base.path.clone());
            // The selected one stays; the former baseline was not chosen by the user.
            let kept = selected.filter(|s| Some(s) != old_first.as_ref() || self.columns.len() < 2);
            let at = kept.and_then(|s| self.columns.iter().position(|p| *p == s)).unwrap_or(1);
            self.selected = at.max(1).min(self.columns.len() - 1);
        }
        self.result = Some(result);
    }

    /// Place of a model among those measured.
    fn place(&self, path: &Path) -> Option<usize> {
        self.result.as_ref()?.comparison.variants.iter().position(|v| v.path == path)
    }

    /// Place of a column's model among those measured.
    pub(crate) fn variant_at(&self, column: usize) -> Option<usize> {
        self.place(self.columns.get(column)?)
    }

    /// What is known of a column's model.
    pub fn variant(&self, column: usize) -> Option<&Variant> {
        self.result.as_ref()?.comparison.variants.get(self.variant_at(column)?)
    }

    /// The errors of a column's model, once measured.
    pub(crate) fn measured(&self, column: usize) -> Option<&Measured> {
        self.variant(column)?.measured.as_ref()
    }

    /// Name of a column.
    pub(crate) fn label(&self, column: usize) -> String {
        let Some(path) = self.columns.get(column) else { return String::new() };
        let name = || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        self.variant(column).map_or_else(name, |v| v.label.clone())
    }

    /// True once errors are known.
    pub fn is_measured(&self) -> bool {
        (0..self.columns.len()).any(|i| self.measured(i).is_some())
    }

    /// True while the name of a file or a prompt is being typed, which only enter takes.
    pub fn asks_for_a_file(&self) -> bool {
        matches!(self.line, Some((Prompt::Export | Prompt::Text | Prompt::Speech, _)))
    }

    /// True if another model fits.
    pub(crate) fn has_room(&self) -> bool {
        self.columns.len() < MAX_MODELS
    }

    /// The column whose errors are looked at: the selected one, or the first that has any.
    pub(crate) fn subject(&self) -> usize {
        if self.selected == 0 && self.columns.len() > 1 { 1 } else { self.selected }
    }

    /// Errors of a tensor in a column's model.
    pub(crate) fn figures<'a>(&self, tensor: &'a TensorFigures, column: usize) -> Option<&'a Figures> {
        tensor.figures.get(self.variant_at(column)?)?.as_ref()
    }

    /// Places of the tensors that pass the filter, in order.
    pub fn tensor_rows(&self) -> Arc<[usize]> {
        match (&self.table, &self.result) {
            (Some((key, rows)), Some(result)) if key.fits(self, result) => rows.clone(),
            (_, Some(result)) => self.make_table(result).into(),
            (_, None) => Arc::default(),
        }
    }

    /// Rebuilds the table of tensors if it is shown and its inputs have changed, not once per frame.
    pub(super) fn settle(&mut self) {
        self.settle_grid();
        let Some(result) = self.result.clone().filter(|_| self.page == Page::Tensors) else { return };
        if !self.table.as_ref().is_some_and(|(key, _)| key.fits(self, &result)) {
            let rows = self.make_table(&result).into();
            let subject = self.variant_at(self.subject());
            let key = TableKey { filter: self.filter.clone(), order: self.tensor_order, subject, result };
            self.table = Some((key, rows));
        }
    }

    fn make_table(&self, result: &Compared) -> Vec<usize> {
        let tensors = &result.comparison.tensors;
        let filter = Filter::parse(&self.filter);
        let fits = |t: &TensorFigures| passes(&filter, &t.name, t.role, t.types.iter().flatten().map(|e| e.name()));
        let mut rows: Vec<usize> = (0..tensors.len()).filter(|i| fits(&tensors[*i])).collect();
        match self.tensor_order {
            TensorOrder::File => {}
            TensorOrder::Name => rows.sort_by(|a, b| natural(&tensors[*a].name, &tensors[*b].name)),
            TensorOrder::Error => {
                let at = self.subject();
                let bad = |i: usize| self.figures(&tensors[i], at).map_or(f64::NEG_INFINITY, Figures::badness);
                rows.sort_by(|a, b| bad(*b).total_cmp(&bad(*a)));
            }
        }
        rows
    }

    /// The kinds of tensor that were measured, largest error of the subject first.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let groups = |column: usize| self.measured(column).map(|m| m.kinds.as_slice()).unwrap_or_default();
        let mut kinds: Vec<&str> = Vec::new();
        for g in (1..self.columns.len()).flat_map(groups) {
            if !kinds.contains(&g.name.as_str()) {
                kinds.push(&g.name);
            }
        }
        let badness = |kind: &str| {
            let own = groups(self.subject()).iter().find(|g| g.name == kind);
            own.map_or(f64::NEG_INFINITY, |g| g.figures.badness())
        };
        kinds.sort_by(|a, b| badness(b).total_cmp(&badness(a)));
        kinds
    }

    /// Takes the next order of the tensors.
    pub(crate) fn turn_tensors(&mut self) {
        (self.tensor_order, self.row) = (self.tensor_order.next(), 0);
    }

    /// Selects the model so many columns to the right.
    pub(crate) fn move_column(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.columns.len().saturating_sub(1));
    }

    /// Takes the next order of the models; the baseline stays first.
    pub(crate) fn turn_columns(&mut self) {
        self.order = match self.order {
            Order::Added | Order::Name => Order::Size,
            Order::Size => Order::Error,
            Order::Error => Order::Name,
        };
        let Some((_, others)) = self.columns.split_first() else { return };
        let mut others = others.to_vec();
        let selected = self.columns.get(self.selected).cloned();
        let variant = |p: &PathBuf| self.result.as_ref()?.comparison.variants.get(self.place(p)?);
        let badness = |p: &PathBuf| variant(p).and_then(|v| Some(v.measured.as_ref()?.all.badness()));
        match self.order {
            Order::Added => {}
            Order::Size => others.sort_by_key(|p| variant(p).map_or(u64::MAX, |v| v.bytes)),
            Order::Error => {
                others.sort_by(|a, b| badness(a).unwrap_or(f64::MAX).total_cmp(&badness(b).unwrap_or(f64::MAX)));
            }
            Order::Name => others.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy())),
        }
        self.columns.splice(1.., others);
        self.selected = self.columns.iter().position(|p| Some(p) == selected.as_ref()).unwrap_or(0);
    }
}
