//! What NGINX serves follows what is decided.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;
use crate::Nginx;

/// How often it is looked whether anything has changed. Who is suspended by a command on this machine is out before that
/// ends; this is how long it takes when it was another one.
const LOOK: Duration = Duration::from_secs(1);

/// Does it until `end`.
pub(super) async fn keep(mut nginx: Nginx, end: CancellationToken) {
    let mut trouble = Trouble::none("nginx");
    loop {
        let wait = match nginx.turn().await {
            Ok(told) => {
                trouble.over();
                if told {
                    tracing::info!("NGINX has a new configuration");
                }
                LOOK
            }
            Err(error) => trouble.again(&error),
        };
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
