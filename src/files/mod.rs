//! File operations that are safe against crashes, races and other processes (exclusive creation, locks, atomic renames, syncs); bounded
//! reads of files that a user or a model names; and the private folders that remold keeps for itself.
//!
//! Every operation of a run that changes a directory passes through here, so that each of them is a point at which the tests can kill the
//! run (`fault`). Must not know what is in a file: no formats, jobs or plans. The type that matters to other modules is [`FileStamp`].

mod checkpoint;
mod create;
mod direct;
#[cfg(test)]
pub(crate) mod fault;
mod own_folder;
pub(crate) mod paths;
mod private;
mod read;
mod rename;
mod stamp;
mod sync;
mod watch;

pub(crate) use checkpoint::{Checkpoint, Content, Part};
pub(crate) use create::{
    create_new, lock, random_token, reopen, replace, write_new, write_output_with, write_whole, write_whole_with,
};
pub(crate) use direct::{DiskReader, start_writeback};
pub(crate) use own_folder::{OwnFolder, is_closed, is_own};
pub(crate) use private::{create_private_folder, open_private, private_options, tighten, write_private};
pub(crate) use read::{ReadError, open, read, read_text};
pub(crate) use rename::{exchange, rename_new, rename_over};
pub(crate) use stamp::FileStamp;
pub(crate) use sync::{create_folders, parent_of, remove_file, remove_folder, sync_data, sync_file, sync_folder};
pub(crate) use watch::WriteWatch;

/// What a system call that changes a file or a directory is about to do. Only tests use it.
#[cfg(test)]
pub(crate) use fault::point;

/// Does nothing outside tests.
#[cfg(not(test))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "the tests' version fails")]
pub(crate) fn point(_operation: &str, _path: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}
