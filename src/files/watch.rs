//! Notices writes to files that are read for a long time.
//!
//! A file that is removed while it is read keeps its bytes for every process that has it open. Its change time is new, though, as after a
//! write followed by setting the modification time back: the times cannot distinguish the two. On Linux the kernel reports writes
//! (inotify(7)), for files on file systems that only this machine writes to. Writes through a memory map are not reported, but closing a
//! file that was open for writing is, and counts as a write.

use super::FileStamp;
use std::fs::File;

/// Knows which of some open files were written to since it was made.
#[derive(Debug, Default)]
pub(crate) struct WriteWatch {
    #[cfg(target_os = "linux")]
    inner: Option<inotify::Inner>,
}

impl WriteWatch {
    /// Watches these files from now on. [`WriteWatch::was_written`] returns `None` for those that cannot be watched.
    pub(crate) fn new<'a>(files: impl Iterator<Item = &'a File>) -> Self {
        #[cfg(target_os = "linux")]
        return Self { inner: inotify::Inner::new(files) };
        #[cfg(not(target_os = "linux"))]
        {
            let _ = files;
            Self::default()
        }
    }

    /// Whether the file with this stamp was written to since it is watched; `None` if that is unknown.
    pub(crate) fn was_written(&self, file: &FileStamp) -> Option<bool> {
        #[cfg(target_os = "linux")]
        return self.inner.as_ref()?.was_written(file);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = file;
            None
        }
    }
}

#[cfg(target_os = "linux")]
mod inotify {
    use super::FileStamp;
    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use std::collections::{HashMap, HashSet};
    use std::fs::File;
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;
    use std::sync::{Mutex, PoisonError};

    /// File systems whose files no other machine can write to (`f_type`, statfs(2) and linux/magic.h): ext2 to ext4, XFS, btrfs, tmpfs,
    /// ZFS, overlayfs, F2FS, bcachefs.
    const LOCAL: [u64; 8] =
        [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x2fc1_2fc1, 0x794c_7630, 0xf2f5_2010, 0xca45_1a4e];

    #[derive(Debug)]
    pub(super) struct Inner {
        queue: OwnedFd,
        /// Watch descriptors by (device, inode).
        watches: HashMap<(u64, u64), i32>,
        seen: Mutex<Seen>,
    }

    #[derive(Debug, Default)]
    struct Seen {
        written: HashSet<i32>,
        /// Events were lost.
        incomplete: bool,
    }

    impl Inner {
        pub(super) fn new<'a>(files: impl Iterator<Item = &'a File>) -> Option<Self> {
            let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
            let mut watches = HashMap::new();
            for file in files {
                let local = rustix::fs::fstatfs(file).is_ok_and(|s| LOCAL.contains(&(s.f_type as u64 & 0xffff_ffff)));
                let (true, Ok(stamp)) = (local, FileStamp::of_file(file)) else { continue };
                // Through the descriptor: the name may refer to another file by now.
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                if let Ok(watch) = inotify::add_watch(&queue, path, WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE) {
                    watches.insert((stamp.dev, stamp.ino), watch);
                }
            }
            Some(Self { queue, watches, seen: Mutex::default() })
        }

        pub(super) fn was_written(&self, file: &FileStamp) -> Option<bool> {
            let watch = self.watches.get(&(file.dev, file.ino))?;
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&self.queue, &mut buffer);
            loop {
                match reader.next() {
                    Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => seen.incomplete = true,
                    Ok(event) if event.events().intersects(ReadFlags::MODIFY | ReadFlags::CLOSE_WRITE) => {
                        seen.written.insert(event.wd());
                    }
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    Err(_) => {
                        seen.incomplete = true;
                        break;
                    }
                }
            }
            if seen.written.contains(watch) { Some(true) } else { (!seen.incomplete).then_some(false) }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::FileExt;

    #[test]
    fn writes_are_seen_also_to_a_file_that_is_removed_then() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let path = dir.path().join(name);
            fs::write(&path, b"abcd").unwrap();
            (File::open(&path).unwrap(), path)
        };
        let ((kept, kept_path), (changed, changed_path), (other, _)) = (open("kept"), open("changed"), open("other"));
        let (mapped, mapped_path) = open("mapped");
        let watch = WriteWatch::new([&kept, &changed, &mapped].into_iter());
        let stamp = |file: &File| FileStamp::of_file(file).unwrap();
        if watch.was_written(&stamp(&kept)).is_none() {
            // The temporary folder is on a file system whose writes are not watched: then no file is reported as unchanged.
            assert_eq!(watch.was_written(&stamp(&changed)), None);
            return;
        }
        fs::OpenOptions::new().write(true).open(&changed_path).unwrap().write_all_at(b"x", 0).unwrap();
        // The steps of a process that writes through a memory map.
        drop(fs::OpenOptions::new().write(true).open(&mapped_path).unwrap());
        for path in [kept_path, changed_path, mapped_path] {
            fs::remove_file(path).unwrap();
        }
        assert_eq!(watch.was_written(&stamp(&kept)), Some(false));
        assert_eq!(watch.was_written(&stamp(&changed)), Some(true));
        assert_eq!(watch.was_written(&stamp(&mapped)), Some(true));
        assert_eq!(watch.was_written(&stamp(&other)), None);
    }
}
