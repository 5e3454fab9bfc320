//! The signed message that binds a signature to certificates, and the time stamp in it.

mod signed_data;
mod time_stamp;

pub(crate) use signed_data::{Attribute, SignedData};
pub(crate) use time_stamp::time_stamp;
