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

/// The tensors of a safetensors file, to be changed and written again: name, type, shape, bytes.
pub struct Checkpoint(pub Vec<(String, String, Vec<u64>, Vec<u8>)>);

impl Checkpoint {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
        let tensors = header.as_object().unwrap().iter().filter(|(n, _)| *n != "__metadata__").map(|(name, t)| {
            let at = |i: usize| 8 + len + t["data_offsets"][i].as_u64().unwrap() as usize;
            let shape = t["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).collect();
            (name.clone(), t["dtype"].as_str().unwrap().to_owned(), shape, bytes[at(0)..at(1)].to_vec())
        });
        Self(tensors.collect())
    }

    /// Puts zeros of a type under a name.
    pub fn zeros(&mut self, name: impl Into<String>, dtype: &str, shape: &[u64]) {
        let width = match dtype {
            "U8" | "I8" | "F8_E4M3" => 1,
            "F16" | "BF16" => 2,
            "F32" | "I32" | "U32" => 4,
            other => panic!("{other}"),
        };
        let bytes = vec![0; shape.iter().product::<u64>() as usize * width];
        self.0.push((name.into(), dtype.to_owned(), shape.to_vec(), bytes));
    }

    pub fn write(&self, path: &Path) {
        let (mut header, mut data) = (Vec::new(), Vec::new());
        for (name, dtype, shape, bytes) in &self.0 {
            let begin = data.len();
            data.extend_from_slice(bytes);
            header.push(format!(
                r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{}]}}"#,
                data.len()
            ));
        }
        std::fs::write(path, safetensors(&format!("{{{}}}", header.join(",")), &data)).unwrap();
    }
}

/// A value in a pickled state dict.
pub enum Pickled {
    /// f32 values of a shape.
    Floats(Vec<u64>, Vec<f32>),
    /// A COO tensor: size, indices (a row a dimension), values.
    Sparse(Vec<u64>, Vec<Vec<i64>>, Vec<f32>),
    /// A tensor of torch.qint8.
    Qint8(Vec<u64>),
    /// A tensor subclass, as torchao and DTensor are pickled.
    Wrapped(&'static str),
    /// A subclass whose function is not torch's.
    Subclass(&'static str),
}

/// A zip archive as torch.save writes it.
pub fn torch_zip(tensors: &[(&str, Pickled)]) -> Vec<u8> {
    use std::io::Write;
    let mut p = Pickler { out: b"\x80\x02}(".to_vec(), storages: Vec::new() };
    for (name, value) in tensors {
        p.text(name);
        p.value(value);
    }
    p.out.extend(b"u.");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut file = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    file("data.pkl", &p.out);
    p.storages.iter().enumerate().for_each(|(i, s)| file(&format!("data/{i}"), s));
    file("version", b"3\n");
    zip.finish().unwrap().into_inner()
}

struct Pickler {
    out: Vec<u8>,
    storages: Vec<Vec<u8>>,
}

impl Pickler {
    fn text(&mut self, text: &str) {
        self.out.push(b'X');
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.as_bytes());
    }

    fn number(&mut self, n: u64) {
        self.out.push(b'J');
        self.out.extend((n as u32).to_le_bytes());
    }

    fn tuple(&mut self, numbers: &[u64]) {
        self.out.push(b'(');
        numbers.iter().for_each(|n| self.number(*n));
        self.out.push(b't');
    }

    /// Storage, offset, size, stride.
    fn view(&mut self, class: &str, size: &[u64], bytes: Vec<u8>, width: u64) {
        self.out.push(b'(');
        self.text("storage");
        self.out.extend(format!("ctorch\n{class}\n").bytes());
        self.text(&self.storages.len().to_string());
        self.text("cpu");
        self.number(bytes.len() as u64 / width);
        self.out.extend(b"tQ");
        self.storages.push(bytes);
        self.number(0);
        self.tuple(size);
        let stride: Vec<u64> = (0..size.len()).map(|i| size[i + 1..].iter().product()).collect();
        self.tuple(&stride);
    }

    fn tensor(&mut self, class: &str, size: &[u64], bytes: Vec<u8>, width: u64) {
        self.out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
        self.view(class, size, bytes, width);
        self.out.extend(b"\x89}tR");
    }

    fn value(&mut self, value: &Pickled) {
        let floats = |v: &[f32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        match value {
            Pickled::Floats(size, values) => self.tensor("FloatStorage", size, floats(values), 4),
            Pickled::Sparse(size, indices, values) => {
                self.out.extend(b"ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n");
                self.text("torch.sparse_coo");
                self.out.extend(b"\x85R(");
                let n = indices[0].len() as u64;
                let bytes = indices.iter().flatten().flat_map(|i| i.to_le_bytes()).collect();
                self.tensor("LongStorage", &[indices.len() as u64, n], bytes, 8);
                self.tensor("FloatStorage", &[n], floats(values), 4);
                self.tuple(size);
                self.out.extend(b"\x88ttR");
            }
            Pickled::Qint8(size) => {
                self.out.extend(b"ctorch._utils\n_rebuild_qtensor\n(");
                self.view("QInt8Storage", size, vec![1; size.iter().product::<u64>() as usize], 1);
                self.out.extend(b"(ctorch\nper_tensor_affine\nG\x3f\x84\x7a\xe1\x47\xae\x14\x7bK\x00t\x89}tR");
            }
            Pickled::Wrapped(class) => {
                self.out.extend(b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\n");
                let global = format!("c{class}\n");
                self.out.extend(global.bytes());
                self.out.push(b'(');
                self.out.extend(global.bytes());
                self.out.extend(b"ctorch\nfloat32\nt}(");
                self.text("_local_tensor");
                self.tensor("FloatStorage", &[2], vec![0; 8], 4);
                self.out.extend(b"utR");
            }
            Pickled::Subclass(class) => {
                self.out.extend(b"ctorch._tensor\n_rebuild_from_type_v2\n(celsewhere\nmake\n");
                self.out.extend(format!("c{class}\n(t}}tR").bytes());
            }
        }
    }
}
