//! YAML as AutoPkg's loader understands it: version 1.1, where `yes` is true and `017` is fifteen.

mod compose;
mod nodes;
mod scalar;
mod scan;
mod write;

pub use compose::from_bytes;
pub(crate) use compose::places;
pub(crate) use write::to_yaml;
