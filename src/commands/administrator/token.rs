//! Tokens that programs call the API with.

use std::time::Duration;

use redact::Secret;
use serde_json::{Value, json};
use store::ApiToken;
use tenancy::administration::{AdministrationError, NewToken};

use super::{Desk, office};
use crate::cli::administrator::{AddToken, List, One, Token};

/// Does what was asked.
///
/// # Errors
/// If it cannot be done, written down or printed.
pub(super) async fn run(verb: Token, desk: &Desk) -> anyhow::Result<()> {
    match verb {
        Token::Add(arguments) => add(arguments, desk).await,
        Token::List(arguments) => list(&arguments, desk).await,
        Token::Revoke(arguments) => revoke(&arguments, desk).await,
    }
}

async fn add(arguments: AddToken, desk: &Desk) -> anyhow::Result<()> {
    let days = arguments.expires_days;
    let new = NewToken {
        office: office(&arguments.role)?,
        lasts: days.map(|days| Duration::from_hours(days.saturating_mul(24))),
        by: desk.ledger.who().to_owned(),
        name: arguments.name,
    };
    let name = new.name.clone();
    let deed = ("token.add", name.as_str(), format!("role {}", new.office));
    let adding = desk.administration.token_add(new);
    let (token, text): (ApiToken, Secret<String>) = desk.ledger.recorded(deed, adding).await?;
    if arguments.json {
        let mut told = told(&token);
        if let Some(told) = told.as_object_mut() {
            told.insert("token".to_owned(), text.expose().as_str().into());
        }
        desk.printer.data(told)?;
        return Ok(());
    }
    desk.printer.data(text.expose())?;
    desk.printer.talk("Keep this now: it is not shown again");
    Ok(())
}

async fn list(arguments: &List, desk: &Desk) -> anyhow::Result<()> {
    let tokens = desk.administration.token_list().await?;
    for token in &tokens {
        if arguments.json {
            desk.printer.data(told(token))?;
            continue;
        }
        let until = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => format!(", revoked {at}"),
            (None, Some(at)) => format!(", until {at}"),
            (None, None) => String::new(),
        };
        let used = token
            .used_at
            .map_or("never used".to_owned(), |at| format!("used {at}"));
        desk.printer.data(format!(
            "{} {}, made {} by {}, {used}{until}",
            token.name, token.role, token.made_at, token.made_by
        ))?;
    }
    if tokens.is_empty() && !arguments.json {
        desk.printer.talk("There is no token yet");
    }
    Ok(())
}

async fn revoke(arguments: &One, desk: &Desk) -> anyhow::Result<()> {
    let by = desk.ledger.who();
    let deed = ("token.revoke", arguments.name.as_str(), String::new());
    let revoking = desk.administration.token_revoke(&arguments.name, by);
    let revoked: Result<(), AdministrationError> = desk.ledger.recorded(deed, revoking).await;
    revoked?;
    if arguments.json {
        desk.printer
            .data(json!({"schema": 1, "name": arguments.name, "revoked": true}))?;
    } else {
        desk.printer
            .talk(format!("{} is not taken any more", arguments.name));
    }
    Ok(())
}

fn told(token: &ApiToken) -> Value {
    json!({
        "schema": 1,
        "name": token.name,
        "role": token.role,
        "made_at": token.made_at.to_string(),
        "made_by": token.made_by,
        "expires_at": token.expires_at.map(|at| at.to_string()),
        "used_at": token.used_at.map(|at| at.to_string()),
        "revoked_at": token.revoked_at.map(|at| at.to_string()),
        "revoked_by": token.revoked_by,
    })
}
