//! Everybody who may sign in, and what programs call with.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use model::{AdministratorId, Timestamp, TokenId};
use serde::Deserialize;
use store::{AdministratorState, ApiToken, OidcPresence};
use tenancy::administration::{AdministrationError, Deed, Office, Present};

use super::{
    AdministrationDoor,
    gate::{Asking, form},
    page::{self, Top},
};

/// Where everybody is shown.
const USERS: &str = "/users";

/// Somebody, as pages show them.
struct Shown {
    present: Present,
    /// Whether they may sign in, in a word.
    state: &'static str,
}

impl Shown {
    fn of(present: Present, now: Timestamp) -> Self {
        let administrator = &present.administrator;
        let is_locked = administrator.locked_until.is_some_and(|until| until > now);
        let state = match administrator.state {
            AdministratorState::Active if is_locked => "locked",
            state => state.as_str(),
        };
        Self { present, state }
    }
}

#[derive(Template)]
#[template(path = "administration/users.html")]
struct Everybody {
    top: Top,
    users: Vec<Shown>,
    /// Those who came through the identity provider.
    people: Vec<OidcPresence>,
    tokens: Vec<Token>,
}

/// A token, as pages show it.
struct Token {
    token: ApiToken,
    /// Whether it is taken, in a word.
    state: &'static str,
}

impl Token {
    fn of(token: ApiToken, now: Timestamp) -> Self {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(until)) if until <= now => "expired",
            (None, _) => "active",
        };
        Self { token, state }
    }
}

/// Everybody, and every token.
pub(super) async fn list(State(door): State<AdministrationDoor>, asking: Asking) -> Response {
    let told = async {
        let present = door.administration.present().await?;
        let tokens = door.administration.token_list().await?;
        let people = door.administration.people().await?;
        Ok::<_, AdministrationError>((present, people, tokens))
    };
    let now = door.administration.now();
    match told.await {
        Ok((present, people, tokens)) => page::show(&Everybody {
            top: Top::of(&asking.session),
            users: present.into_iter().map(|it| Shown::of(it, now)).collect(),
            people,
            tokens: tokens.into_iter().map(|it| Token::of(it, now)).collect(),
        }),
        Err(error) => page::failed(&error),
    }
}

#[derive(Template)]
#[template(path = "administration/user.html")]
struct User {
    top: Top,
    shown: Shown,
    offices: [Office; 5],
}

/// Somebody, and what can be done about them.
pub(super) async fn show(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    match find(&door, &id).await {
        Ok(present) => page::show(&User {
            top: Top::of(&asking.session),
            shown: Shown::of(present, door.administration.now()),
            offices: Office::ALL,
        }),
        Err(response) => *response,
    }
}

/// # Errors
/// A page that says that there is nobody of that id.
async fn find(door: &AdministrationDoor, id: &str) -> Result<Present, Box<Response>> {
    let Ok(id) = id.parse::<AdministratorId>() else {
        return Err(Box::new(page::nothing_here().await));
    };
    let all = door.administration.present().await;
    let all = all.map_err(|error| Box::new(page::failed(&error)))?;
    match all.into_iter().find(|it| it.administrator.id == id) {
        Some(present) => Ok(present),
        None => Err(Box::new(page::nothing_here().await)),
    }
}

#[derive(Deserialize)]
struct Wanted {
    deed: String,
    #[serde(default)]
    role: String,
}

/// Appoints somebody, lets them in or not, or signs them out.
pub(super) async fn change(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let wanted: Wanted = match form(&body) {
        Ok(wanted) => wanted,
        Err(response) => return *response,
    };
    let name = match find(&door, &id).await {
        Ok(present) => present.administrator.name,
        Err(response) => return *response,
    };
    let (did, office) = match (wanted.deed.as_str(), wanted.role.parse::<Office>()) {
        ("appoint", Ok(office)) => ("administrator.appoint", office),
        ("disable", _) => ("administrator.disable", Office::Viewer),
        ("enable", _) => ("administrator.enable", Office::Viewer),
        ("sign-out", _) => ("administrator.sign-out", Office::Viewer),
        _ => {
            return page::refused(
                StatusCode::BAD_REQUEST,
                "There is nothing of that kind to do.",
            );
        }
    };
    let is_appointed = did == "administrator.appoint";
    let deed = Deed {
        who: &asking.session.name,
        did,
        about: &name,
        detail: if is_appointed {
            format!("role {office}")
        } else {
            String::new()
        },
    };
    let administration = &door.administration;
    let doing = async {
        match did {
            "administrator.appoint" => administration.appoint(&name, office).await,
            "administrator.disable" => administration.disable(&name).await,
            "administrator.enable" => administration.enable(&name).await,
            _ => administration.end_sessions(&name).await,
        }
    };
    match asking.audit.recorded(&deed, doing).await {
        Ok(_changed) => Redirect::to(&format!("{USERS}/{id}")).into_response(),
        Err(error) => not_done(&error),
    }
}

#[derive(Deserialize)]
struct Somebody {
    name: String,
}

/// Signs somebody out everywhere who came through the identity provider.
pub(super) async fn sign_out(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    body: Bytes,
) -> Response {
    let Somebody { name } = match form(&body) {
        Ok(somebody) => somebody,
        Err(response) => return *response,
    };
    let people = match door.administration.people().await {
        Ok(people) => people,
        Err(error) => return page::failed(&error),
    };
    // Of whom there is not, nothing is written down: the name may be anything.
    if !people.iter().any(|it| it.name == name) {
        return page::nothing_here().await;
    }
    let deed = Deed {
        who: &asking.session.name,
        did: "person.sign-out",
        about: &name,
        detail: String::new(),
    };
    let ending = door.administration.end_sessions_of_person(&name);
    match asking.audit.recorded(&deed, ending).await {
        Ok(()) => Redirect::to(USERS).into_response(),
        Err(error) => not_done(&error),
    }
}

/// Takes a token no more.
pub(super) async fn revoke(
    State(door): State<AdministrationDoor>,
    asking: Asking,
    Path(id): Path<String>,
) -> Response {
    let tokens = match door.administration.token_list().await {
        Ok(tokens) => tokens,
        Err(error) => return page::failed(&error),
    };
    let id = id.parse::<TokenId>().ok();
    let found = tokens
        .into_iter()
        .find(|it| Some(it.id) == id && it.revoked_at.is_none());
    let Some(token) = found else {
        return page::nothing_here().await;
    };
    let who = &asking.session.name;
    let deed = Deed {
        who,
        did: "token.revoke",
        about: &token.name,
        detail: String::new(),
    };
    let revoking = door.administration.token_revoke(&token.name, who);
    match asking.audit.recorded(&deed, revoking).await {
        Ok(()) => Redirect::to(USERS).into_response(),
        Err(error) => not_done(&error),
    }
}

/// Why something is not done about somebody: what they can mend is said to them.
fn not_done(error: &AdministrationError) -> Response {
    let status = match error {
        AdministrationError::Last { .. } => StatusCode::CONFLICT,
        AdministrationError::Unknown { .. } | AdministrationError::TokenUnknown { .. } => {
            StatusCode::NOT_FOUND
        }
        _ => return page::failed(error),
    };
    page::refused(status, &format!("{error}. Nothing was changed."))
}
