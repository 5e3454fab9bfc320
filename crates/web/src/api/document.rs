//! The `OpenAPI` document, made from the same list and the same types as the answers.
//!
//! # Source
//! `OpenAPI` Specification 3.1.1; JSON Schema 2020-12.

use axum::response::{IntoResponse as _, Response};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    ROOT,
    answer::Json,
    endpoints,
    once::{KEY, LONGEST_KEY},
    operation::{Content, Operation, SchemaOf},
    problem::{KIND, Problem},
};

/// What it is for.
const ABOUT: &str = "What the administration pages and the verbs of `auto-update` show and do, for programs. \
                     Every change is written to the audit log. See `docs/api.md`.";

/// The document.
pub(super) async fn show() -> Response {
    Json::ok(document()).into_response()
}

/// The `OpenAPI` document of everything that the API can do.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let operation = endpoint.operation;
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let told = told(&operation, &mut schemas);
            path.insert(operation.method.as_str().to_owned(), told);
        }
    }
    let problem = schemas.answered.subschema_for::<Problem>();
    let refusals: Map<String, Value> = REFUSALS
        .iter()
        .map(|(status, why)| (name_of(*status), refusal(why, &problem, *status)))
        .collect();
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Auto-Update",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "servers": [{"url": ROOT}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.all(),
            "responses": refusals,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`auto-update administrator token add NAME --role ROLE`",
                },
            },
        },
    })
}

/// The schemas of what is sent, in which what has a default may be missing, and of what is answered, in which nothing is.
struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            sent: SchemaGenerator::new(settings.clone()),
            answered: SchemaGenerator::new(settings.for_serialize()),
        }
    }

    fn all(mut self) -> Map<String, Value> {
        let mut all = self.answered.take_definitions(true);
        all.extend(self.sent.take_definitions(true));
        all
    }
}

/// What is answered when something is not done, whatever was asked.
const REFUSALS: [(u16, &str); 12] = [
    (400, "What was sent is not understood."),
    (401, "There is no token that is taken."),
    (403, "The token's role does not let it do this."),
    (404, "There is no such thing."),
    (409, "It is not in a state in which this can be done."),
    (412, "It is not as `If-Match` says."),
    (413, "The body is too long."),
    (415, "The body is no JSON."),
    (
        422,
        "The `Idempotency-Key` came with something else before.",
    ),
    (429, "There were too many calls."),
    (500, "Something went wrong here."),
    (502, "The service desk did not take it."),
];

fn name_of(status: u16) -> String {
    format!("Refusal{status}")
}

fn refusal(why: &str, problem: &schemars::Schema, status: u16) -> Value {
    let mut refusal = json!({
        "description": why,
        "content": {KIND: {"schema": problem}},
    });
    let header = match status {
        401 => json!({"WWW-Authenticate": {"schema": {"type": "string"}}}),
        429 => json!({"Retry-After": {
            "description": "How many seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
        }}),
        _ => return refusal,
    };
    if let Some(refusal) = refusal.as_object_mut() {
        refusal.insert("headers".to_owned(), header);
    }
    refusal
}

fn told(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut told = json!({
        "operationId": operation.id,
        "tags": [operation.path.split('/').nth(1).unwrap_or_default()],
        "summary": operation.summary,
        "parameters": parameters(operation, &mut schemas.sent),
        "responses": responses(operation, &mut schemas.answered),
    });
    if let (Some(body), Some(told)) = (operation.body, told.as_object_mut()) {
        let body = json!({
            "required": true,
            "content": {"application/json": {"schema": body(&mut schemas.sent)}},
        });
        told.insert("requestBody".to_owned(), body);
    }
    told
}

fn parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path.map(path_parameter).collect();
    parameters.extend(
        operation
            .query
            .into_iter()
            .flat_map(|query| asked(query, generator)),
    );
    let mut header = |name: &str, about: &str, schema: Value| {
        parameters.push(json!({
            "name": name,
            "in": "header",
            "description": about,
            "schema": schema,
        }));
    };
    if let Content::Events(_) = operation.content {
        let about = "The id of the last event that was heard.";
        header(
            "Last-Event-ID",
            about,
            json!({"type": "string", "pattern": "^[0-9]{1,18}$"}),
        );
        return parameters;
    }
    if !operation.method.is_change() {
        let about = "ETags that are known: one of them is answered with 304.";
        header("If-None-Match", about, json!({"type": "string"}));
        return parameters;
    }
    header(
        KEY.as_str(),
        "With the same key the same thing is done once within 24 hours, and answered the same.",
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_KEY,
            "pattern": "^[!-~]+$",
        }),
    );
    if operation.refusals.contains(&412) {
        let about = "ETags, as `tenant_show` told them: it is changed only if it is still so.";
        header("If-Match", about, json!({"type": "string"}));
    }
    parameters
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "connector" | "person" | "title" => {
            json!({"type": "string", "minLength": 1, "maxLength": 255})
        }
        "recipe" => json!({"type": "string", "pattern": "^[0-9a-f]{24}$"}),
        _ => json!({"type": "string", "format": "uuid"}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

/// What may stand behind the question mark.
fn asked(query: SchemaOf, generator: &mut SchemaGenerator) -> Vec<Value> {
    let schema = query(generator);
    let properties = schema.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let mut description = Value::Null;
        if let Some(fields) = schema.as_object_mut() {
            description = fields.remove("description").unwrap_or_default();
            // What is not there is nothing; nobody writes `null` behind a question mark.
            if let Some(kinds) = fields.get_mut("type") {
                without_null(kinds);
            }
        }
        json!({"name": name, "in": "query", "description": description, "schema": schema})
    };
    properties.into_iter().flatten().map(parameter).collect()
}

fn without_null(kinds: &mut Value) {
    let Some(all) = kinds.as_array() else {
        return;
    };
    if let Some(only) = all.iter().find(|kind| *kind != "null").cloned() {
        *kinds = only;
    }
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let good = match operation.content {
        Content::Nothing => json!({"description": "It was done."}),
        Content::Events(schema) => json!({
            "description": "Server-sent events, each with this as its data.",
            "content": {"text/event-stream": {
                "schema": {"type": "string"},
                "x-data": schema(generator),
            }},
        }),
        Content::Json(schema) if operation.method.is_change() => json!({
            "description": "It was done.",
            "content": {"application/json": {"schema": schema(generator)}},
        }),
        Content::Json(schema) => {
            let known = json!({"description": "It is as `If-None-Match` says."});
            responses.insert("304".to_owned(), known);
            json!({
                "description": "This is how it stands.",
                "content": {"application/json": {"schema": schema(generator)}},
                "headers": {"ETag": {"schema": {"type": "string"}}},
            })
        }
    };
    responses.insert(operation.status.to_string(), good);
    for (status, _) in REFUSALS {
        if may_refuse(operation, status) {
            let place = format!("#/components/responses/{}", name_of(status));
            responses.insert(status.to_string(), json!({"$ref": place}));
        }
    }
    Value::Object(responses)
}

/// Whether an operation may be answered with this.
fn may_refuse(operation: &Operation, status: u16) -> bool {
    let is_change = operation.method.is_change();
    match status {
        401 | 403 | 429 | 500 => true,
        // A key that is none, or that is under way; a body that is too long.
        400 | 409 | 413 | 422 if is_change => true,
        400 => operation.query.is_some(),
        404 => operation.path.contains('{') || operation.refusals.contains(&404),
        415 => operation.body.is_some(),
        _ => operation.refusals.contains(&status),
    }
}
