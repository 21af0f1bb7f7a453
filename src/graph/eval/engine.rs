//! Runs the nodes of a graph in order.

use super::plan::Plan;
use super::{Args, Eval, Evaluated, Shared, Value, Watch, domains};
use crate::graph::{
    AttrValue, Attribute, Elem, Function, Graph, GraphError, Node, NodeId, RegionId, Source, ValueId, ops,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Values of one graph: the main one, or the body of a function.
pub(super) struct Engine<'g, 'w> {
    pub(super) g: &'g Graph,
    functions: &'g [Function],
    pub(super) shared: &'g Shared<'g>,
    values: HashMap<ValueId, Value>,
    plans: HashMap<RegionId, Rc<Plan>>,
    /// Attributes of the call, in the body of a function.
    attributes: Vec<Attribute>,
    depth: u32,
    pub(super) watch: Option<&'w mut Watch<'w>>,
}

impl<'g, 'w> Engine<'g, 'w> {
    pub(super) fn new(g: &'g Graph, functions: &'g [Function], shared: &'g Shared<'g>, depth: u32) -> Self {
        let (values, plans) = (HashMap::new(), HashMap::new());
        Self { g, functions, shared, values, plans, attributes: Vec::new(), depth, watch: None }
    }

    /// Gives an input of the main region its value.
    pub(super) fn set_input(&mut self, id: ValueId, value: Value) -> Result<(), String> {
        let declared = &self.g.values[id].ty;
        if let (Value::Tensor(t), Some(elem)) = (&value, declared.elem()) {
            self.shared.count(&t.dims)?;
            if t.elem != elem {
                return Err(format!("it is {}, and the graph takes {elem}", t.elem));
            }
        }
        if let (Value::Tensor(t), Some(shape)) = (&value, declared.shape()) {
            let fits = |(have, want): (&usize, &crate::graph::Dim)| want.known().is_none_or(|n| n == *have as i64);
            if t.dims.len() != shape.len() || !t.dims.iter().zip(shape).all(fits) {
                return Err(format!("its shape is {:?}, and the graph takes {declared}", t.dims));
            }
        }
        self.set(id, value);
        Ok(())
    }

    /// Sets a value.
    pub(super) fn set(&mut self, id: ValueId, value: Value) {
        if let Some(watch) = &mut self.watch {
            watch(id, &value);
        }
        self.values.insert(id, value);
    }

    /// Runs the main region.
    pub(super) fn main(&mut self) -> Result<(), GraphError> {
        let missing = |v: &&crate::graph::Port| {
            let value = &self.g.values[v.value];
            value.constant.is_none() && value.sparse.is_none() && !self.values.contains_key(&v.value)
        };
        if let Some(port) = self.g.regions[self.g.main].inputs.iter().find(missing) {
            let value = &self.g.values[port.value];
            // An input that nothing uses, or that is optional, may be left out.
            let optional = matches!(value.ty, crate::graph::ValueType::Optional(_));
            if !optional && self.g.used().contains(&port.value) {
                return Err(GraphError::new(format!("input {:?}", value.name), "it has no value"));
            }
        }
        self.region(self.g.main)
    }

    /// An output of the main region.
    pub(super) fn output(&mut self, id: ValueId) -> Result<Value, GraphError> {
        let place = || format!("output {:?}", self.g.values[id].name);
        self.value(id).map_err(|what| GraphError::new(place(), what))
    }

    /// Runs the nodes of a region.
    pub(super) fn region(&mut self, region: RegionId) -> Result<(), GraphError> {
        if self.depth >= self.shared.setting.limits.depth {
            let what = format!("regions and functions are nested more than {} deep", self.depth);
            return Err(GraphError::new(format!("region {:?}", self.g.regions[region].name), what));
        }
        let plan = match self.plans.get(&region) {
            Some(plan) => plan.clone(),
            None => {
                let plan = Rc::new(Plan::of(self.g, region)?);
                self.plans.insert(region, plan.clone());
                plan
            }
        };
        self.depth += 1;
        for (id, done) in &plan.steps {
            self.node(*id)?;
            for value in done {
                self.values.remove(value);
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The value, which constants get when they are first needed.
    pub(super) fn value(&mut self, id: ValueId) -> Result<Value, String> {
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let value = &self.g.values[id];
        let found = match (&value.constant, &value.sparse) {
            (Some(c), _) => self.shared.constant(c)?,
            (_, Some(s)) => self.shared.sparse(s)?,
            _ if matches!(value.source, Source::Input(_)) => return Ok(Value::Nothing),
            _ => return Err(format!("{:?} has no value yet", value.name)),
        };
        self.values.insert(id, found.clone().into());
        Ok(found.into())
    }

    /// Forgets the values of a region's nodes and constants, before it runs again.
    pub(super) fn forget(&mut self, region: RegionId) {
        let r = &self.g.regions[region];
        for value in r.nodes.iter().flat_map(|n| self.g.nodes[*n].outputs.iter().flatten()) {
            self.values.remove(value);
        }
    }

    fn node(&mut self, id: NodeId) -> Result<(), GraphError> {
        let node = &self.g.nodes[id];
        let outs = self.evaluated(node).map_err(|e| match e {
            Failure::Here(what) => GraphError::new(node.shown(), what),
            Failure::Inside(e) => e,
        })?;
        for (at, output) in node.outputs.iter().enumerate() {
            let Some(output) = output else { continue };
            let Some(value) = outs.get(at) else {
                return Err(GraphError::new(
                    node.shown(),
                    format!("its output {at} is used, and its evaluation gives none"),
                ));
            };
            self.checked(value).map_err(|what| GraphError::new(node.shown(), what))?;
            self.set(*output, value.clone());
        }
        Ok(())
    }

    /// Checks the size of a value.
    pub(super) fn checked(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::Tensor(t) => self.shared.count(&t.dims).map(|_| ()),
            other if other.elems() > self.shared.setting.limits.elems => {
                Err("a sequence has too many elements".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn evaluated(&mut self, node: &'g Node) -> Result<Vec<Value>, Failure> {
        self.shared.step()?;
        let node = self.resolved(node);
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push(input.map(|v| self.value(v)).transpose()?);
        }
        let args = Args { node: &node, inputs, shared: self.shared };
        let rule = match ops::find(&node).map(|op| &op.eval) {
            Some(Eval::Rule(rule)) => Some(*rule),
            Some(Eval::Branch) => return self.branch(&args),
            Some(Eval::Loop) => return self.repeat(&args),
            Some(Eval::Scan) => return self.scan(&args),
            Some(Eval::Map) => return self.map(&args),
            Some(Eval::Not(why)) => return Err(format!("the operator has no reference evaluation: {why}").into()),
            None => None,
        };
        if let Some(function) = self.function(&node) {
            return self.call(function, args);
        }
        if &*node.domain == "ai.onnx.preview" && &*node.op == "FlexAttention" {
            return self.flexible(&args);
        }
        match rule.or_else(|| domains::find(&node)) {
            Some(rule) => Ok(rule(&args)?),
            None => Err(unknown(&node).into()),
        }
    }

    /// The node with the attributes that refer to those of the call.
    fn resolved(&self, node: &'g Node) -> Cow<'g, Node> {
        if !node.attributes.iter().any(|a| matches!(a.value, AttrValue::Reference { .. })) {
            return Cow::Borrowed(node);
        }
        let mut own = node.clone();
        own.attributes = Vec::new();
        for a in &node.attributes {
            let value = match &a.value {
                AttrValue::Reference { of, .. } => match self.attributes.iter().find(|b| b.name == *of) {
                    Some(found) => found.value.clone(),
                    None => continue,
                },
                other => other.clone(),
            };
            own.attributes.push(Attribute { name: a.name.clone(), value, extra: Vec::new() });
        }
        Cow::Owned(own)
    }

    fn function(&self, node: &Node) -> Option<&'g Function> {
        let same = |f: &&Function| *f.name == *node.op && *f.domain == *node.domain && *f.overload == *node.overload;
        self.functions.iter().find(same)
    }

    fn call(&mut self, function: &'g Function, args: Args<'_>) -> Result<Vec<Value>, Failure> {
        let body = &function.body;
        let mut inner = Engine::new(body, self.functions, self.shared, self.depth);
        inner.attributes = args.node.attributes.clone();
        let missing = function.defaults.iter().filter(|d| args.node.attribute(&d.name).is_none());
        inner.attributes.extend(missing.cloned());
        let main = &body.regions[body.main];
        for (port, value) in main.inputs.iter().zip(args.inputs) {
            inner.set(port.value, value.unwrap_or(Value::Nothing));
        }
        let within = |e: GraphError| Failure::Here(format!("in the function, {e}"));
        inner.region(body.main).map_err(within)?;
        main.outputs.iter().map(|p| inner.output(p.value).map_err(within)).collect()
    }
}

fn unknown(node: &Node) -> String {
    let domain = if node.is_core() { "the core".to_owned() } else { format!("{:?}", node.domain) };
    format!("the operator of {domain} domain has no reference evaluation")
}

/// What failed.
pub(super) enum Failure {
    /// The node.
    Here(String),
    /// A node in a region of it.
    Inside(GraphError),
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Here(what)
    }
}

impl From<GraphError> for Failure {
    fn from(e: GraphError) -> Self {
        Self::Inside(e)
    }
}

/// A truth value in a tensor with one element.
pub(super) fn truth(value: &Value) -> Result<bool, String> {
    let t = value.tensor()?;
    match (t.elem, t.stored_ints()?) {
        (Elem::Bool, [v]) => Ok(*v != 0),
        _ => Err(format!("a condition is {} {:?} and should be one truth value", t.elem, t.dims)),
    }
}

/// What evaluation functions are.
pub(super) type Rule = fn(&Args<'_>) -> Evaluated;
