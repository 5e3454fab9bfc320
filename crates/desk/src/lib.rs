//! Incidents as the service desk sees them: rules, texts, connectors and the outbox.
#![forbid(unsafe_code)]
