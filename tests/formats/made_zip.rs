//! Zip archives made byte by byte, with whatever is wrong in them put there on purpose.

/// One entry; what the local header says can differ from what the central directory says.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub data: Vec<u8>,
    pub method: u16,
    pub crc: u32,
    pub local_name: Option<String>,
    pub local_method: Option<u16>,
    pub local_size: Option<u32>,
    /// The offset of the local header in the central directory, when it is wrong.
    pub offset: Option<u32>,
}

pub fn entry(name: &str, data: impl Into<Vec<u8>>) -> Entry {
    let data = data.into();
    let crc = crc32fast::hash(&data);
    Entry {
        name: name.into(),
        data,
        method: 0,
        crc,
        local_name: None,
        local_method: None,
        local_size: None,
        offset: None,
    }
}

pub fn zip(entries: &[Entry]) -> Vec<u8> {
    with_comment(entries, b"")
}

pub fn with_comment(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for e in entries {
        let at = e.offset.unwrap_or(out.len() as u32);
        let name = e.local_name.as_ref().unwrap_or(&e.name);
        let size = e.data.len() as u32;
        let local = e.local_size.unwrap_or(size);
        out.extend(b"PK\x03\x04");
        numbers16(&mut out, &[20, 0, e.local_method.unwrap_or(e.method), 0, 0]);
        numbers32(&mut out, &[e.crc, local, local]);
        numbers16(&mut out, &[name.len() as u16, 0]);
        out.extend(name.as_bytes());
        out.extend(&e.data);
        central.extend(b"PK\x01\x02");
        numbers16(&mut central, &[20, 20, 0, e.method, 0, 0]);
        numbers32(&mut central, &[e.crc, size, size]);
        numbers16(&mut central, &[e.name.len() as u16, 0, 0, 0, 0]);
        numbers32(&mut central, &[0, at]);
        central.extend(e.name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&central);
    out.extend(b"PK\x05\x06");
    numbers16(&mut out, &[0, 0, entries.len() as u16, entries.len() as u16]);
    numbers32(&mut out, &[central.len() as u32, start]);
    numbers16(&mut out, &[comment.len() as u16]);
    out.extend(comment);
    out
}

fn numbers16(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn numbers32(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

/// A tensor of a state dict: name, dimensions (outermost first), strides, storage key, elements of the storage.
pub type MadeTensor<'a> = (&'a str, &'a [u32], &'a [u32], &'a str, u32);

/// A pickle of a state dict, all f32.
pub fn state_dict(tensors: &[MadeTensor<'_>]) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    let text = |out: &mut Vec<u8>, s: &str| {
        out.push(b'X');
        out.extend((s.len() as u32).to_le_bytes());
        out.extend(s.as_bytes());
    };
    let ints = |out: &mut Vec<u8>, values: &[u32]| {
        out.push(b'(');
        for v in values {
            out.push(b'J');
            out.extend(v.to_le_bytes());
        }
        out.push(b't');
    };
    for (name, shape, strides, key, elems) in tensors {
        text(&mut out, name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, key);
        text(&mut out, "cpu");
        out.push(b'J');
        out.extend(elems.to_le_bytes());
        out.extend(b"tQK\x00");
        ints(&mut out, shape);
        ints(&mut out, strides);
        out.extend(b"\x89}tR");
    }
    out.extend(b"u.");
    out
}

/// A checkpoint as `torch.save` writes it: one tensor in row order for each name, each with a storage of its own.
pub fn checkpoint(tensors: &[(&str, &[u32], Vec<f32>)]) -> Vec<Entry> {
    let keys: Vec<String> = (0..tensors.len()).map(|i| i.to_string()).collect();
    let strides: Vec<Vec<u32>> = tensors
        .iter()
        .map(|(_, shape, _)| (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect())
        .collect();
    let dict: Vec<_> = tensors
        .iter()
        .enumerate()
        .map(|(i, (name, shape, values))| (*name, *shape, strides[i].as_slice(), keys[i].as_str(), values.len() as u32))
        .collect();
    let mut entries = vec![entry("model/data.pkl", state_dict(&dict))];
    for (key, (_, _, values)) in keys.iter().zip(tensors) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        entries.push(entry(&format!("model/data/{key}"), bytes));
    }
    entries
}
