//! Why nobody is signed in through the identity provider.

/// Why nobody is signed in through the identity provider. The texts hold no secret and no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// It cannot work as it is configured.
    #[error("sign-on by OpenID Connect cannot be set up: {why}")]
    SetUp {
        /// What is wrong.
        why: String,
    },
    /// It did not answer.
    #[error("the identity provider did not answer when asked for {what}")]
    Unreachable {
        /// What it was asked for.
        what: &'static str,
        /// What the transport says, without the address.
        source: reqwest::Error,
    },
    /// It answered that it will not, or with what is none of what was asked for.
    #[error("the identity provider's answer about {what} cannot be used: {why}")]
    Answer {
        /// What it was asked for.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// It did not sign them in.
    #[error("the identity provider did not sign them in: {}", said.escape_debug())]
    Denied {
        /// Its word for why (RFC 6749 §4.1.2.1).
        said: String,
    },
    /// What the browser brought was not begun here, or too long ago.
    #[error("the sign-in was not begun in this browser, or more than ten minutes ago")]
    NotBegun,
    /// The answer is another provider's (RFC 9207).
    #[error("the answer says that it is of another identity provider")]
    MixUp,
    /// The ID token is not to be believed.
    #[error("the ID token is not to be believed: {why}")]
    Token {
        /// The rule that it breaks.
        why: &'static str,
    },
    /// Its signature is not the provider's.
    #[error("the signature of the ID token is not the identity provider's")]
    Signature(#[source] jsonwebtoken::errors::Error),
    /// They have no name that could be written down.
    #[error("the claim `{claim}` is missing, or cannot be a user ID")]
    Name {
        /// The claim.
        claim: String,
    },
    /// None of their groups has a role.
    #[error("none of the groups of {name} has a role")]
    NoRole {
        /// Who.
        name: String,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}
