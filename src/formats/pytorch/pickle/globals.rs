//! Which globals a checkpoint may ask for without a word: a list of harmless names, not one of harmful ones. Nothing is ever looked
//! up or called here; this decides what is said of a file that others may load with Python.
//!
//! The harmless names are what `torch.save` writes for state dicts, optimizers and plain modules, and the containers and scalars of
//! collections, numpy and the standard library that training scripts store with them. A name that is not on the list is reported;
//! where its module is known to run code or to reach the system, more strongly.
//!
//! Sources (facts only): `torch/_weights_only_unpickler.py` and `torch/_utils.py` of PyTorch 2.x; `numpy/core/multiarray`.

use super::{Node, Tree, printable};
use crate::formats::pytorch::limits::MAX_LISTED_GLOBALS;
use crate::model::{Defect, Hint, ModelError};
use indexmap::IndexMap;
use std::collections::HashSet;

/// The name of a global whose module or name the pickle computes, so that it is unknown.
pub(crate) const COMPUTED: &str = "a name that is computed during loading";

/// Names kept while a pickle is scanned.
const MAX_KEPT: usize = 4096;

/// What a global is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ImportSafety {
    /// On the list.
    Harmless,
    /// Not on the list.
    Unknown,
    /// Of a module that runs code or reaches the system.
    Dangerous,
}

/// Harmless names, by module.
const HARMLESS: [(&str, &str); 39] = [
    ("collections", "OrderedDict defaultdict Counter deque"),
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("_codecs", "encode"),
    ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"),
    ("argparse", "Namespace"),
    ("datetime", "datetime date time timedelta timezone"),
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("pathlib", PATHS),
    ("pathlib._local", PATHS),
    ("numpy", NUMPY),
    ("numpy.core.multiarray", "_reconstruct scalar"),
    ("numpy._core.multiarray", "_reconstruct scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.random._pickle", NUMPY_RANDOM),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64 PCG64DXSM"),
    ("numpy.random._philox", "Philox"),
    ("numpy.random._sfc64", "SFC64"),
    ("torch", TORCH),
    ("torch._utils", TORCH_UTILS),
    ("torch._tensor", "_rebuild_from_type_v2 _rebuild_from_type"),
    ("torch._C", "_VariableFunctions"),
    ("torch.storage", "UntypedStorage _UntypedStorage TypedStorage _TypedStorage"),
    ("torch.serialization", "_get_layout"),
    ("torch.nn.parameter", "Parameter Buffer UninitializedParameter UninitializedBuffer"),
    ("torch.nn", "Parameter"),
    ("torch.jit._pickle", JIT),
    ("torch.autograd", "Variable"),
    ("torch.nested._internal.nested_tensor", "NestedTensor"),
    ("torch.optim.lr_scheduler", "LambdaLR StepLR CosineAnnealingLR OneCycleLR MultiStepLR"),
    ("torch.functional", "Tensor"),
    ("torch.distributed.checkpoint.metadata", DISTRIBUTED),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo _StoragePrefix"),
    ("torch.distributed._shard.sharded_tensor.metadata", "TensorProperties MEM_FORMAT_ENCODING"),
];

const BUILTINS: &str = "dict list tuple set frozenset bytes bytearray int float complex bool str object slice range Ellipsis NotImplemented \
    long unicode xrange";

const PATHS: &str = "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath";

const NUMPY: &str = "ndarray dtype bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc longlong ulonglong float16 float32 \
    float64 longdouble complex64 complex128 str_ bytes_ datetime64 timedelta64";

const NUMPY_RANDOM: &str = "__randomstate_ctor __generator_ctor __bit_generator_ctor";

const TORCH: &str = "Size device Tensor Generator dtype layout memory_format strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc \
    contiguous_format channels_last channels_last_3d preserve_format per_tensor_affine per_tensor_symmetric \
    per_channel_affine per_channel_symmetric per_channel_affine_float_qparams float64 double float32 float float16 half \
    bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 int64 long int32 \
    int int16 short int8 uint64 uint32 uint16 uint8 bool complex32 chalf complex64 cfloat complex128 cdouble qint8 quint8 \
    qint32 quint4x2 quint2x4 bits1x8 bits2x4 bits4x2 bits8 bits16 int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 \
    uint4 uint5 uint6 uint7";

const TORCH_UTILS: &str = "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state \
    _rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor \
    _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_meta_tensor_no_storage \
    _rebuild_wrapper_subclass _rebuild_xla_tensor";

const JIT: &str =
    "restore_type_tag build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id";

/// Plain records of torch.distributed.checkpoint (`metadata.py`, PyTorch 2.x).
const DISTRIBUTED: &str = "Metadata TensorStorageMetadata BytesStorageMetadata ChunkStorageMetadata TensorProperties MetadataIndex StorageMeta \
    _MEM_FORMAT_ENCODING";

/// Storage classes of `torch` and `torch.cuda`, without the word at their end.
const STORAGES: &str = "Double Float Half BFloat16 Long Int Short Char Byte Bool ComplexFloat ComplexDouble QInt8 QUInt8 QUInt4x2 QUInt2x4 \
    QInt32 Untyped _Untyped Typed";

/// Modules (with all below them) that run code, start processes, load libraries or reach files and networks.
const DANGEROUS: &str = "os posix nt posixpath ntpath subprocess sys runpy importlib imp pkgutil zipimport socket ssl select selectors shutil \
    webbrowser pty tty ctypes _ctypes pickle _pickle cPickle marshal shelve dill cloudpickle joblib requests urllib \
    urllib2 urllib3 http httplib httpx aiohttp ftplib smtplib telnetlib poplib imaplib xmlrpc code codeop types \
    operator asyncio bdb pdb cProfile profile trace timeit doctest pydoc pip setuptools distutils ensurepip venv \
    multiprocessing _osx_support _aix_support _pyrepl idlelib lib2to3 test io _io";

/// Names that run code in any module; `torch` and `numpy` have some of them.
const RUNS_CODE: &str = "system popen exec eval execv execve execfile compile __import__ import_module check_output spawn getattr setattr apply \
    runstring load open loads __reduce__";

/// What a global is, by its whole name.
pub(crate) fn safety(name: &str) -> ImportSafety {
    if is_harmless(name) {
        return ImportSafety::Harmless;
    }
    let (module, attribute) = name.rsplit_once('.').unwrap_or(("", name));
    let root = name.split('.').next().unwrap_or("");
    let runs = |part: &str| has(RUNS_CODE, part);
    if name == COMPUTED
        || name.starts_with("copyreg.extension_")
        || matches!(root, "builtins" | "__builtin__")
        || has(DANGEROUS, root)
        || name.split('.').any(|part| has("os posix nt subprocess sys runpy importlib", part))
        || runs(attribute)
        || module.rsplit('.').next().is_some_and(runs)
        || module.starts_with("numpy.testing")
        || module.starts_with("numpy.distutils")
        || module.starts_with("numpy.f2py")
        || module.starts_with("torch.hub")
        || module.starts_with("torch.utils")
        || module.starts_with("torch._inductor")
    {
        return ImportSafety::Dangerous;
    }
    ImportSafety::Unknown
}

/// True for one of the words of a list.
fn has(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

fn is_harmless(name: &str) -> bool {
    let Some((module, attribute)) = name.rsplit_once('.') else { return false };
    if HARMLESS.iter().any(|(m, names)| *m == module && has(names, attribute)) {
        return true;
    }
    // Classes of TorchScript: their module is the archive itself, which Python cannot import.
    if name.starts_with("__torch__.") {
        return true;
    }
    let storage = |a: &str| a.strip_suffix("Storage").is_some_and(|kind| has(STORAGES, kind));
    // A class of one of torch's own layers: exactly one file below the package, and a class by its name. Nothing deeper, for a
    // dotted name may lead through a module to whatever that imports.
    let class = |a: &str| a.starts_with(|c: char| c.is_ascii_uppercase());
    let file = |package: &str| module.strip_prefix(package).is_some_and(|file| !file.is_empty() && !file.contains('.'));
    (matches!(module, "torch" | "torch.cuda") && storage(attribute))
        || (file("torch.nn.modules.") && class(attribute))
        || (module == "numpy.dtypes" && attribute.ends_with("DType"))
}

/// An import that is not on the list.
#[derive(Debug)]
pub(crate) struct Import {
    /// Whether it is known to be dangerous.
    pub safety: ImportSafety,
    /// The first argument of a call of it, when that is text.
    pub with: Option<String>,
}

/// Every name that a pickle imports and that is not on the list, by what can be shown of it: the most dangerous first, then as they come. A
/// global counts whether it is called or not: it may be handed to what calls it. The number is how many more there are.
pub(crate) fn imports(tree: &Tree) -> (IndexMap<String, Import>, usize) {
    let mut seen: IndexMap<&str, Import> = IndexMap::new();
    let mut harmless: HashSet<&str> = HashSet::new();
    let mut more = 0;
    for node in tree.nodes() {
        match node {
            Node::Global(name) if !seen.contains_key(&**name) && !harmless.contains(&**name) => match safety(name) {
                ImportSafety::Harmless => _ = harmless.insert(name),
                // Too many to read; the dangerous ones still come first.
                ImportSafety::Unknown if seen.len() >= MAX_KEPT => more += 1,
                ImportSafety::Dangerous if seen.len() >= 2 * MAX_KEPT => more += 1,
                safety => _ = seen.insert(name, Import { safety, with: None }),
            },
            Node::Opaque(o) => {
                if let Node::Global(name) = tree.get(o.class)
                    && let Some(import) = seen.get_mut(&**name)
                    && import.with.is_none()
                {
                    import.with = first_text(tree, o.args);
                }
            }
            _ => {}
        }
    }
    seen.sort_by(|_, a, _, b| b.safety.cmp(&a.safety));
    more += seen.len().saturating_sub(MAX_LISTED_GLOBALS);
    seen.truncate(MAX_LISTED_GLOBALS);
    (seen.into_iter().map(|(name, import)| (printable(name), import)).collect(), more)
}

/// Adds to the error of a pickle the names that it imported before: Python would have run them by then.
pub(crate) fn with_imports_hint(e: ModelError, tree: &Tree) -> ModelError {
    const NAMED: usize = 4;
    let (all, more) = imports(tree);
    let dangerous = all.values().any(|a| a.safety == ImportSafety::Dangerous);
    if all.is_empty() || (!dangerous && e.hint().is_some()) {
        return e;
    }
    let names: Vec<String> = all.keys().take(NAMED).map(|n| spelled(n)).collect();
    let more = more + all.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let advice =
        if dangerous { "Do not load this file with Python." } else { "If the file is damaged, download it again." };
    let hint = format!("The pickle imports {}{more}; nothing was executed. {advice}", names.join(", "));
    let e = if dangerous { e.defect(Defect::Unsafe) } else { e };
    e.with_hint(Hint::from(hint).naming_code())
}

/// A global as people know it: `os` is pickled under the name of the module that implements it.
pub(crate) fn spelled(name: &str) -> String {
    match name.split_once('.') {
        Some(("posix" | "nt", function)) => format!("`{name}` (os.{function})"),
        _ => format!("`{name}`"),
    }
}

fn first_text(tree: &Tree, args: Option<super::NodeId>) -> Option<String> {
    let first = tree.sequence(args?)?.first()?;
    tree.text(*first).map(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_pass_without_a_word() {
        for name in [
            "collections.OrderedDict",
            "torch._utils._rebuild_tensor_v2",
            "torch.FloatStorage",
            "torch.cuda.HalfStorage",
            "torch.nn.modules.linear.Linear",
            "torch.float8_e4m3fn",
            "numpy.core.multiarray.scalar",
            "numpy.dtypes.Float64DType",
            "__torch__.torch.nn.modules.conv.Conv2d",
            "argparse.Namespace",
            "torch.distributed.checkpoint.metadata.Metadata",
            "torch.distributed.checkpoint.filesystem._StorageInfo",
        ] {
            assert_eq!(safety(name), ImportSafety::Harmless, "{name}");
        }
        for name in [
            "os.system",
            "posix.system",
            "builtins.eval",
            "__builtin__.getattr",
            "builtins.list.x",
            "runpy._run_code",
            "pip.main",
            "numpy.testing._private.utils.runstring",
            "torch.load",
            "torch.hub.load",
            "asyncio.unix_events._UnixSubprocessTransport._start",
            "bdb.Bdb.run",
            "nt.system",
            "webbrowser.open",
            "copyreg.extension_5",
            "torch.nn.modules.module.os.system",
            "torch._utils.os.system",
            "collections.sys.modules",
            COMPUTED,
        ] {
            assert_eq!(safety(name), ImportSafety::Dangerous, "{name}");
        }
        for name in [
            "__main__.Model",
            "torch.nn.modules.module.torch.Tensor",
            "torch.nn.modules.linear.lower",
            "torch.distributed.checkpoint.filesystem.FileSystemReader",
            "x",
            "",
        ] {
            assert_eq!(safety(name), ImportSafety::Unknown, "{name}");
        }
    }
}
