//! `BatchNormalization`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, norm};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `BatchNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BatchNormalization",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs!: ints, epsilon: float = 1e-05, is_test: int = 0, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, is_test: int = 0, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, spatial: int = 1",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "X: T, scale: T, B: T, mean: T, var: T",
            outputs: "Y: T, mean?: T, var?: T, saved_mean?: T, saved_var?: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T, scale: T, B: T, input_mean: U, input_var: U",
            outputs: "Y: T, running_mean?: U, running_var?: U",
            types: "T = FLOATS16; U = FLOATS16",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, training_mode: int = 0",
            deprecated: false,
        },
        Version {
            since: 15,
            inputs: "X: T, scale: T1, B: T1, input_mean: T2, input_var: T2",
            outputs: "Y: T, running_mean?: T2, running_var?: T2",
            types: "T = FLOATS16; T1 = FLOATS16; T2 = FLOATS16",
            attributes: "epsilon: float = 1e-05, momentum: float = 0.9, training_mode: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let channels = c.shape(1).map(<[Dim]>::to_vec);
    out.extend((1..c.node.outputs.len()).map(|_| Out { shape: channels.clone(), ..Out::default() }));
    Ok(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (epsilon, momentum) = (c.float("epsilon", 1e-5), c.float("momentum", 0.9));
    let of = |at: usize| norm::per_channel(c.tensor(at)?, &x.dims);
    let (scale, bias, mean, variance) = (of(1)?, of(2)?, of(3)?, of(4)?);
    let training = c.flag("training_mode", false) || (c.version() < 7 && !c.flag("is_test", false));
    let axes: Vec<usize> = (0..x.rank()).filter(|d| *d != 1).collect();
    let (used_mean, used_variance) = if training {
        let mut found = Vec::new();
        norm::groups(x, &axes, norm::moments).map(|(_, all)| found = all)?;
        found.into_iter().unzip()
    } else {
        (mean.to_numbers()?, variance.to_numbers()?)
    };
    let mut values = x.to_numbers()?;
    let wide = |v: Vec<f64>| Tensor::numbers(Elem::F64, mean.dims.clone(), v);
    norm::affine(&x.dims, &mut values, None, Some(&wide(used_mean.iter().map(|m| -m).collect())))?;
    let factors = used_variance.iter().map(|v| 1.0 / (v + epsilon).sqrt()).collect();
    norm::affine(&x.dims, &mut values, Some(&wide(factors)), None)?;
    norm::affine(&x.dims, &mut values, Some(&scale), Some(&bias))?;
    let running = |old: &Tensor, new: &[f64]| -> Result<Tensor, String> {
        let mixed = old.to_numbers()?.iter().zip(new).map(|(o, n)| o * momentum + n * (1.0 - momentum)).collect();
        Ok(Tensor::numbers(old.elem, [new.len()], mixed))
    };
    Ok(vec![
        Tensor::numbers(x.elem, x.dims.clone(), values).into(),
        running(&mean, &used_mean)?.into(),
        running(&variance, &used_variance)?.into(),
    ])
}
