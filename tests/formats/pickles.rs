//! Pickles that ask for something harmful, in the ways that scanners' collections know: each is named, in every container. Nothing is
//! run; the bytes are made here.

use super::made_zip::{entry, state_dict, zip};
use remold::testing::formats;

/// Text with its length (protocol 2, `BINUNICODE`).
fn text(s: &str) -> Vec<u8> {
    [b"X".as_slice(), &(s.len() as u32).to_le_bytes(), s.as_bytes()].concat()
}

/// `GLOBAL`, one tuple of one text, `REDUCE`.
fn call(module: &str, name: &str, argument: &str) -> Vec<u8> {
    [b"\x80\x02c".as_slice(), module.as_bytes(), b"\n", name.as_bytes(), b"\n", &text(argument), b"\x85R."].concat()
}

/// The same in protocol 0, all text.
fn call_0(module: &str, name: &str, argument: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n(S'{argument}'\ntR.").into_bytes()
}

/// The same with `STACK_GLOBAL`.
fn call_4(module: &str, name: &str, argument: &str) -> Vec<u8> {
    let short = |s: &str| [b"\x8c".as_slice(), &[s.len() as u8], s.as_bytes()].concat();
    let parts =
        [short(module), b"\x94".to_vec(), short(name), b"\x94\x93".to_vec(), short(argument), b"\x85R.".to_vec()];
    [b"\x80\x04".to_vec(), parts.concat()].concat()
}

/// What, its bytes, and the name that must be reported.
fn all() -> Vec<(String, Vec<u8>, String)> {
    let calls = [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("subprocess", "check_output"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "compile"),
        ("builtins", "getattr"),
        ("builtins", "open"),
        ("builtins", "__import__"),
        ("__builtin__", "eval"),
        ("__builtin__", "apply"),
        ("runpy", "_run_code"),
        ("runpy", "run_path"),
        ("pip", "main"),
        ("pip._internal.cli.main", "main"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.f2py.crackfortran", "getlincoef"),
        ("numpy", "load"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.jit.unsupported_tensor_ops", "execWrapper"),
        ("torch._inductor.codecache", "compile_file"),
        ("torch.utils.bottleneck.__main__", "run_autograd_prof"),
        ("torch.distributed.rpc", "rpc_sync"),
        ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
        ("bdb", "Bdb.run"),
        ("pdb", "run"),
        ("cProfile", "run"),
        ("profile", "Profile.runctx"),
        ("timeit", "timeit"),
        ("trace", "Trace.run"),
        ("doctest", "debug_script"),
        ("ensurepip", "_run_pip"),
        ("webbrowser", "open"),
        ("socket", "create_connection"),
        ("shutil", "rmtree"),
        ("ctypes", "CDLL"),
        ("importlib", "import_module"),
        ("pkgutil", "resolve_name"),
        ("marshal", "loads"),
        ("types", "FunctionType"),
        ("functools", "partial"),
        ("operator", "attrgetter"),
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("cloudpickle.cloudpickle", "_make_function"),
        ("dill._dill", "_load_type"),
        ("joblib.numpy_pickle", "load"),
        ("requests.api", "get"),
        ("urllib.request", "urlopen"),
        ("http.client", "HTTPSConnection"),
        ("httplib", "HTTPSConnection"),
        ("aiohttp.client", "ClientSession"),
        ("code", "InteractiveInterpreter"),
        ("codeop", "compile_command"),
        ("pty", "spawn"),
        ("sys", "exit"),
        ("idlelib.pyshell", "ModifiedInterpreter.runcode"),
        ("lib2to3.pgen2.grammar", "Grammar.loads"),
        ("distutils.file_util", "write_file"),
        ("multiprocessing.util", "spawnv_passfds"),
        ("tensorflow", "io.read_file"),
        ("my_package.models", "Net"),
        ("__main__", "Model"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("torch.nn.modules.module", "torch.os.system"),
    ];
    let mut all = Vec::new();
    for (module, name) in calls {
        let told = format!("`{module}.{name}`");
        all.push((format!("{module}.{name}, protocol 2"), call(module, name, "x"), told.clone()));
        all.push((format!("{module}.{name}, protocol 0"), call_0(module, name, "x"), told.clone()));
        all.push((format!("{module}.{name}, protocol 4"), call_4(module, name, "x"), told));
    }
    let short = |s: &str| [b"\x8c".as_slice(), &[s.len() as u8], s.as_bytes()].concat();
    let mut add = |what: &str, bytes: Vec<u8>, told: &str| all.push((what.to_owned(), bytes, told.to_owned()));
    add("INST", b"(S'id'\nios\nsystem\n.".to_vec(), "`os.system`");
    add("OBJ", b"(cos\nsystem\nS'id'\no.".to_vec(), "`os.system`");
    add("NEWOBJ", b"\x80\x02csubprocess\nPopen\n(X\x02\x00\x00\x00idt\x81.".to_vec(), "`subprocess.Popen`");
    add("NEWOBJ_EX", b"\x80\x04csubprocess\nPopen\n)}\x92.".to_vec(), "`subprocess.Popen`");
    add("BUILD", b"\x80\x02c__main__\nEvil\n)\x81}X\x01\x00\x00\x00aK\x01sb.".to_vec(), "`__main__.Evil`");
    add("EXT1", b"\x80\x02\x82\x07(t\x81.".to_vec(), "`copyreg.extension_7`");
    add("EXT2", b"\x80\x02\x83\x01\x02)R.".to_vec(), "`copyreg.extension_513`");
    add("EXT4", b"\x80\x02\x84\x01\x00\x00\x00)R.".to_vec(), "`copyreg.extension_1`");
    add("never called", b"\x80\x02}X\x01\x00\x00\x00acos\nsystem\ns.".to_vec(), "`os.system`");
    add("popped at once", b"\x80\x02cos\nsystem\n0}.".to_vec(), "`os.system`");
    add("handed to a harmless call", b"\x80\x02ccollections\ndefaultdict\ncos\nsystem\n\x85R.".to_vec(), "`os.system`");
    let memo = [
        b"\x80\x04".to_vec(),
        short("os"),
        b"q\x05".to_vec(),
        short("collections"),
        b"q\x060h\x05".to_vec(),
        short("system"),
        b"\x94\x93".to_vec(),
        short("id"),
        b"\x85R.".to_vec(),
    ];
    add("a module out of the memo", memo.concat(), "`os.system`");
    let overwritten = [
        b"\x80\x04".to_vec(),
        short("collections"),
        b"q\x000".to_vec(),
        short("os"),
        b"q\x000h\x00".to_vec(),
        short("system"),
        b"\x93)R.".to_vec(),
    ];
    add("a memo that is overwritten", overwritten.concat(), "`os.system`");
    let joined = [
        b"\x80\x04".to_vec(),
        short("builtins"),
        short("str"),
        b"\x93".to_vec(),
        short("os"),
        b"\x85R".to_vec(),
        short("system"),
        b"\x93)R.".to_vec(),
    ];
    add("a computed module", joined.concat(), "computed");
    add("escapes in text", b"\x80\x04V\\u006fs\n\x8c\x06system\x93)R.".to_vec(), "`os.system`");
    add("escapes in a string", b"(S'\\x6fs'\nS'system'\n\x93)R.".to_vec(), "`os.system`");
    add("cut off behind the call", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R".to_vec(), "`os.system`");
    add("broken behind the call", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R\xff\xff.".to_vec(), "`os.system`");
    add("a second pickle", [b"\x80\x02}.".to_vec(), call("os", "system", "id")].concat(), "`os.system`");
    add("frames", b"\x80\x04\x95\x16\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n\x8c\x02id\x85R.".to_vec(), "`os.system`");
    all
}

/// Everything that is said of a file, opened or refused.
fn said(name: &str, bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    match formats::open(&path) {
        Ok(m) => m.warnings.iter().map(|w| format!("{}\n", w.text)).collect(),
        Err(e) => {
            format!("{e}\n{}", e.hint().map(remold::testing::recipe::remedies::on_command_line).unwrap_or_default())
        }
    }
}

#[test]
fn whatever_a_pickle_asks_for_is_named() {
    let mut wrong = Vec::new();
    let legacy_head =
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.";
    let plain = || entry("m/data.pkl", state_dict(&[]));
    let cases = all();
    assert!(cases.len() > 200);
    for (what, bytes, told) in &cases {
        let legacy = [legacy_head.as_slice(), bytes, b"\x80\x02]."].concat();
        let inner = zip(&[entry("x/evil.pkl", bytes.clone())]);
        let forms = [
            ("a pickle", "m.pkl", bytes.clone()),
            ("a pickle named .bin", "m.bin", bytes.clone()),
            ("an archive", "m.pt", zip(&[entry("m/data.pkl", bytes.clone())])),
            ("the legacy stream", "m.pt", legacy),
            ("a pickle beside the model's", "m.pt", zip(&[plain(), entry("m/evil.pkl", bytes.clone())])),
            ("an archive of another name", "m.pt", zip(&[entry("x/evil.pkl", bytes.clone())])),
            ("an archive in an archive", "m.pt", zip(&[plain(), entry("m/inner.zip", inner)])),
        ];
        for (form, name, bytes) in forms {
            let said = said(name, &bytes);
            if !said.contains(told.as_str()) || !said.contains("executed") {
                wrong.push(format!("{what}, {form}: {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 7 * cases.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(!std::path::Path::new("remold-was-here").exists());
}

#[test]
fn what_torch_writes_gives_no_warning() {
    for (name, bytes) in [
        ("m.pt", zip(&[entry("m/data.pkl", state_dict(&[]))])),
        ("m.pkl", b"\x80\x02ccollections\nOrderedDict\n)R.".to_vec()),
        (
            "m.pkl",
            b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8\x85RC\x01a\x86R.".to_vec(),
        ),
    ] {
        assert_eq!(said(name, &bytes), "", "{name}");
    }
}

#[test]
fn text_files_are_no_pickles() {
    for text in ["config = 1\nother\n", "import os\nos.system\n", "(a list)\n", "INFO one\ntwo\n", "c a\nb c\n"] {
        let said = said("m.bin", text.as_bytes());
        assert!(said.contains("not a known model format"), "{text:?}: {said}");
    }
}

/// Values that hold tensors and cannot be read are among the unreadable tensors, which every conversion rejects; nothing is dropped.
#[test]
fn nothing_that_holds_tensors_is_left_out() {
    let dict = |items: &[(&[u8], &[u8])]| {
        let mut out = b"\x80\x02}(".to_vec();
        for (key, value) in items {
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        }
        out.extend_from_slice(b"u.");
        out
    };
    // A tensor of two floats over storage `0`.
    let storage =
        [b"(".as_slice(), &text("storage"), b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), b"K\x02tQ"].concat();
    let arguments = [b"(".as_slice(), &storage, b"K\x00K\x02\x85K\x01\x85\x89}t"].concat();
    let tensor = [b"ctorch._utils\n_rebuild_tensor_v2\n".as_slice(), &arguments, b"R"].concat();
    let unknown = [b"cmymod\nrebuild\n".as_slice(), &tensor, b"\x85R"].concat();
    let damaged = [b"ccollections\nOrderedDict\n".as_slice(), &arguments, b"R"].concat();
    let state = [b"cmymod\nThing\n)\x81".as_slice(), b"(", &tensor, &tensor, b"K\x01tb"].concat();
    let w = text("w");
    let x = text("x");
    let rows: [(&str, Vec<u8>); 8] = [
        ("a call of no known function", dict(&[(&w, &tensor), (&x, &unknown)])),
        ("a damaged call", dict(&[(&w, &tensor), (&x, &damaged)])),
        ("a state that is no dict", dict(&[(&w, &tensor), (&x, &state)])),
        ("a bare storage", dict(&[(&w, &tensor), (&x, &storage)])),
        ("a key that is None", dict(&[(&w, &tensor), (b"N", &tensor)])),
        ("a key that is true", dict(&[(&w, &tensor), (b"\x88", &tensor)])),
        ("a key that is a float", dict(&[(&w, &tensor), (b"G\x3f\xf8\0\0\0\0\0\0", &tensor)])),
        ("a key that is no text", dict(&[(&w, &tensor), (b"X\x01\0\0\0\xff", &tensor)])),
    ];
    let dir = tempfile::tempdir().unwrap();
    let open = |pickle: &[u8]| {
        let path = dir.path().join("m.pt");
        let entries = [entry("m/data.pkl", pickle), entry("m/data/0", [0; 8]), entry("m/version", b"3\n")];
        std::fs::write(&path, zip(&entries)).unwrap();
        formats::open(&path)
    };
    let sound = open(&dict(&[(&w, &tensor), (&x, &tensor)])).unwrap();
    assert_eq!((sound.tensors.len(), sound.unreadable.len()), (2, 0));
    for (what, pickle) in rows {
        match open(&pickle) {
            Ok(model) => {
                assert_eq!((model.tensors.len(), model.unreadable.len()), (1, 1), "{what}: {:?}", model.opaque)
            }
            // A file that is refused as a whole loses nothing either.
            Err(e) => assert!(!e.to_string().is_empty(), "{what}"),
        }
    }
}
