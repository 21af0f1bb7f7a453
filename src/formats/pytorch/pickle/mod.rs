//! A pickle interpreter that runs nothing: protocols 0 to 5, plain containers, torch storages and tensors.
//!
//! Opcodes come from a bounded [`Input`]; values go into an arena ([`Tree`]), so shared and cyclic values cost nothing and
//! dropping them never recurses. A global is only ever a name; `globals` says which are harmless. Calling one that is not on the short
//! list in `reduce` gives an [`Opaque`] node that names it and keeps its arguments, state and items for the walk to look into.
//!
//! Opcode numbers and meanings: CPython 3.13 `Lib/pickletools.py` (documentation of the format). Forms of torch objects:
//! `torch/_utils.py`, `torch/serialization.py` of PyTorch 2.x and the 0.4-era legacy stream.

pub(crate) mod globals;
mod input;
mod machine;
mod reduce;
mod torch;
mod tree;

pub(crate) use input::Input;
pub(crate) use machine::{globals_of, load};
pub(crate) use torch::{Element, StorageRef, TensorRef};
pub(crate) use tree::{Node, NodeId, Opaque, Pickle, Tree, printable};

#[cfg(test)]
mod tests;
