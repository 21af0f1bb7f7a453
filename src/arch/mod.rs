//! Network architectures, one file a family: tensor names across ecosystems, roles, hyper-parameter mapping.
//!
//! Must not know file formats. The reference for everything written to GGUF is llama.cpp's own converter.

pub mod vocab;
