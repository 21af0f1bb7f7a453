//! Recurrent networks: directions, activations, sequence lengths.

use super::walk::strides;
use super::{Args, Evaluated, Tensor};

/// An activation with its parameters.
type Activation = (String, f64, f64);

/// What one step of a cell sees.
pub(crate) struct Cell<'a> {
    /// The input times its weights, with both biases as far as the operator adds them first: one number for each row of a gate.
    pub x: &'a [f64],
    /// The state times its weights, likewise.
    pub h: &'a [f64],
    /// The recurrent biases.
    pub recurrent_bias: &'a [f64],
    /// The recurrent weights, rows of gates.
    pub r: &'a [f64],
    /// Hidden elements.
    pub hidden: usize,
    /// The state of the step before.
    pub state: &'a [f64],
    /// The cell state of the step before; empty if there is none.
    pub memory: &'a [f64],
    /// Peepholes; empty if there are none.
    pub peepholes: &'a [f64],
    /// The activations of this direction.
    pub f: &'a [Activation],
    /// The bound of what goes into activations.
    pub clip: Option<f64>,
}

impl Cell<'_> {
    /// An activation of a number, which is clipped before.
    pub(crate) fn activate(&self, which: usize, x: f64) -> f64 {
        let x = self.clip.map_or(x, |c| x.clamp(-c, c));
        self.f.get(which).map_or(x, |f| activation(f, x))
    }

    /// A gate before its activation.
    pub(crate) fn gate(&self, gate: usize, i: usize) -> f64 {
        self.x[gate * self.hidden + i] + self.h[gate * self.hidden + i] + self.recurrent_bias[gate * self.hidden + i]
    }

    /// A row of the recurrent weights of a gate times a vector.
    pub(crate) fn recurrent(&self, gate: usize, i: usize, v: &[f64]) -> f64 {
        self.r[(gate * self.hidden + i) * self.hidden..][..self.hidden].iter().zip(v).map(|(a, b)| a * b).sum()
    }
}

fn activation((name, alpha, beta): &Activation, x: f64) -> f64 {
    match name.to_ascii_lowercase().as_str() {
        "sigmoid" => super::math::sigmoid(x),
        "tanh" => x.tanh(),
        "relu" => x.max(0.0),
        "affine" => alpha * x + beta,
        "leakyrelu" => {
            if x < 0.0 {
                alpha * x
            } else {
                x
            }
        }
        "thresholdedrelu" => {
            if x > *alpha {
                x
            } else {
                0.0
            }
        }
        "scaledtanh" => alpha * (beta * x).tanh(),
        "hardsigmoid" => (alpha * x + beta).clamp(0.0, 1.0),
        "elu" => {
            if x < 0.0 {
                alpha * x.exp_m1()
            } else {
                x
            }
        }
        "softsign" => x / (1.0 + x.abs()),
        _ => super::math::softplus(x),
    }
}

/// Parameters of an activation that the node does not give, as the specification lists them.
fn defaults(name: &str) -> Result<(f64, f64), String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "affine" => (1.0, 0.0),
        "leakyrelu" => (0.01, 0.0),
        "thresholdedrelu" | "elu" | "scaledtanh" => (1.0, 1.0),
        "hardsigmoid" => (0.2, 0.5),
        "sigmoid" | "tanh" | "relu" | "softsign" | "softplus" => (0.0, 0.0),
        _ => return Err(format!("{name:?} is not an activation")),
    })
}

fn activations(c: &Args<'_>, usual: &[&str], directions: usize) -> Result<Vec<Activation>, String> {
    let names: Vec<String> = match c.texts("activations") {
        Some(all) => all.iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect(),
        None => (0..directions).flat_map(|_| usual.iter().map(|n| (*n).to_owned())).collect(),
    };
    if names.len() != usual.len() * directions {
        return Err(format!("it has {} activations, and needs {}", names.len(), usual.len() * directions));
    }
    let (mut alphas, mut betas) = (c.float_list("activation_alpha").iter(), c.float_list("activation_beta").iter());
    let one = |name: String| {
        let (a, b) = defaults(&name)?;
        // Parameters are only given for the activations that have some.
        let lower = name.to_ascii_lowercase();
        let has_alpha = !matches!(lower.as_str(), "sigmoid" | "tanh" | "relu" | "softsign" | "softplus");
        let has_beta = matches!(lower.as_str(), "affine" | "scaledtanh" | "hardsigmoid");
        let a = if has_alpha { alphas.next().map_or(a, |v| (*v).into()) } else { a };
        let b = if has_beta { betas.next().map_or(b, |v| (*v).into()) } else { b };
        Ok((name, a, b))
    };
    names.into_iter().map(one).collect()
}

/// The new state, and the new cell state if there is one.
type Step = (Vec<f64>, Vec<f64>);

/// What differs between recurrent operators.
pub(crate) struct Kind {
    /// Gates.
    pub gates: usize,
    /// Usual activations.
    pub activations: &'static [&'static str],
    /// Place of the input with the cell state, if it has one.
    pub memory: Option<usize>,
    /// One step of one sequence: the new state, and the new cell state if it has one.
    pub step: fn(&Args<'_>, &Cell<'_>) -> Step,
}

/// Checks the dimensions of an input.
fn expect(t: &Tensor, want: &[usize], what: &str) -> Result<Vec<f64>, String> {
    if t.dims == want {
        t.to_numbers()
    } else {
        Err(format!("its {what} has the shape {:?}, and should have {want:?}", t.dims))
    }
}

/// Runs a recurrent network.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn run(c: &Args<'_>, kind: &Kind) -> Evaluated {
    let (x, w, r) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    let batch_first = c.int("layout", 0) == 1;
    let &[first, second, features] = x.dims.as_slice() else {
        return Err("its input should have 3 dimensions".to_owned());
    };
    let (length, batch) = if batch_first { (second, first) } else { (first, second) };
    let &[directions, rows, hidden] = r.dims.as_slice() else {
        return Err("its recurrent weights should have 3 dimensions".to_owned());
    };
    let reverse = c.text("direction", "forward") == "reverse";
    if directions == 0 || directions > 2 || rows != kind.gates * hidden {
        return Err(format!("its recurrent weights have the shape {:?}", r.dims));
    }
    let (values, w) = (x.to_numbers()?, expect(w, &[directions, rows, features], "weights")?);
    let r = r.to_numbers()?;
    let bias = match c.given(3)? {
        Some(b) => expect(b, &[directions, rows * 2], "bias")?,
        None => vec![0.0; directions * rows * 2],
    };
    let lengths: Vec<usize> = match c.ints_if(4)? {
        Some(l) if l.len() == batch => l.iter().map(|n| usize::try_from(*n).unwrap_or(0).min(length)).collect(),
        Some(_) => return Err("it does not have one length for each sequence".to_owned()),
        None => vec![length; batch],
    };
    let state_dims = if batch_first { [batch, directions, hidden] } else { [directions, batch, hidden] };
    let initial = |at: usize| match c.given(at)? {
        Some(t) => expect(t, &state_dims, "initial state"),
        None => Ok(vec![0.0; directions * batch * hidden]),
    };
    let (mut h, mut memory) = (initial(5)?, kind.memory.map_or(Ok(Vec::new()), initial)?);
    let peepholes = match (kind.memory, c.given(7)?) {
        (Some(_), Some(p)) => expect(p, &[directions, 3 * hidden], "peepholes")?,
        _ => Vec::new(),
    };
    let f = activations(c, kind.activations, directions)?;
    let clip = c.float_attr("clip");
    let y_dims = if batch_first { [batch, length, directions, hidden] } else { [length, directions, batch, hidden] };
    let mut y = vec![0.0; c.count(&y_dims)?];
    let (y_steps, state_steps, x_steps) = (strides(&y_dims), strides(&state_dims), strides(&x.dims));
    for d in 0..directions {
        let backwards = reverse || d == 1;
        let (own_w, own_r) = (&w[d * rows * features..][..rows * features], &r[d * rows * hidden..][..rows * hidden]);
        let own_bias = &bias[d * rows * 2..][..rows * 2];
        for (b, length) in lengths.iter().copied().enumerate().take(batch) {
            let state_at = if batch_first {
                b * state_steps[0] as usize + d * hidden
            } else {
                d * state_steps[0] as usize + b * hidden
            };
            for step in 0..length {
                c.going()?;
                let t = if backwards { length - 1 - step } else { step };
                let x_at = if batch_first {
                    b * x_steps[0] as usize + t * features
                } else {
                    t * x_steps[0] as usize + b * features
                };
                let input = &values[x_at..][..features];
                let times = |rows_of: &[f64], v: &[f64], bias: Option<&[f64]>| -> Vec<f64> {
                    let row =
                        |i: usize| rows_of[i * v.len()..][..v.len()].iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
                    (0..rows).map(|i| row(i) + bias.map_or(0.0, |b| b[i])).collect()
                };
                let state = h[state_at..][..hidden].to_vec();
                let old = if memory.is_empty() { Vec::new() } else { memory[state_at..][..hidden].to_vec() };
                let per_direction = kind.activations.len();
                let cell = Cell {
                    x: &times(own_w, input, Some(&own_bias[..rows])),
                    h: &times(own_r, &state, None),
                    recurrent_bias: &own_bias[rows..],
                    r: own_r,
                    hidden,
                    state: &state,
                    memory: &old,
                    peepholes: if peepholes.is_empty() { &[] } else { &peepholes[d * 3 * hidden..][..3 * hidden] },
                    f: &f[d * per_direction..][..per_direction],
                    clip,
                };
                let (new, new_memory) = (kind.step)(c, &cell);
                let y_at = if batch_first {
                    b * y_steps[0] as usize + t * y_steps[1] as usize + d * hidden
                } else {
                    t * y_steps[0] as usize + d * y_steps[1] as usize + b * hidden
                };
                y[y_at..][..hidden].copy_from_slice(&new);
                h[state_at..][..hidden].copy_from_slice(&new);
                if !memory.is_empty() {
                    memory[state_at..][..hidden].copy_from_slice(&new_memory);
                }
            }
        }
    }
    let mut outs = vec![Tensor::numbers(x.elem, y_dims, y).into(), Tensor::numbers(x.elem, state_dims, h).into()];
    if kind.memory.is_some() {
        outs.push(Tensor::numbers(x.elem, state_dims, memory).into());
    }
    Ok(outs)
}
