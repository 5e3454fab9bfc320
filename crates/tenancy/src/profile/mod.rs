//! A tenant's configuration profile: what its Macs have to know.
//!
//! Three payloads: the client's preferences, Munki's, and leave for Notifier to notify. Munki is not told where the repository
//! is, nor by which header it is opened: what a profile forces beats what the client writes before each run.
//!
//! # Source
//! Apple's Device Management: `Configuration`, `TopLevel` and `com.apple.notificationsettings`.

mod sign;

use proplist::{Dict, KeyOrder, Value, to_xml};
use redact::Secret;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use store::Tenant;

use crate::pins::is_pin;

pub use self::sign::{ProfileSigner, SignError};

/// The domain of the client's preferences.
pub const CLIENT_DOMAIN: &str = "com.auto-update.client";

/// The domain of Munki's.
const MUNKI_DOMAIN: &str = "ManagedInstalls";

/// The fewest pins: one in use, and one in reserve.
const FEWEST_PINS: usize = 2;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// There are not enough pins, or one is none.
    #[error(
        "a profile needs at least {FEWEST_PINS} different pins, one of the key in use and one in reserve (`envquery.pins`); \
         there are {found}"
    )]
    Pins {
        /// How many there are.
        found: usize,
    },
    /// It cannot be written.
    #[error("the profile cannot be written")]
    Write(#[from] proplist::WriteError),
}

/// What a profile says besides whose it is.
#[derive(Clone, Debug)]
pub struct ProfileSettings {
    /// envQUERY's address.
    pub envquery_url: String,
    /// The pins of its certificate.
    pub pins: Vec<String>,
    /// The reverse name under which the profile is known: `com.example.auto-update`.
    pub identifier: String,
    /// Who gives it out, as users see it.
    pub organization: String,
}

impl Default for ProfileSettings {
    fn default() -> Self {
        Self {
            envquery_url: String::new(),
            pins: Vec::new(),
            identifier: "com.auto-update.profile".to_owned(),
            organization: "Auto-Update".to_owned(),
        }
    }
}

/// The profile of `tenant`, whose Macs sign with `token`; the same each time, so that a device management sees no change
/// where there is none.
///
/// # Errors
/// If there are not enough pins, or a name holds what a property list cannot.
pub fn profile(
    tenant: &Tenant,
    token: &Secret<String>,
    settings: &ProfileSettings,
) -> Result<Secret<String>, ProfileError> {
    let mut pins = settings.pins.clone();
    pins.sort();
    pins.dedup();
    if pins.len() < FEWEST_PINS || !pins.iter().all(|pin| is_pin(pin)) {
        return Err(ProfileError::Pins { found: pins.len() });
    }
    let payloads = [
        ("client", CLIENT_DOMAIN, client(tenant, token, settings)),
        ("munki", MUNKI_DOMAIN, munki()),
        (
            "notifier",
            "com.apple.notificationsettings",
            notifications(),
        ),
    ];
    let payloads = payloads.map(|(name, kind, keys)| {
        let mut payload = head(tenant, settings, name, kind);
        payload.extend(keys);
        Value::Dict(payload)
    });
    let mut whole = head(tenant, settings, "profile", "Configuration");
    whole.insert("PayloadContent".to_owned(), Value::Array(payloads.to_vec()));
    whole.insert("PayloadScope".to_owned(), "System".into());
    whole.insert("PayloadRemovalDisallowed".to_owned(), Value::Bool(true));
    let text = to_xml(&Value::Dict(whole), KeyOrder::Sorted)?;
    Ok(Secret::new(text))
}

/// What every payload begins with.
fn head(tenant: &Tenant, settings: &ProfileSettings, name: &str, kind: &str) -> Dict {
    let identifier = match name {
        "profile" => settings.identifier.clone(),
        name => format!("{}.{name}", settings.identifier),
    };
    let display_name = format!("Auto-Update ({})", tenant.customer);
    dict([
        ("PayloadDisplayName", display_name.as_str().into()),
        ("PayloadIdentifier", identifier.as_str().into()),
        ("PayloadOrganization", settings.organization.as_str().into()),
        ("PayloadType", kind.into()),
        ("PayloadUUID", uuid(tenant, &identifier).as_str().into()),
        ("PayloadVersion", Value::Integer(1)),
    ])
}

/// An id that is always the same for a tenant and a payload (RFC 9562 §5.8: version 8, of a digest).
fn uuid(tenant: &Tenant, identifier: &str) -> String {
    let digest = Sha256::digest(format!("{} {identifier}", tenant.id));
    let mut hex = hex::encode_upper(digest);
    hex.truncate(32);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

fn client(tenant: &Tenant, token: &Secret<String>, settings: &ProfileSettings) -> Dict {
    let pins = settings.pins.iter().map(|pin| pin.as_str().into());
    dict([
        ("CustomerID", tenant.customer.as_str().into()),
        ("EnvQueryPins", Value::Array(pins.collect())),
        ("EnvQueryToken", token.expose().as_str().into()),
        ("EnvQueryURL", settings.envquery_url.as_str().into()),
    ])
}

fn munki() -> Dict {
    dict([
        ("FollowHTTPRedirects", "none".into()),
        ("LocalOnlyManifest", "auto-update".into()),
        ("ManagedInstallDir", "/Library/Managed Installs".into()),
        ("PackageVerificationMode", "hash_strict".into()),
    ])
}

/// Notifier may show banners and alerts without asking the user.
fn notifications() -> Dict {
    let application = |identifier: &str, alert: i64| {
        Value::Dict(dict([
            ("AlertType", Value::Integer(alert.into())),
            ("BadgesEnabled", Value::Bool(false)),
            ("BundleIdentifier", identifier.into()),
            ("NotificationsEnabled", Value::Bool(true)),
            ("ShowInNotificationCenter", Value::Bool(true)),
        ]))
    };
    let applications = vec![
        application("com.ibm.cio.notifier.alert", 2),
        application("com.ibm.cio.notifier.banner", 1),
        application("uk.co.dataJAR.Notifier", 1),
    ];
    dict([("NotificationSettings", Value::Array(applications))])
}

fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Dict {
    let pairs = pairs.into_iter();
    pairs.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The client's preferences as Jamf Pro's *Application & Custom Settings* shows them for filling in.
///
/// # Source
/// JSON Schema, with Jamf's `property_order`.
pub fn jamf_schema() -> Json {
    let text = |title: &str, description: &str| json!({"type": "string", "title": title, "description": description});
    let optional = |title: &str, description: &str, kind: &str| {
        json!({
            "title": title,
            "description": description,
            "anyOf": [{"type": "null", "title": "Not configured"}, {"type": kind, "title": "Configured"}],
        })
    };
    let mut properties = json!({
        "CustomerID": text("Customer ID", "As the service knows this customer."),
        "EnvQueryURL": text("envQUERY address", "An https address, letter for letter as the service has it."),
        "EnvQueryToken": text("envQUERY token", "The key with which requests are signed."),
        "EnvQueryPins": {
            "type": "array",
            "title": "envQUERY pins",
            "description": "SHA-256 of the server's public key in base64: one in use, one in reserve.",
            "items": {"type": "string", "title": "Pin"},
            "minItems": FEWEST_PINS,
        },
        "LogFile": optional("Log file", "Default: /var/log/auto-update.log", "string"),
        "NotifierPath": optional("Notifier", "The path of the Notifier application.", "string"),
        "NotifierTitle": optional("Title of notifications", "What stands above a notification.", "string"),
        "NotifierMessageInstalled": optional("Message: installed", "Two %s: name and version.", "string"),
        "NotifierMessagePending": optional("Message: pending", "Shown when updates wait for a log-out.", "string"),
        "NotifierMessageNoPending": optional("Message: nothing pending", "Shown when nothing waits any more.", "string"),
        "NotifierMessageUpToDate": optional("Message: up to date", "One %s: the name.", "string"),
        "LogoutButton": optional("Log-out button", "What stands on the button.", "string"),
        "AlwaysNotifyPending": optional("Always notify of pending updates", "Also if there are no more than before.", "boolean"),
    });
    if let Json::Object(properties) = &mut properties {
        for (order, property) in (1_u32..).zip(properties.values_mut()) {
            if let Json::Object(property) = property {
                property.insert("property_order".to_owned(), (order * 5).into());
            }
        }
    }
    json!({
        "title": format!("Auto-Update ({CLIENT_DOMAIN})"),
        "description": "Preferences of the Auto-Update client",
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "required": ["CustomerID", "EnvQueryURL", "EnvQueryToken", "EnvQueryPins"],
        "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use model::{TenantId, Timestamp};
    use proplist::from_bytes;
    use store::TenantState;

    use super::*;

    const PINS: [&str; 2] = [
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=",
    ];

    fn made(pins: &[&str]) -> Result<Secret<String>, ProfileError> {
        let tenant = Tenant {
            id: "0190a000-0000-7000-8000-000000000001"
                .parse::<TenantId>()
                .unwrap(),
            customer: "Ä & <Söhne>".to_owned(),
            slug: "slug".to_owned(),
            state: TenantState::Active,
            entitled: None,
            created_at: Timestamp::default(),
            created_by: "kim".to_owned(),
        };
        let settings = ProfileSettings {
            envquery_url: "https://envquery.example.com".to_owned(),
            pins: pins.iter().map(|pin| (*pin).to_owned()).collect(),
            identifier: "com.example.auto-update".to_owned(),
            organization: "Example".to_owned(),
        };
        profile(&tenant, &Secret::new("t0ken".to_owned()), &settings)
    }

    #[test]
    fn says_what_macs_need_and_not_where_the_repository_is() {
        let text = made(&PINS).unwrap();
        let Ok(Value::Dict(whole)) = from_bytes(text.expose().as_bytes()) else {
            panic!("no dictionary");
        };
        let payloads = whole
            .get("PayloadContent")
            .and_then(Value::as_array)
            .unwrap();
        let find = |kind: &str, key: &str| {
            payloads.iter().find_map(|payload| match payload {
                Value::Dict(payload) if payload.get("PayloadType")?.as_str()? == kind => {
                    payload.get(key).cloned()
                }
                _ => None,
            })
        };
        for (kind, key, value) in [
            (CLIENT_DOMAIN, "CustomerID", "Ä & <Söhne>"),
            (CLIENT_DOMAIN, "EnvQueryToken", "t0ken"),
            (CLIENT_DOMAIN, "EnvQueryURL", "https://envquery.example.com"),
            ("ManagedInstalls", "PackageVerificationMode", "hash_strict"),
            ("ManagedInstalls", "FollowHTTPRedirects", "none"),
        ] {
            assert_eq!(find(kind, key).unwrap().as_str(), Some(value), "{key}");
        }
        let pins = find(CLIENT_DOMAIN, "EnvQueryPins").unwrap();
        assert_eq!(pins.as_array().unwrap().len(), 2);
        for key in ["SoftwareRepoURL", "AdditionalHttpHeaders"] {
            assert!(!text.expose().contains(key), "{key}");
        }
        assert_eq!(
            text.expose(),
            made(&PINS).unwrap().expose(),
            "no change without a change"
        );
    }

    #[test]
    fn needs_a_pin_in_reserve() {
        for pins in [
            &[][..],
            &PINS[..1],
            &[PINS[0], PINS[0]],
            &[PINS[0], "no pin"],
        ] {
            assert!(
                matches!(made(pins), Err(ProfileError::Pins { .. })),
                "{pins:?}"
            );
        }
    }

    #[test]
    fn the_schema_knows_every_key_in_its_order() {
        let schema = jamf_schema();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), 13);
        for required in schema["required"].as_array().unwrap() {
            assert!(properties.contains_key(required.as_str().unwrap()));
        }
        assert_eq!(properties["AlwaysNotifyPending"]["property_order"], 65);
    }
}
