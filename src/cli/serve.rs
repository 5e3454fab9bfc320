//! `serve`.

use std::{net::SocketAddr, num::NonZeroU16};

use clap::Args;

// `serve`
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where health and metrics are served, instead of where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// How many runs are worked on at a time, instead of what the configuration says
    #[arg(long, value_name = "COUNT")]
    pub(crate) workers: Option<NonZeroU16>,
}
