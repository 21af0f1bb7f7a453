//! How many threads a command uses.

use std::thread;

/// The threads asked for, or all cores.
pub(super) fn threads(asked: usize) -> usize {
    if asked == 0 { thread::available_parallelism().map_or(1, usize::from) } else { asked }
}
