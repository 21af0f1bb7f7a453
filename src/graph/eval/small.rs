//! Floats of at most 16 bits: their values, and rounding to them.
//!
//! Formats: OCP 8-bit floating point and microscaling specifications; `fnuz` are those of ONNX's `docs/docsgen/source/technical/float8.md`.

use crate::graph::Elem;

/// A format with a sign, an exponent and a fraction.
#[derive(Clone, Copy)]
struct Format {
    fraction: i32,
    bias: i32,
    bits: u32,
    max: f64,
    special: Special,
}

/// What a format has besides numbers.
#[derive(Clone, Copy, PartialEq)]
enum Special {
    /// Infinities and NaN, as IEEE 754 has them.
    Ieee,
    /// NaN with all bits set.
    Nan,
    /// NaN in the place of -0.
    NanOnly,
    /// Nothing.
    None,
}

fn format(elem: Elem) -> Option<Format> {
    let of = |fraction, bias, bits, max, special| Some(Format { fraction, bias, bits, max, special });
    match elem {
        Elem::F8E4M3 => of(3, 7, 8, 448.0, Special::Nan),
        Elem::F8E4M3Fnuz => of(3, 8, 8, 240.0, Special::NanOnly),
        Elem::F8E5M2 => of(2, 15, 8, 57344.0, Special::Ieee),
        Elem::F8E5M2Fnuz => of(2, 16, 8, 57344.0, Special::NanOnly),
        Elem::F4E2M1 => of(1, 1, 4, 6.0, Special::None),
        Elem::F6E2M3 => of(3, 1, 6, 7.5, Special::None),
        Elem::F6E3M2 => of(2, 3, 6, 28.0, Special::None),
        _ => None,
    }
}

/// 2 to the power of an exponent that `f64` has.
fn exp2(e: i32) -> f64 {
    f64::powi(2.0, e)
}

impl Format {
    fn value(self, bits: u8) -> f32 {
        let sign = if bits >> (self.bits - 1) & 1 == 1 { -1.0 } else { 1.0 };
        let magnitude = i32::from(bits) & ((1 << (self.bits - 1)) - 1);
        let (exponent, fraction) = (magnitude >> self.fraction, magnitude & ((1 << self.fraction) - 1));
        let top = (1 << (self.bits as i32 - 1 - self.fraction)) - 1;
        match self.special {
            Special::Nan if magnitude == (1 << (self.bits - 1)) - 1 => return f32::NAN,
            Special::NanOnly if magnitude == 0 && sign < 0.0 => return f32::NAN,
            Special::Ieee if exponent == top && fraction == 0 => return (sign * f64::INFINITY) as f32,
            Special::Ieee if exponent == top => return f32::NAN,
            _ => {}
        }
        let scale = exp2(exponent.max(1) - self.bias - self.fraction);
        let whole = if exponent == 0 { fraction } else { fraction + (1 << self.fraction) };
        (sign * f64::from(whole) * scale) as f32
    }

    fn bits(self, x: f64, saturate: bool) -> u8 {
        let sign = u8::from(x.is_sign_negative()) << (self.bits - 1);
        let nan = match self.special {
            Special::Ieee | Special::Nan => sign | ((1 << (self.bits - 1)) - 1),
            Special::NanOnly => 1 << (self.bits - 1),
            Special::None => 1 << (self.bits - 1),
        };
        if x.is_nan() {
            return nan;
        }
        let lowest = 1 - self.bias;
        let exponent = |a: f64| if a == 0.0 { lowest } else { ((a.to_bits() >> 52) as i32 - 1023).max(lowest) };
        let a = x.abs();
        let step = exp2(exponent(a) - self.fraction);
        let mut rounded = if a.is_finite() { (a / step).round_ties_even() * step } else { a };
        if rounded > self.max {
            if !saturate && self.special != Special::None {
                let infinity = ((1 << (self.bits as i32 - 1 - self.fraction)) - 1) << self.fraction;
                return if self.special == Special::Ieee { sign | infinity as u8 } else { nan };
            }
            rounded = self.max;
        }
        let e = exponent(rounded);
        let whole = (rounded / exp2(e - self.fraction)) as i32;
        // A number without the leading bit is below the lowest exponent.
        let magnitude =
            if whole >> self.fraction == 0 { whole } else { whole + ((e + self.bias - 1) << self.fraction) };
        let zero = magnitude == 0 && self.special == Special::NanOnly;
        if zero { 0 } else { sign | magnitude as u8 }
    }
}

/// The value of an element of a type of at most 8 bits.
pub(crate) fn value_of(elem: Elem, bits: u8) -> f32 {
    match format(elem) {
        Some(f) => f.value(bits),
        // The exponent alone (`f8_e8m0`).
        None if bits == 255 => f32::NAN,
        None => exp2(i32::from(bits) - 127) as f32,
    }
}

/// The bits of a number in a type of at most 8 bits. What is too large becomes the largest value if it is to saturate.
pub(crate) fn bits_of(elem: Elem, x: f64, saturate: bool) -> u8 {
    match format(elem) {
        Some(f) => f.bits(x, saturate),
        None => exponent_of(x, saturate, "nearest"),
    }
}

/// The bits of a number in `f8_e8m0`, which has neither sign nor zero.
pub(crate) fn exponent_of(x: f64, saturate: bool, mode: &str) -> u8 {
    let a = x.abs();
    if !x.is_finite() {
        return 255;
    }
    let (mut e, mut fraction) = (-1074, 0.0);
    if a > 0.0 {
        e = (a.log2().floor() as i32).clamp(-1074, 1023);
        e += i32::from(a >= exp2(e + 1).min(f64::MAX)) - i32::from(a < exp2(e));
        fraction = a / exp2(e) - 1.0;
    }
    let up = match mode {
        "up" => fraction > 0.0,
        "down" => false,
        _ => fraction >= 0.5,
    };
    let e = e + i32::from(up && a > 0.0) + 127;
    match e {
        ..0 => 0,
        255.. if saturate => 254,
        255.. => 255,
        e => e as u8,
    }
}

/// A number rounded to a type of floats of at most 32 bits, ties to even. What is too large for a type of 8 bits becomes its largest value.
pub(crate) fn round_to(elem: Elem, x: f64) -> f32 {
    match elem {
        Elem::F16 => half::f16::from_f64(x).to_f32(),
        Elem::BF16 => half::bf16::from_f64(x).to_f32(),
        Elem::F32 | Elem::F64 => x as f32,
        e => value_of(e, bits_of(e, x, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_bits() {
        use Elem::{F4E2M1, F6E2M3, F6E3M2, F8E4M3, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz, F8E8M0};
        for elem in [F8E4M3, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz, F4E2M1, F6E2M3, F6E3M2, F8E8M0] {
            for bits in 0..1u32 << elem.bits() {
                let value = value_of(elem, bits as u8);
                if !value.is_nan() {
                    assert_eq!(u32::from(bits_of(elem, value.into(), false)), bits, "{elem} {value}");
                }
            }
        }
    }

    #[test]
    fn values_of_the_specifications() {
        assert_eq!(value_of(Elem::F8E4M3, 0x7e), 448.0);
        assert_eq!(value_of(Elem::F8E4M3, 0x01), 2f32.powi(-9));
        assert_eq!(value_of(Elem::F8E5M2, 0x7b), 57344.0);
        assert_eq!(value_of(Elem::F8E4M3Fnuz, 0x7f), 240.0);
        assert_eq!(value_of(Elem::F4E2M1, 0x7), 6.0);
        assert_eq!(bits_of(Elem::F8E4M3, 1000.0, true), 0x7e);
        assert_eq!(bits_of(Elem::F8E4M3, 1000.0, false), 0x7f);
        assert_eq!(bits_of(Elem::F8E5M2, f64::INFINITY, false), 0x7c);
        assert_eq!(bits_of(Elem::F8E4M3, 464.0, false), 0x7e);
        assert_eq!(exponent_of(3.0, true, "up"), 129);
        assert_eq!(exponent_of(3.0, true, "down"), 128);
    }
}
