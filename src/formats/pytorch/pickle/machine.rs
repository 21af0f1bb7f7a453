//! The stack machine: one arm an opcode, every stack, memo and count bounded.

use super::globals::{COMPUTED, with_imports_hint};
use super::{Input, Node, NodeId, Pickle, Tree, printable, reduce};
use crate::formats::pytorch::limits::{MAX_MARKS, MAX_NODES, MAX_OPS, MAX_STACK, MAX_TEXT_BYTES, MAX_TEXT_TOTAL_BYTES};
use crate::model::{ModelError, Result};
use std::collections::HashMap;

/// Interprets one pickle, from `PROTO` (or the first opcode) to `STOP`; the input is then positioned after it.
///
/// # Errors
/// Truncated or senseless pickles, with the absolute offset; limits.
pub(crate) fn load(input: &mut Input) -> Result<Pickle> {
    let mut machine = Machine {
        input,
        tree: Tree::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        text_bytes: 0,
    };
    match machine.run() {
        Ok(root) => Ok(Pickle { tree: machine.tree, root }),
        // Python runs a pickle while it reads it, so everything before the fault would have been run.
        Err(e) => Err(with_imports_hint(e, &machine.tree)),
    }
}

/// The names that the beginning of a pickle imports, whatever follows.
pub(crate) fn globals_of(head: &[u8]) -> Vec<String> {
    let mut input = Input::memory(head.to_vec());
    let mut machine = Machine {
        input: &mut input,
        tree: Tree::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        text_bytes: 0,
    };
    let _ = machine.run();
    let global = |n: &Node| if let Node::Global(name) = n { Some(name.to_string()) } else { None };
    machine.tree.nodes().iter().filter_map(global).collect()
}

struct Machine<'i> {
    input: &'i mut Input,
    tree: Tree,
    stack: Vec<NodeId>,
    /// Stack heights at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, NodeId>,
    text_bytes: u64,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<NodeId> {
        for _ in 0..MAX_OPS {
            let at = self.input.pos();
            let op = self.input.byte()?;
            if op == b'.' {
                return self.pop().map_err(|e| e.at(at));
            }
            self.step(op).map_err(|e| e.at(at))?;
        }
        let what = format!("the pickle has more than {MAX_OPS} opcodes");
        Err(ModelError::limit(what).at(self.input.pos()).with_hint("No real checkpoint does; is this a model file?"))
    }

    fn step(&mut self, op: u8) -> Result<()> {
        match op {
            // Protocol and framing: frames only group bytes for the reader.
            0x80 => match self.input.byte()? {
                0..=5 => Ok(()),
                v => Err(ModelError::unsupported(format!("pickle protocol {v} (known: 0 to 5)"))),
            },
            0x95 => self.input.array::<8>().map(drop),
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | 0x8b | b'I' | b'L' | b'F' | b'G' => self.constant(op),
            b'X' | b'T' | b'B' | b'U' | b'C' | b'S' | b'V' | 0x8c..=0x8e | 0x96..=0x98 => self.bytes_or_text(op),
            b'(' | b')' | b'}' | b']' | b't' | b'l' | b'd' | 0x85..=0x87 | 0x8f | 0x91 => self.container(op),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.insert(op),
            b'0' | b'1' | b'2' | b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | 0x94 => self.stack_or_memo(op),
            b'c' | 0x82..=0x84 | 0x93 => self.global(op),
            b'R' | b'i' | b'o' | b'b' | b'P' | b'Q' | 0x81 | 0x92 => self.object(op),
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Numbers, booleans and `None`.
    fn constant(&mut self, op: u8) -> Result<()> {
        match op {
            b'N' => self.put(Tree::NONE),
            0x88 => self.put(Tree::bool(true)),
            0x89 => self.put(Tree::bool(false)),
            b'K' => {
                let v = self.input.byte()?;
                self.push(Node::Int(v.into()))
            }
            b'M' => {
                let v = u16::from_le_bytes(self.input.array()?);
                self.push(Node::Int(v.into()))
            }
            b'J' => {
                let v = i32::from_le_bytes(self.input.array()?);
                self.push(Node::Int(v.into()))
            }
            0x8a => {
                let n = self.input.byte()?;
                self.long(n.into())
            }
            0x8b => {
                let n = u32::from_le_bytes(self.input.array()?);
                self.long(n.into())
            }
            b'I' => {
                let line = self.line()?;
                match line.as_str() {
                    "00" => self.put(Tree::bool(false)),
                    "01" => self.put(Tree::bool(true)),
                    s => self.decimal(s),
                }
            }
            b'L' => {
                let line = self.line()?;
                self.decimal(line.strip_suffix('L').unwrap_or(&line))
            }
            b'F' => {
                let line = self.line()?;
                line.trim().parse::<f64>().map_err(|_| ModelError::bad("invalid float"))?;
                self.push(Node::Float)
            }
            b'G' => {
                self.input.array::<8>()?;
                self.push(Node::Float)
            }
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Text and bytes. Python 2 strings ('S', 'T', 'U') are text when they are UTF-8.
    fn bytes_or_text(&mut self, op: u8) -> Result<()> {
        match op {
            b'X' | b'T' | b'B' => {
                let n = u32::from_le_bytes(self.input.array()?);
                self.text(n.into())
            }
            0x8c | b'U' | b'C' => {
                let n = self.input.byte()?;
                self.text(n.into())
            }
            0x8d | 0x8e | 0x96 => {
                let n = u64::from_le_bytes(self.input.array()?);
                self.text(n)
            }
            b'S' => {
                let line = self.line()?;
                let inner = line.trim().trim_matches(['\'', '"'].as_slice());
                self.push(Node::Str(unescaped(inner, false).into()))
            }
            b'V' => {
                let line = self.line()?;
                self.push(Node::Str(unescaped(&line, true).into()))
            }
            // Out-of-band buffers (protocol 5) are not in the file.
            0x97 => self.push(Node::Bytes(0)),
            0x98 => self.top().map(drop),
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Marks, and new tuples, lists, dicts and sets.
    fn container(&mut self, op: u8) -> Result<()> {
        match op {
            b'(' => {
                if self.marks.len() >= MAX_MARKS {
                    return Err(ModelError::limit(format!("containers nested more than {MAX_MARKS} deep")));
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            b')' => self.push(Node::Tuple(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b']' => self.push(Node::List(Vec::new())),
            0x8f => self.push(Node::Set(Vec::new())),
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items))
            }
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))
            }
            0x91 => {
                let items = self.pop_mark()?;
                self.push(Node::Set(items))
            }
            b'd' => {
                let items = self.pop_mark()?;
                let pairs = pairs(&items)?;
                self.push(Node::Dict(pairs))
            }
            0x85..=0x87 => {
                let n = usize::from(op - 0x84);
                let mut items = Vec::new();
                for _ in 0..n {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Node::Tuple(items))
            }
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Adds items to the container at the top.
    fn insert(&mut self, op: u8) -> Result<()> {
        match op {
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.store(vec![(key, value)])
            }
            b'u' => {
                let items = self.pop_mark()?;
                let pairs = pairs(&items)?;
                self.store(pairs)
            }
            _ => Err(unknown_opcode(op)),
        }
    }

    /// The stack and the memo.
    fn stack_or_memo(&mut self, op: u8) -> Result<()> {
        match op {
            b'0' => {
                // Python pops the mark when it is on top.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Ok(());
                }
                self.pop().map(drop)
            }
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.put(top)
            }
            b'g' => {
                let key = self.memo_line()?;
                self.recall(key)
            }
            b'h' => {
                let key = self.input.byte()?;
                self.recall(key.into())
            }
            b'j' => {
                let key = u32::from_le_bytes(self.input.array()?);
                self.recall(key.into())
            }
            b'p' => {
                let key = self.memo_line()?;
                self.memoize(key)
            }
            b'q' => {
                let key = self.input.byte()?;
                self.memoize(key.into())
            }
            b'r' => {
                let key = u32::from_le_bytes(self.input.array()?);
                self.memoize(key.into())
            }
            0x94 => self.memoize(self.memo.len() as u64),
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Names of functions and classes. Nothing is looked up.
    fn global(&mut self, op: u8) -> Result<()> {
        match op {
            b'c' => {
                let name = self.global_lines()?;
                self.push(Node::Global(name.into()))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let joined = match (self.tree.text(module), self.tree.text(name)) {
                    (Some(m), Some(n)) => format!("{m}.{n}"),
                    // Made by a call, so that no scanner reads it.
                    _ => COMPUTED.to_owned(),
                };
                let joined = self.keep(joined)?;
                self.push(Node::Global(joined.into()))
            }
            0x82..=0x84 => {
                let n = [1, 2, 4][usize::from(op - 0x82)];
                let code = self.input.bytes(n)?.iter().rev().fold(0u32, |a, b| (a << 8) | u32::from(*b));
                self.push(Node::Global(format!("copyreg.extension_{code}").into()))
            }
            _ => Err(unknown_opcode(op)),
        }
    }

    /// Objects and calls. Nothing is run.
    fn object(&mut self, op: u8) -> Result<()> {
        match op {
            b'R' => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let value = reduce::call(&mut self.tree, callable, args)?;
                self.put(value)
            }
            0x81 => {
                let (args, class) = (self.pop()?, self.pop()?);
                let value = reduce::instance(&mut self.tree, class, Some(args))?;
                self.put(value)
            }
            0x92 => {
                let (_kwargs, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                let value = reduce::instance(&mut self.tree, class, Some(args))?;
                self.put(value)
            }
            b'i' => {
                let class = self.global_lines()?;
                let args = self.pop_mark()?;
                let class = self.tree.push(Node::Global(class.into()))?;
                self.old_style(class, args)
            }
            b'o' => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return Err(ModelError::bad("an object without a class"));
                }
                let class = args.remove(0);
                self.old_style(class, args)
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                reduce::build(&mut self.tree, object, state);
                Ok(())
            }
            b'P' => {
                let id = self.line()?;
                let id = self.tree.push(Node::Str(id.into()))?;
                let value = reduce::persistent(&mut self.tree, id)?;
                self.put(value)
            }
            b'Q' => {
                let id = self.pop()?;
                let value = reduce::persistent(&mut self.tree, id)?;
                self.put(value)
            }
            _ => Err(unknown_opcode(op)),
        }
    }

    fn old_style(&mut self, class: NodeId, args: Vec<NodeId>) -> Result<()> {
        let args = self.tree.push(Node::Tuple(args))?;
        let value = reduce::instance(&mut self.tree, class, Some(args))?;
        self.put(value)
    }

    fn put(&mut self, id: NodeId) -> Result<()> {
        if self.stack.len() >= MAX_STACK {
            return Err(ModelError::limit(format!("more than {MAX_STACK} values on the pickle's stack")));
        }
        self.stack.push(id);
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<()> {
        let id = self.tree.push(node)?;
        self.put(id)
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<NodeId> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err(ModelError::bad("the pickle pops from an empty stack")),
        }
    }

    fn pop(&mut self) -> Result<NodeId> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    /// The values above the last mark, which is removed.
    fn pop_mark(&mut self) -> Result<Vec<NodeId>> {
        let floor =
            self.marks.pop().ok_or_else(|| ModelError::bad("the pickle closes a container that was not opened"))?;
        Ok(self.stack.split_off(floor.min(self.stack.len())))
    }

    fn memoize(&mut self, key: u64) -> Result<()> {
        let top = self.top()?;
        if self.memo.len() >= MAX_NODES && !self.memo.contains_key(&key) {
            return Err(ModelError::limit(format!("the pickle memoizes more than {MAX_NODES} values")));
        }
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Result<()> {
        let id = self.memo.get(&key).copied();
        let id = id.ok_or_else(|| ModelError::bad(format!("the pickle reads memo {key}, which was never stored")))?;
        self.put(id)
    }

    fn extend(&mut self, mut items: Vec<NodeId>) -> Result<()> {
        let target = self.top()?;
        match self.tree.get_mut(target) {
            Some(Node::List(v) | Node::Set(v)) => v.append(&mut items),
            Some(Node::Opaque(o)) => o.list.append(&mut items),
            _ => return Err(ModelError::bad("the pickle appends to a value that is not a list")),
        }
        Ok(())
    }

    fn store(&mut self, mut pairs: Vec<(NodeId, NodeId)>) -> Result<()> {
        let target = self.top()?;
        match self.tree.get_mut(target) {
            Some(Node::Dict(v)) => v.append(&mut pairs),
            Some(Node::Opaque(o)) => o.items.append(&mut pairs),
            _ => return Err(ModelError::bad("the pickle sets items of a value that is not a dict")),
        }
        Ok(())
    }

    /// Counts text that is kept against the total.
    fn keep(&mut self, text: String) -> Result<String> {
        self.text_bytes = self.text_bytes.saturating_add(text.len() as u64);
        if self.text_bytes > MAX_TEXT_TOTAL_BYTES {
            return Err(ModelError::limit(format!("the pickle has more than {MAX_TEXT_TOTAL_BYTES} bytes of text")));
        }
        Ok(text)
    }

    fn line(&mut self) -> Result<String> {
        let bytes = self.input.line(MAX_TEXT_BYTES)?;
        self.keep(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn global_lines(&mut self) -> Result<String> {
        let module = self.line()?;
        let name = self.line()?;
        if module.is_empty() || name.is_empty() {
            return Err(ModelError::bad("a global without a name"));
        }
        self.keep(format!("{module}.{name}"))
    }

    fn memo_line(&mut self) -> Result<u64> {
        let line = self.line()?;
        line.trim().parse().map_err(|_| ModelError::bad(format!("memo key `{}` is not a number", printable(&line))))
    }

    fn text(&mut self, n: u64) -> Result<()> {
        if n > MAX_TEXT_BYTES {
            self.input.skip(n)?;
            return self.push(Node::Bytes(n));
        }
        match String::from_utf8(self.input.bytes(n)?) {
            Ok(text) => {
                let text = self.keep(text)?;
                self.push(Node::Str(text.into()))
            }
            Err(_) => self.push(Node::Bytes(n)),
        }
    }

    /// A little-endian two's-complement integer of `n` bytes.
    fn long(&mut self, n: u64) -> Result<()> {
        if n > 16 {
            self.input.skip(n)?;
            return self.push(Node::BigInt);
        }
        let bytes = self.input.bytes(n)?;
        let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..bytes.len()].copy_from_slice(&bytes);
        self.push(Node::Int(i128::from_le_bytes(wide)))
    }

    fn decimal(&mut self, text: &str) -> Result<()> {
        let text = text.trim();
        match text.parse() {
            Ok(v) => self.push(Node::Int(v)),
            Err(_) if text.len() > 30 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                self.push(Node::BigInt)
            }
            Err(_) => Err(ModelError::bad(format!("`{}` is not an integer", printable(text)))),
        }
    }
}

fn unknown_opcode(op: u8) -> ModelError {
    ModelError::bad(format!("{op:#04x} is not a pickle opcode"))
        .with_hint("The file is damaged, or it is not a pickle.")
}

fn pairs(items: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ModelError::bad("a dict has a key without a value"));
    }
    Ok(pairs.iter().map(|&[k, v]| (k, v)).collect())
}

/// Text of protocol 0 without its escapes: those of Python 2's byte strings, or (`unicode`) `\uXXXX` and `\UXXXXXXXX` alone.
fn unescaped(text: &str, unicode: bool) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let kind = escape.chars().next();
        let coded = |digits: usize, radix: u32, skip: usize| {
            let code = u32::from_str_radix(escape.get(skip..skip + digits)?, radix).ok()?;
            Some((char::from_u32(code)?, skip + digits))
        };
        let found = match (kind, unicode) {
            (Some('u'), true) => coded(4, 16, 1),
            (Some('U'), true) => coded(8, 16, 1),
            (_, true) => None,
            (Some('x'), false) => coded(2, 16, 1),
            (Some('0'..='3'), false) => coded(3, 8, 0),
            (Some('n'), false) => Some(('\n', 1)),
            (Some('t'), false) => Some(('\t', 1)),
            (Some('r'), false) => Some(('\r', 1)),
            (Some(c @ ('\\' | '\'' | '"')), false) => Some((c, 1)),
            _ => None,
        };
        let (c, used) = found.unwrap_or(('\\', 0));
        out.push(c);
        rest = &escape[used..];
    }
    out.push_str(rest);
    out
}
