//! The token that calls.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    answer::{Answer, Json},
    gate::Calling,
    operation::{Endpoint, Operation},
    words::{At, Id, office},
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look("me", "/me", "The token that calls, and what it may do")
            .answering::<Me>(200)
            .by(show),
    ]
}

/// The token that calls.
#[derive(JsonSchema, Serialize)]
struct Me {
    /// Its id.
    id: Id,
    /// What people call it.
    name: String,
    /// What it may do.
    #[schemars(schema_with = "office")]
    role: &'static str,
    /// When it was made.
    made_at: At,
    /// Until when it is taken; null: until it is revoked.
    expires_at: Option<At>,
}

async fn show(calling: Calling) -> Answer<Me> {
    let caller = calling.caller;
    Ok(Json::ok(Me {
        id: Id::of(caller.id),
        role: caller.office.as_str(),
        name: caller.name,
        made_at: At(caller.made_at),
        expires_at: caller.expires_at.map(At),
    }))
}
