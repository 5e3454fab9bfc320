//! What the API can do: each endpoint with what it needs, takes and answers.

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use tenancy::administration::Permit;

use crate::AdministrationDoor;

/// Makes the schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// How it is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    Delete,
    Get,
    Post,
    Put,
}

impl Method {
    pub(super) const fn is_change(self) -> bool {
        !matches!(self, Self::Get)
    }

    /// As `OpenAPI` writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Delete => MethodFilter::DELETE,
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
        }
    }
}

/// What is answered when all goes well.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Server-sent events, each with this.
    Events(SchemaOf),
    Json(SchemaOf),
    Nothing,
}

/// One thing that the API can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    /// What programs call it.
    pub(super) id: &'static str,
    pub(super) method: Method,
    /// Below the root of the API.
    pub(super) path: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    pub(super) needs: Permit,
    /// What may stand behind the question mark.
    pub(super) query: Option<SchemaOf>,
    /// What has to be sent.
    pub(super) body: Option<SchemaOf>,
    pub(super) status: u16,
    pub(super) content: Content,
    /// Statuses that only some operations refuse with.
    pub(super) refusals: &'static [u16],
}

impl Operation {
    /// Something that only looks.
    pub(super) fn look(id: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self::of(Method::Get, id, path, summary, Permit::Look)
    }

    /// Something that changes.
    pub(super) fn change(
        (method, needs): (Method, Permit),
        id: &'static str,
        path: &'static str,
        summary: &'static str,
    ) -> Self {
        Self::of(method, id, path, summary, needs)
    }

    const fn of(
        method: Method,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        needs: Permit,
    ) -> Self {
        Self {
            id,
            method,
            path,
            summary,
            needs,
            query: None,
            body: None,
            status: 200,
            content: Content::Nothing,
            refusals: &[],
        }
    }

    pub(super) const fn needing(mut self, needs: Permit) -> Self {
        self.needs = needs;
        self
    }

    pub(super) fn asking<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    pub(super) fn taking<T: JsonSchema>(mut self) -> Self {
        self.body = Some(named::<T>);
        self
    }

    pub(super) fn answering<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.content = Content::Json(named::<T>);
        self
    }

    pub(super) fn answering_events<T: JsonSchema>(mut self) -> Self {
        self.content = Content::Events(named::<T>);
        self
    }

    pub(super) const fn answering_nothing(mut self) -> Self {
        self.status = 204;
        self
    }

    pub(super) const fn refusing(mut self, refusals: &'static [u16]) -> Self {
        self.refusals = refusals;
        self
    }

    /// The endpoint at which `handler` does it.
    pub(super) fn by<H, T>(self, handler: H) -> Endpoint
    where
        H: Handler<T, AdministrationDoor>,
        T: 'static,
    {
        Endpoint {
            route: on(self.method.filter(), handler),
            operation: self,
        }
    }
}

fn named<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// An operation, and what does it.
pub(super) struct Endpoint {
    pub(super) operation: Operation,
    pub(super) route: MethodRouter<AdministrationDoor>,
}
