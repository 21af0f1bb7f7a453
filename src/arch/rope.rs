//! Rotary embedding parameters: both configuration styles unified, and the frequency factors that go into tensors.

use super::config::{Config, bad, float_of, unusable};
use crate::model::Result;
use serde_json::{Map, Value, json};

/// Field of the sections of a rotary embedding with several axes.
const SECTIONS: &str = "mrope_section";

/// Fields of the base frequency of layers with a sliding window.
const LOCAL: [&str; 4] = ["local_rope_theta", "rope_local_theta", "rope_theta_local", "rope_local_base_freq"];

/// Fields of the base frequency of the other layers.
const GLOBAL: [&str; 4] = ["global_rope_theta", "rope_global_theta", "rope_theta", "rotary_emb_base"];

/// A number above zero.
fn positive(field: &[&str], value: &Value) -> Result<f64> {
    float_of(value).filter(|f| *f > 0.0).ok_or_else(|| unusable(field, value, "a number above zero"))
}

/// Rope parameters in the style of transformers 5, whatever the file's style.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rope {
    map: Map<String, Value>,
    source: &'static str,
    theta: Option<&'static str>,
    theta_sliding: Option<&'static str>,
}

impl Rope {
    /// Reads `rope_parameters` or `rope_scaling`, and mirrors the root's `rope_theta` and companions into it unless it is
    /// already split by attention kind (llama.cpp `conversion/base.py`, `TextModel.__init__`).
    pub(crate) fn read(config: &Config) -> Self {
        let source = if config.peek("rope_parameters").is_some() { "rope_parameters" } else { "rope_scaling" };
        let mut map = config.peek(source).and_then(Value::as_object).cloned().unwrap_or_default();
        let (mut theta_field, mut sliding_field) = (None, None);
        if !map.contains_key("full_attention") && !map.contains_key("sliding_attention") {
            let first = |keys: &[&'static str]| keys.iter().find_map(|k| config.peek(k).map(|v| (*k, v.clone())));
            let local = first(&LOCAL);
            if let Some((key, theta)) = local {
                sliding_field = Some(key);
                map.insert("sliding_attention".to_owned(), json!({ "rope_theta": theta }));
            }
            let global = first(&GLOBAL);
            if let Some((key, theta)) = global {
                theta_field = Some(key);
                map.entry("rope_theta").or_insert(theta);
            }
            if let Some(kind) = map.get("type").filter(|v| !v.is_null()).cloned() {
                map.entry("rope_type").or_insert(kind);
            }
            if let Some((_, part)) = first(&["partial_rotary_factor", "rope_pct", "rope_percent"]) {
                map.entry("partial_rotary_factor").or_insert(part);
            }
            if let Some((_, length)) = first(&["original_max_position_embeddings"]) {
                map.entry("original_max_position_embeddings").or_insert(length);
            }
        }
        Self { map, source, theta: theta_field, theta_sliding: sliding_field }
    }

    /// Records in the configuration which fields the base frequencies came from.
    pub(crate) fn mark_bases(&self, config: &Config) {
        if let Some(key) = self.theta {
            config.mark(key, "rope.freq_base");
        }
        if let Some(key) = self.theta_sliding {
            config.mark(key, "rope.freq_base_swa");
        }
    }

    /// The parameters of full attention.
    pub(crate) fn full(&self) -> &Map<String, Value> {
        self.map.get("full_attention").and_then(Value::as_object).unwrap_or(&self.map)
    }

    /// A value at the root of the parameters.
    pub(crate) fn root(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// Base frequency of the sliding-window layers.
    ///
    /// # Errors
    /// A value that is there and is not a number above zero.
    pub(crate) fn theta_sliding(&self) -> Result<Option<f64>> {
        let value = self.map.get("sliding_attention").and_then(|s| s.get("rope_theta")).filter(|v| !v.is_null());
        value.map(|v| positive(&[self.source, "sliding_attention", "rope_theta"], v)).transpose()
    }

    /// Base frequency of full attention.
    ///
    /// # Errors
    /// A value that is there and is not a number above zero.
    pub(crate) fn theta(&self) -> Result<Option<f64>> {
        let field = [self.source, "rope_theta"];
        let field = self.theta.as_ref().map_or(&field[..], std::slice::from_ref);
        self.full().get("rope_theta").filter(|v| !v.is_null()).map(|v| positive(field, v)).transpose()
    }

    /// Refuses parameters that are there but empty: a base frequency of null, or parameters that are not an object.
    ///
    /// # Errors
    /// An error that names the field and its value.
    pub(crate) fn check(&self, config: &Config) -> Result<()> {
        for source in ["rope_parameters", "rope_scaling"] {
            if let Some(value) = config.peek(source).filter(|v| !v.is_object()) {
                return Err(unusable(&[source], value, "an object"));
            }
        }
        let null = |keys: &[&'static str]| keys.iter().find(|k| config.is_null(k)).copied();
        let full = null(&GLOBAL).filter(|_| self.full().get("rope_theta").is_none_or(Value::is_null));
        let sliding = null(&LOCAL).filter(|_| !matches!(self.theta_sliding(), Ok(Some(_))));
        match full.or(sliding) {
            Some(key) => Err(unusable(&[key], &Value::Null, "a number above zero")),
            None => Ok(()),
        }
    }

    /// A number of full attention; absent and null are `None`.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.full().get(key).filter(|v| !v.is_null()) {
            None => Ok(None),
            Some(v) => float_of(v).map(Some).ok_or_else(|| unusable(&[self.source, key], v, "a finite number")),
        }
    }

    /// `rope_type` of full attention, lower case.
    pub(crate) fn kind(&self) -> Option<String> {
        self.full().get("rope_type").and_then(Value::as_str).map(str::to_ascii_lowercase)
    }

    /// How the rotated dimensions are divided among time, height and width (`mrope_section`), padded or cut to four numbers as
    /// `TextModel.set_gguf_parameters` of llama.cpp's converter does for every architecture.
    pub(crate) fn sections(&self) -> Result<Option<[i32; 4]>> {
        let Some(value) = self.root(SECTIONS) else { return Ok(None) };
        let wrong = || bad(&[self.source, SECTIONS], &format!("{value} is not a list of whole numbers"));
        let list = value.as_array().ok_or_else(wrong)?;
        let mut out = [0; 4];
        for (slot, v) in out.iter_mut().zip(list) {
            *slot = v.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(wrong)?;
        }
        Ok(Some(out))
    }

    /// The config field the parameters came from.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    /// Llama 3's frequency factors, one for each pair of dimensions, or `None` for any other kind of scaling.
    ///
    /// The formula is that of `LlamaModel.generate_extra_tensors` in llama.cpp's converter, which computes in `f32` tensors;
    /// a scalar over a tensor is the scalar times the reciprocal there, hence the order of operations.
    pub(crate) fn llama3_factors(&self, dim: u64) -> Result<Option<Vec<f32>>> {
        if self.kind().as_deref() != Some("llama3") {
            return Ok(None);
        }
        if dim == 0 || dim > 1 << 16 {
            return Err(bad(&["head_dim"], &format!("{dim} is not a valid size of an attention head")));
        }
        let get = |key, or| self.number(key).map(|v| v.unwrap_or(or));
        let base = self.theta()?.unwrap_or(10000.0) as f32;
        let (factor, low, high) = (get("factor", 8.0)?, get("low_freq_factor", 1.0)?, get("high_freq_factor", 4.0)?);
        let context = get("original_max_position_embeddings", 8192.0)?;
        let (low_wavelength, high_wavelength) = ((context / low) as f32, (context / high) as f32);
        let factors = (0..dim.div_ceil(2)).map(|i| {
            let exponent = (2 * i) as f32 / dim as f32;
            let frequency = 1.0 / f64::from(base).powf(f64::from(exponent)) as f32;
            let wavelength = (1.0 / frequency) * (2.0 * std::f64::consts::PI) as f32;
            if wavelength < high_wavelength {
                1.0
            } else if wavelength > low_wavelength {
                factor as f32
            } else {
                let smooth = ((1.0 / wavelength) * context as f32 - low as f32) / (high - low) as f32;
                1.0 / ((1.0 - smooth) / factor as f32 + smooth)
            }
        });
        Ok(Some(factors.collect()))
    }

    /// A list of factors at the root (`long_factor`, `short_factor`).
    pub(crate) fn factors(&self, key: &str) -> Result<Option<Vec<f32>>> {
        match self.root(key) {
            None => Ok(None),
            Some(Value::Array(values)) => {
                let floats: Option<Vec<f32>> = values.iter().map(|v| float_of(v).map(|f| f as f32)).collect();
                floats.map(Some).ok_or_else(|| bad(&[self.source, key], "not a list of numbers"))
            }
            Some(_) => Err(bad(&[self.source, key], "not a list of numbers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(config: Value) -> Rope {
        Rope::read(&Config::new(config.as_object().unwrap()))
    }

    #[test]
    fn both_styles_read_alike() {
        let four = json!({"rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.0}});
        let five = json!({"rope_parameters": {"rope_theta": 500000.0, "rope_type": "linear", "factor": 2.0}});
        for r in [rope(four), rope(five)] {
            assert_eq!(r.theta().unwrap(), Some(500000.0));
            assert_eq!(r.kind().as_deref(), Some("linear"));
            assert_eq!(r.number("factor").unwrap(), Some(2.0));
        }
    }

    #[test]
    fn sections_are_four_numbers() {
        let sections = |v: Value| rope(json!({"rope_scaling": {"type": "mrope", "mrope_section": v}})).sections();
        assert_eq!(sections(json!([16, 24, 24])).unwrap(), Some([16, 24, 24, 0]));
        assert_eq!(sections(json!([1, 2, 3, 4, 5])).unwrap(), Some([1, 2, 3, 4]));
        assert_eq!(rope(json!({"rope_parameters": {"mrope_section": [8]}})).sections().unwrap(), Some([8, 0, 0, 0]));
        assert_eq!(sections(Value::Null).unwrap(), None);
        assert_eq!(sections(json!([])).unwrap(), Some([0; 4]));
        for bad in [json!(16), json!([1.5]), json!(["a"]), json!([1e12])] {
            assert!(sections(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn sliding_layers_have_their_own_base() {
        let four = json!({"rope_theta": 1e6, "rope_local_base_freq": 1e4});
        let five = json!({"rope_parameters": {
            "full_attention": {"rope_theta": 1e6, "rope_type": "default"},
            "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}}});
        for r in [rope(four), rope(five)] {
            assert_eq!(r.theta().unwrap(), Some(1e6));
            assert_eq!(r.theta_sliding().unwrap(), Some(1e4));
        }
    }

    #[test]
    fn bases_that_are_no_frequency_are_refused() {
        for value in [json!(null), json!("NaN"), json!("Infinity"), json!(-1), json!(0), json!("1e4")] {
            for key in ["rope_theta", "rope_local_base_freq"] {
                let config = json!({ (key): value });
                let config = Config::new(config.as_object().unwrap());
                let rope = Rope::read(&config);
                let read = rope.check(&config).and_then(|()| Ok((rope.theta()?, rope.theta_sliding()?)));
                let e = read.unwrap_err().to_string();
                assert!(e.contains(if key == "rope_theta" { key } else { "rope_" }), "{e}");
            }
        }
        // The parameters of transformers 5 have it, and the root does not.
        let config = json!({"rope_theta": null, "rope_parameters": {"rope_theta": 1e4}});
        let config = Config::new(config.as_object().unwrap());
        Rope::read(&config).check(&config).unwrap();
        for source in ["rope_scaling", "rope_parameters"] {
            let config = json!({ (source): "linear" });
            let config = Config::new(config.as_object().unwrap());
            assert!(Rope::read(&config).check(&config).is_err(), "{source}");
        }
    }

    #[test]
    fn llama3_leaves_high_frequencies_and_stretches_low_ones() {
        let config = json!({"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 32.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}});
        let f = rope(config).llama3_factors(64).unwrap().unwrap();
        assert_eq!(f.len(), 32);
        assert_eq!((f[0], f[31]), (1.0, 32.0));
        assert!(f.is_sorted());
    }
}
