//! tar archives: ustar, pax, and the GNU ways to write what does not fit.

mod pax;
mod raw;
mod reader;
mod sparse;

pub(crate) use raw::is_header;
pub(crate) use reader::open;

#[cfg(test)]
mod tests;
