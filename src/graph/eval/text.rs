//! Strings: numbers as text and back.

use super::{Data, Tensor};

/// The number that a text is.
///
/// # Errors
/// It is none.
pub(crate) fn number(text: &[u8]) -> Result<f64, String> {
    let shown = String::from_utf8_lossy(text);
    let trimmed = shown.trim().trim_start_matches('+');
    trimmed.parse().map_err(|_| format!("the text {shown:?} is not a number"))
}

/// Each number as text, as NumPy writes it.
///
/// # Errors
/// Complex numbers.
pub(crate) fn shown(t: &Tensor) -> Result<Vec<Box<[u8]>>, String> {
    let boxed = |s: String| s.into_bytes().into_boxed_slice();
    Ok(match &*t.data {
        Data::F32(v) => v.iter().map(|x| boxed(float(x.to_string(), format!("{x:e}"), (*x).into()))).collect(),
        Data::F64(v) => v.iter().map(|x| boxed(float(x.to_string(), format!("{x:e}"), *x))).collect(),
        Data::Int(_) if t.elem == crate::graph::Elem::Bool => {
            t.stored_ints()?.iter().map(|v| boxed(if *v != 0 { "True" } else { "False" }.to_owned())).collect()
        }
        Data::Int(_) => t.to_ints()?.iter().map(|v| boxed(v.to_string())).collect(),
        Data::Str(v) => v.clone(),
        Data::Complex(_) => return Err("complex numbers are not written as text".to_owned()),
    })
}

/// A float from both of its forms: plain between 1e-4 and 1e16, with an exponent of at least two digits elsewhere.
fn float(plain: String, exponent: String, x: f64) -> String {
    if !x.is_finite() {
        return plain.to_lowercase();
    }
    if x == 0.0 || (1e-4..1e16).contains(&x.abs()) {
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    match exponent.split_once('e') {
        Some((digits, e)) => {
            let (sign, e) = e.strip_prefix('-').map_or(('+', e), |e| ('-', e));
            format!("{digits}e{sign}{e:0>2}")
        }
        None => exponent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_numpy_writes_them() {
        let t = Tensor::floats([6], vec![0.5, 1.0, 1e-5, 1e20, f32::NAN, -2.5e-7]);
        let texts: Vec<String> = shown(&t).unwrap().iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect();
        assert_eq!(texts, ["0.5", "1.0", "1e-05", "1e+20", "nan", "-2.5e-07"]);
        assert_eq!(number(b"+3.5").unwrap(), 3.5);
        assert!(number(b"NaN").unwrap().is_nan());
        assert!(number(b"three").is_err());
    }
}
