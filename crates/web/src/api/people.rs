//! Who came through the identity provider.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use store::OidcPresence;
use tenancy::administration::Permit;

use super::{
    answer::{Asked, Named},
    gate::Calling,
    operation::{Endpoint, Method, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, office},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "person_list",
            "/people",
            "Who ever came through the identity provider, by name",
        )
        .needing(Permit::SeeHouse)
        .asking::<PageQuery>()
        .answering::<Page<Person>>(200)
        .by(list),
        Operation::change(
            (Method::Post, Permit::ChangeUsers),
            "person_sign_out",
            "/people/{person}/sign-out",
            "Ends every session of somebody who came through the identity provider",
        )
        .answering_nothing()
        .by(sign_out),
    ]
}

/// Somebody who came through the identity provider.
#[derive(JsonSchema, Serialize)]
struct Person {
    /// Under which is written down what they do.
    name: String,
    /// What they were here for when they last came.
    #[schemars(schema_with = "office")]
    role: String,
    /// When they first came.
    first_at: At,
    /// When they last came.
    last_at: At,
    /// How many sessions go on.
    sessions: u32,
    /// When one of these was last heard of.
    seen_at: Option<At>,
}

impl Person {
    fn of(presence: OidcPresence) -> Self {
        Self {
            name: presence.name,
            role: presence.role,
            first_at: At(presence.first_at),
            last_at: At(presence.last_at),
            sessions: presence.sessions,
            seen_at: presence.seen_at.map(At),
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Person>, Problem> {
    let people = door.administration.people().await?;
    Page::cut(people, &asked, |it| it.name.clone(), Person::of)
}

async fn sign_out(
    State(door): State<AdministrationDoor>,
    calling: Calling,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    let people = door.administration.people().await?;
    // Of what there is not, nothing is written down: the name may be anything.
    if !people.iter().any(|it| it.name == name) {
        return Err(Problem::nothing_here());
    }
    let deed = ("person.sign-out", name.as_str(), String::new());
    let ending = door.administration.end_sessions_of_person(&name);
    calling.recorded(deed, ending).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
