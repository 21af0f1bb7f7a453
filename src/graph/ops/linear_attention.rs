//! `LinearAttention`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, attend};

/// Schemas: ONNX 1.23, `LinearAttention`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LinearAttention",
    versions: &[Version {
        since: 27,
        inputs: "query: T, key: T, value: T, past_state?: S, decay?: T, beta?: T",
        outputs: "output: T, present_state: S",
        types: "T = f16 f32 bf16; S = f16 f32 bf16",
        attributes: "chunk_size: int = 64, kv_num_heads!: int, q_num_heads!: int, scale: float = 0, update_rule: text = gated_delta",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let state = c.elem(3).or_else(|| c.elem(0));
    // Heads are packed into the last dimension.
    let (Some([batch, sequence, q]), Some([_, _, v])) = (c.shape(0), c.shape(2)) else {
        return Ok(vec![Out::rank(3), Out::rank(4).of(state)]);
    };
    let (heads, kv_heads) = (Dim::Known(c.int("q_num_heads", 1)), Dim::Known(c.int("kv_num_heads", 1)));
    let (key_size, value_size) = (q.divided_exactly(&heads), v.divided_exactly(&kv_heads));
    Ok(vec![
        Out::shape(vec![batch.clone(), sequence.clone(), heads.times(&value_size)]),
        Out::shape(vec![batch.clone(), kv_heads, key_size, value_size]).of(state),
    ])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (q_heads, kv_heads) = (c.int("q_num_heads", 0), c.int("kv_num_heads", 0));
    let q = attend::heads(c.tensor(0)?, Some(q_heads))?;
    let (k, v) = (attend::heads(c.tensor(1)?, Some(kv_heads))?, attend::heads(c.tensor(2)?, Some(kv_heads))?);
    let (&[batch, q_heads, length, size], &[_, heads, _, _], &[_, _, _, out]) =
        (q.dims.as_slice(), k.dims.as_slice(), v.dims.as_slice())
    else {
        return Err("its inputs should have 3 dimensions".to_owned());
    };
    if k.dims != [batch, heads, length, size]
        || v.dims[..3] != k.dims[..3]
        || heads == 0
        || !q_heads.is_multiple_of(heads)
    {
        return Err(format!(
            "queries of {:?}, keys of {:?} and values of {:?} do not fit each other",
            q.dims, k.dims, v.dims
        ));
    }
    let rule = c.text("update_rule", "gated_delta");
    let (gated, delta) = (rule.starts_with("gated"), rule.ends_with("delta"));
    let state_dims = [batch, heads, size, out];
    let (mut state, state_elem) = match c.given(3)? {
        Some(t) if t.dims == state_dims => (t.to_numbers()?, t.elem),
        Some(t) => return Err(format!("its state has the shape {:?}, and should have {state_dims:?}", t.dims)),
        None => (vec![0.0; c.count(&state_dims)?], q.elem),
    };
    // One number for each head, or for each element of a key.
    let wide = |at: usize, name: &str| -> Result<(Vec<f64>, usize), String> {
        let t = c.tensor(at)?;
        match t.dims.as_slice() {
            [b, l, n] if *b == batch && *l == length => Ok((t.to_numbers()?, *n)),
            dims => Err(format!("its {name} has the shape {dims:?}")),
        }
    };
    let decay = if gated { Some(wide(4, "decay")?) } else { None };
    let beta = if delta { Some(wide(5, "beta")?) } else { None };
    if decay.as_ref().is_some_and(|(_, n)| *n != heads && *n != heads * size)
        || beta.as_ref().is_some_and(|(_, n)| *n != heads && *n != 1)
    {
        return Err("its decay or beta does not fit its heads".to_owned());
    }
    let scale = Some(c.float("scale", 0.0)).filter(|s| *s != 0.0).unwrap_or(1.0 / (size as f64).sqrt());
    let (qs, ks, vs) = (q.to_numbers()?, k.to_numbers()?, v.to_numbers()?);
    let y_dims = [batch, q_heads, length, out];
    let mut y = vec![0.0; c.count(&y_dims)?];
    for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
        let own = &mut state[(b * heads + h) * size * out..][..size * out];
        for t in 0..length {
            c.going()?;
            let row = (b * heads + h) * length + t;
            let (key, mut value) = (&ks[row * size..][..size], vs[row * out..][..out].to_vec());
            if let Some((g, n)) = &decay {
                for d in 0..size {
                    let by = g[(b * length + t) * n + if *n == heads { h } else { h * size + d }].exp();
                    own[d * out..][..out].iter_mut().for_each(|s| *s *= by);
                }
            }
            if let Some((beta, n)) = &beta {
                let by = beta[(b * length + t) * n + if *n == heads { h } else { 0 }];
                for (m, v) in value.iter_mut().enumerate() {
                    let found: f64 = (0..size).map(|d| own[d * out + m] * key[d]).sum();
                    *v = by * (*v - found);
                }
            }
            for d in 0..size {
                own[d * out..][..out].iter_mut().zip(&value).for_each(|(s, v)| *s += key[d] * v);
            }
            for g in 0..q_heads / heads {
                let q_row = (b * q_heads + h * (q_heads / heads) + g) * length + t;
                for m in 0..out {
                    y[q_row * out + m] =
                        scale * (0..size).map(|d| qs[q_row * size + d] * own[d * out + m]).sum::<f64>();
                }
            }
        }
    }
    let y = attend::joined(&Tensor::numbers(q.elem, y_dims, y));
    Ok(vec![y.into(), Tensor::numbers(state_elem, state_dims, state).into()])
}
