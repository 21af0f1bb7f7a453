//! Maps safetensors' element types to ours.

use crate::model::{ModelError, Result};
use crate::tensor::DType;
use safetensors::Dtype;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

/// The type of that name in a header.
///
/// # Errors
/// Names that are not a type (bad file); types that remold does not compute with (unsupported).
pub(super) fn parse(name: &str) -> Result<DType> {
    let from: StrDeserializer<'_, Error> = name.into_deserializer();
    let theirs = Dtype::deserialize(from).map_err(|_| {
        ModelError::bad(format!("{:?} is not an element type of safetensors", truncated(name)))
            .with_hint("A newer version of remold may support it.")
    })?;
    DType::ALL.into_iter().find(|d| to_theirs(*d) == Some(theirs)).ok_or_else(|| {
        ModelError::unsupported(format!("the element type {name} is not supported"))
            .with_hint("Save the model with bf16, f16, f32 or f8_e4m3 weights.")
    })
}

/// The crate's type; its order is that of the reference writer. `None` if safetensors has no such type.
pub(super) fn to_theirs(dtype: DType) -> Option<Dtype> {
    Some(match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F8E4M3 => Dtype::F8_E4M3,
        DType::F8E5M2 => Dtype::F8_E5M2,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
        DType::C64 => Dtype::C64,
        DType::C128 => return None,
    })
}

/// The start of a text from a file, for messages.
pub(super) fn truncated(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;

    #[test]
    fn every_name_of_the_specification_is_known() {
        for name in ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I8", "U64", "U8", "BOOL", "C64"] {
            assert_eq!(format!("{}", to_theirs(parse(name).unwrap()).unwrap()), name);
        }
        for name in ["F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ"] {
            assert_eq!(parse(name).unwrap_err().kind(), ErrorKind::Unsupported, "{name}");
        }
        for name in ["", "f32", "Q4_0", "FLOAT"] {
            assert_eq!(parse(name).unwrap_err().kind(), ErrorKind::BadFile, "{name}");
        }
    }
}
