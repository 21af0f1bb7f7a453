//! The pickle of a state dict, protocol 2.

use crate::formats::LayoutTensor;
use crate::tensor::DType;

/// Items a `SETITEMS` stores at once, as Python's pickler does.
const BATCH: usize = 1000;

/// The globals used, each memoized at its place in this list.
const GLOBALS: [&str; 4] = [
    "collections\nOrderedDict",
    "torch._utils\n_rebuild_tensor_v2",
    "torch._utils\n_rebuild_tensor_v3",
    "torch.storage\nUntypedStorage",
];

/// How PyTorch spells an element type: the typed storage class, or the dtype next to an untyped storage.
enum Spelling {
    Typed(&'static str),
    Untyped(&'static str),
}

fn spelling(dtype: DType) -> Spelling {
    match dtype {
        DType::F64 => Spelling::Typed("DoubleStorage"),
        DType::F32 => Spelling::Typed("FloatStorage"),
        DType::F16 => Spelling::Typed("HalfStorage"),
        DType::BF16 => Spelling::Typed("BFloat16Storage"),
        DType::I64 => Spelling::Typed("LongStorage"),
        DType::I32 => Spelling::Typed("IntStorage"),
        DType::I16 => Spelling::Typed("ShortStorage"),
        DType::I8 => Spelling::Typed("CharStorage"),
        DType::U8 => Spelling::Typed("ByteStorage"),
        DType::Bool => Spelling::Typed("BoolStorage"),
        DType::C64 => Spelling::Typed("ComplexFloatStorage"),
        DType::C128 => Spelling::Typed("ComplexDoubleStorage"),
        DType::F8E4M3 => Spelling::Untyped("float8_e4m3fn"),
        DType::F8E5M2 => Spelling::Untyped("float8_e5m2"),
        DType::U64 => Spelling::Untyped("uint64"),
        DType::U32 => Spelling::Untyped("uint32"),
        DType::U16 => Spelling::Untyped("uint16"),
    }
}

/// An `OrderedDict` of tensors; the data of the n-th is storage `n`.
pub(crate) fn state_dict(tensors: &[(&LayoutTensor, DType)]) -> Vec<u8> {
    let mut w = Writer { out: vec![0x80, 2], memo: Vec::new() };
    w.new_ordered_dict();
    for (batch, items) in tensors.chunks(BATCH).enumerate() {
        w.out.push(b'(');
        for (i, (tensor, dtype)) in items.iter().enumerate() {
            w.text(&tensor.name);
            w.tensor(batch * BATCH + i, tensor, *dtype);
        }
        w.out.push(b'u');
    }
    w.out.push(b'.');
    w.out
}

struct Writer {
    out: Vec<u8>,
    /// Globals already written, by their memo number.
    memo: Vec<String>,
}

impl Writer {
    fn tensor(&mut self, key: usize, tensor: &LayoutTensor, dtype: DType) {
        let elems = tensor.shape.elems().unwrap_or(0);
        let spelling = spelling(dtype);
        self.global(GLOBALS[if matches!(spelling, Spelling::Typed(_)) { 1 } else { 2 }]);
        self.out.push(b'(');
        // The storage, by persistent id.
        self.out.push(b'(');
        self.text("storage");
        match spelling {
            Spelling::Typed(class) => {
                self.global(&format!("torch\n{class}"));
                self.text(&key.to_string());
                self.text("cpu");
                self.int(elems);
            }
            Spelling::Untyped(_) => {
                self.global(GLOBALS[3]);
                self.text(&key.to_string());
                self.text("cpu");
                self.int(elems * dtype.size_bytes() as u64);
            }
        }
        self.out.extend(b"tQ");
        // Offset, size, strides, requires_grad, hooks.
        self.int(0);
        self.tuple(&tensor.shape.0);
        let mut strides = vec![1u64; tensor.shape.rank()];
        for i in (1..strides.len()).rev() {
            strides[i - 1] = strides[i].saturating_mul(tensor.shape.0[i].max(1));
        }
        self.tuple(&strides);
        self.out.push(0x89);
        self.new_ordered_dict();
        if let Spelling::Untyped(dtype) = spelling {
            self.global(&format!("torch\n{dtype}"));
        }
        self.out.extend(b"tR");
    }

    fn new_ordered_dict(&mut self) {
        self.global(GLOBALS[0]);
        self.out.extend(b")R");
    }

    fn global(&mut self, name: &str) {
        // At most 4 + 17 different ones: their numbers fit a byte.
        if let Some(i) = self.memo.iter().position(|g| g == name) {
            self.out.extend([b'h', i as u8]);
            return;
        }
        self.out.push(b'c');
        self.out.extend(name.as_bytes());
        self.out.extend([b'\n', b'q', self.memo.len() as u8]);
        self.memo.push(name.to_owned());
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'X');
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.as_bytes());
    }

    fn tuple(&mut self, values: &[u64]) {
        self.out.push(b'(');
        for v in values {
            self.int(*v);
        }
        self.out.push(b't');
    }

    fn int(&mut self, v: u64) {
        match v {
            0..=0xff => self.out.extend([b'K', v as u8]),
            0x100..=0xffff => {
                self.out.push(b'M');
                self.out.extend((v as u16).to_le_bytes());
            }
            0x1_0000..=0x7fff_ffff => {
                self.out.push(b'J');
                self.out.extend((v as u32).to_le_bytes());
            }
            _ => {
                // LONG1 of nine bytes: the last keeps it positive.
                self.out.extend([0x8a, 9]);
                self.out.extend(v.to_le_bytes());
                self.out.push(0);
            }
        }
    }
}
