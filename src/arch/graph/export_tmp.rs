//! Temporary.
use super::*;
use crate::formats::ExternalData;
use crate::formats::onnx::layout;
use std::fs::File;
use std::os::unix::fs::FileExt;
#[test]
fn export_tmp() {
    let Ok(list) = std::env::var("REMOLD_EXPORT_TMP") else { return };
    for item in list.split(',') {
        let p: Vec<&str> = item.split('=').collect();
        let options = GraphOptions { past: p[2] == "past", features: p[2] == "features" };
        let model = match crate::arch::open(Path::new(p[0])).and_then(|m| to_graph(&m, &options)) {
            Ok(m) => m,
            Err(e) => {
                println!("{item}: {e} {:?}", e.hint());
                continue;
            }
        };
        let sizes: Vec<u64> = model.tensors.iter().map(|t| t.bytes()).collect();
        for plan in layout(Path::new(p[1]), model.graph.as_ref().unwrap(), &sizes, ExternalData::Auto).unwrap() {
            let file = File::create(&plan.path).unwrap();
            file.set_len(plan.bytes).unwrap();
            for (offset, bytes) in &plan.fixed {
                file.write_all_at(bytes, *offset).unwrap();
            }
            for slot in &plan.slots {
                let t = &model.tensors[slot.tensor];
                let cut = crate::model::Cut::of(t, 1 << 18);
                let mut at = slot.offset;
                let mut buf = Vec::new();
                for k in 0..cut.pieces() {
                    t.read_piece(&cut.piece(k), &mut buf).unwrap();
                    file.write_all_at(&buf, at).unwrap();
                    at += buf.len() as u64;
                }
            }
        }
    }
}
