//! ggml's own quantizers, loaded from a shared library.

use crate::Fallible;
use libloading::Library;
use remold::testing::quant::BlockType;
use std::ffi::c_int;

type QuantizeChunk = unsafe extern "C" fn(c_int, *const f32, *mut u8, i64, i64, i64, *const f32) -> usize;
type DequantizeRow = unsafe extern "C" fn(*const u8, *mut f32, i64);

/// A loaded `libggml-base`.
pub struct Reference(Library);

impl Reference {
    /// The library that `REMOLD_GGML_BASE` names, if it names one.
    pub fn from_environment() -> Fallible<Option<Self>> {
        let Some(path) = std::env::var_os("REMOLD_GGML_BASE") else { return Ok(None) };
        // SAFETY: the user vouches for the library; ggml's has no initializers that ask for anything.
        // BENEFIT: the reference is measured on the same rows in the same run.
        let library = unsafe { Library::new(&path) }.map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Some(Self(library)))
    }

    /// `ggml_quantize_chunk` of whole rows.
    pub fn encode(
        &self,
        ty: BlockType,
        x: &[f32],
        cols: usize,
        weights: Option<&[f32]>,
        dst: &mut [u8],
    ) -> Fallible<()> {
        let rows = x.len() / cols;
        assert_eq!(dst.len(), x.len() / ty.block_elems() * ty.block_bytes(), "bytes of {rows} rows");
        assert!(weights.is_none_or(|w| w.len() == cols), "a weight for each column");
        let weights = weights.map_or(std::ptr::null(), <[f32]>::as_ptr);
        // SAFETY: the signature of ggml.h; the buffers have the lengths just checked.
        unsafe {
            let quantize = self.0.get::<QuantizeChunk>(b"ggml_quantize_chunk\0")?;
            quantize(ty.code() as c_int, x.as_ptr(), dst.as_mut_ptr(), 0, rows as i64, cols as i64, weights);
        }
        Ok(())
    }

    /// `dequantize_row_*` of any number of blocks.
    pub fn decode(&self, ty: BlockType, src: &[u8], dst: &mut [f32]) -> Fallible<()> {
        assert_eq!(src.len() / ty.block_bytes() * ty.block_elems(), dst.len(), "elements of the blocks");
        let name = ty.name().to_lowercase();
        let name = name.strip_suffix("_k").map_or(name.clone(), |family| format!("{family}_K"));
        // SAFETY: the signature of ggml-quants.h; the buffers have the lengths just checked.
        unsafe {
            let dequantize = self.0.get::<DequantizeRow>(format!("dequantize_row_{name}\0").as_bytes())?;
            dequantize(src.as_ptr(), dst.as_mut_ptr(), dst.len() as i64);
        }
        Ok(())
    }
}
