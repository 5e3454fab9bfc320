//! Preferences as macOS layers them: what a profile forces before what anyone has written.

use base64::Engine as _;
use proplist::{Dict, Value};
use redact::Secret;
use url::Url;

use crate::{Fault, Files, net::Pins, plists::Document};

/// The client's own domain.
pub const CLIENT_DOMAIN: &str = "com.auto-update.client";
/// Munki's domain.
pub const MUNKI_DOMAIN: &str = "ManagedInstalls";
/// Root's own preferences of Munki: the one place where Munki looks for secrets that not everyone can read.
pub const ROOT_MUNKI: &str = "/private/var/root/Library/Preferences/ManagedInstalls.plist";
/// The folder of [`ROOT_MUNKI`].
pub const ROOT_PREFERENCES: &str = "/private/var/root/Library/Preferences";

const MANAGED: &str = "/Library/Managed Preferences";
const LOCAL: &str = "/Library/Preferences";
const BY_HOST: &str = "/private/var/root/Library/Preferences/ByHost";
/// What Munki itself writes where nothing is set.
const UNSET_REPOSITORY: &str = "http://munki/repo";
/// A token of 32 characters has 190 bits; fewer than half as many can be guessed by those who saw an exchange.
const SHORTEST_TOKEN: usize = 32;
/// One pin in use and one in reserve.
const FEWEST_PINS: usize = 2;

/// Where a preference came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// A configuration profile.
    Profile,
    /// Root's preferences of this one machine.
    RootByHost,
    /// Root's preferences.
    Root,
    /// The machine's preferences, readable by everyone.
    Machine,
}

/// The preferences of one domain, layer by layer.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    layers: Vec<(Source, Dict)>,
}

impl Preferences {
    /// The client's: what a profile says, then the machine's.
    ///
    /// # Errors
    /// If a file is not safe to read, or no property list.
    pub fn of_client(files: &Files) -> Result<Self, Fault> {
        let mut preferences = Self::default();
        preferences.add_profile(files, CLIENT_DOMAIN)?;
        preferences.add(files, Source::Machine, &in_folder(LOCAL, CLIENT_DOMAIN))?;
        Ok(preferences)
    }

    /// Munki's, in the order in which it looks.
    ///
    /// # Errors
    /// As [`Self::of_client`].
    pub fn of_munki(files: &Files) -> Result<Self, Fault> {
        let mut preferences = Self::default();
        preferences.add_profile(files, MUNKI_DOMAIN)?;
        for name in files.names(BY_HOST)? {
            if name.starts_with("ManagedInstalls.") && name.to_ascii_lowercase().ends_with(".plist")
            {
                preferences.add(files, Source::RootByHost, &format!("{BY_HOST}/{name}"))?;
            }
        }
        preferences.add(files, Source::Root, ROOT_MUNKI)?;
        preferences.add(files, Source::Machine, &in_folder(LOCAL, MUNKI_DOMAIN))?;
        Ok(preferences)
    }

    /// What counts for `key`, and where it came from.
    pub fn get(&self, key: &str) -> Option<(&Value, Source)> {
        self.layers
            .iter()
            .find_map(|(source, dict)| dict.get(key).map(|value| (value, *source)))
    }

    /// The text that counts for `key`, if it is a text that holds something.
    pub fn text(&self, key: &str) -> Option<&str> {
        let (value, _) = self.get(key)?;
        value.as_str().filter(|text| !text.is_empty())
    }

    /// What a profile forces for `key`.
    fn forced(&self, key: &str) -> Option<&Value> {
        let (value, source) = self.get(key)?;
        (source == Source::Profile).then_some(value)
    }

    fn has_profile(&self) -> bool {
        self.layers
            .iter()
            .any(|(source, _)| *source == Source::Profile)
    }

    fn add_profile(&mut self, files: &Files, domain: &str) -> Result<(), Fault> {
        if let Some(document) = Document::read(files, &in_folder(MANAGED, domain))? {
            let dict = flat(document.dict, domain);
            self.layers.push((Source::Profile, dict));
        }
        Ok(())
    }

    fn add(&mut self, files: &Files, source: Source, path: &str) -> Result<(), Fault> {
        if let Some(document) = Document::read(files, path)? {
            self.layers.push((source, document.dict));
        }
        Ok(())
    }
}

fn in_folder(folder: &str, domain: &str) -> String {
    format!("{folder}/{domain}.plist")
}

/// The keys that a profile forces. Newer systems lay them down flat; what older tools wrote keeps them as the profile's
/// own payload does, below `PayloadContent`, the domain, `Forced` and `mcx_preference_settings`.
fn flat(dict: Dict, domain: &str) -> Dict {
    let content = dict.get("PayloadContent").and_then(Value::as_dict);
    let of_domain = content
        .and_then(|content| content.get(domain))
        .and_then(Value::as_dict)
        .unwrap_or(&dict);
    let Some(forced) = of_domain.get("Forced").and_then(Value::as_array) else {
        return dict;
    };
    let mut flat = Dict::new();
    for layer in forced.iter().filter_map(Value::as_dict) {
        if let Some(Value::Dict(settings)) = layer.get("mcx_preference_settings") {
            flat.extend(settings.clone());
        }
    }
    flat
}

/// What the profile must say for an exchange to be possible. Nothing but a profile can: whoever may write the machine's
/// preferences could otherwise send the token elsewhere.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The tenant's customer ID.
    pub customer_id: String,
    /// envQUERY's address as the profile spells it.
    pub env_query_url: String,
    /// Where requests go.
    pub exchange_url: Url,
    /// The key of both tokens.
    pub token: Secret<String>,
    /// The public keys that envQUERY may have.
    pub pins: Pins,
}

impl Profile {
    /// Reads what the profile says.
    ///
    /// # Errors
    /// [`Fault::NoProfile`] without one, [`Fault::BadProfile`] with the first key that is missing or wrong.
    pub fn of(preferences: &Preferences) -> Result<Self, Fault> {
        if !preferences.has_profile() {
            return Err(Fault::NoProfile {
                domain: CLIENT_DOMAIN,
            });
        }
        let env_query_url = forced_text(preferences, "EnvQueryURL")?;
        Ok(Self {
            customer_id: forced_text(preferences, "CustomerID")?,
            exchange_url: exchange_url(&env_query_url)?,
            env_query_url,
            token: token(preferences)?,
            pins: pins(preferences)?,
        })
    }

    /// That no profile forces what preflight must set for Munki.
    ///
    /// # Errors
    /// [`Fault::ForcedByProfile`] with the key.
    pub fn leaves_room(munki: &Preferences) -> Result<(), Fault> {
        for key in ["SoftwareRepoURL", "AdditionalHttpHeaders"] {
            if munki.forced(key).is_some() {
                return Err(Fault::ForcedByProfile { key });
            }
        }
        Ok(())
    }
}

fn forced_text(preferences: &Preferences, key: &'static str) -> Result<String, Fault> {
    match preferences.forced(key) {
        None => Err(bad(key, "is missing")),
        Some(Value::String(text)) if text.is_empty() => Err(bad(key, "is empty")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(bad(key, "is no text")),
    }
}

fn exchange_url(base: &str) -> Result<Url, Fault> {
    const KEY: &str = "EnvQueryURL";
    let base = Url::parse(base).map_err(|_shows| bad(KEY, "is no address"))?;
    if base.scheme() != "https" {
        return Err(bad(KEY, "is not https"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(bad(KEY, "holds a user or a password"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(bad(KEY, "holds a query or a fragment"));
    }
    let address = format!("{}/v1/repository", base.as_str().trim_end_matches('/'));
    Url::parse(&address).map_err(|_shows| bad(KEY, "is no address"))
}

fn token(preferences: &Preferences) -> Result<Secret<String>, Fault> {
    const KEY: &str = "EnvQueryToken";
    let token = forced_text(preferences, KEY)?;
    if token.len() < SHORTEST_TOKEN {
        return Err(bad(KEY, "is shorter than 32 characters"));
    }
    Ok(Secret::new(token))
}

fn pins(preferences: &Preferences) -> Result<Pins, Fault> {
    const KEY: &str = "EnvQueryPins";
    let values = match preferences.forced(KEY) {
        None => return Err(bad(KEY, "is missing")),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(bad(KEY, "is no array")),
    };
    let mut pins = Vec::new();
    for value in values {
        let bytes = match value {
            Value::String(text) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_shows| bad(KEY, "holds a pin that is not base64"))?,
            Value::Data(bytes) => bytes.clone(),
            _ => return Err(bad(KEY, "holds a pin that is no text")),
        };
        let pin = <[u8; 32]>::try_from(bytes)
            .map_err(|_bytes| bad(KEY, "holds a pin that is no SHA-256"))?;
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    if pins.len() < FEWEST_PINS {
        return Err(bad(KEY, "holds fewer than two pins"));
    }
    Ok(Pins::new(pins))
}

const fn bad(key: &'static str, why: &'static str) -> Fault {
    Fault::BadProfile { key, why }
}

/// What is not needed for an exchange, with what holds where nothing is said.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the log is.
    pub log_file: String,
    /// Notifier's program.
    pub notifier_path: String,
    /// Above every notification.
    pub notifier_title: String,
    /// Two `%s`: name, version.
    pub message_installed: String,
    /// That something waits for a log-out.
    pub message_pending: String,
    /// That nothing waits any more, where that is to be said.
    pub message_no_pending: Option<String>,
    /// One `%s`: name.
    pub message_up_to_date: String,
    /// What is written on the button that logs out.
    pub logout_button: String,
    /// Say after every run what is pending, not only when it has become more.
    pub always_notify_pending: bool,
}

impl Settings {
    /// Reads them.
    pub fn of(preferences: &Preferences) -> Self {
        let text =
            |key: &str, otherwise: &str| preferences.text(key).unwrap_or(otherwise).to_owned();
        Self {
            log_file: text("LogFile", "/var/log/auto-update.log"),
            notifier_path: text(
                "NotifierPath",
                "/Applications/Utilities/Notifier.app/Contents/MacOS/Notifier",
            ),
            notifier_title: text("NotifierTitle", "Software Updates"),
            message_installed: text("NotifierMessageInstalled", "%s %s was installed"),
            message_pending: text(
                "NotifierMessagePending",
                "Updates are waiting: log out to install them",
            ),
            message_no_pending: preferences
                .text("NotifierMessageNoPending")
                .map(ToOwned::to_owned),
            message_up_to_date: text(
                "NotifierMessageUpToDate",
                "The latest version of %s is installed",
            ),
            logout_button: text("LogoutButton", "Log out"),
            always_notify_pending: preferences
                .get("AlwaysNotifyPending")
                .is_some_and(|(value, _)| value.is_truthy()),
        }
    }
}

/// Where Munki keeps its files and the manifest of this Mac's own.
#[derive(Clone, Debug)]
pub struct Munki {
    /// `ManagedInstallDir`.
    pub folder: String,
    /// The name of the manifest, if one is set.
    local_manifest: Option<String>,
    /// `SoftwareRepoURL`, if it is set; Munki's own stop-gap is not.
    pub repository: Option<String>,
}

impl Munki {
    /// Reads it.
    pub fn of(preferences: &Preferences) -> Self {
        let folder = preferences.text("ManagedInstallDir");
        let repository = preferences.text("SoftwareRepoURL");
        Self {
            folder: folder
                .unwrap_or("/Library/Managed Installs")
                .trim_end_matches('/')
                .to_owned(),
            local_manifest: preferences.text("LocalOnlyManifest").map(ToOwned::to_owned),
            repository: repository
                .filter(|url| *url != UNSET_REPOSITORY)
                .map(ToOwned::to_owned),
        }
    }

    /// The path of a file of Munki's.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The path of the manifest of this Mac's own.
    ///
    /// # Errors
    /// [`Fault::NoLocalManifest`] if none is set, or it is no file name.
    pub fn local_manifest(&self) -> Result<String, Fault> {
        let name = self.local_manifest.as_deref();
        match name {
            Some(name) if !name.contains('/') && !name.starts_with('.') => {
                Ok(self.file(&format!("manifests/{name}")))
            }
            _ => Err(Fault::NoLocalManifest),
        }
    }
}
