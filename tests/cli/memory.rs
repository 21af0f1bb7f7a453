//! Memory and time do not grow with the shapes of tensors, nor faster than their number.

use crate::lab::{Lab, Ran, finish, start};
use crate::made::{floats, imatrix_dat, noise, safetensors};
use remold::testing::quant::{BlockType, quantize_rows};
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

/// Runs the program under a limit of the shell: `-v` kilobytes of address space, `-t` seconds of CPU time.
fn limited(lab: &Lab, limit: &str, args: &str) -> Ran {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_remold");
    command.arg("-c").arg(format!("ulimit {limit}; exec '{program}' {args}"));
    lab.surround(&mut command);
    finish(start(&mut command))
}

/// A file with one row of `elems` zeros that takes no room on disk.
fn sparse_row(lab: &Lab, name: &str, shape: &str, elems: u64) {
    let end = elems * 4;
    let header = format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
    let mut file = File::create(lab.path(name)).unwrap();
    file.write_all(&safetensors(&header, &[])).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
}

#[test]
fn a_long_row_takes_no_more_memory_than_a_short_one() {
    const ELEMS: u64 = 1 << 26;
    let lab = Lab::new();
    sparse_row(&lab, "row.safetensors", &format!("[1,{ELEMS}]"), ELEMS);
    sparse_row(&lab, "vector.safetensors", &format!("[{ELEMS}]"), ELEMS);
    // The row alone is 256 MiB, and its values once more.
    let run = |args: &str| limited(&lab, "-v 300000", args).expect(0);
    run("convert row.safetensors --to gguf:q4_0 -o row.gguf --threads 1");
    run("convert vector.safetensors --to safetensors:bf16 -o bf16.safetensors --threads 1");
    run("convert vector.safetensors --to safetensors -o copy.safetensors --threads 1");
    let compared = run("compare row.safetensors row.gguf --threads 1");
    assert!(compared.out.contains("row.gguf"), "{}", compared.out);
    let copied = fs::metadata(lab.path("copy.safetensors")).unwrap().len();
    assert!((ELEMS * 4..ELEMS * 4 + 4096).contains(&copied), "{copied} bytes");
}

#[test]
fn a_row_of_sixteen_billion_values_is_planned_in_little_memory() {
    let lab = Lab::new();
    sparse_row(&lab, "huge.safetensors", "[1,17179869184]", 1 << 34);
    let ran = limited(&lab, "-v 300000", "convert huge.safetensors --to gguf:bf16 --max-memory 100MB --dry-run --json");
    if ran.code == Some(2) {
        // No disk for 34 GB: refused cleanly.
        assert!(ran.err.contains("bytes are needed"), "{}", ran.err);
        return;
    }
    let plan: serde_json::Value = serde_json::from_str(&ran.expect(0).out).unwrap();
    assert!(plan["memory_bytes"].as_u64().unwrap() <= 100_000_000, "{}", plan["memory_bytes"]);
}

#[test]
fn parts_of_a_row_have_the_bytes_of_the_whole_row() {
    // Two chunks and a rest.
    const COLS: usize = 2 * (256 << 10) + 4096;
    let lab = Lab::new();
    let values = noise(2 * COLS, 7);
    let importance: Vec<f32> = (0..COLS).map(|i| 0.5 + (i * 31 % 97) as f32 / 40.0).collect();
    lab.write("row.safetensors", floats(&[("w.weight", &[2, COLS as u64], values.clone())]));
    // The matrix is for files that llama-quantize would quantize: through GGUF.
    lab.run("convert row.safetensors --to gguf -o row.gguf").expect(0);
    lab.write("m.dat", imatrix_dat(&[("w.weight", importance.clone())]));
    use BlockType as B;
    for (ty, with) in
        [(B::Q8_0, false), (B::Q4_K, false), (B::IQ4_XS, false), (B::Q4_0, true), (B::Q5_1, true), (B::Q3_K, true)]
    {
        let (name, matrix) = (ty.name().to_lowercase(), if with { " --imatrix m.dat" } else { "" });
        let args = format!("convert row.gguf --to gguf:q8_0{matrix} --tensor-type w.weight={name} -o {name}.gguf");
        lab.run(&args).expect(0);
        let mut want = vec![0; 2 * COLS / ty.block_elems() * ty.block_bytes()];
        quantize_rows(ty, &values, COLS, with.then_some(&importance[..]), &mut want).unwrap();
        let file = fs::read(lab.path(&format!("{name}.gguf"))).unwrap();
        let padded = want.len().next_multiple_of(32);
        assert!(file[file.len() - padded..][..want.len()] == want[..], "{name}");
    }
}

/// A file of `n` tensors of `dims`, each with other values.
fn many(lab: &Lab, name: &str, n: usize, dims: [usize; 2]) {
    let bytes = 4 * dims[0] * dims[1];
    let entry = |i: usize| {
        let shape = format!("[{},{}]", dims[0], dims[1]);
        let (begin, end) = (bytes * i, bytes * i + bytes);
        format!(r#""model.layers.{i}.blk.weight":{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let header = format!("{{{}}}", (0..n).map(entry).collect::<Vec<_>>().join(","));
    let data: Vec<u8> = noise(n * dims[0] * dims[1], 5).iter().flat_map(|v| v.to_le_bytes()).collect();
    lab.write(name, safetensors(&header, &data));
}

/// The most memory that a conversion took, as it says itself.
fn peak(lab: &Lab, args: &str) -> u64 {
    let events = lab.run(&format!("{args} --threads 1 --json")).expect(0).events();
    let peak = events.into_iter().find_map(|e| match e.body {
        remold::testing::engine::EventBody::Finished { peak_rss, .. } => Some(peak_rss),
        _ => None,
    });
    peak.unwrap()
}

#[test]
fn a_tensor_more_takes_about_a_kilobyte_more() {
    const MORE: usize = 80_000;
    let lab = Lab::new();
    for (name, n) in [("few", 70_000), ("many", 70_000 + MORE)] {
        many(&lab, &format!("{name}.safetensors"), n, [2, 4]);
    }
    // Copied and encoded, from and to each format. A million tensors are to stay within a gibibyte.
    for (from, to, kind) in [
        ("safetensors", "gguf", "gguf"),
        ("gguf", "safetensors", "st.safetensors"),
        ("safetensors", "safetensors:bf16", "bf16.safetensors"),
        ("gguf", "gguf:bf16", "bf16.gguf"),
    ] {
        let of = |name: &str| peak(&lab, &format!("convert {name}.{from} --to {to} -o {name}.{kind}"));
        let (few, many) = (of("few"), of("many"));
        let each = many.saturating_sub(few) as f64 / MORE as f64;
        // Lists that double in size are between the two; a million tensors take about 1,000 bytes each, and took 1,580 to 2,240.
        assert!(each < 1400.0, "{from} to {to}: {each:.0} bytes for each tensor");
    }
    let read = |name: &str| fs::read(lab.path(name)).unwrap();
    let back = read("many.st.safetensors");
    let data = 4 * 8 * (70_000 + MORE);
    // Tensors are written in the order of their names.
    let sum = |bytes: &[u8]| {
        bytes[bytes.len() - data..]
            .chunks_exact(4)
            .fold(0u64, |a, b| a.wrapping_add(u64::from(u32::from_le_bytes(b.try_into().unwrap()))))
    };
    assert_eq!(sum(&back), sum(&read("many.safetensors")));
}

#[test]
fn very_many_tensors_are_forecast_without_measuring_each() {
    let lab = Lab::new();
    many(&lab, "many.safetensors", 70_000, [2, 32]);
    lab.run("convert many.safetensors --to gguf -o many.gguf").expect(0);
    let ran = limited(&lab, "-t 20", "plan many.gguf --threads 1 --json").expect(0);
    let forecast: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let types = forecast["types"].as_array().unwrap();
    let of = |name: &str| types.iter().find(|t| t["name"] == name).unwrap();
    // Sizes are exact, and losses near what a run finds.
    for name in ["Q8_0", "Q4_0"] {
        let to = name.to_lowercase();
        let report = lab.run(&format!("convert many.gguf --to gguf:{to} -o {to}.gguf --json")).expect(0);
        assert!(report.events().iter().all(|e| !matches!(e.body, remold::testing::engine::EventBody::Failed { .. })));
        assert_eq!(of(name)["bytes"], fs::metadata(lab.path(&format!("{to}.gguf"))).unwrap().len(), "{name}");
    }
    let db = |name: &str| of(name)["sqnr_db"].as_f64().unwrap();
    assert!(db("Q8_0") > db("Q4_0") + 15.0 && db("Q4_0") > 15.0, "{} {}", db("Q8_0"), db("Q4_0"));
}

#[test]
fn a_pickle_of_more_tensors_than_can_be_read_back_is_refused() {
    let lab = Lab::new();
    many(&lab, "many.safetensors", (1 << 17) + 1, [1, 1]);
    let ran = lab.run("convert many.safetensors --to pytorch -o many.pt").expect(2);
    assert!(ran.err.contains("131073 tensors are more than the 131072"), "{}", ran.err);
    assert!(!lab.path("many.pt").exists());
}

#[test]
fn a_hundred_thousand_tensors_take_seconds() {
    let lab = Lab::new();
    many(&lab, "many.safetensors", 100_000, [1, 2]);
    // Seconds of CPU time, which does not depend on what else the machine does. A search for every tensor among all takes minutes.
    for args in [
        "inspect many.safetensors",
        "convert many.safetensors --to gguf:bf16 -o many.gguf",
        "convert many.gguf --to safetensors -o back.safetensors",
        "convert many.safetensors --to pytorch -o many.pt",
        "convert many.safetensors --to gguf:q4_k_m -o dry.gguf --dry-run",
        "plan many.gguf",
    ] {
        limited(&lab, "-t 20", args).expect(0);
    }
}

#[test]
fn too_little_memory_is_refused_before_anything_is_written() {
    let lab = Lab::new();
    lab.write("a.safetensors", floats(&[("w", &[64, 256], noise(64 * 256, 1))]));
    let before = lab.tree();
    let ran = lab.run("convert a.safetensors --to gguf:q8_0 -o a.gguf --max-memory 10MB").expect(2);
    assert!(
        ran.err.contains("more than the 10.00 MB that max_memory allows") && ran.err.contains("--max-memory"),
        "{}",
        ran.err
    );
    let ran = lab.run("convert a.safetensors --to gguf:q8_0 -o a.gguf --max-memory lots").expect(2);
    assert!(ran.err.contains("`lots` is not a size"), "{}", ran.err);
    assert_eq!(lab.tree(), before);
    // Enough for one thread: fewer work than were requested.
    let ran = lab.run("convert a.safetensors --to gguf:q8_0 -o a.gguf --max-memory 60MB --threads 8 --json").expect(0);
    let started = ran.events().into_iter().find_map(|e| match e.body {
        remold::testing::engine::EventBody::Started { threads, .. } => Some(threads),
        _ => None,
    });
    assert_eq!(started, Some(1));
}
