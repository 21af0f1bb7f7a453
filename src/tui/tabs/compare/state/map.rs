//! The map: kinds of tensor down, layers across, for every model; and the histograms of one tensor.

use super::CompareState;
use crate::evaluate::{Comparison, Figures, TensorShapes};
use crate::tui::core::{ErrorCard, kind_order};
use std::sync::Arc;

/// Rows and columns of the map, the same for all models.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// The kinds, in the order in which data passes them.
    pub kinds: Vec<GridKind>,
    /// Number of layers.
    pub layers: usize,
}

/// A row of the map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GridKind {
    /// Its name.
    pub name: String,
    /// False for tensors that belong to no layer: one cell.
    pub layered: bool,
    /// Places of the tensors, a list for each cell.
    pub cells: Vec<Vec<usize>>,
}

impl Grid {
    /// The grid of a comparison. Layers beyond a limit do not occur in real networks and are left out.
    pub(crate) fn of(comparison: &Comparison) -> Self {
        const MOST_LAYERS: u32 = 4096;
        let mut grid = Self::default();
        for (at, t) in comparison.tensors.iter().enumerate() {
            let layered = t.layer.is_some();
            let layer = t.layer.unwrap_or(0);
            if layer >= MOST_LAYERS || t.figures.iter().all(Option::is_none) {
                continue;
            }
            let found = grid.kinds.iter().position(|k| k.name == t.kind && k.layered == layered);
            let row = found.unwrap_or_else(|| {
                grid.kinds.push(GridKind { name: t.kind.clone(), layered, cells: Vec::new() });
                grid.kinds.len() - 1
            });
            let (cells, layer) = (&mut grid.kinds[row].cells, layer as usize);
            cells.resize(cells.len().max(layer + 1), Vec::new());
            cells[layer].push(at);
            if layered {
                grid.layers = grid.layers.max(layer + 1);
            }
        }
        grid.kinds.sort_by_key(|k| kind_order(&k.name));
        grid
    }
}

/// Histograms of a tensor in one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shapes {
    /// The tensor, by its place, and the column of the model.
    pub of: (usize, usize),
    /// Number of the request.
    pub request: u64,
    /// The answer, when it is there.
    pub answer: Option<Result<Arc<TensorShapes>, ErrorCard>>,
}

/// The cursor of the map, which is the same in all models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapCursor {
    /// Row.
    pub kind: usize,
    /// Layer.
    pub layer: usize,
}

impl CompareState {
    /// The grid of what is compared.
    pub fn grid(&self) -> Arc<Grid> {
        match (&self.grid, &self.result) {
            (Some((of, grid)), Some(result)) if Arc::ptr_eq(of, result) => grid.clone(),
            (_, Some(result)) => Arc::new(Grid::of(&result.comparison)),
            _ => Arc::default(),
        }
    }

    /// Makes the grid once for each result.
    pub(super) fn settle_grid(&mut self) {
        let Some(result) = self.result.clone() else {
            self.grid = None;
            return;
        };
        if self.grid.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, &result)) {
            let grid = Arc::new(Grid::of(&result.comparison));
            self.grid = Some((result, grid));
        }
    }

    /// The tensors of a cell.
    pub(crate) fn cell_tensors<'g>(&self, grid: &'g Grid, kind: usize, layer: usize) -> &'g [usize] {
        let Some(row) = grid.kinds.get(kind) else { return &[] };
        let layer = if row.layered { layer } else { 0 };
        row.cells.get(layer).map(Vec::as_slice).unwrap_or_default()
    }

    /// The largest error of some tensors in a column's model, and the tensor that has it.
    pub(crate) fn worst_of(&self, tensors: &[usize], column: usize) -> Option<(usize, Figures)> {
        let result = self.result.as_ref()?;
        let known =
            tensors.iter().filter_map(|at| Some((*at, *self.figures(result.comparison.tensors.get(*at)?, column)?)));
        known.reduce(|a, b| if b.1.badness() > a.1.badness() { b } else { a })
    }

    /// Moves the cursor of the map.
    pub(crate) fn move_on_map(&mut self, kinds: isize, layers: isize) {
        let grid = self.grid();
        let to = |at: usize, by: isize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
        self.cursor.kind = to(self.cursor.kind, kinds, grid.kinds.len());
        self.cursor.layer = to(self.cursor.layer, layers, grid.layers.max(1));
    }

    /// The tensor that is looked at, by its place: of the list, or of the map.
    pub(crate) fn tensor(&self) -> Option<usize> {
        match self.page {
            super::Page::Tensors => {
                let rows = self.tensor_rows();
                rows.get(self.row.min(rows.len().saturating_sub(1))).copied()
            }
            super::Page::Map => {
                let grid = self.grid();
                let tensors = self.cell_tensors(&grid, self.cursor.kind, self.cursor.layer);
                self.worst_of(tensors, self.subject()).map(|(at, _)| at).or_else(|| tensors.first().copied())
            }
            _ => None,
        }
    }

    /// What the histograms are to be of: a tensor and a column. Nothing while they are not shown.
    pub(crate) fn shapes_wanted(&self) -> Option<(usize, usize)> {
        self.shapes.as_ref()?;
        let (tensor, column) = (self.tensor()?, self.subject());
        let of = self.result.as_ref()?.comparison.tensors.get(tensor)?;
        self.figures(of, column).map(|_| (tensor, column))
    }
}
