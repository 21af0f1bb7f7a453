//! `Attention`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Eval, attend};

/// Schemas: ONNX 1.23, `Attention`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Attention",
    versions: &[
        Version {
            since: 23,
            inputs: "Q: T1, K: T1, V: T2, attn_mask?: U, past_key?: T1, past_value?: T2",
            outputs: "Y: T1, present_key?: T1, present_value?: T2, qk_matmul_output?: T1",
            types: "T1 = FLOATS16; T2 = FLOATS16; U = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "is_causal: int = 0, kv_num_heads: int, q_num_heads: int, qk_matmul_output_mode: int = 0, scale: float, softcap: float = 0, softmax_precision: int",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "Q: T1, K: T1, V: T2, attn_mask?: U, past_key?: T1, past_value?: T2, nonpad_kv_seqlen?: i64",
            outputs: "Y: T1, present_key?: T1, present_value?: T2, qk_matmul_output?: T1",
            types: "T1 = FLOATS16; T2 = FLOATS16; U = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "is_causal: int = 0, kv_num_heads: int, q_num_heads: int, qk_matmul_output_mode: int = 0, scale: float, softcap: float = 0, softmax_precision: int",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "Q: T1, K: T1, V: T2, attn_mask?: U, past_key?: T1, past_value?: T2, nonpad_kv_seqlen?: i64",
            outputs: "Y: T1, present_key?: T1, present_value?: T2, qk_matmul_output?: T1",
            types: "T1 = FLOATS16; T2 = FLOATS16; U = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "is_causal: int = 0, kv_num_heads: int, left_window_size: int = -1, q_num_heads: int, qk_matmul_output_mode: int = 0, right_window_size: int = -1, scale: float, softcap: float = 0, softmax_precision: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(attend::attention),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(q), Some(k), Some(v)) = (c.shape(0), c.shape(1), c.shape(2)) else { return Ok(Vec::new()) };
    let heads = |name: &str| Dim::Known(c.int(name, 0));
    let (qh, kvh) = (heads("q_num_heads"), heads("kv_num_heads"));
    // Either [batch, sequence, hidden] with the numbers of heads as attributes, or [batch, heads, sequence, size].
    let (out, q_heads, kv) = match (q, k, v) {
        ([b, s, _], [_, t, kd], [_, _, vd]) => {
            let size = vd.divided_exactly(&kvh);
            (vec![b.clone(), s.clone(), size.times(&qh)], qh, (kvh.clone(), t.clone(), kd.divided_exactly(&kvh), size))
        }
        ([b, h, s, _], [_, kh, t, kd], [_, _, _, vd]) => (
            vec![b.clone(), h.clone(), s.clone(), vd.clone()],
            h.clone(),
            (kh.clone(), t.clone(), kd.clone(), vd.clone()),
        ),
        _ => return Err(format!("queries, keys and values of {}, {} and {} dimensions", q.len(), k.len(), v.len())),
    };
    let (kv_heads, new, key_size, value_size) = kv;
    let past = match c.input(4) {
        None => Dim::Known(0),
        Some(_) => c.shape(4).and_then(|s| s.get(2).cloned()).unwrap_or_default(),
    };
    let total = past.plus(&new);
    let sequence = if q.len() == 3 { &q[1] } else { &q[2] };
    let present = |size: Dim| Out::shape(vec![q[0].clone(), kv_heads.clone(), total.clone(), size]);
    Ok(vec![
        Out::shape(out),
        present(key_size),
        present(value_size),
        Out::shape(vec![q[0].clone(), q_heads, sequence.clone(), total.clone()]),
    ])
}
