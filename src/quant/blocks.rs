//! Rows cut into blocks: what every format's encoder and decoder iterates over.

/// Whole rows, or a part of one row, and the place of their encoded blocks. Callers check lengths.
pub(in crate::quant) struct Rows<'a> {
    /// Elements of whole rows.
    pub(in crate::quant) x: &'a [f32],
    /// Elements of a row.
    pub(in crate::quant) cols: usize,
    /// Importance of each column.
    pub(in crate::quant) weights: Option<&'a [f32]>,
    /// Mean square of the whole row, if `x` is a part of one.
    pub(in crate::quant) mean_square: Option<f32>,
    /// Bytes of the rows' blocks.
    pub(in crate::quant) dst: &'a mut [u8],
}

impl<'a> Rows<'a> {
    /// The blocks of `N` elements.
    #[inline(always)]
    pub(in crate::quant) fn blocks<const N: usize>(&self) -> &'a [[f32; N]] {
        self.x.as_chunks().0
    }

    /// The importance of block `b`'s elements.
    #[inline(always)]
    pub(in crate::quant) fn importance<const N: usize>(&self, b: usize) -> Option<&'a [f32; N]> {
        self.weights.map(|w| &w.as_chunks::<N>().0[b % (self.cols / N)])
    }

    /// The bytes of block `b`.
    #[inline(always)]
    pub(in crate::quant) fn out<const B: usize>(&mut self, b: usize) -> &mut [u8; B] {
        &mut self.dst.as_chunks_mut::<B>().0[b]
    }

    /// Calls `encode` for each block with its elements, their importance if there are weights, and its bytes.
    #[inline(always)]
    pub(in crate::quant) fn encode_each<const N: usize, const B: usize>(
        self,
        mut encode: impl FnMut(&[f32; N], Option<&[f32; N]>, &mut [u8; B]),
    ) {
        let blocks = self.blocks::<N>().iter().zip(self.dst.as_chunks_mut::<B>().0);
        match self.weights {
            None => blocks.for_each(|(x, out)| encode(x, None, out)),
            Some(w) => {
                // The columns repeat with every row.
                let weights = w.as_chunks::<N>().0.iter().cycle();
                blocks.zip(weights).for_each(|((x, out), w)| encode(x, Some(w), out));
            }
        }
    }
}
