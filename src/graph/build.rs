//! The parts of a graph, and what adds to it.

use super::arena::Arena;
use super::{Attribute, Constant, Declared, Extra, NodeId, RegionId, SparseConstant, Text, ValueId, ValueType};

/// A graph with everything in it: its main region, the regions nested in its nodes, and its functions.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The main region.
    pub(crate) main: RegionId,
    /// All values, of all regions.
    pub(crate) values: Arena<ValueId, Value>,
    /// All nodes, of all regions.
    pub(crate) nodes: Arena<NodeId, Node>,
    /// All regions.
    pub(crate) regions: Arena<RegionId, Region>,
    /// The version of each domain of operators; the core domain is "".
    pub(crate) opsets: Vec<Opset>,
    /// Functions: operators that are defined by nodes. Each has a graph of its own and captures nothing.
    pub(crate) functions: Vec<Function>,
    /// What is said about the model as a whole.
    pub(crate) about: About,
    /// Foreign fields of the model.
    pub(crate) extra: Extra,
}

/// The version of one domain of operators.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opset {
    /// The domain; "" is the core domain.
    pub domain: Text,
    /// Its version.
    pub version: i64,
    /// Foreign fields.
    pub extra: Extra,
}

/// What a file says about the model as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// Version of the file format (ONNX: the IR version).
    pub format_version: i64,
    /// The program that made it.
    pub producer: Text,
    /// Its version.
    pub producer_version: Text,
    /// Domain of the model.
    pub domain: Text,
    /// Version of the model.
    pub model_version: Option<i64>,
    /// A description.
    pub doc: Text,
    /// Key-value pairs.
    pub properties: Vec<(Text, Text)>,
}

/// A list of nodes with inputs and outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Region {
    /// Its name.
    pub name: Text,
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Constants, in file order. Those with a [`SparseConstant`] too.
    pub constants: Vec<ValueId>,
    /// Nodes in the order in which they run.
    pub nodes: Vec<NodeId>,
    /// Intermediate values whose types the file declares, in file order.
    pub described: Vec<Port>,
    /// The node that holds the region in an attribute.
    pub holder: Option<NodeId>,
    /// Foreign fields.
    pub extra: Extra,
}

/// A mention of a value in a list of inputs or outputs.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    /// The value.
    pub value: ValueId,
    /// How the file declared its type here, where that says more than the type.
    pub declared: Option<Box<Declared>>,
    /// Foreign fields.
    pub extra: Extra,
}

/// A value: what a node gives, an input, or a constant.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Its name; unique among the values that are visible in its region.
    pub name: Text,
    /// Its type.
    pub ty: ValueType,
    /// Where it comes from.
    pub source: Source,
    /// Its elements if it is constant; for an input, those it has unless the caller gives others.
    pub constant: Option<Constant>,
    /// Its elements if it is a sparse constant.
    pub sparse: Option<Box<SparseConstant>>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is an input of a region.
    Input(RegionId),
    /// It is a constant of a region.
    Constant(RegionId),
    /// It is an output of a node.
    Node(NodeId),
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Domain of the operator; "" is the core domain.
    pub domain: Text,
    /// The operator.
    pub op: Text,
    /// Version of the domain that its semantics are from; 0 if no version was declared.
    pub version: i64,
    /// Which of several functions of one name.
    pub overload: Text,
    /// Its name; may be empty.
    pub name: Text,
    /// Inputs; `None` for an optional one that is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// Outputs; `None` for one that is not used.
    pub outputs: Vec<Option<ValueId>>,
    /// Attributes, in file order.
    pub attributes: Vec<Attribute>,
    /// The region it is in.
    pub region: RegionId,
    /// Foreign fields.
    pub extra: Extra,
}

/// An operator that is defined by nodes.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Domain of the operator.
    pub domain: Text,
    /// Its name.
    pub name: Text,
    /// Which of several of that name.
    pub overload: Text,
    /// Attributes that a call must give.
    pub attributes: Vec<Text>,
    /// Attributes with a value for calls that do not give them.
    pub defaults: Vec<Attribute>,
    /// Its nodes. Inputs and outputs are those of the main region, without types.
    pub body: Graph,
    /// Foreign fields.
    pub extra: Extra,
}

impl Default for Graph {
    fn default() -> Self {
        let mut regions = Arena::default();
        let main = regions.add(Region::default());
        Self {
            main,
            values: Arena::default(),
            nodes: Arena::default(),
            regions,
            opsets: Vec::new(),
            functions: Vec::new(),
            about: About::default(),
            extra: Extra::new(),
        }
    }
}

impl Node {
    /// A node of the core domain that is in no region yet.
    pub(crate) fn new(op: &str, version: i64, inputs: &[ValueId]) -> Self {
        Self {
            domain: "".into(),
            op: op.into(),
            version,
            overload: "".into(),
            name: "".into(),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: Vec::new(),
            attributes: Vec::new(),
            region: RegionId(0),
            extra: Extra::new(),
        }
    }

    /// The attribute of that name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&super::AttrValue> {
        self.attributes.iter().find(|a| &*a.name == name).map(|a| &a.value)
    }

    /// True for operators of the core domain, which has two names.
    pub(crate) fn is_core(&self) -> bool {
        is_core(&self.domain)
    }

    /// The node as it is shown: `node "conv1" (Conv)`.
    pub(crate) fn shown(&self) -> String {
        if self.name.is_empty() {
            format!("a node ({})", self.op)
        } else {
            format!("node {:?} ({})", self.name, self.op)
        }
    }
}

/// True for the core domain, which has two names.
pub(crate) fn is_core(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

impl Port {
    /// A mention without foreign fields.
    pub(crate) fn of(value: ValueId) -> Self {
        Self { value, declared: None, extra: Extra::new() }
    }
}

impl Graph {
    /// The version of a domain, if it is declared.
    pub(crate) fn opset(&self, domain: &str) -> Option<i64> {
        let same = |d: &str| d == domain || (is_core(d) && is_core(domain));
        self.opsets.iter().find(|o| same(&o.domain)).map(|o| o.version)
    }

    /// Adds a value.
    pub(crate) fn add_value(&mut self, name: impl Into<Text>, ty: ValueType, source: Source) -> ValueId {
        self.values.add(Value { name: name.into(), ty, source, constant: None, sparse: None })
    }

    /// Adds an input of a region.
    pub(crate) fn add_input(&mut self, region: RegionId, name: impl Into<Text>, ty: ValueType) -> ValueId {
        let id = self.add_value(name, ty, Source::Input(region));
        self.regions[region].inputs.push(Port::of(id));
        id
    }

    /// Adds a constant to a region.
    pub(crate) fn add_constant(&mut self, region: RegionId, name: impl Into<Text>, constant: Constant) -> ValueId {
        let ty = ValueType::tensor(constant.elem, constant.dims.iter().map(|&d| d.into()));
        let id = self.add_value(name, ty, Source::Constant(region));
        self.values[id].constant = Some(constant);
        self.regions[region].constants.push(id);
        id
    }

    /// Adds a node after the others of a region, with new values of these names as outputs.
    pub(crate) fn add_node(&mut self, region: RegionId, mut node: Node, outputs: &[&str]) -> (NodeId, Vec<ValueId>) {
        node.region = region;
        let regions: Vec<RegionId> = node.attributes.iter().flat_map(|a| a.value.regions()).copied().collect();
        let id = self.nodes.add(node);
        for nested in regions {
            self.regions[nested].holder = Some(id);
        }
        let values: Vec<ValueId> =
            outputs.iter().map(|name| self.add_value(*name, ValueType::Unknown, Source::Node(id))).collect();
        self.nodes[id].outputs = values.iter().copied().map(Some).collect();
        self.regions[region].nodes.push(id);
        (id, values)
    }

    /// Adds a region that nothing holds yet.
    pub(crate) fn add_region(&mut self, name: impl Into<Text>) -> RegionId {
        self.regions.add(Region { name: name.into(), ..Region::default() })
    }
}
