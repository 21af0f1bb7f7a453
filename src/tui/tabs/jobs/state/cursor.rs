//! The cursor of the grid, and the order of its rows.

use super::grid::{GridRow, RowKey};
use super::view::JobView;
use crate::job::JobTensor;
use crate::model::Role;
use crate::tui::core::kind_order;

/// A place in the grid: a row of [`JobView::rows`] and a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GridCursor {
    /// Which row.
    pub row: usize,
    /// Which layer.
    pub layer: usize,
}

impl GridCursor {
    /// More layers than any row has.
    pub const MAX_LAYERS: usize = 4096;

    /// The cursor as one number, for a click.
    pub(crate) fn number(self) -> usize {
        self.row * Self::MAX_LAYERS + self.layer
    }
}

impl JobView {
    /// The rows, output by output: layers first, then what belongs to none; norms and biases, which are hardly ever quantized, last.
    pub(crate) fn rows(&self) -> Vec<(&RowKey, &GridRow)> {
        let mut rows: Vec<_> = self.grid.iter().collect();
        let small = |r: &GridRow| matches!(r.role, Role::Norm | Role::Other);
        rows.sort_by_key(|(k, r)| (k.0, small(r), !r.layered, kind_order(&k.1)));
        rows
    }

    /// The cursor moved by rows and layers, and kept inside.
    pub(crate) fn moved(&self, at: GridCursor, rows: isize, layers: isize) -> GridCursor {
        let all = self.rows();
        let row = at.row.saturating_add_signed(rows).min(all.len().saturating_sub(1));
        // The layer is kept over rows that have none, so that one comes back to the same column.
        let most = all.iter().map(|(_, r)| r.cells.len()).max().unwrap_or(1);
        GridCursor { row, layer: at.layer.saturating_add_signed(layers).min(most.saturating_sub(1)) }
    }

    /// The tensors under the cursor: one, or those of a kind that has several in a layer.
    pub fn under(&self, at: GridCursor) -> Vec<&JobTensor> {
        let rows = self.rows();
        let Some(((output, kind), row)) = rows.get(at.row) else { return Vec::new() };
        let layer = row.layered.then_some(at.layer as u32);
        let here = |t: &JobTensor| t.kind == *kind && (t.layer == layer || !row.layered);
        self.history.tensors.iter().filter(|((o, _), t)| o == output && here(t)).map(|(_, t)| t).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, EventBody, TensorStart};
    use crate::model::OutputIndex;

    fn job(tensors: &[(usize, &str, Option<u32>, Role)]) -> JobView {
        let mut view = JobView::new("1");
        for (output, kind, layer, role) in tensors {
            let name = format!("{kind}.{}", layer.unwrap_or(0));
            let start = TensorStart {
                output: OutputIndex(*output),
                name: name.into(),
                layer: *layer,
                kind: (*kind).into(),
                role: *role,
                ..TensorStart::default()
            };
            view.apply(&Event {
                t: jiff::Timestamp::UNIX_EPOCH,
                job: "1".into(),
                body: EventBody::TensorStarted(start),
            });
        }
        view
    }

    #[test]
    fn rows_stand_by_output_and_the_cursor_stays_inside() {
        let view = job(&[
            (0, "attn_norm", Some(0), Role::Norm),
            (0, "output", None, Role::Output),
            (0, "ffn_up", Some(0), Role::Ffn),
            (0, "ffn_up", Some(1), Role::Ffn),
            (1, "attn_q", Some(0), Role::Attention),
        ]);
        let rows: Vec<(usize, &str)> = view.rows().iter().map(|((o, k), _)| (o.0, k.as_str())).collect();
        assert_eq!(rows, [(0, "ffn_up"), (0, "output"), (0, "attn_norm"), (1, "attn_q")]);
        let at = view.moved(GridCursor::default(), 0, 9);
        assert_eq!(view.under(at)[0].name, "ffn_up.1");
        let at = view.moved(at, 1, 0);
        assert_eq!(view.under(at)[0].name, "output.0", "a kind of no layer has one tensor, whatever the column");
        assert_eq!(view.under(view.moved(at, 9, -9))[0].name, "attn_q.0");
        assert!(JobView::new("2").under(at).is_empty());
    }
}
