//! Everything that the API refuses, in one list: what is not in it can't be said. `FIDELITY.md` has a row for each.

use std::fmt::Display;

use axum::http::StatusCode;

/// Makes an enum of refusals, with what each one says. Its members can be walked, so that none stays unlisted.
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
    /// Why a call of the API is refused: the status and the text, in which `{}` stands for what the call decides.
    Reason: (StatusCode, &'static str) {
        BrokenPageToken => (StatusCode::BAD_REQUEST, "The page token is none of this list."),
        NotJson => (StatusCode::BAD_REQUEST, "error parsing request body: {}"),
        BodyCut => (StatusCode::BAD_REQUEST, "The body did not arrive whole."),
        NoHost => (StatusCode::BAD_REQUEST, "Host: is missing, and HTTP/1.1 needs it."),
        SeveralHosts => (StatusCode::BAD_REQUEST, "Host: is given more than once."),
        NoTokenToRevoke => (StatusCode::BAD_REQUEST, "token: is missing"),
        NotAuthenticated => (StatusCode::UNAUTHORIZED, "Unable to authenticate you."),
        // Clients look for the second sentence, word by word.
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
        NoSuchCollection => (StatusCode::NOT_FOUND, "No garbage collection by that id is active."),
        OtherMethod => (StatusCode::METHOD_NOT_ALLOWED, "The path doesn't take this method."),
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
        // Sentences that name a field and its rule.
        Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "{}"),
        SecondRegistry => (StatusCode::UNPROCESSABLE_ENTITY, "user already has a registry"),
        NoLetterFirst => (StatusCode::UNPROCESSABLE_ENTITY, "name: must begin with a letter"),
        HyphenLast => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "name: must end with a letter or a digit",
        ),
        Reserved => (StatusCode::UNPROCESSABLE_ENTITY, "name: is reserved"),
        NoTier => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "subscription_tier_slug: is required for the first registry",
        ),
        NoneNamed => (StatusCode::UNPROCESSABLE_ENTITY, "{}: must not be empty"),
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
            "{}: must lie in a domain that is managed here",
        ),
        ShortKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid certificate data: the provided private key is not a minimum of 2048 bits (RSA) or 224 bits (ECDSA)",
        ),
        NotKey => (StatusCode::UNPROCESSABLE_ENTITY, "private_key: is no PEM of a private key"),
        OtherKey => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "private_key: is not the key of the leaf certificate",
        ),
        NotPem => (StatusCode::UNPROCESSABLE_ENTITY, "{}: is no PEM of a certificate"),
        NotX509 => (StatusCode::UNPROCESSABLE_ENTITY, "{}: is no X.509 certificate"),
        Expired => (StatusCode::UNPROCESSABLE_ENTITY, "leaf_certificate: has expired"),
        RateLimited => (StatusCode::TOO_MANY_REQUESTS, "API Rate limit exceeded."),
        NotSaved => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The sandbox can't write down its data: {}.",
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
