//! Storages and tensors as pickles name them.

use super::{Node, NodeId, Tree};
use crate::formats::pytorch::limits::MAX_RANK;
use crate::model::{ModelError, Result};
use crate::tensor::DType;

/// The element type of a storage or tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// One this program computes with.
    Plain(DType),
    /// Raw bytes; the tensor says what they are.
    Untyped,
    /// Another one, by PyTorch's name; with the bytes of one element where known.
    Other(Box<str>, Option<u64>),
}

impl Element {
    /// By storage class: `torch.FloatStorage`, `torch.cuda.HalfStorage`, `torch.storage.UntypedStorage`.
    pub(crate) fn of_storage_class(global: &str) -> Option<Self> {
        if !global.starts_with("torch.") {
            return None;
        }
        let class = global.rsplit('.').next()?;
        let plain = match class {
            "DoubleStorage" => DType::F64,
            "FloatStorage" => DType::F32,
            "HalfStorage" => DType::F16,
            "BFloat16Storage" => DType::BF16,
            "LongStorage" => DType::I64,
            "IntStorage" => DType::I32,
            "ShortStorage" => DType::I16,
            "CharStorage" => DType::I8,
            "ByteStorage" => DType::U8,
            "BoolStorage" => DType::Bool,
            "ComplexFloatStorage" => DType::C64,
            "ComplexDoubleStorage" => DType::C128,
            "UntypedStorage" | "_UntypedStorage" => return Some(Self::Untyped),
            "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage" => {
                return Some(Self::Other(class.into(), Some(1)));
            }
            "QInt32Storage" => return Some(Self::Other(class.into(), Some(4))),
            _ => return None,
        };
        Some(Self::Plain(plain))
    }

    /// By dtype object: `torch.float8_e4m3fn`.
    pub(crate) fn of_dtype(global: &str) -> Option<Self> {
        let name = global.strip_prefix("torch.")?;
        Some(match name {
            "float64" | "double" => Self::Plain(DType::F64),
            "float32" | "float" => Self::Plain(DType::F32),
            "float16" | "half" => Self::Plain(DType::F16),
            "bfloat16" => Self::Plain(DType::BF16),
            "float8_e4m3fn" => Self::Plain(DType::F8E4M3),
            "float8_e5m2" => Self::Plain(DType::F8E5M2),
            "int64" | "long" => Self::Plain(DType::I64),
            "int32" | "int" => Self::Plain(DType::I32),
            "int16" | "short" => Self::Plain(DType::I16),
            "int8" => Self::Plain(DType::I8),
            "uint64" => Self::Plain(DType::U64),
            "uint32" => Self::Plain(DType::U32),
            "uint16" => Self::Plain(DType::U16),
            "uint8" => Self::Plain(DType::U8),
            "bool" => Self::Plain(DType::Bool),
            "complex64" | "cfloat" => Self::Plain(DType::C64),
            "complex128" | "cdouble" => Self::Plain(DType::C128),
            _ => Self::Other(name.into(), None),
        })
    }

    /// Bytes of one element, where known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Plain(d) => Some(d.size_bytes() as u64),
            Self::Untyped => Some(1),
            Self::Other(_, bytes) => *bytes,
        }
    }
}

/// A storage: a run of elements in the file, by key.
#[derive(Clone, Debug)]
pub(crate) struct StorageRef {
    /// The key of its data.
    pub key: Box<str>,
    /// What its elements are.
    pub element: Element,
    /// Number of elements of the whole storage (bytes of an untyped one).
    pub elems: u64,
    /// (first element, elements): the part of the keyed data it shows (views in legacy files).
    pub view: Option<(u64, u64)>,
}

/// A tensor: a strided view of a storage. Not yet checked against it.
#[derive(Clone, Debug)]
pub(crate) struct TensorRef {
    /// Its storage, a [`Node::Storage`].
    pub storage: NodeId,
    /// What its elements are.
    pub element: Element,
    /// First element.
    pub offset: u64,
    /// Dimensions.
    pub size: Vec<u64>,
    /// Elements from one index to the next, for each dimension.
    pub stride: Vec<u64>,
}

/// A storage from its persistent id: `('storage', class, key, location, elements[, view])`.
pub(crate) fn storage_of_id(tree: &Tree, id: &[NodeId]) -> Option<StorageRef> {
    const MAX_KEY_BYTES: usize = 128;
    let [_, class, key, _location, elems, rest @ ..] = id else {
        return None;
    };
    let Node::Global(class) = tree.get(*class) else {
        return None;
    };
    let key: Box<str> = match tree.get(*key) {
        Node::Str(s) if s.len() <= MAX_KEY_BYTES => s.clone(),
        Node::Int(i) => i.to_string().into(),
        _ => return None,
    };
    let view = match rest.first().map(|v| (tree.get(*v), tree.sequence(*v))) {
        None | Some((Node::None, _)) => None,
        // (key of the view, first element, elements)
        Some((_, Some(&[_, first, n]))) => Some((tree.unsigned(first)?, tree.unsigned(n)?)),
        Some(_) => return None,
    };
    Some(StorageRef { key, element: Element::of_storage_class(class)?, elems: tree.unsigned(*elems)?, view })
}

/// A storage from a protocol-0 id, which is the tuple as Python prints it:
/// `('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4)`.
pub(crate) fn storage_of_text(id: &str) -> Option<StorageRef> {
    const MAX_ID_BYTES: usize = 512;
    if id.len() > MAX_ID_BYTES {
        return None;
    }
    let inner = id.trim().strip_prefix('(')?.strip_suffix(')')?;
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    let quoted = |s: &str| -> Option<String> { Some(s.trim_matches(['\'', '"', 'u'].as_slice()).to_owned()) };
    let (kind, class, key, elems) = (parts.first()?, parts.get(1)?, parts.get(2)?, parts.get(4)?);
    if quoted(kind)? != "storage" || parts.len() > 6 || parts.get(5).is_some_and(|v| !matches!(*v, "" | "None")) {
        return None;
    }
    let class = class.strip_prefix("<class '")?.strip_suffix("'>")?;
    let element = Element::of_storage_class(class)?;
    Some(StorageRef { key: quoted(key)?.into(), element, elems: elems.parse().ok()?, view: None })
}

/// A tensor from the arguments of `_rebuild_tensor*`: storage, offset, size, stride and, in the third version, a dtype as
/// the seventh. `None` when the first argument is not a storage.
///
/// # Errors
/// When the other arguments are not what that function takes.
pub(crate) fn tensor_of_args(tree: &mut Tree, args: &[NodeId], third_version: bool) -> Result<Option<TensorRef>> {
    let Some(&storage_id) = args.first() else {
        return Ok(None);
    };
    let Node::Storage(storage) = tree.get(storage_id) else {
        return Ok(None);
    };
    let numbers = |id: Option<&NodeId>| -> Option<Vec<u64>> {
        let seq = tree.sequence(*id?)?;
        (seq.len() <= MAX_RANK).then(|| seq.iter().map(|i| tree.unsigned(*i)).collect()).flatten()
    };
    let bad = |what: &str| ModelError::bad(format!("a tensor's {what} is not what PyTorch writes"));
    let offset = args.get(1).and_then(|a| tree.unsigned(*a)).ok_or_else(|| bad("storage offset"))?;
    let size = numbers(args.get(2)).ok_or_else(|| bad("size"))?;
    let stride = numbers(args.get(3)).ok_or_else(|| bad("stride"))?;
    if size.len() != stride.len() {
        return Err(bad("number of strides"));
    }
    let element = if third_version {
        match args.get(6).map(|a| tree.get(*a)) {
            Some(Node::Global(dtype)) => Element::of_dtype(dtype).ok_or_else(|| bad("dtype"))?,
            _ => return Err(bad("dtype")),
        }
    } else if storage.element == Element::Untyped {
        Element::Plain(DType::U8)
    } else {
        storage.element.clone()
    };
    // What comes last is a dict of flags: a conjugation or negation that is still to be done.
    let flags = args.get(if third_version { 7 } else { 6 });
    let pending = |key: &str| {
        let flag = flags.filter(|f| matches!(tree.get(**f), Node::Dict(items) if items.len() <= 8));
        matches!(flag.and_then(|f| tree.lookup(*f, key)).map(|v| tree.get(v)), Some(Node::Bool(true)))
    };
    let element = match element {
        Element::Plain(d) if pending("conj") || pending("neg") => {
            let name = format!("{d} with a pending conjugation or negation");
            Element::Other(name.into(), Some(d.size_bytes() as u64))
        }
        element => element,
    };
    tree.charge(4 + 2 * size.len())?;
    Ok(Some(TensorRef { storage: storage_id, element, offset, size, stride }))
}
