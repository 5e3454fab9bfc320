//! Mails: text and HTML, one thread for one incident.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::authentication::Credentials,
};
use model::Timestamp;
use store::EventKind;

use super::{Attempt, Connector, DeliveryError, Taken, set_up};
use crate::{DeskError, EmailConfig, Letter, MailTls, letter};

/// How long one command of the conversation with a mail server may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends mails through one server.
pub(crate) struct Email {
    name: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    events: Vec<EventKind>,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Email {
    pub(crate) fn new(config: &EmailConfig) -> Result<Self, DeskError> {
        let mailbox = |text: &String| -> Result<Mailbox, DeskError> {
            text.parse().map_err(|error| {
                set_up(
                    &config.name,
                    format_args!("`{text}` is no address: {error}"),
                )
            })
        };
        let to = config
            .to
            .iter()
            .map(mailbox)
            .collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(set_up(&config.name, "nobody is to receive its mails"));
        }
        Ok(Self {
            name: config.name.clone(),
            from: mailbox(&config.from)?,
            to,
            events: config.events.clone(),
            transport: transport(config)?,
        })
    }
}

#[async_trait]
impl Connector for Email {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.events.contains(&kind)
    }

    async fn deliver(&self, attempt: &Attempt) -> Result<Taken, DeliveryError> {
        let message = compose(&self.from, &self.to, attempt)?;
        let sent = self.transport.send(message).await;
        sent.map(|_response| Taken::default())
            .map_err(|source| DeliveryError::Mail { source })
    }

    async fn post(&self, letter: &Letter) -> Result<(), DeliveryError> {
        let domain = self.from.email.domain();
        let message = begun(&self.from, &self.to, letter.at)
            .message_id(Some(format!("<{}.{}@{domain}>", letter.id, self.name)))
            .subject(letter.subject.clone())
            .singlepart(SinglePart::plain(letter.text.clone()))
            .map_err(|source| DeliveryError::Letter { source })?;
        let sent = self.transport.send(message).await;
        sent.map(drop)
            .map_err(|source| DeliveryError::Mail { source })
    }
}

/// A mail to everybody who is told, that no vacation notice answers.
fn begun(from: &Mailbox, to: &[Mailbox], at: Timestamp) -> MessageBuilder {
    let since_epoch = u64::try_from(at.as_micros()).unwrap_or(0);
    let mut builder = Message::builder()
        .from(from.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(since_epoch))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for mailbox in to {
        builder = builder.to(mailbox.clone());
    }
    builder
}

fn transport(config: &EmailConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, DeskError> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let failed = |error| set_up(&config.name, error);
    let mut builder = match config.tls {
        MailTls::Implicit => Smtp::relay(&config.host).map_err(failed)?,
        MailTls::Starttls => Smtp::starttls_relay(&config.host).map_err(failed)?,
        MailTls::None => Smtp::builder_dangerous(&config.host),
    };
    if let Some(port) = config.port {
        builder = builder.port(port);
    }
    match (&config.user, &config.password) {
        (None, None) => {}
        (Some(_), Some(_)) if config.tls == MailTls::None && !is_loopback(&config.host) => {
            return Err(set_up(
                &config.name,
                "a password would go over the network in clear text",
            ));
        }
        (Some(user), Some(password)) => {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
        }
        _ => {
            return Err(set_up(
                &config.name,
                "`user` and `password` belong together",
            ));
        }
    }
    Ok(builder.timeout(Some(TIMEOUT)).build())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Writes the mail of one event.
///
/// The first event of an incident names the thread, and every later one refers to it, whether or not the first one
/// was ever delivered: mail programs then still keep the later ones together.
fn compose(from: &Mailbox, to: &[Mailbox], attempt: &Attempt) -> Result<Message, DeliveryError> {
    let delivery = &attempt.delivery;
    let notice = attempt.notice()?;
    let domain = from.email.domain();
    let thread = format!("<{}@{domain}>", delivery.incident);
    let subject = letter::subject(&notice);
    let builder = begun(from, to, delivery.happened_at);
    let builder = if delivery.sequence == 1 {
        builder.message_id(Some(thread)).subject(subject)
    } else {
        builder
            .message_id(Some(format!(
                "<{}.{}@{domain}>",
                delivery.incident, delivery.sequence
            )))
            .in_reply_to(thread.clone())
            .references(thread)
            .subject(format!("Re: {subject}"))
    };
    builder
        .multipart(
            MultiPart::alternative()
                .boundary(format!("auto-update-{}", delivery.id))
                .singlepart(SinglePart::plain(letter::text(&notice)))
                .singlepart(SinglePart::html(letter::html(&notice))),
        )
        .map_err(|source| DeliveryError::Letter { source })
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
