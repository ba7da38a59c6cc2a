//! All errors of the registry's protocol. `FIDELITY.md` has a row for each.

use std::fmt::Display;

use axum::http::StatusCode;
use serde_json::json;

use crate::http::response::Response;
use crate::http::stream::Broken;
use crate::model::image::PushError;
use crate::refusal::refusals;

refusals! {
    /// Why a request of the protocol is refused: the status, the code and the text, with `{}` for what depends on the
    /// request.
    Reason: (StatusCode, &'static str, &'static str) {
        NotAuthenticated => (StatusCode::UNAUTHORIZED, "Unauthorized", "Unable to authenticate you"),
        LoginNeeded => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required"),
        NotAllowed => (
            StatusCode::FORBIDDEN,
            "DENIED",
            "requested access to the resource is denied",
        ),
        ReadOnly => (
            StatusCode::FORBIDDEN,
            "DENIED",
            "the registry is read-only while a garbage collection is active",
        ),
        RepositoryLimit => (StatusCode::FORBIDDEN, "DENIED", "registry contains {}"),
        StorageLimit => (StatusCode::FORBIDDEN, "DENIED", "the tier includes no more storage"),
        NameInvalid => (StatusCode::BAD_REQUEST, "NAME_INVALID", "invalid repository name"),
        NameUnknown => (
            StatusCode::NOT_FOUND,
            "NAME_UNKNOWN",
            "repository name not known to registry",
        ),
        BlobUnknown => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
        UploadUnknown => (
            StatusCode::NOT_FOUND,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
        ),
        UploadCut => (
            StatusCode::BAD_REQUEST,
            "BLOB_UPLOAD_INVALID",
            "the body is incomplete",
        ),
        UploadIdle => (
            StatusCode::REQUEST_TIMEOUT,
            "BLOB_UPLOAD_INVALID",
            "the body was idle for too long",
        ),
        UploadBusy => (
            StatusCode::CONFLICT,
            "BLOB_UPLOAD_INVALID",
            "another request is writing to this upload",
        ),
        UploadOutOfOrder => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            "the chunk doesn't follow what was received",
        ),
        TooLong => (
            StatusCode::BAD_REQUEST,
            "SIZE_INVALID",
            "the body is longer than declared",
        ),
        OtherLength => (
            StatusCode::BAD_REQUEST,
            "SIZE_INVALID",
            "the length of the body differs from its Content-Range",
        ),
        NoSuchRange => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            "SIZE_INVALID",
            "the blob has no such range",
        ),
        DigestInvalid => (
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the digest is missing, malformed or not supported",
        ),
        AlgorithmUnknown => (
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the algorithm is not supported",
        ),
        OtherDigest => (StatusCode::BAD_REQUEST, "DIGEST_INVALID", "the digest of the content is {}"),
        ManifestUnknown => (
            StatusCode::NOT_FOUND,
            "MANIFEST_UNKNOWN",
            "manifest unknown to registry",
        ),
        ManifestInvalid => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "{}"),
        TagInvalid => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "{} is not a valid tag"),
        ManifestTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "SIZE_INVALID",
            "a manifest must not exceed 4 MiB",
        ),
        ContentUnknown => (
            StatusCode::BAD_REQUEST,
            "MANIFEST_BLOB_UNKNOWN",
            "{} is not in the repository",
        ),
        OtherSize => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "the size of {} is wrong"),
        Unsupported => (
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "the operation is unsupported",
        ),
        PageSizeInvalid => (
            StatusCode::BAD_REQUEST,
            "PAGINATION_NUMBER_INVALID",
            "n must be a number",
        ),
        NotStored => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN",
            "the sandbox can't store the content: {}",
        ),
    }
}

impl Reason {
    /// The error, with what its text leaves open.
    pub(super) fn about(self, detail: impl Display) -> Fault {
        let (_, _, text) = self.said();
        Fault {
            message: text.replacen("{}", &detail.to_string(), 1),
            ..self.into()
        }
    }

    pub(super) fn with_header(self, name: &'static str, value: impl Into<String>) -> Fault {
        Fault::from(self).with_header(name, value)
    }
}

/// A refusal of the protocol.
#[derive(Debug)]
pub(super) struct Fault {
    reason: Reason,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl Fault {
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn repository_limit((used, limit): (u64, u64)) -> Self {
        Reason::RepositoryLimit.about(format_args!("{used} repositories, limit is {limit}"))
    }

    pub(super) fn into_response(self) -> Response {
        let (status, code, _) = self.reason.said();
        let body = match self.reason {
            // Tokens are issued by the API, so errors have its format.
            Reason::NotAuthenticated => json!({ "id": code, "message": self.message }),
            _ => json!({ "errors": [{ "code": code, "message": self.message }] }),
        };
        let response = Response::json(status, body);
        self.headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.with_header(name, &value)
            })
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        let (_, _, text) = reason.said();
        Self {
            reason,
            message: text.to_owned(),
            headers: Vec::new(),
        }
    }
}

impl From<PushError> for Fault {
    fn from(error: PushError) -> Self {
        match error {
            PushError::UnknownRegistry(_) => Reason::NameUnknown.into(),
            PushError::InvalidName(_) => Reason::NameInvalid.into(),
            PushError::ReadOnly => Reason::ReadOnly.into(),
            PushError::OverRepositoryLimit => {
                Reason::RepositoryLimit.about("as many repositories as its tier includes")
            }
            PushError::OverStorageLimit => Reason::StorageLimit.into(),
        }
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => Reason::UploadCut.into(),
            Broken::Idle => Reason::UploadIdle.into(),
            Broken::TooLong => Reason::TooLong.into(),
            Broken::Storage(error) => Reason::NotStored.about(error),
        }
    }
}
