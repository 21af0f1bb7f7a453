//! Which instruction set, and which formats have an encoder in lanes.

use super::lanes::{Isa, Kernel};
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use crate::quant::{BlockType, codec, fp4, iq, k, legacy, low_bit};
use std::sync::OnceLock;

/// An instruction set that this machine has and may use.
#[derive(Clone, Copy, Debug)]
pub(in crate::quant) enum Level {
    /// The definition: one number at a time, as the compiler sees fit.
    Scalar,
    /// Sixteen in an array, for the vector instructions of the target's baseline.
    Portable(Portable),
    /// Eight numbers in a register.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Sixteen.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Level {
    /// The levels this machine has, the plainest first.
    pub(in crate::quant) fn available() -> Vec<Self> {
        let mut all = vec![Self::Scalar, Self::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::detect().map(Self::Avx2));
            all.extend(Avx512::detect().map(Self::Avx512));
        }
        all
    }

    /// The name `REMOLD_ISA` knows it by.
    pub(in crate::quant) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Portable(_) => {
                if cfg!(target_arch = "aarch64") {
                    "neon"
                } else {
                    "portable"
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
        }
    }
}

/// The names of the levels this machine has, the plainest first.
pub(in crate::quant) fn names() -> Vec<&'static str> {
    Level::available().into_iter().map(Level::name).collect()
}

/// The best level of this machine, or the one `REMOLD_ISA` names if the machine has it.
pub(in crate::quant) fn best() -> Level {
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(|| {
        let mut all = Level::available();
        if let Ok(wanted) = std::env::var("REMOLD_ISA")
            && let Some(at) = all.iter().position(|l| l.name() == wanted)
        {
            all.truncate(at + 1);
        }
        all.pop().unwrap_or(Level::Scalar)
    })
}

/// Runs a kernel at a level; the plain one is taken for the portable lanes.
#[inline]
pub(in crate::quant) fn run<K: Kernel>(level: Level, kernel: K) {
    match level {
        Level::Scalar => Portable.run(kernel),
        Level::Portable(isa) => isa.run(kernel),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(isa) => isa.run(kernel),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(isa) => isa.run(kernel),
    }
}

/// Runs a kernel at the best level of this machine.
#[inline]
pub(in crate::quant) fn at_best<K: Kernel>(kernel: K) {
    run(best(), kernel);
}

/// Rows to encode; lengths are checked, the elements finite.
pub(in crate::quant) struct Rows<'a> {
    /// Elements of whole rows.
    pub x: &'a [f32],
    /// Elements of a row.
    pub cols: usize,
    /// Importance of each column.
    pub weights: Option<&'a [f32]>,
    /// Mean square of the whole row, where `x` is one part of one.
    pub mean_square: Option<f32>,
    /// Bytes of the rows' blocks.
    pub dst: &'a mut [u8],
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
}

macro_rules! encoders {
    ($($ty:ident => $encode:path,)*) => {
        $(
            #[allow(non_camel_case_types, reason = "named after the format")]
            struct $ty<'a>(Rows<'a>);

            impl Kernel for $ty<'_> {
                #[inline(always)]
                fn run<S: Isa>(self, isa: S) {
                    $encode(isa, self.0);
                }
            }
        )*

        /// Encodes rows if the format has an encoder in lanes and `level` is one; says whether it did.
        pub(in crate::quant) fn encode(level: Level, ty: BlockType, rows: Rows<'_>) -> bool {
            match (level, ty) {
                $(
                    (Level::Portable(isa), BlockType::$ty) => isa.run($ty(rows)),
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx2(isa), BlockType::$ty) => isa.run($ty(rows)),
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512(isa), BlockType::$ty) => isa.run($ty(rows)),
                )*
                _ => return false,
            }
            true
        }
    };
}

encoders! {
    Q4_0 => legacy::q4_0::encode_lanes,
    Q4_1 => legacy::q4_1::encode_lanes,
    Q5_0 => legacy::q5_0::encode_lanes,
    Q5_1 => legacy::q5_1::encode_lanes,
    Q8_0 => legacy::q8_0::encode_lanes,
    Q2_K => k::q2::encode_lanes,
    Q3_K => k::q3::encode_lanes,
    Q4_K => k::q4::encode_lanes,
    Q5_K => k::q5::encode_lanes,
    Q6_K => k::q6::encode_lanes,
    IQ1_S => iq::iq1::encode_lanes_s,
    IQ1_M => iq::iq1::encode_lanes_m,
    IQ2_XXS => iq::iq2::encode_lanes_xxs,
    IQ2_XS => iq::iq2::encode_lanes_xs,
    IQ2_S => iq::iq2::encode_lanes_s,
    IQ3_XXS => iq::iq3::encode_lanes_xxs,
    IQ3_S => iq::iq3::encode_lanes_s,
    IQ4_NL => iq::iq4_nl::encode_lanes,
    IQ4_XS => iq::iq4_xs::encode_lanes,
    MXFP4 => fp4::mxfp4::encode_lanes,
    NVFP4 => fp4::nvfp4::encode_lanes,
    Q1_0 => low_bit::q1_0::encode_lanes,
    Q2_0 => low_bit::q2_0::encode_lanes,
    TQ1_0 => low_bit::tq1_0::encode_lanes,
    TQ2_0 => low_bit::tq2_0::encode_lanes,
}

macro_rules! decoders {
    ($($ty:ident)*) => {
        mod decoders {
            use super::*;

            $(
                #[allow(non_camel_case_types, reason = "named after the format")]
                pub(super) struct $ty<'a>(pub &'a [u8], pub &'a mut [f32]);

                impl Kernel for $ty<'_> {
                    #[inline(always)]
                    fn run<S: Isa>(self, _isa: S) {
                        codec::decode_inline(BlockType::$ty, self.0, self.1);
                    }
                }
            )*
        }

        /// Decodes blocks with the instruction set of `level`, where that helps the format; says whether it did.
        pub(in crate::quant) fn decode(level: Level, ty: BlockType, src: &[u8], dst: &mut [f32]) -> bool {
            #[cfg(target_arch = "x86_64")]
            match (level, ty) {
                $(
                    (Level::Avx2(isa), BlockType::$ty) => isa.run(decoders::$ty(src, dst)),
                    (Level::Avx512(isa), BlockType::$ty) => isa.run(decoders::$ty(src, dst)),
                )*
                _ => return false,
            }
            // For the baseline the plain decoder is compiled already.
            #[cfg(not(target_arch = "x86_64"))]
            let _ = (level, ty, src, dst);
            cfg!(target_arch = "x86_64")
        }
    };
}

// The others gain nothing: measured with `cargo bench --bench quantize`.
decoders! {
    Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4 NVFP4 Q1_0 Q2_0 TQ2_0
}
