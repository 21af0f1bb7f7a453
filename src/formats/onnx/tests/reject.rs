//! What is refused, and how that is said.

use super::*;

fn refused(bytes: Vec<u8>, fact: &str) {
    let folder = Folder::new();
    let e = folder.open(bytes).unwrap_err().to_string();
    assert!(e.contains(fact), "{e}\nshould contain: {fact}");
    assert!(e.contains("a.onnx"), "{e}");
}

fn graph(nodes: &[Encoder<'static>], inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
    let mut g = Encoder::default();
    for n in nodes {
        g.message(1, Encoder::verbatim(n));
    }
    inputs.iter().for_each(|i| g.message(11, info(i)));
    outputs.iter().for_each(|o| g.message(12, info(o)));
    model_of(g)
}

#[test]
fn names_that_mean_nothing_or_two_things() {
    refused(
        graph(&[node("Relu", &["x"], &["y"])], &["z"], &["y"]),
        "no node, input or initializer gives the value \"x\"",
    );
    refused(
        graph(&[node("Relu", &["x"], &["y"])], &["x"], &["w"]),
        "output \"w\": no node, input or initializer gives",
    );
    refused(
        graph(&[node("Relu", &["x"], &["y"]), node("Neg", &["x"], &["y"])], &["x"], &["y"]),
        "\"y\": it is given twice",
    );
    refused(graph(&[node("Relu", &["x"], &["x"])], &["x"], &["x"]), "\"x\": it is given twice in one graph");
    refused(graph(&[], &[""], &[]), "an input or initializer has no name");
    refused(vec![8, 10], "the model has no graph");
}

#[test]
fn cycles_name_their_nodes() {
    let nodes = [node("Relu", &["b"], &["a"]), node("Neg", &["a"], &["b"])];
    refused(graph(&nodes, &[], &["a"]), "node \"the Relu\" (Relu), node \"the Neg\" (Neg): the nodes form a cycle");
}

#[test]
fn tensors_whose_data_does_not_fit() {
    let raw = |n: usize| move |t: &mut Encoder<'static>| t.bytes(9, &vec![1; n]);
    let of = |dims: &[i64], ty: i64, n: usize| constant_graph(tensor("w", dims, ty, raw(n)), "w");
    refused(of(&[2, 3], 1, 23), "tensor \"w\": its data has 23 bytes, but its type and shape need 24");
    refused(of(&[2, -3], 1, 24), "tensor \"w\": a dimension is negative");
    refused(of(&[1 << 40, 1 << 40], 1, 24), "the number of elements overflows");
    refused(of(&[1 << 61], 11, 24), "the size of the data overflows");
    refused(of(&[6], 99, 24), "99 is not a data type of ONNX");
    refused(of(&[6], 0, 24), "0 is not a data type of ONNX");
    refused(of(&[3], 8, 3), "it has 0 strings for 3 elements");
    let ints = |dims: &[i64], values: &[i64]| {
        let values = packed(values);
        constant_graph(tensor("w", dims, 7, |t| t.bytes(7, &values)), "w")
    };
    refused(ints(&[3], &[1, 2]), "it has at most 2 numbers for 3 elements");
    refused(ints(&[3], &[1, 2, 3, 4]), "it has 4 numbers, but its type and shape need 3");
    refused(ints(&[1 << 40], &[1, 2]), "it has at most 2 numbers");
    refused(constant_graph(tensor("w", &[1], 1, |t| t.bytes(7, &[1])), "w"), "data in a field that is not for f32");
    refused(
        constant_graph(tensor("w", &[1], 7, |t| (t.bytes(7, &[1]), t.bytes(9, &[1; 8])).1), "w"),
        "data in two fields",
    );
    refused(constant_graph(tensor("w", &[1], 1, |_| {}), "w"), "its data has 0 bytes");
}

#[test]
fn external_data_that_is_elsewhere_missing_or_short() {
    let external = |location: &str, offset: &str, length: &str| {
        let pairs: Vec<Encoder<'static>> = [("location", location), ("offset", offset), ("length", length)]
            .into_iter()
            .map(|(k, v)| {
                let mut p = Encoder::default();
                p.bytes(1, k.as_bytes());
                p.bytes(2, v.as_bytes());
                p
            })
            .collect();
        constant_graph(
            tensor("w", &[4], 1, |t| {
                for p in pairs {
                    t.message(13, p);
                }
                t.varint(14, 1);
            }),
            "w",
        )
    };
    let folder = Folder::new();
    let outside = Folder::new();
    std::fs::write(folder.path("data"), [7; 20]).unwrap();
    std::fs::write(outside.path("secret"), [7; 20]).unwrap();
    std::os::unix::fs::symlink(outside.path("secret"), folder.path("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(""), folder.path("folder")).unwrap();
    let secret = outside.path("secret").display().to_string();
    for (bytes, fact) in [
        (external("other", "0", "16"), "its data file \"other\" is missing"),
        (external("data", "8", "16"), "its data is at 8 to 24 of \"data\", which has 20 bytes"),
        (external("data", "18446744073709551615", "16"), "which has 20 bytes"),
        (external("data", "0", "20"), "its external data has 20 bytes, but its type and shape need 16"),
        (external("data", "-4", "16"), "the offset \"-4\" of its external data is not a number"),
        (external("", "0", "16"), "its external data has no location"),
        (external("../data", "0", "16"), "outside of the folder of the model"),
        (external("a/../../data", "0", "16"), "outside of the folder of the model"),
        (external(&secret, "0", "16"), "outside of the folder of the model"),
        (external("link", "0", "16"), "a link to a file outside of the folder of the model"),
        (external("folder/secret", "0", "16"), "a link to a file outside of the folder of the model"),
        (external("a\0b", "0", "16"), "outside of the folder of the model"),
    ] {
        let e = folder.open(bytes).unwrap_err().to_string();
        assert!(e.contains(fact) && e.contains("tensor \"w\""), "{e}\nshould contain: {fact}");
    }
    let model = folder.open(external("./data", "4", "16")).unwrap();
    assert_eq!(model.tensors[0].read_all().unwrap(), [7; 16]);
    assert_eq!(model.files.len(), 2);
    // The files of the cache of Hugging Face are links to files in another folder.
    let linked = outside.path("model.onnx");
    std::fs::write(folder.path("b.onnx"), external("data", "4", "16")).unwrap();
    std::os::unix::fs::symlink(folder.path("b.onnx"), &linked).unwrap();
    std::os::unix::fs::symlink(folder.path("data"), outside.path("data")).unwrap();
    assert_eq!(super::super::open(&linked).unwrap().tensors[0].read_all().unwrap(), [7; 16]);
}

#[test]
fn regions_nested_without_end() {
    // 40 nested branches have more messages in each other than any reader allows.
    let mut g = Encoder::default();
    g.text(2, "innermost");
    for _ in 0..40 {
        let mut a = Encoder::default();
        a.text(1, "then_branch");
        a.message(6, g);
        a.varint(20, 5);
        let mut n = node("If", &[], &[]);
        n.message(5, a);
        g = Encoder::default();
        g.message(1, n);
    }
    refused(model_of(g), "nested more than 100 deep");
}

/// The small graphs of `fixtures`.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graphs");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all.into_iter().map(|p| (p.display().to_string(), std::fs::read(p).unwrap())).collect()
}

#[test]
fn every_truncation_and_flipped_bit_gives_a_graph_that_fits_together_or_an_error() {
    let folder = Folder::new();
    let check = |name: &str, what: String, bytes: Vec<u8>| {
        if let Ok(model) = folder.open(bytes) {
            let graph = model.graph.unwrap();
            assert_eq!(graph.check(), Ok(()), "{name}, {what}");
            graph.infer();
        }
    };
    for (name, whole) in fixtures() {
        for n in (0..whole.len()).step_by(3) {
            check(&name, format!("cut at {n}"), whole[..n].to_vec());
        }
        for bit in (0..whole.len() * 8).step_by(7) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&name, format!("bit {bit}"), bytes);
        }
    }
}

#[test]
fn a_cut_file_says_so() {
    let (_, whole) = fixtures().remove(0);
    let folder = Folder::new();
    let e = folder.open(whole[..whole.len() / 2].to_vec()).unwrap_err();
    assert_eq!(e.known_defect(), Some(crate::model::Defect::Cut), "{e}");
}
