//! Traces over OTLP, for whoever collects them.
//!
//! Set up as OpenTelemetry's specification has it, by the environment alone: `OTEL_EXPORTER_OTLP_ENDPOINT` (or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) turns them on; `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` mean what they mean everywhere. A run is a trace,
//! its steps are spans in it.

use std::env;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// The variables of which one has to say where traces go.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// How the program names itself, unless `OTEL_SERVICE_NAME` does.
const SERVICE: &str = "auto-update";

/// Sends what has not been sent when it is dropped.
#[derive(Debug)]
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// As the environment says; none if it says nothing.
    ///
    /// # Errors
    /// If what it says cannot be meant.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let is_asked_for = ENDPOINTS
            .iter()
            .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
        if !is_asked_for {
            return Ok(Self(None));
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build());
        Ok(Self(Some(provider.build())))
    }

    /// What hands spans over, if anybody collects them.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.as_ref()?.tracer(SERVICE);
        Some(OpenTelemetryLayer::new(tracer))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}
