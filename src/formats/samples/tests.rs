use super::*;
use crate::graph::eval::Data;
use std::io::Write;
use std::path::PathBuf;

/// The bytes of a `.npy` file.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An archive of stored entries.
    fn npz(&self, name: &str, entries: &[(&str, Vec<u8>)]) -> PathBuf {
        let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in entries {
            out.start_file(*name, options).unwrap();
            out.write_all(bytes).unwrap();
        }
        self.file(name, &out.finish().unwrap().into_inner())
    }
}

#[test]
fn arrays_are_read_whole_and_by_rows() {
    let folder = Folder::new();
    let values: Vec<f32> = (0u8..6).map(f32::from).collect();
    let path =
        folder.file("a.npy", &npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }  \n", &floats(&values)));
    let a = &open(&path).unwrap()[0];
    assert_eq!((a.name.as_str(), a.elem, a.dims.as_slice()), ("", Elem::F32, &[3, 2][..]));
    assert_eq!(a.read().unwrap(), Tensor::floats([3, 2], values.clone()));
    assert_eq!(a.read_rows(1..3).unwrap(), Tensor::floats([2, 2], values[2..].to_vec()));
    assert!(a.read_rows(2..4).is_err());
    let path =
        folder.file("f.npy", &npy("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", &floats(&values)));
    let f = &open(&path).unwrap()[0];
    assert_eq!(*f.read().unwrap().data, Data::F32(vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    assert_eq!(*f.read_rows(2..3).unwrap().data, Data::F32(vec![2.0, 5.0]));
    let path = folder.file("s.npy", &npy("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", &[1]));
    assert_eq!(open(&path).unwrap()[0].read().unwrap(), Tensor::bools([], [true]));
}

/// Raw DEFLATE of bytes, as `numpy.savez_compressed` uses it, in an archive made by hand.
fn deflated(name: &str, contents: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(contents, 6);
    let (crc, sizes) = (crc32fast::hash(contents), [packed.len() as u32, contents.len() as u32]);
    let common = |out: &mut Vec<u8>| {
        out.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        out.extend(crc.to_le_bytes());
        sizes.iter().for_each(|s| out.extend(s.to_le_bytes()));
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
    };
    let mut out = b"PK\x03\x04".to_vec();
    common(&mut out);
    out.extend(name.as_bytes());
    out.extend(&packed);
    let central = out.len() as u32;
    out.extend(b"PK\x01\x02\x14\x00");
    common(&mut out);
    out.extend([0; 14]);
    out.extend(name.as_bytes());
    let bytes = out.len() as u32 - central;
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend(bytes.to_le_bytes());
    out.extend(central.to_le_bytes());
    out.extend([0, 0]);
    out
}

#[test]
fn archives_are_read_stored_and_compressed() {
    let folder = Folder::new();
    let ids: Vec<u8> = [5i64, -7].iter().flat_map(|v| v.to_le_bytes()).collect();
    let ids = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2)}", &ids);
    let x = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", &floats(&[0.5]));
    let all = open(&folder.npz("b.npz", &[("input_ids.npy", ids.clone()), ("a/x:0.npy", x)])).unwrap();
    assert_eq!(all.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["input_ids", "a/x:0"]);
    assert_eq!(all[0].read().unwrap(), Tensor::longs([1, 2], vec![5, -7]));
    assert_eq!(all[1].read_rows(0..1).unwrap(), Tensor::floats([1], vec![0.5]));
    let mut packed = deflated("input_ids.npy", &ids);
    let a = open(&folder.file("c.npz", &packed)).unwrap().remove(0);
    assert_eq!(a.read().unwrap(), Tensor::longs([1, 2], vec![5, -7]));
    assert_eq!(a.read_rows(0..0).unwrap().len(), 0);
    // One bit of the data.
    packed[30 + 13 + 20] ^= 1;
    let path = folder.file("d.npz", &packed);
    assert!(open(&path).and_then(|all| all[0].read()).is_err());
    let e = open(&folder.npz("e.npz", &[("readme.txt", b"x".to_vec())])).unwrap_err();
    assert!(e.to_string().contains("readme.txt") && e.hint().is_some(), "{e}");
}

#[test]
fn what_cannot_be_an_input_is_refused() {
    let folder = Folder::new();
    let cases = [
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "|O"),
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "big-endian"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "records"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "need 8 bytes"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999)}", "too many"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "not one of a NumPy array"),
        ("{'descr': '<f4', 'shape': (1,)}", "not one of a NumPy array"),
        ("{'descr': '<f4'", "not one of a NumPy array"),
        ("", "not one of a NumPy array"),
    ];
    for (header, part) in cases {
        let path = folder.file("x.npy", &npy(header, &[0; 4]));
        let e = open(&path).unwrap_err().to_string();
        assert!(e.contains(part) && e.contains("x.npy"), "{header}: {e}");
    }
    for bytes in [&b""[..], b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{}", b"\x93NUMPY\x09\x00\x00\x00\x00\x00"] {
        assert!(open(&folder.file("y.npy", bytes)).is_err());
        assert!(open(&folder.file("y.npz", bytes)).is_err());
    }
}

#[test]
fn tensors_of_a_file_are_arrays() {
    let folder = Folder::new();
    let header = br#"{"x":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend([0x00, 0x3c, 0x00, 0xc0]);
    let all = open(&folder.file("in.safetensors", &bytes)).unwrap();
    let x = all[0].read().unwrap();
    assert_eq!((all[0].name.as_str(), x.elem, x.to_numbers().unwrap()), ("x", Elem::F16, vec![1.0, -2.0]));
    assert!(open(&folder.file("in.txt", b"hello")).is_err());
}
