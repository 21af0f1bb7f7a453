//! Opcodes one by one, and pickles that try to hang, recurse or exhaust memory.

use super::*;

fn run(bytes: &[u8]) -> crate::model::Result<Pickle> {
    load(&mut Input::memory(bytes.to_vec()))
}

#[test]
fn scalars_of_every_protocol() {
    let int = |b: &[u8]| match run(b).map(|p| p.tree.get(p.root).clone()) {
        Ok(Node::Int(i)) => i,
        other => panic!("{b:?}: {other:?}"),
    };
    let cases: [(&[u8], i128); 9] = [
        (b"\x80\x02K\x07.", 7),
        (b"M\x01\x02.", 0x201),
        (b"J\xff\xff\xff\xff.", -1),
        (b"\x8a\x01\xff.", -1),
        (b"\x8a\x00.", 0),
        (b"\x8b\x02\x00\x00\x00\xff\x00.", 255),
        (b"I-12\n.", -12),
        (b"L119547037146038801333356L\n.", 119_547_037_146_038_801_333_356),
        (b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", 119_547_037_146_038_801_333_356),
    ];
    for (bytes, expected) in cases {
        assert_eq!(int(bytes), expected, "{bytes:?}");
    }
    assert!(matches!(run(b"I01\n.").map(|p| p.tree.get(p.root).clone()), Ok(Node::Bool(true))));
    assert!(run(b"\x8b\xff\xff\xff\x7f.").is_err());
}

#[test]
fn a_protocol_0_storage_id_is_understood() {
    let p = run(b"P('storage', <class 'torch.FloatStorage'>, '12', 'cpu', 4)\n.").unwrap();
    let Node::Storage(s) = p.tree.get(p.root) else { panic!("no storage") };
    assert_eq!((&*s.key, s.elems), ("12", 4));
}

#[test]
fn calls_are_named_with_their_arguments_and_never_made() {
    for bytes in [
        b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.".as_slice(),
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x02cos\nsystem\n)\x81}b.",
    ] {
        let p = run(bytes).unwrap();
        let Node::Opaque(o) = p.tree.get(p.root) else { panic!("{bytes:?}") };
        assert_eq!(p.tree.class_name(o), "os.system");
    }
}

#[test]
fn calling_what_is_opaque_stays_opaque() {
    let p = run(b"\x80\x02cfunctools\npartial\ncos\nsystem\n\x85R)R}b.").unwrap();
    assert!(matches!(p.tree.get(p.root), Node::Opaque(o) if p.tree.class_name(o) == "functools.partial"));
}

#[test]
fn a_list_that_holds_itself_is_no_trouble() {
    let p = run(b"\x80\x02]q\x00h\x00a.").unwrap();
    assert!(matches!(p.tree.get(p.root), Node::List(v) if v.as_slice() == [p.root]));
}

#[test]
fn stack_errors_and_unknown_opcodes_name_the_place() {
    for bytes in [
        b"0.".as_slice(),
        b"R.",
        b"t.",
        b"h\x05.",
        b"\x80\x09.",
        b"\xff.",
        b"((u.",
        b"(K\x01u.",
        b"}K\x01K\x02a.",
        b".",
        b"",
        b"(.",
    ] {
        assert!(run(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn nesting_and_lengths_are_bounded() {
    // A million open tuples; a million nested lists, which are only nodes in the arena.
    let marks = vec![b'('; 1 << 20];
    assert!(run(&marks).unwrap_err().to_string().contains("deep"));
    let mut nested = vec![b']'; 500_000];
    nested.extend(vec![b'a'; 499_999]);
    nested.push(b'.');
    assert!(run(&nested).is_ok());
    // More values than any checkpoint; a text of 2 GB in a file of ten bytes; endless stack.
    let mut many = vec![b'('];
    for _ in 0..5 << 20 {
        many.extend(b"]0");
    }
    assert!(run(&many).unwrap_err().to_string().contains("values"));
    assert!(run(b"X\xff\xff\xff\x7fabc.").is_err());
    assert!(run(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.").is_err());
    assert!(run(&vec![b'N'; 2 << 20]).unwrap_err().to_string().contains("stack"));
}

#[test]
fn copying_calls_are_bounded() {
    // list(x) of a memoized list of 100,000, again and again.
    let mut p = b"\x80\x02(".to_vec();
    p.extend(vec![b'N'; 100_000]);
    p.extend(b"lq\x00");
    for _ in 0..1000 {
        p.extend(b"c__builtin__\nlist\nh\x00\x85R0");
    }
    p.push(b'.');
    assert!(run(&p).unwrap_err().to_string().contains("copy"));
}

/// Snippets from which plausible pickles are put together, so that random ones get past the first opcodes.
const PARTS: [&[u8]; 40] = [
    b"N",
    b"\x88",
    b"K\x05",
    b"K\x00",
    b"\x8a\x01\x7f",
    b"X\x01\x00\x00\x00a",
    b"X\x06\x00\x00\x00cpu.xy",
    b"(",
    b"(",
    b"t",
    b"]",
    b"}",
    b")",
    b"a",
    b"e",
    b"s",
    b"u",
    b"0",
    b"1",
    b"2",
    b"q\x00",
    b"q\x01",
    b"h\x00",
    b"h\x01",
    b"\x94",
    b"\x85",
    b"\x86",
    b"\x87",
    b"R",
    b"b",
    b"\x81",
    b"\x93",
    b"cos\nsystem\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ",
    b"K\x00K\x02\x85K\x01\x85\x89N",
    b"c__builtin__\nset\n",
    b"\x8f",
    b"X\x08\x00\x00\x00_modules",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_opcodes_never_panic(parts in proptest::collection::vec(0usize..PARTS.len(), 0..80)) {
        let mut bytes: Vec<u8> = parts.iter().flat_map(|&i| PARTS[i].to_vec()).collect();
        bytes.push(b'.');
        if let Ok(p) = run(&bytes) {
            let mut model = super::super::empty_model(std::path::Path::new("soup"));
            let mut file = tempfile::NamedTempFile::new().unwrap();
            std::io::Write::write_all(&mut file, &[0; 64]).unwrap();
            let mut source = super::super::source::Source::open(file.path()).unwrap();
            let blob = crate::formats::zip::Blob { offset: 0, bytes: 64 };
            source.blobs.insert("0".to_owned(), blob);
            let _ = super::super::walk::fill(&mut model, &source, &p);
        }
    }
}

#[test]
fn a_legacy_view_shows_its_part_of_the_storage() {
    let id = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x08(X\x01\x00\x00\x00vK\x03K\x02ttQ";
    let p = run(&[b"\x80\x02".as_slice(), id, b"."].concat()).unwrap();
    assert!(matches!(p.tree.get(p.root), Node::Storage(s) if s.view == Some((3, 2)) && s.elems == 8));
}
