//! What can go wrong, each with a code that never changes its meaning.

use std::{io, time::Duration};

use crate::updates::UpdateFault;

/// A failure as the log tells it: `AU113 …`.
///
/// Texts name paths, hosts and keys of preferences. None holds a token, a credential or an address with either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not run by the owner of the system.
    #[error("this must run as root")]
    NotRoot,
    /// Jamf Pro's agent is not installed.
    #[error("the Jamf binary {path} is missing")]
    NoJamf {
        /// Where it was looked for.
        path: String,
    },
    /// Munki is not installed.
    #[error("Munki's {path} is missing")]
    NoMunki {
        /// Where it was looked for.
        path: String,
    },
    /// No profile has put the client's preferences in place.
    #[error("no configuration profile has set {domain}")]
    NoProfile {
        /// The domain of preferences.
        domain: &'static str,
    },
    /// The profile lacks something, or says something that cannot be.
    #[error("the configuration profile's {key} {why}")]
    BadProfile {
        /// The key.
        key: &'static str,
        /// What is wrong, without the value.
        why: &'static str,
    },
    /// The profile forces what preflight must be able to set.
    #[error("a configuration profile forces {key} of ManagedInstalls, which preflight must set")]
    ForcedByProfile {
        /// The key.
        key: &'static str,
    },
    /// The exchange with envQUERY came to nothing on the way.
    #[error("envQUERY: {0}")]
    EnvQuery(#[source] NetFault),
    /// envQUERY refused the client.
    #[error(
        "envQUERY refused this customer ID and token, or this Mac's clock is wrong (status 401)"
    )]
    Refused,
    /// envQUERY has had too many requests.
    #[error("envQUERY asks to wait {} s before the next try (status 429)", wait.as_secs())]
    TooMany {
        /// How long it asks to wait.
        wait: Duration,
    },
    /// envQUERY answered with another status than 200.
    #[error("envQUERY answered with status {status}")]
    EnvQueryStatus {
        /// The status.
        status: u16,
    },
    /// envQUERY sent the client elsewhere.
    #[error("envQUERY answered with a redirect (status {status}), which is never followed")]
    EnvQueryRedirect {
        /// The status.
        status: u16,
    },
    /// The answer is not of the type of a token.
    #[error("envQUERY's answer is not application/jwt")]
    AnswerType,
    /// The answer is no signed token.
    #[error("envQUERY's answer is not a token signed with HS256")]
    AnswerForm,
    /// The answer is signed with another key.
    #[error("the signature of envQUERY's answer is wrong")]
    AnswerSignature,
    /// The answer is for someone else, from someone else, or to another question.
    #[error("the answer's {claim} is not the one expected")]
    AnswerClaim {
        /// The claim.
        claim: &'static str,
    },
    /// The answer is not of now.
    #[error("envQUERY's answer has expired or is not valid yet")]
    AnswerTime,
    /// The repository's address cannot be used.
    #[error("the repository's address in envQUERY's answer {why}")]
    RepositoryUrl {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The credential cannot be used in a header.
    #[error("the credential in envQUERY's answer is not of the form Munki can send")]
    RepositoryCredential,
    /// The repository could not be asked.
    #[error("the repository: {0}")]
    Repository(#[source] NetFault),
    /// The repository does not take the credential, fresh as it is.
    #[error("the repository refused the credential twice (status 401)")]
    RepositoryRefused,
    /// The repository sends elsewhere.
    #[error("the repository answered with a redirect (status {status})")]
    RepositoryRedirect {
        /// The status.
        status: u16,
    },
    /// The repository answered with another status than 200.
    #[error("the repository answered with status {status}")]
    RepositoryStatus {
        /// The status.
        status: u16,
    },
    /// A file or folder that others could have put there.
    #[error("{path} {why}")]
    Unsafe {
        /// The file or folder.
        path: String,
        /// What makes it unsafe.
        why: &'static str,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be {verb}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// `read`, `written` …
        verb: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file is not the property list (or JSON) that it should be.
    #[error("{path} {why}")]
    Form {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A policy that says nothing.
    #[error("the policy says nothing: parameters 4 to 8 are all empty")]
    NothingGiven,
    /// A title that is to be installed and removed.
    #[error("{title} is in installs and in uninstalls")]
    Conflict {
        /// The title.
        title: String,
    },
    /// A text that cannot name a title.
    #[error("parameter {parameter} holds a name that {why}")]
    TitleName {
        /// Which parameter of the policy.
        parameter: u8,
        /// The rule it breaks.
        why: &'static str,
    },
    /// Parameter 8 is something else than nothing or `ENGAGE`.
    #[error("parameter 8 is neither empty nor ENGAGE")]
    EngageWord,
    /// Munki has no manifest of this Mac's own.
    #[error("LocalOnlyManifest of ManagedInstalls is not set or no file name")]
    NoLocalManifest,
    /// Munki ended with a status.
    #[error("managedsoftwareupdate {arguments} ended with status {status}")]
    MunkiFailed {
        /// What it was asked to do.
        arguments: &'static str,
        /// Its exit status.
        status: u8,
    },
    /// Jamf Pro's agent ended with a status.
    #[error("jamf recon ended with status {status}")]
    JamfFailed {
        /// Its exit status.
        status: u8,
    },
    /// Another program's hook ended with a status.
    #[error("the hook {name} ended with status {status}")]
    HookFailed {
        /// Its name.
        name: String,
        /// Its exit status.
        status: u8,
    },
    /// Another program's hook took too long.
    #[error("the hook {name} took more than {} s and was ended", limit.as_secs())]
    HookTimeout {
        /// Its name.
        name: String,
        /// How long it had.
        limit: Duration,
    },
    /// A program cannot be started.
    #[error("{path} cannot be started: {source}")]
    Start {
        /// The program.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Munki wrote no report.
    #[error("there is no {path}")]
    NoReport {
        /// Where it was looked for.
        path: String,
    },
    /// The machine gives no random numbers.
    #[error("no random numbers to be had")]
    NoRandomness,
    /// There is no network to ask the repository over.
    #[error("there is no network")]
    Offline,
    /// Nothing on this Mac says whose signatures count.
    #[error("no key or root is installed below {folder}")]
    NoAnchors {
        /// Where they were looked for.
        folder: &'static str,
    },
    /// The update metadata cannot be believed.
    #[error("update metadata: {0}")]
    Updates(#[source] UpdateFault),
    /// A catalog of Munki's is not the one that the service has published.
    #[error("is not the one that the service has published")]
    OtherCatalog,
    /// No catalog names what is about to be installed, or it names no digest.
    #[error("no catalog of Munki's holds it with its digest")]
    NoDigest,
    /// A package has no evidence, or none that counts.
    #[error("evidence: {why}")]
    Evidence {
        /// Why not.
        why: String,
    },
    /// A package that Munki has fetched is not the one of the catalog.
    #[error("the package that Munki has fetched is another one")]
    OtherPackage,
    /// Something that Munki is about to install cannot be vouched for.
    #[error("{count} of {all} are not verified")]
    NotVerified {
        /// How many are not.
        count: usize,
        /// How many were looked at.
        all: usize,
    },
    /// An installation is not as it should be.
    #[error("{count} things to mend")]
    ToMend {
        /// How many checks failed.
        count: usize,
    },
}

/// What can go wrong between asking a server and having its answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetFault {
    /// The name leads to no address.
    #[error("the name {host} leads to no address")]
    Resolve {
        /// The host.
        host: String,
    },
    /// No connection.
    #[error("no connection to {host}: {source}")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The certificate does not lead to a trusted root, is of another name, or is not of now.
    #[error("the certificate of {host} is not trusted: {why}")]
    Certificate {
        /// The host.
        host: String,
        /// What the verifier says.
        why: String,
    },
    /// A trusted certificate with a key that is not pinned.
    #[error("the public key of {host} is none of the profile's pins")]
    Pin {
        /// The host.
        host: String,
    },
    /// TLS came to nothing for another reason.
    #[error("no secure connection to {host}: {why}")]
    Tls {
        /// The host.
        host: String,
        /// What the library says.
        why: String,
    },
    /// Too slow.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The host.
        host: String,
    },
    /// The answer breaks off or is not HTTP.
    #[error("the answer of {host} breaks off or is not HTTP: {why}")]
    Protocol {
        /// The host.
        host: String,
        /// What the library says.
        why: String,
    },
    /// The answer is too long.
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The waiting itself could not be set up.
    #[error("nothing to wait with: {source}")]
    Machine {
        /// Why.
        source: io::Error,
    },
}

impl Fault {
    /// The code, which stays what it is over all releases; `docs/reference/client-errors.md` has a section for each.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotRoot => "AU101",
            Self::NoJamf { .. } => "AU102",
            Self::NoMunki { .. } => "AU103",
            Self::NoProfile { .. } => "AU104",
            Self::BadProfile { .. } => "AU105",
            Self::ForcedByProfile { .. } => "AU106",
            Self::NoLocalManifest => "AU107",
            Self::EnvQuery(fault) => fault.code(),
            Self::Refused => "AU120",
            Self::TooMany { .. } => "AU121",
            Self::EnvQueryRedirect { .. } => "AU122",
            Self::EnvQueryStatus { .. } => "AU123",
            Self::AnswerType => "AU130",
            Self::AnswerForm => "AU131",
            Self::AnswerSignature => "AU132",
            Self::AnswerClaim { .. } => "AU133",
            Self::AnswerTime => "AU134",
            Self::RepositoryUrl { .. } => "AU135",
            Self::RepositoryCredential => "AU136",
            Self::RepositoryRefused => "AU140",
            Self::RepositoryRedirect { .. } => "AU141",
            Self::RepositoryStatus { .. } => "AU142",
            Self::Repository(_) => "AU143",
            Self::Unsafe { .. } => "AU150",
            Self::File { .. } => "AU151",
            Self::Form { .. } => "AU152",
            Self::NoReport { .. } => "AU153",
            Self::NoRandomness => "AU154",
            Self::NothingGiven => "AU160",
            Self::Conflict { .. } => "AU161",
            Self::TitleName { .. } => "AU162",
            Self::EngageWord => "AU163",
            Self::MunkiFailed { .. } => "AU170",
            Self::JamfFailed { .. } => "AU171",
            Self::HookFailed { .. } => "AU172",
            Self::HookTimeout { .. } => "AU173",
            Self::Start { .. } => "AU174",
            Self::ToMend { .. } => "AU180",
            Self::NotVerified { .. } => "AU190",
            Self::NoAnchors { .. } => "AU191",
            Self::Offline => "AU192",
            Self::Updates(_) => "AU193",
            Self::OtherCatalog => "AU194",
            Self::NoDigest => "AU195",
            Self::Evidence { .. } => "AU196",
            Self::OtherPackage => "AU197",
        }
    }

    /// The status that the program ends with: that of Munki, of Jamf's agent or of a hook where one of them failed, and
    /// 1 for everything else.
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::MunkiFailed { status, .. }
            | Self::JamfFailed { status }
            | Self::HookFailed { status, .. } => *status,
            _ => 1,
        }
    }
}

impl NetFault {
    /// The code where envQUERY is the server.
    const fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "AU110",
            Self::Connect { .. } | Self::Machine { .. } => "AU111",
            Self::Certificate { .. } => "AU112",
            Self::Pin { .. } => "AU113",
            Self::Tls { .. } => "AU114",
            Self::Timeout { .. } => "AU115",
            Self::Protocol { .. } => "AU116",
            Self::TooLong { .. } => "AU117",
        }
    }
}
