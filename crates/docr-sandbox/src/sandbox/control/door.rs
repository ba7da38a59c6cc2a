//! One operation of the sandbox's own API: its input, what it does, and its description.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::service::Service;
use crate::spec::{Template, decode};

/// Generates the schema of an input or an output.
pub(super) type Described = fn(&mut SchemaGenerator) -> Value;
type Run = Box<dyn Fn(&Service, &Given<'_>) -> Result<Response, Refusal> + Send + Sync>;

/// An operation at a path with a method.
pub(super) struct Door {
    pub(super) method: Method,
    pub(super) template: Template,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: Option<Described>,
    pub(super) body: Option<Described>,
    pub(super) response: Option<Described>,
    pub(super) run: Run,
}

/// The input of a request.
pub(super) struct Given<'a> {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
}

impl Given<'_> {
    /// A parameter of the path.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

impl Door {
    fn new(
        method: Method,
        path: &str,
        (id, summary): (&'static str, &'static str),
        run: impl Fn(&Service, &Given<'_>) -> Result<Response, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self {
            method,
            template: Template::new(path),
            id,
            summary,
            query: None,
            body: None,
            response: None,
            run: Box::new(run),
        }
    }

    /// A door without an input that returns something.
    pub(super) fn get<R: Serialize + JsonSchema + 'static>(
        path: &str,
        said: (&'static str, &'static str),
        run: impl Fn(&Service, &Given<'_>) -> Result<R, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self::get_by(Method::GET, path, said, run)
    }

    /// Like [`get`](Self::get), with another method.
    pub(super) fn get_by<R: Serialize + JsonSchema + 'static>(
        method: Method,
        path: &str,
        said: (&'static str, &'static str),
        run: impl Fn(&Service, &Given<'_>) -> Result<R, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let run = move |service: &Service, given: &Given<'_>| {
            Ok(Json(run(service, given)?).into_response())
        };
        Self {
            response: Some(described::<R>),
            ..Self::new(method, path, said, run)
        }
    }

    /// A door that takes a query and returns something.
    pub(super) fn search<
        Q: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
    >(
        path: &str,
        said: (&'static str, &'static str),
        run: impl Fn(&Service, Q) -> Result<R, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let door = Self::get(path, said, move |service, given| {
            run(service, read_query(given)?)
        });
        Self {
            query: Some(described::<Q>),
            ..door
        }
    }

    /// A door that takes a body and returns something.
    pub(super) fn take<
        B: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
    >(
        method: Method,
        path: &str,
        said: (&'static str, &'static str),
        run: impl Fn(&Service, &Given<'_>, B) -> Result<R, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let run = move |service: &Service, given: &Given<'_>| {
            let body = read_body(given)?;
            Ok(Json(run(service, given, body)?).into_response())
        };
        Self {
            body: Some(described::<B>),
            response: Some(described::<R>),
            ..Self::new(method, path, said, run)
        }
    }

    /// A door that only does something.
    pub(super) fn act(
        method: Method,
        path: &str,
        said: (&'static str, &'static str),
        run: impl Fn(&Service, &Given<'_>) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self::new(method, path, said, move |service, given| {
            run(service, given)?;
            Ok(StatusCode::NO_CONTENT.into_response())
        })
    }

    pub(super) fn parameters(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let path: Vec<_> = path.split('/').map(decode).collect();
        self.template.parameters(&path)
    }
}

fn described<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn read_body<B: DeserializeOwned>(given: &Given<'_>) -> Result<B, Refusal> {
    // A form on another site can't send this type.
    let kind = given.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content-type: {kind:?} is not supported; use application/json"),
        ));
    }
    let json = &mut serde_json::Deserializer::from_slice(given.body);
    let body = serde_path_to_error::deserialize(&mut *json).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { "body" } else { &place };
        Refusal::unprocessable(format!("{place}: {}", error.inner()))
    })?;
    json.end()
        .map_err(|error| Refusal::unprocessable(format!("body: {error}")))?;
    Ok(body)
}

fn read_query<Q: DeserializeOwned>(given: &Given<'_>) -> Result<Q, Refusal> {
    let read = Query::try_from_uri(given.uri);
    let Query(query) = read.map_err(|rejected| Refusal::unprocessable(rejected.body_text()))?;
    Ok(query)
}

/// Why a request was refused; nothing was done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    allowed: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            allowed: None,
        }
    }

    pub(super) fn unprocessable(error: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn allowing(mut self, methods: String) -> Self {
        self.allowed = Some(methods);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "message": self.message }))).into_response();
        if let Some(methods) = self
            .allowed
            .and_then(|methods| HeaderValue::try_from(methods).ok())
        {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    }
}
