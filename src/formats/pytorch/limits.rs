//! What a PyTorch file may ask for. Every bound has its reason; real files stay far below all of them.

/// Nodes one pickle may build. A checkpoint of 100,000 tensors with its optimizer builds about 3 million; at 48 bytes a
/// node this bounds the tree to 200 MB.
pub(crate) const MAX_NODES: usize = 4 << 20;

/// List elements, numbers and text words that calls may copy out of values built earlier: a call is a few bytes and can name
/// the same large value again and again.
pub(crate) const MAX_COPIED: usize = 16 << 20;

/// Opcodes one pickle may run: four for each node (push, memoize, build, store).
pub(crate) const MAX_OPS: u64 = 16 << 20;

/// Values on the stack at once. A pickler flushes containers every 1,000 items; a tuple is pushed whole.
pub(crate) const MAX_STACK: usize = 1 << 20;

/// Open marks at once: the nesting depth of containers. Python's own pickler gives up at about 1,000.
pub(crate) const MAX_MARKS: usize = 4096;

/// Longest text kept (a name, a module path, source code in legacy files); longer ones are kept as their length.
pub(crate) const MAX_TEXT_BYTES: u64 = 1 << 20;

/// Bytes of all text kept from one pickle.
pub(crate) const MAX_TEXT_TOTAL_BYTES: u64 = 256 << 20;

/// How deep the search for tensors follows containers and modules.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many values the search for tensors looks at. Shared containers are looked at once for each path to them, so a
/// pickle of a few bytes can hold exponentially many paths.
pub(crate) const MAX_VISITS: u64 = 2 << 20;

/// Tensors in one file.
pub(crate) const MAX_TENSORS: usize = 1 << 20;

/// Bytes of one tensor's name.
pub(crate) const MAX_NAME_BYTES: usize = 1024;

/// Bytes of all names together.
pub(crate) const MAX_NAMES_BYTES: usize = 128 << 20;

/// Dimensions of one tensor (PyTorch's own kernels stop at 64).
pub(crate) const MAX_RANK: usize = 64;

/// Elements that an expanded or overlapping view (stride 0) may show beyond what its storage holds: broad enough for
/// attention masks, too small for a bomb.
pub(crate) const MAX_EXPANDED_ELEMS: u64 = 1 << 28;

/// Bytes of a pickle next to the model's own that is scanned for what it asks for.
pub(crate) const MAX_LOOKED_THROUGH_BYTES: u64 = 64 << 20;

/// Pickles of one file that are scanned next to the model's own.
pub(crate) const MAX_LOOKED_THROUGH: usize = 64;

/// Names of globals that are listed for one file; the rest are counted.
pub(crate) const MAX_LISTED_GLOBALS: usize = 200;

/// Bytes of a JSON index (`pytorch_model.bin.index.json`, the weights table of a `.pt2`).
pub(crate) const MAX_JSON_BYTES: u64 = 256 << 20;

/// Distinct objects named to the user; the rest are counted.
pub(crate) const MAX_NAMED_OBJECTS: usize = 24;
