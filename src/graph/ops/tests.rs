//! The table of operators, its documentation, and single rules.

use super::schema::FormalAttribute;
use super::*;
use crate::graph::Elem;
use crate::graph::eval::Eval;
use std::fmt::Write;
use std::path::Path;

#[test]
fn operators_are_sorted_and_versions_ascend() {
    assert!(OPERATORS.windows(2).all(|w| w[0].name < w[1].name));
    for op in OPERATORS {
        assert!(!op.versions.is_empty() && op.versions.windows(2).all(|w| w[0].since < w[1].since), "{}", op.name);
    }
}

/// Names of types that are no elements: `seq(f32)`, `optional(seq(f32))`, `map(i64->f32)`.
fn is_type(name: &str) -> bool {
    let inner = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.strip_suffix(')'));
    elem_of_name(name).is_some()
        || inner("seq(").is_some_and(is_type)
        || inner("optional(").is_some_and(is_type)
        || inner("map(").and_then(|n| n.split_once("->")).is_some_and(|(k, v)| is_type(k) && is_type(v))
}

#[test]
fn every_schema_is_read_completely() {
    for op in OPERATORS {
        for v in op.versions {
            let place = format!("{}-{}", op.name, v.since);
            let parts = |text: &str| if text.is_empty() { 0 } else { text.split(", ").count() };
            assert_eq!((v.inputs().len(), v.outputs().len()), (parts(v.inputs), parts(v.outputs)), "{place}");
            assert_eq!(v.attributes().len(), parts(v.attributes), "{place}");
            for f in v.inputs().iter().chain(&v.outputs()) {
                let types = v.types(f.ty);
                assert!(!types.is_empty() && types.iter().all(|t| is_type(t)), "{place}: {}: {types:?}", f.name);
            }
            for a in v.attributes() {
                assert!(FormalAttribute::TYPES.contains(&a.ty), "{place}: {}: {}", a.name, a.ty);
            }
        }
    }
}

#[test]
fn the_schema_is_that_of_the_version() {
    let gemm = OPERATORS.iter().find(|o| o.name == "Gemm").unwrap();
    assert_eq!(gemm.at(10).unwrap().since, 9);
    assert_eq!(gemm.at(27).unwrap().since, 13);
    assert!(gemm.at(0).is_none());
    let f = gemm.at(11).unwrap().inputs();
    assert_eq!((f[1].arity, f[2].arity), (Arity::One, Arity::Optional));
    let concat = OPERATORS.iter().find(|o| o.name == "Concat").unwrap().at(13).unwrap();
    assert_eq!(concat.inputs()[0].arity, Arity::Many(1));
    assert!(concat.attributes()[0].required);
    assert_eq!(formal_at(&concat.inputs(), 7).unwrap().name, "inputs");
    let body = OPERATORS.iter().find(|o| o.name == "Loop").unwrap().at(16).unwrap();
    assert!(!body.inputs()[2].same_type);
    assert_eq!(elem_of_name("f8_e5m2fnuz"), Some(Elem::F8E5M2Fnuz));
}

fn markdown() -> String {
    let mut text = String::from(
        "# Operators\n\nThe core operators that remold knows, generated from the table in `src/graph/ops` \
         (`BLESS=1 cargo test --lib graph::ops`). Files with other operators are read and written, too: they are kept as they are. A version is the \
         first opset with that schema, which remold checks. Shapes: `rule` are inferred from inputs and attributes, `body` from nested graphs; for \
         the others only types are. Evaluated: whether the reference evaluation runs it.\n\n| operator | versions | shapes | evaluated |\n| --- | --- | --- | --- |\n",
    );
    for op in OPERATORS {
        let versions: Vec<String> = op.versions.iter().map(|v| v.since.to_string()).collect();
        let shapes = match op.infer {
            Infer::Rule(_) => "rule",
            Infer::Branches | Infer::Loop | Infer::Scan => "body",
            Infer::Nothing => "",
        };
        let evaluated = match op.eval {
            Eval::Not(why) => format!("no: {why}"),
            _ => "yes".to_owned(),
        };
        let _ = writeln!(text, "| {} | {} | {shapes} | {evaluated} |", op.name, versions.join(", "));
    }
    text
}

#[test]
fn the_documentation_lists_the_operators() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, markdown()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), markdown(), "run it with BLESS=1");
}
