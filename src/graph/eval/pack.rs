//! Packed little-endian elements, as files and constants have them.

use super::small::{bits_of, value_of};
use super::{Data, Tensor};
use crate::graph::Elem;
use half::{bf16, f16};

/// A tensor of packed elements.
///
/// # Errors
/// Bytes that are not as many as the elements need; strings.
pub(crate) fn unpack(elem: Elem, dims: impl Into<Vec<usize>>, bytes: &[u8]) -> Result<Tensor, String> {
    let dims = dims.into();
    let n = dims.iter().try_fold(1usize, |a, d| a.checked_mul(*d)).ok_or("the number of elements overflows")?;
    let need = elem.packed_bytes(n as u64).ok_or("it has no packed form")?;
    if bytes.len() as u64 != need {
        return Err(format!("{} bytes, and {n} elements of {elem} need {need}", bytes.len()));
    }
    fn each<const N: usize, T>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|b| of(*b)).collect()
    }
    let data = match elem {
        Elem::F32 => Data::F32(each(bytes, f32::from_le_bytes)),
        Elem::F16 => Data::F32(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Elem::BF16 => Data::F32(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Elem::F64 => Data::F64(each(bytes, f64::from_le_bytes)),
        Elem::I64 | Elem::U64 => Data::Int(each(bytes, i64::from_le_bytes)),
        Elem::I32 => Data::Int(each(bytes, |b| i32::from_le_bytes(b).into())),
        Elem::U32 => Data::Int(each(bytes, |b| u32::from_le_bytes(b).into())),
        Elem::I16 => Data::Int(each(bytes, |b| i16::from_le_bytes(b).into())),
        Elem::U16 => Data::Int(each(bytes, |b| u16::from_le_bytes(b).into())),
        Elem::I8 => Data::Int(each(bytes, |b| i8::from_le_bytes(b).into())),
        Elem::U8 => Data::Int(each(bytes, |[b]: [u8; 1]| b.into())),
        Elem::Bool => Data::Int(each(bytes, |[b]: [u8; 1]| i64::from(b != 0))),
        Elem::C64 => Data::Complex(each(bytes, |b: [u8; 8]| {
            let [re, im] = [[b[0], b[1], b[2], b[3]], [b[4], b[5], b[6], b[7]]].map(f32::from_le_bytes);
            [re.into(), im.into()]
        })),
        Elem::C128 => {
            let parts = each(bytes, f64::from_le_bytes);
            Data::Complex(parts.as_chunks::<2>().0.to_vec())
        }
        Elem::String => return Err("strings have no packed form".to_owned()),
        small => {
            let (bits, elems) = (small.bits() as usize, 0..n);
            let of = elems.map(|i| field(bytes, i * bits, bits));
            if small.is_float() {
                Data::F32(of.map(|b| value_of(small, b)).collect())
            } else {
                Data::Int(of.map(|b| super::wrap(small, b.into())).collect())
            }
        }
    };
    Ok(Tensor::new(elem, dims, data))
}

/// The packed elements of a tensor; `None` for strings.
pub(crate) fn pack(t: &Tensor) -> Option<Vec<u8>> {
    let n = t.len();
    let size = usize::try_from(t.elem.packed_bytes(n as u64)?).ok()?;
    let mut out = Vec::with_capacity(size);
    let bits = t.elem.bits() as usize;
    match &*t.data {
        Data::F32(v) => match t.elem {
            Elem::F16 => v.iter().for_each(|x| out.extend(f16::from_f32(*x).to_le_bytes())),
            Elem::BF16 => v.iter().for_each(|x| out.extend(bf16::from_f32(*x).to_le_bytes())),
            Elem::F32 => v.iter().for_each(|x| out.extend(x.to_le_bytes())),
            small => {
                out.resize(size, 0);
                v.iter()
                    .enumerate()
                    .for_each(|(i, x)| set_field(&mut out, i * bits, bits, bits_of(small, (*x).into(), false)));
            }
        },
        Data::F64(v) => v.iter().for_each(|x| out.extend(x.to_le_bytes())),
        Data::Int(v) if bits >= 8 => v.iter().for_each(|x| out.extend(&x.to_le_bytes()[..bits / 8])),
        Data::Int(v) => {
            out.resize(size, 0);
            v.iter().enumerate().for_each(|(i, x)| set_field(&mut out, i * bits, bits, *x as u8));
        }
        Data::Complex(v) if t.elem == Elem::C64 => {
            v.iter().flatten().for_each(|x| out.extend((*x as f32).to_le_bytes()));
        }
        Data::Complex(v) => v.iter().flatten().for_each(|x| out.extend(x.to_le_bytes())),
        Data::Str(_) => return None,
    }
    Some(out)
}

/// `bits` bits from the bit `at` on; the lowest bits of a byte come first.
fn field(bytes: &[u8], at: usize, bits: usize) -> u8 {
    let (byte, shift) = (at / 8, at % 8);
    let low = u16::from(bytes[byte]);
    let high = bytes.get(byte + 1).map_or(0, |b| u16::from(*b) << 8);
    (((low | high) >> shift) & ((1 << bits) - 1)) as u8
}

fn set_field(bytes: &mut [u8], at: usize, bits: usize, value: u8) {
    let (byte, shift) = (at / 8, at % 8);
    let value = (u16::from(value) & ((1 << bits) - 1)) << shift;
    bytes[byte] |= value as u8;
    if let Some(next) = bytes.get_mut(byte + 1) {
        *next |= (value >> 8) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_unpacked_and_packed_again() {
        let bytes: Vec<u8> = (0..48u32).map(|i| (i * 37 + 11) as u8).collect();
        for elem in Elem::ALL.iter().filter(|e| **e != Elem::String) {
            let n = bytes.len() * 8 / elem.bits() as usize;
            let t = unpack(*elem, [n], &bytes).unwrap();
            let packed = pack(&t).unwrap();
            // Truth values are 0 or 1, and a NaN of 8 bits has one form.
            if *elem == Elem::Bool || (elem.is_float() && elem.bits() <= 8) {
                assert_eq!(pack(&unpack(*elem, [n], &packed).unwrap()).unwrap(), packed, "{elem}");
            } else {
                assert_eq!(packed, bytes, "{elem}");
            }
        }
        assert!(unpack(Elem::I4, [5], &[0; 2]).unwrap_err().contains("need 3"));
        assert!(unpack(Elem::F32, [usize::MAX, 2], &[]).is_err());
    }
}
