//! The caged process: what a message is made of, what stands in it, and what of that is a concern.

pub mod detect;
pub mod extract;
