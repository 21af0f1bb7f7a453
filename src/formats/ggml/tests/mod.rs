//! Files made here, and those of the golden data.

mod golden;
mod made;
mod reject;
