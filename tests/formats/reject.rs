//! Bad files: each is refused with the message that names file, place and fault. The files are made here, byte by byte.

use remold::testing::formats;
use remold::testing::model::{ErrorKind, ModelError};
use std::fs;
use std::path::Path;

/// Puts a GGUF header together; whatever is wrong in it is put there on purpose.
struct Gguf(Vec<u8>);

impl Gguf {
    fn new(tensors: u64, keys: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(keys)
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn u32(self, v: u32) -> Self {
        self.raw(&v.to_le_bytes())
    }
    fn u64(self, v: u64) -> Self {
        self.raw(&v.to_le_bytes())
    }
    fn str(self, s: &[u8]) -> Self {
        self.u64(s.len() as u64).raw(s)
    }
    fn key_u32(self, key: &str, v: u32) -> Self {
        self.str(key.as_bytes()).u32(4).u32(v)
    }
    /// A tensor info with dimensions innermost first.
    fn tensor(self, name: &str, dims: &[u64], code: u32, offset: u64) -> Self {
        let head = self.str(name.as_bytes()).u32(dims.len() as u32);
        dims.iter().fold(head, |g, &d| g.u64(d)).u32(code).u64(offset)
    }
    /// Pads to 32 and adds `n` bytes of data.
    fn data(mut self, n: usize) -> Vec<u8> {
        self.0.resize(self.0.len().next_multiple_of(32) + n, 7);
        self.0
    }
}

fn open(dir: &Path, name: &str, bytes: &[u8]) -> Result<remold::testing::model::Model, ModelError> {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    formats::open(&path)
}

/// Runs every row and reports all that fail.
fn refuse(name: &str, cases: Vec<(&str, Vec<u8>, ErrorKind, &str)>) {
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (what, bytes, kind, expected) in cases {
        match open(dir.path(), name, &bytes) {
            Ok(m) => wrong.push(format!("{what}: was opened: {:?}", m.tensors)),
            Err(e) if e.kind() != kind || !e.to_string().contains(expected) || e.file().is_none() => {
                wrong.push(format!("{what}: {:?} {e}", e.kind()));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn gguf_files_that_are_wrong() {
    use ErrorKind::{BadFile, Limit, Unsupported};
    let version = |v: u32| b"GGUF".iter().copied().chain(v.to_le_bytes()).chain([0; 16]).collect::<Vec<u8>>();
    let one = |dims: &[u64], code, offset, data| Gguf::new(1, 0).tensor("w", dims, code, offset).data(data);
    let nested = |depth: u32| {
        let g = Gguf::new(0, 1).str(b"k").u32(9);
        (0..depth).fold(g, |g, _| g.u32(9).u64(1)).u32(0).u64(0).0
    };
    let be_block = {
        let mut b = b"GGUF".to_vec();
        b.extend(3u32.to_be_bytes());
        b.extend(1u64.to_be_bytes());
        b.extend(0u64.to_be_bytes());
        b.extend(1u64.to_be_bytes());
        b.push(b'w');
        b.extend(1u32.to_be_bytes());
        b.extend(32u64.to_be_bytes());
        b.extend(8u32.to_be_bytes());
        b.extend(0u64.to_be_bytes());
        b.resize(b.len().next_multiple_of(32) + 34, 0);
        b
    };
    let scalar = |v: u32| Gguf::new(0, 1).str(b"k").u32(v);
    refuse(
        "bad.gguf",
        vec![
            ("another magic", b"GGML\x03\0\0\0".to_vec(), BadFile, "@0x0 magic: begins with \"GGML\", not with GGUF"),
            ("version 0", version(0), BadFile, "@0x4 version: 0 is not a GGUF version"),
            ("version 1", version(1), Unsupported, "GGUF version 1 (August 2023) is not supported"),
            ("version 4", version(4), Unsupported, "GGUF version 4 is newer than version 3"),
            ("version 1, big-endian", version(1u32.swap_bytes()), Unsupported, "GGUF version 1"),
            ("huge version", version(0xdead_beef), BadFile, "is not a GGUF version"),
            ("huge tensor count", Gguf::new(u64::MAX, 0).0, BadFile, "@0x8 tensor_count: 18446744073709551615 entries"),
            ("huge key count", Gguf::new(0, 1 << 60).0, BadFile, "@0x10 metadata_count: 1152921504606846976 entries"),
            ("many keys", Gguf::new(0, 70_000).data(2_000_000), Limit, "70000 entries are more than the 65536 allowed"),
            (
                "huge key",
                Gguf::new(0, 1).u64(1 << 40).data(64),
                BadFile,
                "@0x18 metadata[0].key: string of 1099511627776 b",
            ),
            ("empty key", Gguf::new(0, 1).key_u32("", 1).0, BadFile, "metadata[0].key: the key is empty"),
            (
                "key not UTF-8",
                Gguf::new(0, 1).str(&[0xff]).u32(4).u32(1).0,
                BadFile,
                "metadata[0].key: the key is not UTF-8",
            ),
            (
                "key twice",
                Gguf::new(0, 2).key_u32("k", 1).key_u32("k", 1).0,
                BadFile,
                "@0x29 metadata[1].key: duplicate key \"k\"",
            ),
            ("value type", scalar(13).u64(0).0, BadFile, "k: value type 13 is not a GGUF value type"),
            ("array element type", scalar(9).u32(77).u64(0).0, BadFile, "k: array of element type 77"),
            ("huge array", scalar(9).u32(0).u64(u64::MAX).0, BadFile, "k: 18446744073709551615 entries of at least"),
            (
                "huge string array",
                scalar(9).u32(8).u64(1 << 61).data(99),
                BadFile,
                "k: 2305843009213693952 entries of at least",
            ),
            ("string in array", scalar(9).u32(8).u64(1).u64(99).0, BadFile, "k[0]: string of 99 bytes, but at most 0"),
            ("deep nesting", nested(1000), BadFile, "arrays are nested more than 4 deep"),
            ("huge string", scalar(8).u64(u64::MAX).0, BadFile, "string of 18446744073709551615 bytes"),
            ("cut value", scalar(12).u32(0).0, BadFile, "k: it needs 8 bytes but the file has 4 left"),
            (
                "alignment 0",
                Gguf::new(0, 1).key_u32("general.alignment", 0).0,
                BadFile,
                "general.alignment: alignment 0 is not a power of two",
            ),
            (
                "alignment 48",
                Gguf::new(0, 1).key_u32("general.alignment", 48).0,
                BadFile,
                "alignment 48 is not a power of two",
            ),
            (
                "alignment u64",
                Gguf::new(0, 1).str(b"general.alignment").u32(10).u64(32).0,
                BadFile,
                "the alignment must be a u32, not a value of type u64",
            ),
            (
                "5 dimensions",
                one(&[1, 1, 1, 1, 1], 0, 0, 4),
                BadFile,
                "w.n_dims: 5 dimensions, but ggml supports at most 4",
            ),
            ("zero dimension", one(&[4, 0], 0, 0, 4), BadFile, "w.dims: shape 0 × 4: a dimension is zero"),
            (
                "overflow",
                one(&[1 << 40, 1 << 40], 0, 0, 4),
                BadFile,
                "w.dims: shape 1099511627776 × 1099511627776: the number",
            ),
            (
                "rows not blocks",
                one(&[33], 8, 0, 64),
                BadFile,
                "w.dims: rows of 33 elements are not a multiple of the 32-element blocks of Q8_0",
            ),
            (
                "removed type",
                one(&[32], 31, 0, 64),
                Unsupported,
                "w.type: tensor type 31 (Q4_0 repacked for ARM) was removed",
            ),
            ("unknown type", one(&[32], 99, 0, 64), Unsupported, "w.type: unknown tensor type 99"),
            ("unaligned", one(&[4], 0, 4, 64), BadFile, "w.offset: offset 4 is not a multiple of the alignment 32"),
            (
                "past the end",
                one(&[4], 0, 64, 64),
                BadFile,
                "w.offset: 16 bytes at offset 64 of the data extend past the end",
            ),
            (
                "far past the end",
                one(&[4], 0, u64::MAX - 31, 64),
                BadFile,
                "w.offset: 16 bytes at offset 18446744073709551584",
            ),
            (
                "cut data",
                one(&[4], 0, 0, 15),
                BadFile,
                "w.offset: 16 bytes at offset 0 of the data extend past the end of the file",
            ),
            (
                "tensor twice",
                Gguf::new(2, 0).tensor("w", &[4], 0, 0).tensor("w", &[4], 0, 32).data(64),
                BadFile,
                "tensors[1].name: duplicate tensor name \"w\"",
            ),
            (
                "overlap",
                Gguf::new(2, 0).tensor("a", &[16], 0, 0).tensor("b", &[4], 0, 32).data(64),
                BadFile,
                "b.offset: overlaps a, which ends at 0xa0",
            ),
            (
                "name not UTF-8",
                Gguf::new(1, 0).str(&[0xc0]).data(64),
                BadFile,
                "tensors[0].name: the name is not UTF-8",
            ),
            ("big-endian blocks", be_block, Unsupported, "w.type: Q8_0 tensors in big-endian files are not supported"),
            (
                "split without siblings' names",
                Gguf::new(0, 2).str(b"split.no").u32(2).raw(&[0, 0]).str(b"split.count").u32(2).raw(&[2, 0]).0,
                BadFile,
                "part of a set of 2 files, but not named NAME-00001-of-00002.gguf",
            ),
        ],
    );
}

#[test]
fn split_sets_that_contradict_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let shard = |no: u8, count: u8, total: u32, tensor: &str| {
        let g = Gguf::new(1, 3).str(b"split.no").u32(2).raw(&[no, 0]).str(b"split.count").u32(2).raw(&[count, 0]);
        g.str(b"split.tensors.count").u32(5).u32(total).tensor(tensor, &[4], 0, 0).data(32)
    };
    let first = dir.path().join("m-00001-of-00002.gguf");
    let check = |a: Vec<u8>, b: Option<Vec<u8>>, expected: &str| {
        let second = dir.path().join("m-00002-of-00002.gguf");
        fs::write(&first, a).unwrap();
        match b {
            Some(b) => fs::write(&second, b).unwrap(),
            None => fs::remove_file(&second).unwrap_or(()),
        }
        match formats::open(&first) {
            Ok(_) => assert_eq!(expected, ""),
            Err(e) => assert!(!expected.is_empty() && e.to_string().contains(expected), "{e}"),
        }
    };
    check(shard(0, 2, 2, "a"), None, "1 of 2 files is missing: m-00002-of-00002.gguf");
    check(shard(0, 2, 2, "a"), Some(shard(1, 2, 2, "b")), "");
    check(shard(0, 2, 2, "a"), Some(shard(0, 2, 2, "b")), "the metadata does not mark it as number 1 of 2");
    check(shard(0, 2, 2, "a"), Some(shard(1, 3, 2, "b")), "the metadata does not mark it as number 1 of 2");
    check(shard(0, 2, 2, "a"), Some(shard(1, 2, 2, "a")), "a: the tensor is also in an earlier file of the set");
    check(shard(0, 2, 5, "a"), Some(shard(1, 2, 5, "b")), "the set should have 5 tensors but has 2");
}

/// A safetensors file with this header and so many bytes of data.
fn st(json: &str, data: usize) -> Vec<u8> {
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(json.as_bytes());
    out.resize(out.len() + data, 7);
    out
}

#[test]
fn safetensors_files_that_are_wrong() {
    use ErrorKind::{BadFile, Unsupported};
    let t = |dtype: &str, shape: &str, range: &str| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{range}}}}}"#)
    };
    let f32 = |range: &str| t("F32", "[2]", range);
    let two = |a: &str, b: &str| {
        format!(
            r#"{{"a":{{"dtype":"U8","shape":[4],"data_offsets":{a}}},"b":{{"dtype":"U8","shape":[4],"data_offsets":{b}}}}}"#
        )
    };
    let mut sparse = 200_000_000u64.to_le_bytes().to_vec();
    sparse.extend(b"{}");
    let rank = format!("[{}]", vec!["1"; 65].join(","));
    let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    refuse(
        "bad.safetensors",
        vec![
            ("7 bytes", vec![1; 7], BadFile, "@0x0 header length: it needs 8 bytes but the file has 7 left"),
            (
                "huge length",
                u64::MAX.to_le_bytes().to_vec(),
                BadFile,
                "header length: the header should have 18446744073709551615",
            ),
            (
                "cut header",
                st("{}", 0)[..9].to_vec(),
                BadFile,
                "the header should have 2 bytes but the file has 1 left",
            ),
            ("length beyond", sparse, BadFile, "the header should have 200000000 bytes"),
            ("no object", st("[1]", 0), BadFile, "@0x8 header: the header does not begin with {"),
            ("space first", st(" {}", 0), BadFile, "the header does not begin with {"),
            (
                "not UTF-8",
                [&[2, 0, 0, 0, 0, 0, 0, 0], &b"{\xff"[..]].concat(),
                BadFile,
                "@0x9 header: the header is not UTF-8",
            ),
            (
                "cut JSON",
                st(r#"{"a":"#, 0),
                BadFile,
                "header: the header does not follow the safetensors format: EOF while",
            ),
            ("two objects", st("{}{}", 0), BadFile, "trailing characters"),
            ("deep", st(&deep, 0), BadFile, "the header does not follow the safetensors format"),
            ("name twice", st(&two("[0,4]", "[4,8]").replace("\"b\"", "\"a\""), 8), BadFile, "duplicate name \"a\""),
            (
                "escaped name twice",
                st(&two("[0,4]", "[4,8]").replace("\"b\"", r#""\u0061""#), 8),
                BadFile,
                "duplicate name \"a\"",
            ),
            (
                "metadata not strings",
                st(r#"{"__metadata__":{"a":1}}"#, 0),
                BadFile,
                "format: invalid type: integer `1`, expected a string",
            ),
            (
                "metadata a number",
                st(r#"{"__metadata__":5}"#, 0),
                BadFile,
                "expected __metadata__ as an object of strings",
            ),
            (
                "metadata a large number",
                st(r#"{"__metadata__":1e400}"#, 0),
                BadFile,
                "does not follow the safetensors format",
            ),
            ("metadata a list", st(r#"{"__metadata__":["a"]}"#, 0), BadFile, "an object of strings"),
            ("metadata a string", st(r#"{"__metadata__":"a"}"#, 0), BadFile, "an object of strings"),
            ("metadata of a fraction", st(r#"{"__metadata__":{"a":1.5}}"#, 0), BadFile, "expected a string"),
            (
                "metadata twice",
                st(r#"{"__metadata__":{"a":"","a":""}}"#, 0),
                BadFile,
                "duplicate key \"a\" in __metadata__",
            ),
            ("no dtype", st(r#"{"w":{"shape":[1],"data_offsets":[0,1]}}"#, 1), BadFile, "\"w\" has no dtype"),
            ("no shape", st(r#"{"w":{"dtype":"U8","data_offsets":[0,1]}}"#, 1), BadFile, "\"w\" has no shape"),
            ("one offset", st(&f32("[8]"), 8), BadFile, "\"w\" has no data_offsets of two numbers"),
            ("three offsets", st(&f32("[0,8,8]"), 8), BadFile, "more than 2 numbers"),
            ("negative offset", st(&f32("[-8,0]"), 8), BadFile, "invalid value: integer `-8`, expected u64"),
            ("fraction", st(&t("F32", "[1.5]", "[0,6]"), 6), BadFile, "invalid type: floating point `1.5`"),
            (
                "dtype twice",
                st(r#"{"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, 0),
                BadFile,
                "duplicate dtype in \"w\"",
            ),
            ("65 dimensions", st(&t("U8", &rank, "[0,1]"), 1), BadFile, "more than 64 numbers"),
            (
                "unknown dtype",
                st(&t("F33", "[1]", "[0,4]"), 4),
                BadFile,
                "w.dtype: \"F33\" is not an element type of safetensors",
            ),
            ("4-bit", st(&t("F4", "[2]", "[0,1]"), 1), Unsupported, "w.dtype: the element type F4 is not supported"),
            ("6-bit", st(&t("F6_E2M3", "[4]", "[0,3]"), 3), Unsupported, "the element type F6_E2M3 is not supported"),
            ("e8m0", st(&t("F8_E8M0", "[1]", "[0,1]"), 1), Unsupported, "the element type F8_E8M0 is not supported"),
            (
                "size",
                st(&f32("[0,4]"), 4),
                BadFile,
                "w.data_offsets: the range 0..4 does not match the 8 bytes of f32 [2]",
            ),
            ("backwards", st(&f32("[8,0]"), 8), BadFile, "the range 8..0 does not match"),
            (
                "overflow",
                st(&t("F32", "[9223372036854775807,4]", "[0,8]"), 8),
                BadFile,
                "w.shape: the number of elements of shape",
            ),
            (
                "cut data",
                st(&f32("[0,8]"), 7),
                BadFile,
                "w.data_offsets: the data ends at 8 but the file has 7 bytes of data",
            ),
            ("trailing data", st(&f32("[0,8]"), 9), BadFile, "data: 1 unused bytes after the last tensor"),
            ("data of nothing", st("{}", 3), BadFile, "3 unused bytes after the last tensor"),
            ("hole at start", st(&f32("[4,12]"), 12), BadFile, "4 unused bytes between the header and this tensor"),
            (
                "hole",
                st(&two("[0,4]", "[5,9]"), 9),
                BadFile,
                "b.data_offsets: 1 unused bytes between a and this tensor",
            ),
            ("overlap", st(&two("[0,4]", "[3,7]"), 7), BadFile, "b.data_offsets: overlaps a, whose data ends at 4"),
            ("same place", st(&two("[0,4]", "[0,4]"), 4), BadFile, "overlaps a, whose data ends at 4"),
        ],
    );
}

#[test]
fn a_header_over_the_cap_is_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.safetensors");
    fs::write(&path, 100_000_001u64.to_le_bytes()).unwrap();
    // A sparse file: the bytes are there, nothing reads them.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(200_000_000).unwrap();
    let e = formats::open(&path).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Limit);
    assert!(e.to_string().contains("a header of 100000001 bytes is more than the 100000000 allowed"), "{e}");
}

#[test]
fn large_files_of_nothing_do_not_fill_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    // Sparse: a terabyte that takes no disk, so every count in it is "plausible".
    let bombs = [
        (
            "section",
            Gguf::new(0, 1).str(b"k").u32(9).u32(0).u64((1 << 27) - 20),
            "the header is larger than in any real model",
        ),
        ("bytes", Gguf::new(0, 1).str(b"k").u32(9).u32(0).u64(1 << 35), "more than the 134217728 allowed"),
        ("string", Gguf::new(0, 1).str(b"k").u32(8).u64(1 << 35), "string of 34359738368 bytes, but at most 134217728"),
        ("names", Gguf::new(1 << 20, 0).u64(1 << 30), "string of 1073741824 bytes, but at most 65535"),
        ("tensors", Gguf::new(1 << 30, 0), "1073741824 entries are more than the 1048576 allowed"),
    ];
    for (what, gguf, expected) in bombs {
        let path = dir.path().join("bomb.gguf");
        fs::write(&path, gguf.0).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        let e = formats::open(&path).unwrap_err();
        assert!(e.to_string().contains(expected), "{what}: {e}");
    }
}

#[test]
fn indexes_that_are_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    fs::write(d.join("a.safetensors"), st(r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1)).unwrap();
    fs::write(d.join("b.safetensors"), st(r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1)).unwrap();
    let cases = [
        ("[]", "not an index of shards"),
        ("{", "not an index of shards: EOF"),
        (r#"{"weight_map": 3}"#, "not an index of shards: invalid type"),
        (r#"{"weight_map": {}}"#, "weight_map: the index has no tensors"),
        (r#"{"metadata": {}}"#, "missing field `weight_map`"),
        (r#"{"weight_map": {"w": "/etc/passwd"}}"#, "it refers to the file \"/etc/passwd\", which is not inside"),
        (
            r#"{"weight_map": {"w": "../x.safetensors"}}"#,
            "weight_map[\"w\"]: it refers to the file \"../x.safetensors\"",
        ),
        (r#"{"weight_map": {"w": "c.safetensors", "v": "a.safetensors"}}"#, "1 of 2 files is missing: c.safetensors"),
        (
            r#"{"weight_map": {"w": "a.safetensors", "v": "a.safetensors"}}"#,
            "v: 1 of 2 tensors are not in the shard that the index lists; the first should be in a.safetensors",
        ),
        (r#"{"weight_map": {"w": "a.safetensors", "v": "b.safetensors"}}"#, "w: the tensor is also in a.safetensors"),
    ];
    let mut wrong = Vec::new();
    for (json, expected) in cases {
        let path = d.join("model.safetensors.index.json");
        fs::write(&path, json).unwrap();
        match formats::safetensors::open_index(&path) {
            Err(e) if e.to_string().contains(expected) => {}
            other => wrong.push(format!("{json}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    fs::write(d.join("model.safetensors.index.json"), r#"{"weight_map": {"x": "c.safetensors"}}"#).unwrap();
    let two =
        r#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
    fs::write(d.join("c.safetensors"), st(two, 2)).unwrap();
    let model = formats::open(d).unwrap();
    assert_eq!(model.warnings[0].code, "safetensors.not-in-index");
    assert_eq!(model.tensors.len(), 2);
}

#[test]
fn lenient_where_the_reference_is() {
    let dir = tempfile::tempdir().unwrap();
    let json = r#"{"w":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0],"extra":{"a":[1]}},"s":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]},"__metadata__":null}     "#;
    let model = open(dir.path(), "a.safetensors", &st(json, 1)).unwrap();
    assert_eq!(model.tensors.iter().map(|t| t.bytes()).collect::<Vec<_>>(), [0, 1]);
    assert!(open(dir.path(), "b.safetensors", &st("{}", 0)).unwrap().tensors.is_empty());

    // GGUF: scalars (no dimension at all), strings that are not UTF-8, version 2, gaps, data without its last padding.
    let g = Gguf::new(2, 1).str(b"k").u32(8).str(&[b'a', 0xff]);
    let mut bytes = g.tensor("s", &[], 0, 0).tensor("w", &[2, 3], 1, 64).data(76);
    bytes[4] = 2;
    let model = open(dir.path(), "c.gguf", &bytes).unwrap();
    let codes: Vec<_> = model.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, ["gguf.not-utf8", "gguf.gaps"]);
    assert_eq!(model.tensor("w").unwrap().shape.0, [3, 2]);
    assert_eq!(model.tensor("s").unwrap().read_all().unwrap(), [7; 4]);
}
