//! Folders made for a test: many models, a model of many tensors.

use std::path::Path;

/// A safetensors file of `n` tensors of 4 × 8.
pub fn safetensors(path: &Path, n: usize) {
    let entry = |i: usize| {
        let (start, end) = (i * 128, (i + 1) * 128);
        let name = format!("model.layers.{}.mlp.{}_proj.weight", i / 3, ["gate", "up", "down"][i % 3]);
        format!(r#""{name}":{{"dtype":"F32","shape":[4,8],"data_offsets":[{start},{end}]}}"#)
    };
    let entries: Vec<String> = (0..n).map(entry).collect();
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend((0..n * 32).flat_map(|i| ((i % 7) as f32 - 3.0).to_le_bytes()));
    std::fs::write(path, file).unwrap();
}

/// A GGUF file of one tensor.
pub fn gguf(path: &Path) {
    let mut file = b"GGUF".to_vec();
    let text = |file: &mut Vec<u8>, text: &str| {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.as_bytes());
    };
    file.extend(3u32.to_le_bytes());
    file.extend(1u64.to_le_bytes());
    file.extend(1u64.to_le_bytes());
    text(&mut file, "general.architecture");
    file.extend(8u32.to_le_bytes());
    text(&mut file, "llama");
    text(&mut file, "output_norm.weight");
    file.extend(1u32.to_le_bytes());
    file.extend(32u64.to_le_bytes());
    file.extend(0u32.to_le_bytes());
    file.extend(0u64.to_le_bytes());
    file.resize(file.len().next_multiple_of(32) + 128, 0);
    std::fs::write(path, file).unwrap();
}

/// `n` small models in folders of fifty, every other one GGUF.
pub fn crowd(dir: &Path, n: usize) {
    for i in 0..n {
        let folder = dir.join(format!("run-{}", i / 50));
        std::fs::create_dir_all(&folder).unwrap();
        if i % 2 == 0 {
            gguf(&folder.join(format!("step-{i}.gguf")));
        } else {
            safetensors(&folder.join(format!("step-{i}.safetensors")), 3);
        }
    }
}
