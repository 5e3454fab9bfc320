//! Who may sign in to the pages, and what programs call with.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use model::{AdministratorId, TokenId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Administrator, ApiToken};
use tenancy::administration::{AdministrationError, Office, Permit, Present};

use super::{
    answer::{Answer, Asked, Json, Named, Sent},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, Id, office},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let post = (Method::Post, Permit::ChangeUsers);
    vec![
        Operation::look(
            "user_list",
            "/users",
            "Who may sign in to the pages, by name",
        )
        .needing(Permit::SeeHouse)
        .asking::<PageQuery>()
        .answering::<Page<User>>(200)
        .by(list),
        Operation::change(
            (Method::Put, Permit::ChangeUsers),
            "user_appoint",
            "/users/{user}/role",
            "Says what somebody may do",
        )
        .taking::<NewRole>()
        .answering::<User>(200)
        .refusing(&[409])
        .by(appoint),
        Operation::change(
            post,
            "user_disable",
            "/users/{user}/disable",
            "Lets somebody sign in no more, and signs them out",
        )
        .answering::<User>(200)
        .refusing(&[409])
        .by(disable),
        Operation::change(
            post,
            "user_enable",
            "/users/{user}/enable",
            "Lets somebody sign in again who was disabled or locked out",
        )
        .answering::<User>(200)
        .by(enable),
        Operation::change(
            post,
            "user_sign_out",
            "/users/{user}/sign-out",
            "Ends every session of somebody",
        )
        .answering::<User>(200)
        .by(sign_out),
    ]
}

pub(super) fn token_endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "token_list",
            "/tokens",
            "Tokens of this API, without themselves, by name",
        )
        .needing(Permit::SeeHouse)
        .asking::<PageQuery>()
        .answering::<Page<Token>>(200)
        .by(tokens),
        Operation::change(
            (Method::Delete, Permit::ChangeUsers),
            "token_revoke",
            "/tokens/{token}",
            "Takes a token no more",
        )
        .answering_nothing()
        .by(revoke),
    ]
}

/// Somebody who may sign in.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "lists of the API call the id of a row after the row"
)]
struct User {
    /// Its id.
    user: Id,
    /// The user ID that is typed.
    name: String,
    /// What it may do.
    role: String,
    /// Whether it may sign in: `active` or `disabled`.
    state: &'static str,
    /// How often in a row somebody has failed to sign in as this one.
    failures: u32,
    /// Until when nobody can sign in as this one.
    locked_until: Option<At>,
    /// How many sessions go on.
    sessions: u32,
    /// When one of these was last heard of.
    seen_at: Option<At>,
    /// When it last signed in, to the minute.
    signed_in_at: Option<At>,
    /// When it was made.
    made_at: At,
    /// By whom.
    made_by: String,
}

impl User {
    fn of(present: Present) -> Self {
        let administrator = present.administrator;
        Self {
            user: Id::of(administrator.id),
            name: administrator.name,
            role: administrator.role,
            state: administrator.state.as_str(),
            failures: administrator.failures,
            locked_until: administrator.locked_until.map(At),
            sessions: present.sessions,
            seen_at: present.seen_at.map(At),
            signed_in_at: present.signed_in_at.map(At),
            made_at: At(administrator.made_at),
            made_by: administrator.made_by,
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<User>, Problem> {
    let present = door.administration.present().await?;
    let cursor = |present: &Present| present.administrator.name.clone();
    Page::cut(present, &asked, cursor, User::of)
}

async fn find(door: &AdministrationDoor, id: AdministratorId) -> Result<Present, Problem> {
    let present = door.administration.present().await?;
    let found = present.into_iter().find(|it| it.administrator.id == id);
    found.ok_or_else(Problem::nothing_here)
}

/// What somebody is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// What they may do from then on.
    #[schemars(schema_with = "office")]
    role: String,
}

async fn appoint(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<AdministratorId>,
    Sent(wanted): Sent<NewRole>,
) -> Answer<User> {
    let office: Office = wanted
        .role
        .parse()
        .map_err(|error| Problem::not_understood(format!("{error}.")))?;
    let detail = format!("role {office}");
    changed(
        (&door, &calling, id),
        ("administrator.appoint", detail),
        async |name| door.administration.appoint(name, office).await,
    )
    .await
}

async fn disable(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<AdministratorId>,
) -> Answer<User> {
    let what = ("administrator.disable", String::new());
    changed((&door, &calling, id), what, async |name| {
        door.administration.disable(name).await
    })
    .await
}

async fn enable(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<AdministratorId>,
) -> Answer<User> {
    let what = ("administrator.enable", String::new());
    changed((&door, &calling, id), what, async |name| {
        door.administration.enable(name).await
    })
    .await
}

async fn sign_out(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<AdministratorId>,
) -> Answer<User> {
    let what = ("administrator.sign-out", String::new());
    changed((&door, &calling, id), what, async |name| {
        door.administration.end_sessions(name).await
    })
    .await
}

/// Has something done about somebody, and answers how they stand then.
async fn changed(
    (door, calling, id): (&AdministrationDoor, &Calling, AdministratorId),
    (did, detail): (&'static str, String),
    act: impl AsyncFnOnce(&str) -> Result<Administrator, AdministrationError>,
) -> Answer<User> {
    let name = find(door, id).await?.administrator.name;
    let deed = (did, name.as_str(), detail);
    calling.recorded(deed, act(&name)).await?;
    Ok(Json::ok(User::of(find(door, id).await?)))
}

/// A token, without itself.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "lists of the API call the id of a row after the row"
)]
struct Token {
    /// Its id.
    token: Id,
    /// What people call it.
    name: String,
    /// What may be done with it.
    role: String,
    /// When it was made.
    made_at: At,
    /// By whom.
    made_by: String,
    /// Until when it is taken; null: until it is revoked.
    expires_at: Option<At>,
    /// When it was used last, to the minute.
    used_at: Option<At>,
    /// Since when it is not taken any more.
    revoked_at: Option<At>,
    /// Who has said so.
    revoked_by: Option<String>,
}

impl Token {
    fn of(token: ApiToken) -> Self {
        Self {
            token: Id::of(token.id),
            name: token.name,
            role: token.role,
            made_at: At(token.made_at),
            made_by: token.made_by,
            expires_at: token.expires_at.map(At),
            used_at: token.used_at.map(At),
            revoked_at: token.revoked_at.map(At),
            revoked_by: token.revoked_by,
        }
    }
}

async fn tokens(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Token>, Problem> {
    let tokens = door.administration.token_list().await?;
    // Names that were revoked are given again.
    let cursor = |token: &ApiToken| format!("{} {}", token.name, token.id);
    Page::cut(tokens, &asked, cursor, Token::of)
}

async fn revoke(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(id): Named<TokenId>,
) -> Result<Response, Problem> {
    let tokens = door.administration.token_list().await?;
    let found = tokens
        .into_iter()
        .find(|it| it.id == id && it.revoked_at.is_none());
    let token = found.ok_or_else(Problem::nothing_here)?;
    let who = calling.caller.who();
    let deed = ("token.revoke", token.name.as_str(), String::new());
    let revoking = door.administration.token_revoke(&token.name, &who);
    calling.recorded(deed, revoking).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
