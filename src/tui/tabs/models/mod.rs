//! The Models tab: what the scan found, and the details of one model.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::inspect::{Ask, Check, Glance, Inspect, Reading, Told, Tried};
pub use state::model_info::{Finding, KindRow, ModelInfo, Share, Summary, TensorRow};
pub use state::reading::{ReadLine, read_lines};
pub use state::{Details, ModelsState, Node, Row, Section, TensorSort};
