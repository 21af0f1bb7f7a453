//! Which file system a folder is on: some send no events for changes by other machines.

use std::path::{Path, PathBuf};

/// File systems whose changes by other machines give no inotify events (proc_mounts(5) names).
const REMOTE: [&str; 16] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "lustre",
    "beegfs",
    "gpfs",
    "ceph",
    "afs",
    "glusterfs",
    "orangefs",
    "drvfs",
    "vboxsf",
    "virtiofs",
];

/// The type of the file system that `path`, or the nearest folder above it that exists, is on; `None` where the system does not say.
pub(crate) fn file_system(path: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let real = path.ancestors().find_map(|a| a.canonicalize().ok())?;
    of_table(&table, &real)
}

/// True if that file system must be polled for changes.
pub(crate) fn is_remote(kind: &str) -> bool {
    REMOTE.contains(&kind) || kind.starts_with("fuse")
}

/// Fields of a line (proc_pid_mountinfo(5)): id, parent, major:minor, root, mount point, options, optional fields, `-`, type, source, options.
fn of_table(table: &str, path: &Path) -> Option<String> {
    let line = |l: &str| {
        let (before, after) = l.split_once(" - ")?;
        let point = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        Some((point, after.split(' ').next()?.to_owned()))
    };
    // A later mount on the same point hides the earlier one.
    let holds = |(point, _): &(PathBuf, String)| path.starts_with(point);
    let best = table.lines().filter_map(line).filter(holds).max_by_key(|(point, _)| point.components().count());
    best.map(|(_, kind)| kind)
}

/// Spaces and the like are written as `\040`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_and_last_mount_decides() {
        let table = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 22 0:40 / /data rw,relatime shared:5 - nfs4 server:/x rw\n\
            31 30 0:41 / /data/my\\040runs rw - tmpfs tmpfs rw\n\
            32 30 0:42 / /data/my\\040runs rw - fuse.sshfs host: rw\n";
        let kind = |p: &str| of_table(table, Path::new(p)).unwrap();
        assert_eq!(kind("/home/me"), "ext4");
        assert_eq!(kind("/data/x"), "nfs4");
        assert_eq!(kind("/data/my runs/exp"), "fuse.sshfs");
        assert_eq!(kind("/database"), "ext4");
        assert!(is_remote("nfs4") && is_remote("fuse.sshfs") && !is_remote("ext4") && !is_remote("tmpfs"));
        assert!(of_table("nonsense\n", Path::new("/")).is_none());
    }
}
