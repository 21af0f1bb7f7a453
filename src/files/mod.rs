//! Files that are read whole because a user or a model names them, and the private folders remold keeps for itself.
//!
//! Must not know what is in a file. Test: `cargo test --lib files::`.

mod private;
mod read;

pub use private::{create_folder, options, tighten, write};
pub use read::{ReadError, open, read, read_text};
