//! Files made byte by byte: small ones with one fault each, larger ones to convert.

use std::path::Path;

/// A safetensors file: its header as text and `data` bytes after it.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A safetensors file of f32 tensors.
pub fn floats(tensors: &[(&str, &[u64], Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut data) = (Vec::new(), Vec::new());
    for (name, shape, values) in tensors {
        let begin = data.len();
        values.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
        header.push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{}]}}"#, data.len()));
    }
    safetensors(&format!("{{{}}}", header.join(",")), &data)
}

/// Values between -1 and 1 from a fixed sequence.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1 << 23) as f32) - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// A lone safetensors file of `tensors` matrices of 512×1024 values: seconds of work for a slow type.
pub fn big(tensors: usize) -> Vec<u8> {
    let names: Vec<String> = (0..tensors).map(|i| format!("layers.{i}.weight")).collect();
    let all: Vec<(&str, &[u64], Vec<f32>)> =
        names.iter().enumerate().map(|(i, n)| (n.as_str(), &[512, 1024][..], noise(512 * 1024, i as u64))).collect();
    floats(&all)
}

/// Overwrites one element of a tensor in a safetensors file.
pub fn poke(path: &Path, tensor: &str, element: usize, value: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    let begin = header[tensor]["data_offsets"][0].as_u64().unwrap_or_else(|| panic!("no tensor {tensor}")) as usize;
    let at = 8 + len + begin + element * value.len();
    bytes[at..at + value.len()].copy_from_slice(value);
    std::fs::write(path, bytes).unwrap();
}

/// An importance matrix in the older form: a call for each entry, then 37 chunks of `calib.txt`.
pub fn imatrix_dat(entries: &[(&str, Vec<f32>)]) -> Vec<u8> {
    let mut out = (entries.len() as i32).to_le_bytes().to_vec();
    for (name, values) in entries {
        out.extend((name.len() as i32).to_le_bytes());
        out.extend(name.as_bytes());
        out.extend(1i32.to_le_bytes());
        out.extend((values.len() as i32).to_le_bytes());
        values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    }
    out.extend(37i32.to_le_bytes());
    out.extend(9i32.to_le_bytes());
    out.extend(b"calib.txt");
    out
}

/// Puts a GGUF together; whatever is wrong in it is put there on purpose.
pub struct Gguf(pub Vec<u8>);

impl Gguf {
    pub fn new(tensors: u64, keys: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(keys)
    }
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    pub fn u32(self, v: u32) -> Self {
        self.raw(&v.to_le_bytes())
    }
    pub fn u64(self, v: u64) -> Self {
        self.raw(&v.to_le_bytes())
    }
    pub fn str(self, s: &[u8]) -> Self {
        self.u64(s.len() as u64).raw(s)
    }
    /// A tensor info with dimensions innermost first.
    pub fn tensor(self, name: &str, dims: &[u64], code: u32, offset: u64) -> Self {
        let head = self.str(name.as_bytes()).u32(dims.len() as u32);
        dims.iter().fold(head, |g, &d| g.u64(d)).u32(code).u64(offset)
    }
    /// Pads to 32 and adds `n` bytes of data.
    pub fn data(mut self, n: usize) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(32) + n, 0);
        self.0
    }
}
