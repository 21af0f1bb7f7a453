//! Choosing the model among nested groups; bombs of shared containers.

use super::choose::{Kind, main_of};
use super::flatten::Flat;
use super::strip_wrappers;
use crate::formats::pytorch::pickle::{Input, Pickle, load};

/// A pickle made of small parts: `T` is a tensor of two floats, `{…}` a dict of `key:value`, other words are `None`.
fn pickle(text: &str) -> Pickle {
    const TENSOR: &[u8] = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQK\x00(K\x02t(K\x01t\x89}tR";
    let mut out = b"\x80\x02".to_vec();
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '{' => out.extend(b"}("),
            ':' => {
                out.push(b'X');
                out.extend((word.len() as u32).to_le_bytes());
                out.extend(word.as_bytes());
                word.clear();
            }
            ',' | '}' => {
                match word.as_str() {
                    "" => {}
                    "T" => out.extend(TENSOR),
                    _ => out.push(b'N'),
                }
                word.clear();
                if c == '}' {
                    out.push(b'u');
                }
            }
            ' ' => {}
            c => word.push(c),
        }
    }
    out.push(b'.');
    load(&mut Input::memory(out)).unwrap()
}

fn names(text: &str) -> (Vec<String>, Vec<(String, Kind)>) {
    let p = pickle(text);
    let choice = main_of(&p.tree, p.root).unwrap();
    let mut flat = Flat::default();
    for (prefix, id) in &choice.main {
        flat.collect(&p.tree, *id, prefix).unwrap();
    }
    let others = choice.others.iter().map(|(p, _, k)| (p.clone(), *k)).collect();
    (flat.tensors.into_iter().map(|(n, _)| n).collect(), others)
}

#[test]
fn the_model_is_found_under_customary_names() {
    let cases: [(&str, &[&str]); 11] = [
        ("{a.weight:T,b.weight:T}", &["a.weight", "b.weight"]),
        ("{state_dict:{a.weight:T},epoch:n}", &["a.weight"]),
        ("{model:{state_dict:{a.weight:T}},optimizer:{state:{0:{m:T}},param_groups:n}}", &["a.weight"]),
        ("{params:{a.weight:T},params_ema:{b.weight:T}}", &["b.weight"]),
        ("{generator:{a.weight:T},discriminator:{b.weight:T,c.weight:T}}", &["a.weight"]),
        ("{my_net:{a.weight:T,a.bias:T},step:n}", &["a.weight", "a.bias"]),
        ("{encoder:{w:T},semantic:{w:T}}", &["encoder.w", "semantic.w"]),
        ("{weight:T,optimizer:{state:{0:{m:T}},param_groups:n}}", &["weight"]),
        ("{state:{0:{m:T,v:T}},param_groups:n}", &[]),
        ("{cpu:n,epoch:n}", &[]),
        ("{a:T,a:T}", &["a"]),
    ];
    for (text, expected) in cases {
        assert_eq!(names(text).0, expected, "{text}");
    }
}

#[test]
fn entries_next_to_the_model_are_distinguished() {
    let (_, others) = names(
        "{state_dict:{a.weight:T},optimizer_states:{0:{m:T}},ema_model:{a.weight:T},lr_schedulers:n,rng_state:T,epoch:n}",
    );
    let kinds: Vec<Kind> = others.into_iter().map(|o| o.1).collect();
    assert_eq!(kinds, [Kind::Optimizer, Kind::Average, Kind::Scheduler, Kind::Random, Kind::Other]);
}

#[test]
fn wrapper_prefixes_go_only_when_all_have_them() {
    let strip = |names: &[&str]| {
        let mut t: Vec<(String, ())> = names.iter().map(|n| ((*n).to_owned(), ())).collect();
        strip_wrappers(&mut t);
        t.into_iter().map(|t| t.0).collect::<Vec<_>>()
    };
    assert_eq!(strip(&["module.a", "module.b"]), ["a", "b"]);
    assert_eq!(strip(&["module._orig_mod.a"]), ["a"]);
    assert_eq!(strip(&["module.a", "b"]), ["module.a", "b"]);
    assert_eq!(strip(&["model.a", "model.b"]), ["model.a", "model.b"]);
}

#[test]
fn exponentially_shared_lists_are_refused_quickly() {
    // l0 = [T]; l1 = [l0, l0]; … 60 levels.
    let mut p = b"\x80\x02]q\x00".to_vec();
    for i in 0..60u8 {
        p.extend([b']', b'(', b'h', i, b'h', i, b'e', b'q', i + 1]);
    }
    p.push(b'.');
    let p = load(&mut Input::memory(p)).unwrap();
    let choice = main_of(&p.tree, p.root).unwrap();
    let mut flat = Flat::default();
    let e = choice.main.iter().try_for_each(|(n, id)| flat.collect(&p.tree, *id, n)).unwrap_err();
    assert!(e.to_string().contains("visited more than"), "{e}");
}
