//! Types of the elements of values: those of ONNX 1.23 (`TensorProto.DataType`), which include those of TFLite and TensorFlow.

use crate::tensor::DType;
use std::fmt;

macro_rules! elems {
    ($($name:ident = $code:literal, $bits:literal, $text:literal, $dtype:expr;)*) => {
        /// The type of one element of a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "names of the field")]
        pub(crate) enum Elem {
            $($name,)*
        }

        impl Elem {
            /// Every type, in the order of ONNX's codes.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// ONNX's code of the type.
            pub(crate) const fn code(self) -> i64 {
                match self { $(Self::$name => $code,)* }
            }

            /// Bits of one element; 0 for strings, which have no fixed size.
            pub(crate) const fn bits(self) -> u64 {
                match self { $(Self::$name => $bits,)* }
            }

            /// The name shown to people.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The type of the tensor that holds such elements; `None` for types that no model tensor has.
            pub(crate) const fn dtype(self) -> Option<DType> {
                match self { $(Self::$name => $dtype,)* }
            }
        }
    };
}

elems! {
    F32 = 1, 32, "f32", Some(DType::F32);
    U8 = 2, 8, "u8", Some(DType::U8);
    I8 = 3, 8, "i8", Some(DType::I8);
    U16 = 4, 16, "u16", Some(DType::U16);
    I16 = 5, 16, "i16", Some(DType::I16);
    I32 = 6, 32, "i32", Some(DType::I32);
    I64 = 7, 64, "i64", Some(DType::I64);
    String = 8, 0, "string", None;
    Bool = 9, 8, "bool", Some(DType::Bool);
    F16 = 10, 16, "f16", Some(DType::F16);
    F64 = 11, 64, "f64", Some(DType::F64);
    U32 = 12, 32, "u32", Some(DType::U32);
    U64 = 13, 64, "u64", Some(DType::U64);
    C64 = 14, 64, "c64", Some(DType::C64);
    C128 = 15, 128, "c128", Some(DType::C128);
    BF16 = 16, 16, "bf16", Some(DType::BF16);
    F8E4M3 = 17, 8, "f8_e4m3", Some(DType::F8E4M3);
    F8E4M3Fnuz = 18, 8, "f8_e4m3fnuz", None;
    F8E5M2 = 19, 8, "f8_e5m2", Some(DType::F8E5M2);
    F8E5M2Fnuz = 20, 8, "f8_e5m2fnuz", None;
    U4 = 21, 4, "u4", None;
    I4 = 22, 4, "i4", None;
    F4E2M1 = 23, 4, "f4_e2m1", None;
    F8E8M0 = 24, 8, "f8_e8m0", None;
    U2 = 25, 2, "u2", None;
    I2 = 26, 2, "i2", None;
    F6E2M3 = 27, 6, "f6_e2m3", None;
    F6E3M2 = 28, 6, "f6_e3m2", None;
}

impl Elem {
    /// The type of that code.
    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.code() == code)
    }

    /// Bytes of `elems` packed elements; `None` for strings and if the size overflows.
    pub(crate) fn packed_bytes(self, elems: u64) -> Option<u64> {
        if self.bits() == 0 {
            return None;
        }
        Some(elems.checked_mul(self.bits())?.div_ceil(8))
    }

    /// True for floating-point types.
    pub(crate) const fn is_float(self) -> bool {
        use Elem::{BF16, F4E2M1, F6E2M3, F6E3M2, F8E4M3, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz, F8E8M0, F16, F32, F64};
        matches!(
            self,
            F32 | F64 | F16 | BF16 | F8E4M3 | F8E4M3Fnuz | F8E5M2 | F8E5M2Fnuz | F8E8M0 | F4E2M1 | F6E2M3 | F6E3M2
        )
    }
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_onnx_without_a_gap() {
        let codes: Vec<i64> = Elem::ALL.iter().map(|e| e.code()).collect();
        assert_eq!(codes, (1..=28).collect::<Vec<i64>>());
        assert_eq!(Elem::from_code(0), None);
        for e in Elem::ALL {
            if let Some(dtype) = e.dtype() {
                assert_eq!(dtype.size_bytes() as u64 * 8, e.bits(), "{e}");
                assert_eq!(dtype.name(), e.name());
                assert_eq!(dtype.is_float(), e.is_float(), "{e}");
            }
        }
    }

    #[test]
    fn elements_below_a_byte_are_packed_over_the_whole_tensor() {
        assert_eq!(Elem::I4.packed_bytes(15), Some(8));
        assert_eq!(Elem::U2.packed_bytes(5), Some(2));
        assert_eq!(Elem::F6E2M3.packed_bytes(4), Some(3));
        assert_eq!(Elem::F64.packed_bytes(u64::MAX), None);
        assert_eq!(Elem::String.packed_bytes(1), None);
    }
}
