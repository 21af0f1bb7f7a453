//! `formats`: what can be read, written and made, from the registries themselves.

use super::text::{Style, table};
use super::{Exit, out};
use crate::arch;
use crate::formats;
use crate::model::FormatId;
use crate::quant::{Encoding, can_quantize};
use crate::transform::FileType;

/// `remold formats`.
pub(crate) fn run() -> Exit {
    let style = Style::stdout();
    let mut rows = vec![["format", "read", "write", ""].map(str::to_owned).to_vec()];
    for id in FormatId::ALL {
        let yes = |b: bool| if b { "yes" } else { "-" }.to_owned();
        if let Some(s) = formats::spec(id) {
            let (read, write) = (yes(s.read.is_some()), yes(s.write.is_some()));
            rows.push(vec![id.name().to_owned(), read, write, s.about.to_owned()]);
        }
    }
    out(&table(&rows, &[false; 4]));
    let mut rows = Vec::new();
    for f in arch::supported() {
        rows.push(vec![f.gguf_arch.to_owned(), f.hf_classes.join(" ")]);
    }
    out(&format!("\n{} (Hugging Face ⇄ GGUF)\n{}", style.bold("architectures"), table(&rows, &[false; 2])));
    let made = |f: &&FileType| match f.base() {
        Encoding::Plain(_) => true,
        Encoding::Block(b) => can_quantize(b),
    };
    let names = |list: Vec<&FileType>| list.iter().map(|f| f.name()).collect::<Vec<_>>().join(" ");
    let (yes, no): (Vec<_>, Vec<_>) = FileType::ALL.iter().partition(made);
    out(&format!("\n{} (--to gguf:NAME)\nauto {}\n", style.bold("quantizations"), names(yes)));
    if !no.is_empty() {
        out(&format!("{}\n", style.dim(&format!("not supported in this version: {}", names(no)))));
    }
    Exit::Done
}
