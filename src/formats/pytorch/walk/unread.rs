//! Values in place of tensors that cannot be read: a description of each kind, and the remedy.

use crate::formats::pytorch::pickle::{Node, NodeId, Opaque, Tree, printable};

/// One of them.
pub(crate) struct Unread {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// How to save it so that it can be read.
    pub remedy: String,
    /// The arguments of a sparse tensor's rebuilder.
    pub sparse: Option<NodeId>,
    /// How many tensors come before it.
    pub before: usize,
}

/// The kind of an object in place of a tensor, and the remedy; `None` for other objects.
pub(crate) fn kind(tree: &Tree, o: &Opaque) -> Option<(String, &'static str)> {
    let class = tree.class_name(o);
    let last = class.rsplit('.').next().unwrap_or("");
    let rebuilt = o.called && class.starts_with("torch._") && class.contains("rebuild");
    // Tensor subclasses and sharded tensors; packed weights of quantized modules.
    if o.called && class.starts_with("numpy.") && matches!(last, "_reconstruct" | "_frombuffer") {
        return Some(("a numpy array".to_owned(), "Save it as `torch.from_numpy(array)`, or leave it out."));
    }
    if !(rebuilt || o.tensor || last.ends_with("Tensor") || is_packed(&class)) {
        return None;
    }
    let argument = |i: usize| tree.sequence(o.args?)?.get(i).copied();
    Some(match last {
        "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor" => {
            let layout = argument(0).and_then(|l| layout(tree, l)).unwrap_or_else(|| "sparse".to_owned());
            (format!("a sparse tensor, {layout}"), "Save it as `tensor.to_dense()`.")
        }
        "_rebuild_qtensor" => {
            let element = argument(0).and_then(|s| match tree.get(s) {
                Node::Storage(s) => Some(format!("{:?}", s.element)),
                _ => None,
            });
            let words = [("QInt8", "qint8"), ("QUInt8", "quint8"), ("QInt32", "qint32"), ("QUInt4", "quint4x2")];
            let name =
                words.iter().find(|w| element.as_ref().is_some_and(|e| e.contains(w.0))).map_or("quantized", |w| w.1);
            (format!("a quantized tensor, torch.{name}"), "Save it as `tensor.dequantize()`.")
        }
        "_rebuild_nested_tensor" => ("a nested tensor".to_owned(), "Save its parts as separate tensors."),
        "_rebuild_meta_tensor_no_storage" => {
            ("a tensor without data, on the meta device".to_owned(), "Load the weights before you save the model.")
        }
        "_rebuild_wrapper_subclass" => {
            let class = argument(0).map(|c| global(tree, c)).unwrap_or_default();
            (format!("a tensor subclass, {class}"), SUBCLASS)
        }
        "_rebuild_parameter" | "_rebuild_parameter_with_state" => match argument(0).map(|a| tree.get(a)) {
            // One level: rebuilders in one another are resolved before they come here.
            Some(Node::Opaque(inner)) if !tree.class_name(inner).contains("_rebuild_parameter") => {
                return kind(tree, inner)
                    .or(Some((format!("a parameter of class {}", tree.class_name(inner)), SUBCLASS)));
            }
            _ => ("a parameter that is not a plain tensor".to_owned(), SUBCLASS),
        },
        _ if is_packed(&class) => {
            (format!("packed weights of a quantized module, {class}"), "Save the model before it is quantized.")
        }
        _ if rebuilt => (format!("the result of {class}"), "Move it to the CPU and save it as a plain tensor."),
        _ => (format!("a tensor subclass, {class}"), SUBCLASS),
    })
}

/// PyTorch's quantized modules keep their weights in objects of such classes, which are modules themselves.
pub(crate) fn is_packed(class: &str) -> bool {
    class.rsplit('.').next().is_some_and(|last| last.contains("PackedParams"))
}

const SUBCLASS: &str = "Save plain tensors: `full_tensor()` of a DTensor, `dequantize()` of a quantized one, or gather a sharded checkpoint first.";

/// The arguments of a sparse tensor's rebuilder, if it is one.
pub(crate) fn sparse_args(tree: &Tree, o: &Opaque) -> Option<NodeId> {
    let class = tree.class_name(o);
    if class == "torch._utils._rebuild_sparse_tensor" {
        let layout = tree.sequence(o.args?)?.first().and_then(|l| layout(tree, *l));
        return o.args.filter(|_| layout.is_none_or(|l| l == "torch.sparse_coo"));
    }
    let inner = tree.sequence(o.args?)?.first()?;
    match tree.get(*inner) {
        Node::Opaque(inner)
            if class.contains("_rebuild_parameter") && !tree.class_name(inner).contains("_rebuild_parameter") =>
        {
            sparse_args(tree, inner)
        }
        _ => None,
    }
}

/// A layout: a name, or `torch.serialization._get_layout(name)`.
fn layout(tree: &Tree, id: NodeId) -> Option<String> {
    match tree.get(id) {
        Node::Global(g) => Some(printable(g)),
        Node::Str(s) => Some(printable(s)),
        Node::Opaque(o) => tree.text(*tree.sequence(o.args?)?.first()?).map(printable),
        _ => None,
    }
}

fn global(tree: &Tree, id: NodeId) -> String {
    if let Node::Global(g) = tree.get(id) { printable(g) } else { "of unknown class".to_owned() }
}
