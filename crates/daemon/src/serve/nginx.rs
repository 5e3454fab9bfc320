//! What NGINX serves follows what is decided.

use std::time::Duration;

use model::FailureClass;
use pipeline::{Engine, Failure, Upkeep};
use tokio_util::sync::CancellationToken;

use super::{rings::Duty, trouble::Trouble};
use crate::{Nginx, NginxError};

/// How often it is looked whether anything has changed. Who is suspended by a command on this machine is out before that
/// ends; this is how long it takes when it was another one.
const LOOK: Duration = Duration::from_secs(1);

/// Does it until `end`; the desk hears of trouble that lasts.
pub(super) async fn keep(engine: Engine, mut nginx: Nginx, end: CancellationToken) {
    let mut trouble = Trouble::none("nginx");
    let mut duty = Duty::new(Upkeep::Pods);
    loop {
        let wait = match nginx.turn().await {
            Ok(told) => {
                trouble.over();
                duty.done(&engine, Ok(())).await;
                if told {
                    tracing::info!("NGINX has a new configuration");
                }
                LOOK
            }
            Err(error) => {
                let wait = trouble.again(&error);
                if trouble.begins_to_last() {
                    duty.done(&engine, Err(failure(&error))).await;
                }
                wait
            }
        };
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn failure(error: &NginxError) -> Failure {
    let class = match error {
        NginxError::Config(_) | NginxError::Site(_) | NginxError::Refused(_) => {
            FailureClass::Configuration
        }
        _ => FailureClass::Publish,
    };
    Failure::from_error(class, error).with_advice(
        "Tenants are served as before, and new credentials, new tenants and new items are not there yet. `auto-update \
         tenant nginx --check` says the same; `nginx -t` as the service's user shows what NGINX minds.",
    )
}
