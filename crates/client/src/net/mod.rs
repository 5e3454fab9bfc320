//! Requests as the client makes them: TLS 1.2 or newer, no proxy whatever the environment says, no redirect followed,
//! an end to every wait and to every body.

mod address;
mod request;
mod trust;

pub use address::{LocalNetwork, Network};
pub use request::{Answer, LONGEST_ANSWER, Method, Request, send};
pub use trust::{Pins, Trust};
