//! Where outputs go: default names, and the checks that keep inputs and earlier outputs safe.

use super::naming::Naming;
use crate::files::paths::resolved;
use crate::files::{self, FileStamp};
use crate::formats::{self, OutputKind};
use crate::model::{FormatId, Hint, ModelError, OptionName, Place, Remedy, Result};
use crate::recipe::Target;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is filled in in the name of an output.
const PLACEHOLDERS: [&str; 3] = ["source", "quant", "format"];

/// Longest file name of the file systems in use, in bytes.
pub(super) const NAME_MAX: usize = 255;

/// A quantization as file names have it; empty where the types are kept.
fn quantization_label(quantization: &str) -> String {
    match quantization {
        "auto" => String::new(),
        // A budget keeps its units: 4.25bpw, 760MB.
        q if q.starts_with(|c: char| c.is_ascii_digit()) => q.to_owned(),
        q => q.to_ascii_uppercase(),
    }
}

/// The extension of a file of that format; folders have none.
fn extension(format: FormatId, folder: bool) -> Option<&'static str> {
    let spec = formats::write_spec(format)?;
    (!folder || spec.output != OutputKind::Folder).then_some(spec.extension)
}

/// The name of a target's output: its `output_name` with the placeholders filled in, else after the source.
fn output_leaf(target: &Target, (stem, made): (&str, Option<&str>), kind: (FormatId, &str), folder: bool) -> String {
    let (format, quantization) = kind;
    let Some(name) = &target.output_name else { return leaf((stem, made), format, quantization, folder) };
    let label = quantization_label(quantization);
    let shown = if label.is_empty() { "auto" } else { &label };
    let own_type = name.contains("{quant}");
    let name = name.replace("{source}", stem).replace("{quant}", shown).replace("{format}", &format.to_string());
    let quant = if own_type || label.is_empty() { String::new() } else { format!("-{label}") };
    match extension(format, folder) {
        Some(extension) => {
            format!("{}{quant}.{extension}", name.strip_suffix(&format!(".{extension}")).unwrap_or(&name))
        }
        None if own_type => name,
        None => format!("{name}{quant}-{format}"),
    }
}

/// Refuses a name that would lead to another folder.
///
/// # Errors
/// A request error.
pub(crate) fn check_name(target: &Target) -> Result<()> {
    let Some(name) = &target.output_name else { return Ok(()) };
    let mut rest = name.as_str();
    while let Some((_, behind)) = rest.split_once('{') {
        let word = behind.split_once('}').map(|(word, _)| word);
        if !word.is_some_and(|word| PLACEHOLDERS.contains(&word)) {
            let what = format!("`{name}` has a placeholder that does not exist");
            return Err(
                ModelError::request(what).with_hint("Placeholders of output_name: {source}, {quant} and {format}.")
            );
        }
        rest = behind;
    }
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        let what = format!("`{name}` cannot be the name of an output");
        let hint = Hint::from("output_name is a name without folders; use `output` for the folder")
            .then(Remedy::OnCommandLine(" or -o"))
            .then(".");
        return Err(ModelError::request(what).with_hint(hint));
    }
    Ok(())
}

/// Refuses an output whose name has the extension of another format.
///
/// # Errors
/// A request error that names both ways out.
pub(super) fn check_extension(target: &Target, format: FormatId) -> Result<()> {
    let Some(out) = &target.output else { return Ok(()) };
    if out.as_os_str().to_string_lossy().ends_with('/') || out.is_dir() {
        return Ok(());
    }
    let named = formats::with_extension_of(out);
    if named.is_empty() || named.iter().any(|f| f.id == format) {
        return Ok(());
    }
    let extension = out.extension().unwrap_or_default().to_string_lossy();
    let own = formats::write_spec(format).map_or("", |w| w.extension);
    let renamed = out.with_extension(own);
    let hint = match named.iter().find(|f| f.write.is_some()) {
        Some(other) => Hint::from(format!("Choose the format {} with ", other.id))
            .then(Remedy::Target(other.id.to_string()))
            .then(format!(", or name the output {}.", renamed.display())),
        None => Hint::from(format!("Name the output {}.", renamed.display())),
    };
    Err(wrong_output(&format!("the name ends in .{extension}, but the format is {format}"), out).with_hint(hint))
}

/// What follows the stem and which extension, by what was made of the model, format and quantization; folders have no extension.
fn leaf((stem, made): (&str, Option<&str>), format: FormatId, quantization: &str, folder: bool) -> String {
    let label = quantization_label(quantization);
    let quant = if label.is_empty() { String::new() } else { format!("-{label}") };
    // An output made from an output keeps one type in its name: `llama-F32` to Q4_K_M is `llama-Q4_K_M`. One file that keeps the
    // types keeps the name too.
    let is_file = formats::write_spec(format).is_some_and(|w| w.output != OutputKind::Folder);
    let kept = is_file && quant.is_empty();
    let base = match stem.rsplit_once('-') {
        // A bare number is the step of a checkpoint or a version, and no number of a type.
        Some((base, q)) if !kept && q.parse::<u64>().is_err() && crate::transform::FileType::parse(q).is_some() => base,
        _ => stem,
    };
    let made = made.map(|word| format!("-{word}")).filter(|made| !base.ends_with(made.as_str())).unwrap_or_default();
    match extension(format, folder) {
        Some(extension) => format!("{base}{made}{quant}.{extension}"),
        None => format!("{base}{made}{quant}-{format}"),
    }
}

/// The path a target writes to: its own `output` (inside it, if it ends in `/` or exists as a folder of other things), else beside
/// the source and named after it and what was `made` of it; checkpoints and the Hugging Face cache have rules of their own (`naming`).
pub(super) fn default_output(
    (source, made): (&Path, Option<&str>),
    target: &Target,
    format: FormatId,
    quantization: &str,
    folder: bool,
) -> PathBuf {
    let naming = Naming::of(source);
    let leaf = output_leaf(target, (&naming.stem, made), (format, quantization), folder);
    let ends_in_slash = |p: &Path| p.as_os_str().to_string_lossy().ends_with('/');
    // A name of remold's own choice is never that of the source, as it would be where types and format stay.
    let beside = |home: &Path| {
        let path = home.join(&leaf);
        let own = target.output_name.is_none() && resolved(&path) == resolved(source);
        if own { home.join(copy_of(&leaf, folder)) } else { path }
    };
    match &target.output {
        // A trailing slash means: inside this folder.
        Some(out) if ends_in_slash(out) => beside(out),
        // An output folder is the model folder itself unless it holds other things already.
        Some(out) if folder => {
            if out.is_dir() && !is_empty_or_model(out) {
                beside(out)
            } else {
                out.clone()
            }
        }
        Some(out) if out.is_dir() => beside(out),
        Some(out) => out.clone(),
        None => {
            let mut home = naming.home;
            // Shown as it is shortest: relative to the folder that remold runs in.
            if let Ok(here) = std::env::current_dir()
                && let Ok(below) = home.strip_prefix(&here)
            {
                home = below.to_owned();
            }
            beside(&home)
        }
    }
}

/// `model-copy.gguf` for `model.gguf`; a dot in the name of a folder is no ending.
fn copy_of(leaf: &str, is_folder: bool) -> String {
    match leaf.rsplit_once('.').filter(|_| !is_folder) {
        Some((stem, extension)) => format!("{stem}-copy.{extension}"),
        None => format!("{leaf}-copy"),
    }
}

fn is_empty_or_model(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    // What an interrupted job left there is not another thing: the job goes on in the same folder.
    let names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    // An output that was being published when its job stopped: its config.json comes last, or is aside.
    let unfinished =
        |n: &String| n.starts_with('.') && n.contains(".remold-") && (n.ends_with(".part") || n.ends_with(".old"));
    names.iter().all(|n| n.ends_with(".part")) || names.iter().any(unfinished) || folder.join("config.json").is_file()
}

/// The file or folder that a link leads to; other paths as they are.
///
/// # Errors
/// A request error for a link that leads nowhere.
pub(crate) fn follow_link(path: &Path) -> Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => fs::canonicalize(path).map_err(|_| {
            let hint = Hint::from("Remove the link, or ").then(Remedy::GiveOutput(Place::Another)).then(".");
            wrong_output("the output is a broken link", path).with_hint(hint)
        }),
        _ => Ok(path.to_owned()),
    }
}

/// The path itself, unless it is a link: a file of an output folder is never another place's.
///
/// # Errors
/// A request error for a link.
pub(crate) fn refuse_link(path: &Path) -> Result<PathBuf> {
    if fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink()) {
        let hint = Hint::from("Remove the link, or ").then(Remedy::GiveOutput(Place::Another)).then(".");
        return Err(ModelError::request("a file of the output folder is a link").in_file(path).with_hint(hint));
    }
    Ok(path.to_owned())
}

/// Refuses to create anything inside the folder that is the source, or in the Hugging Face cache that contains it.
fn check_outside(path: &Path, source: &Path) -> Result<()> {
    match formats::inside_source(path, source) {
        Some(error) => Err(error.about_option(OptionName::OUTPUT)),
        None => Ok(()),
    }
}

/// An error about the path of an output.
fn wrong_output(what: &str, path: &Path) -> ModelError {
    ModelError::request(what).in_file(path).about_option(OptionName::OUTPUT)
}

fn file_name() -> Hint {
    Hint::from(Remedy::GiveOutput(Place::FileName)).then(".")
}

/// Refuses to write to a path that is an input, that is inside the source, that exists (unless forced), that is not a regular file, or that
/// another output of the same plan has. `inputs` are the files that are read.
///
/// # Errors
/// Bad-request errors that name the path.
pub(crate) fn check(
    path: &Path,
    source: &Path,
    inputs: &[(PathBuf, FileStamp)],
    force: bool,
    taken: &mut Vec<PathBuf>,
) -> Result<()> {
    if path.file_name().is_some_and(|name| name.len() > NAME_MAX) {
        let what = format!("the name of the output is longer than the {NAME_MAX} bytes that file systems allow");
        return Err(wrong_output(&what, path).with_hint(Hint::from(Remedy::GiveOutput(Place::Another)).then(".")));
    }
    let there = FileStamp::of_path(path).ok();
    if inputs.iter().any(|(input, stamp)| path == input || there.is_some_and(|t| t.same_file(stamp))) {
        let hint = Hint::from(Remedy::GiveOutput(Place::Another)).then("; remold never writes to an input.");
        return Err(wrong_output("the output is the input", path).with_hint(hint));
    }
    check_outside(path, source)?;
    if taken.iter().any(|t| resolved(t) == resolved(path)) {
        let hint = "Give each target its own output.";
        return Err(wrong_output("two targets write to the same output", path).with_hint(hint));
    }
    if fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let error = wrong_output("the output is a device, a pipe or a socket, not a regular file", path);
        return Err(error.with_hint(file_name()));
    }
    if path.exists() && !force {
        let hint = Hint::from(Remedy::Force).then(", or ").then(Remedy::GiveOutput(Place::Another)).then(".");
        return Err(wrong_output("the output exists already", path).with_hint(hint));
    }
    if path.is_dir() {
        return Err(wrong_output("the output is a folder", path).with_hint(file_name()));
    }
    check_sticky(path)?;
    taken.push(path.to_owned());
    Ok(())
}

/// Refuses to replace a file that only another user may rename or remove: in a folder with the sticky bit, as /tmp is, the owner of
/// the file and that of the folder alone may (inode(7)).
///
/// # Errors
/// A bad-request error that names the file and its owner.
pub(crate) fn check_sticky(path: &Path) -> Result<()> {
    let (Ok(there), Ok(folder)) = (fs::symlink_metadata(path), fs::metadata(files::parent_of(path))) else {
        return Ok(());
    };
    let user = rustix::process::geteuid().as_raw();
    if !is_kept_by_sticky((folder.mode(), folder.uid()), there.uid(), user) {
        return Ok(());
    }
    let what = format!(
        "the file belongs to another user (number {}) and its folder is sticky, so only the owner can replace it",
        there.uid()
    );
    let hint = Hint::from(Remedy::GiveOutput(Place::Another)).then(", or ask the owner of the file to remove it.");
    Err(ModelError::request(what).in_file(path).with_hint(hint))
}

/// True if `user` may not replace a file of `owner` in a folder with that mode and owner. The superuser may.
fn is_kept_by_sticky(folder: (u32, u32), owner: u32, user: u32) -> bool {
    let (mode, folder_owner) = folder;
    mode & 0o1000 != 0 && user != 0 && user != owner && user != folder_owner
}

/// The permission bits that outputs may have: those of a class of users that may not read one of the sources are left out.
pub(crate) fn allowed_mode(sources: impl Iterator<Item = u32>) -> u32 {
    let mut allowed = 0o777;
    for mode in sources {
        for class in [0o070, 0o007] {
            if mode & class & 0o044 == 0 {
                allowed &= !class;
            }
        }
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_source_and_the_type() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("tiny-llama");
        fs::create_dir(&folder).unwrap();
        let t = Target::of(FormatId::Gguf);
        let name = |p: &Path, f, q| {
            default_output((p, None), &t, f, q, false).file_name().unwrap().to_string_lossy().into_owned()
        };
        assert_eq!(name(&folder, FormatId::Gguf, "q4_k_m"), "tiny-llama-Q4_K_M.gguf");
        assert_eq!(name(&folder, FormatId::Gguf, "auto"), "tiny-llama.gguf");
        let shard = folder.join("model-00001-of-00002.safetensors");
        fs::write(&shard, b"x").unwrap();
        assert_eq!(name(&shard, FormatId::Gguf, "bf16"), "tiny-llama-BF16.gguf");
        for step in ["checkpoint-1", "checkpoint-10", "checkpoint-32", "phi-2", "v-7"] {
            let folder = dir.path().join("runs").join(step);
            fs::create_dir_all(&folder).unwrap();
            let named = name(&folder, FormatId::Gguf, "q4_0");
            assert!(named.ends_with(&format!("{step}-Q4_0.gguf")), "{named}");
        }
        let f32 = folder.join("x-F32.gguf");
        fs::write(&f32, b"x").unwrap();
        assert_eq!(name(&f32, FormatId::Gguf, "q6_k"), "x-Q6_K.gguf");
    }

    #[test]
    fn a_name_of_our_own_is_never_that_of_the_source() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("x.onnx");
        fs::write(&source, b"x").unwrap();
        let target = |output: &str| Target { output: Some(output.into()), ..Target::of(FormatId::Onnx) };
        let inside = format!("{}/", dir.path().display());
        let named = |t: &Target| default_output((&source, None), t, FormatId::Onnx, "auto", false);
        assert_eq!(named(&target(&inside)), dir.path().join("x-copy.onnx"));
        // What the user names stays, and is refused later.
        assert_eq!(named(&target(source.to_str().unwrap())), source);
        assert_eq!(copy_of("tiny-1.5b", true), "tiny-1.5b-copy");
    }

    #[test]
    fn the_name_of_a_pruned_model_says_so() {
        let name = |stem: &str, q: &str| leaf((stem, Some("pruned")), FormatId::Gguf, q, false);
        assert_eq!(name("llama", "q4_k_m"), "llama-pruned-Q4_K_M.gguf");
        assert_eq!(name("llama-F32", "q4_k_m"), "llama-pruned-Q4_K_M.gguf");
        assert_eq!(name("llama-Q8_0", "auto"), "llama-Q8_0-pruned.gguf");
        assert_eq!(name("llama-pruned-F16", "q8_0"), "llama-pruned-Q8_0.gguf");
    }

    #[test]
    fn a_name_has_the_extension_of_its_format_or_of_none() {
        for format in formats::written().iter().copied() {
            for spec in formats::FORMATS {
                for extension in spec.extensions {
                    let own = formats::FORMATS.iter().any(|f| f.id == format && f.extensions.contains(extension));
                    let target = Target { output: Some(format!("x.{extension}").into()), ..Target::of(format) };
                    let checked = check_extension(&target, format);
                    assert_eq!(checked.is_ok(), own, "{format} in x.{extension}: {checked:?}");
                }
            }
            for name in ["x", "x-v1.5", "out.onnx/", "x.tar"] {
                let target = Target { output: Some(name.into()), ..Target::of(format) };
                assert!(check_extension(&target, format).is_ok(), "{format} in {name}");
            }
        }
    }

    #[test]
    fn sticky_folders_keep_files_of_others() {
        let tmp = (0o41_777, 0);
        assert!(is_kept_by_sticky(tmp, 1001, 1000));
        for (folder, owner, user) in
            [(tmp, 1000, 1000), (tmp, 1001, 0), ((0o41_777, 1000), 1001, 1000), ((0o40_777, 0), 1001, 1000)]
        {
            assert!(!is_kept_by_sticky(folder, owner, user), "{folder:?} {owner} {user}");
        }
    }

    #[test]
    fn a_name_of_the_recipe_has_placeholders() {
        let name = |text: &str, format, q, folder| {
            let target = Target { output_name: Some(text.into()), ..Target::of(format) };
            output_leaf(&target, ("llama", None), (format, q), folder)
        };
        assert_eq!(name("{source}-100", FormatId::Gguf, "q4_k_m", false), "llama-100-Q4_K_M.gguf");
        assert_eq!(name("x-{quant}.gguf", FormatId::Gguf, "q4_k_m", false), "x-Q4_K_M.gguf");
        assert_eq!(name("x-{quant}", FormatId::Gguf, "auto", false), "x-auto.gguf");
        assert_eq!(name("x-F32", FormatId::Gguf, "q8_0", false), "x-F32-Q8_0.gguf", "it is kept as it is");
        assert_eq!(name("x", FormatId::Safetensors, "f16", true), "x-F16-safetensors");
        assert_eq!(name("{quant}-{format}", FormatId::Safetensors, "f16", true), "F16-safetensors");
    }

    #[test]
    fn a_folder_that_was_being_published_is_the_output_itself() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str, files: &[&str]| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            files.iter().for_each(|f| fs::write(path.join(f), b"x").unwrap());
            path
        };
        assert!(!is_empty_or_model(&folder("others", &["notes.txt"])));
        let stopped = ["notes.txt", "model-00001-of-00002.safetensors", ".config.json.remold-2-0123456789abcdef.old"];
        assert!(is_empty_or_model(&folder("stopped", &stopped)));
        assert!(is_empty_or_model(&folder("begun", &["notes.txt", ".config.json.remold-2-0123456789abcdef.part"])));
    }

    #[test]
    fn private_sources_give_private_outputs() {
        assert_eq!(allowed_mode([0o644, 0o664].into_iter()), 0o777);
        assert_eq!(allowed_mode([0o644, 0o600].into_iter()), 0o700);
        assert_eq!(allowed_mode([0o640].into_iter()), 0o770);
    }
}
