//! The instruction sets: which there are, and which is used.

use super::lanes::Kernel;
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use std::sync::OnceLock;

/// An instruction set that this machine has and may use.
#[derive(Clone, Copy, Debug)]
pub(in crate::quant) enum Level {
    /// One number at a time: the definition.
    Scalar,
    /// Sixteen numbers in an array, for the vector instructions of the target's baseline.
    Portable(Portable),
    /// Eight numbers in a register.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Sixteen numbers in a register.
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

    /// Its name in `REMOLD_ISA`.
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

impl Level {
    /// The processor's features that its code is compiled for, beyond those of every processor of the target; commas between them.
    pub(in crate::quant) fn features(self) -> &'static str {
        match self {
            Self::Scalar | Self::Portable(_) => "",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Avx2::FEATURES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Avx512::FEATURES,
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
        if let Ok(name) = std::env::var("REMOLD_ISA")
            && let Some(at) = all.iter().position(|l| l.name() == name)
        {
            all.truncate(at + 1);
        }
        all.pop().unwrap_or(Level::Scalar)
    })
}

/// Runs a kernel at a level; the scalar level uses the portable lanes.
#[inline]
pub(in crate::quant) fn run<K: Kernel>(level: Level, kernel: K) {
    match level {
        // One arm, so that this code, the largest of all levels, is compiled once for each kernel.
        Level::Scalar | Level::Portable(_) => Portable.run(kernel),
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
