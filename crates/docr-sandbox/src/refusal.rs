//! All errors of the API. `FIDELITY.md` has a row for each.

use std::fmt::Display;

use axum::http::StatusCode;

/// Defines an enum of refusals with their statuses and texts, and a list of all, to check that each is documented.
macro_rules! refusals {
    ($(#[$about:meta])* $name:ident: $kind:ty { $($one:ident => $said:expr,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($one,)+ }

        impl $name {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$one),+];

            pub(crate) fn said(self) -> $kind {
                match self { $(Self::$one => $said,)+ }
            }
        }
    };
}
pub(crate) use refusals;

refusals! {
    /// Why an API call is refused: the status and the text, with `{}` for what depends on the call.
    Reason: (StatusCode, &'static str) {
        BrokenPageToken => (StatusCode::BAD_REQUEST, "The page token is not valid for this list."),
        NotJson => (StatusCode::BAD_REQUEST, "error parsing request body: {}"),
        BodyCut => (StatusCode::BAD_REQUEST, "The body is incomplete."),
        NoHost => (StatusCode::BAD_REQUEST, "Host: is missing; HTTP/1.1 requires it."),
        SeveralHosts => (StatusCode::BAD_REQUEST, "Host: is given more than once."),
        NoTokenToRevoke => (StatusCode::BAD_REQUEST, "token: is missing"),
        NotAuthenticated => (StatusCode::UNAUTHORIZED, "Unable to authenticate you."),
        // Clients match the second sentence.
        CertificateInUse => (
            StatusCode::FORBIDDEN,
            "A load balancer uses it. Make sure the certificate is not in use before deleting it.",
        ),
        NotAllowed => (
            StatusCode::FORBIDDEN,
            "You are not authorized to perform this operation.",
        ),
        NoPath => (StatusCode::NOT_FOUND, "The resource you requested could not be found."),
        NoCertificate => (StatusCode::NOT_FOUND, "The resource you requested could not be found."),
        NoCluster => (StatusCode::NOT_FOUND, "The resource you requested could not be found."),
        NoRegistry => (StatusCode::NOT_FOUND, "registry does not exist"),
        NoRepository => (StatusCode::NOT_FOUND, "repository not found"),
        NoManifest => (StatusCode::NOT_FOUND, "manifest not found"),
        NoSubscription => (StatusCode::NOT_FOUND, "The account has no subscription."),
        NoActiveCollection => (StatusCode::NOT_FOUND, "No garbage collection is active."),
        NoSuchCollection => (StatusCode::NOT_FOUND, "No garbage collection with that id is active."),
        OtherMethod => (StatusCode::METHOD_NOT_ALLOWED, "The path doesn't support this method."),
        BodyLate => (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."),
        HeadLate => (
            StatusCode::REQUEST_TIMEOUT,
            "The head of the request did not arrive within {}.",
        ),
        NameTaken => (StatusCode::CONFLICT, "name already exists"),
        CollectionActive => (StatusCode::CONFLICT, "A garbage collection is active already."),
        ReadOnly => (
            StatusCode::CONFLICT,
            "A garbage collection is active, so the registry is read-only.",
        ),
        SeveralRegistries => (
            StatusCode::PRECONDITION_FAILED,
            "This API is not supported if you have created multiple registries. \
             Please use '/v2/registries/{registry_name}' instead.",
        ),
        NotEligible => (
            StatusCode::PRECONDITION_FAILED,
            "registry is not eligible for tier because: [{}]",
        ),
        BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MiB."),
        // Texts that name a field and its rule.
        Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "{}"),
        SecondRegistry => (StatusCode::UNPROCESSABLE_ENTITY, "user already has a registry"),
        NoTier => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "subscription_tier_slug: is required for the first registry",
        ),
        CertificateNameTaken => (StatusCode::UNPROCESSABLE_ENTITY, "name is not unique"),
        NoKeyAndLeaf => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "private_key, leaf_certificate: are required for a custom certificate",
        ),
        NoDnsNames => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "dns_names: is required for a certificate from Let's Encrypt",
        ),
        NotDnsName => (StatusCode::UNPROCESSABLE_ENTITY, "{}: must be a DNS name"),
        NotManaged => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}: must be in a domain that is managed here",
        ),
        ShortKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid certificate data: the provided private key is not a minimum of 2048 bits (RSA) or 224 bits (ECDSA)",
        ),
        NotKey => (StatusCode::UNPROCESSABLE_ENTITY, "private_key: is not a private key in PEM"),
        OtherKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "private_key: does not match the leaf certificate",
        ),
        NotPem => (StatusCode::UNPROCESSABLE_ENTITY, "{}: is not a certificate in PEM"),
        NotX509 => (StatusCode::UNPROCESSABLE_ENTITY, "{}: is not an X.509 certificate"),
        Expired => (StatusCode::UNPROCESSABLE_ENTITY, "leaf_certificate: has expired"),
        RateLimited => (StatusCode::TOO_MANY_REQUESTS, "API Rate limit exceeded."),
        NotSaved => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The sandbox can't save its data: {}.",
        ),
        NotServed => (StatusCode::NOT_IMPLEMENTED, "The sandbox doesn't serve {} yet."),
    }
}

impl Reason {
    /// The refusal, with what its text leaves open.
    pub(crate) fn about(self, detail: impl Display) -> Refusal {
        let (_, text) = self.said();
        Refusal {
            reason: self,
            message: text.replacen("{}", &detail.to_string(), 1),
        }
    }
}

/// A refusal, with a message for the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        let (_, text) = reason.said();
        Self {
            reason,
            message: text.to_owned(),
        }
    }
}
