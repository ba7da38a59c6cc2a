//! What can go wrong.

use super::Error;

/// The kinds, each with its name in telemetry and its predicate on [`Error`].
macro_rules! kinds {
    ($($(#[doc = $what:literal])* $kind:ident $name:literal $predicate:ident $(#[doc = $whether:literal])*;)*) => {
        /// What went wrong.
        ///
        /// ```
        /// use docr::{Error, ErrorKind, RegistryName};
        ///
        /// let error = Error::from(RegistryName::new("Acme").unwrap_err());
        /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
        /// assert_eq!(error.kind().as_str(), "invalid_input"); // the label of a metric
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $what])* $kind,)*
        }

        impl ErrorKind {
            /// The kind as a word for telemetry, such as `not_found`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Error {
            $(
                $(#[doc = $whether])*
                pub fn $predicate(&self) -> bool {
                    self.kind() == ErrorKind::$kind
                }
            )*
        }

        #[cfg(test)]
        pub(super) const KINDS: &[(ErrorKind, fn(&Error) -> bool)] =
            &[$((ErrorKind::$kind, Error::$predicate),)*];
    };
}

kinds! {
    /// The input breaks a rule; nothing was sent. The message names the field, the value and the rule.
    InvalidInput "invalid_input" is_invalid_input
    /// Whether the input was rejected before anything was sent.
    ;
    /// The client can't be set up, or can't work here: no token, an invalid base URL, no tokio runtime.
    Configuration "configuration" is_configuration
    /// Whether the client could not be set up, or can't work where it runs.
    ;
    /// The token provider failed; nothing was sent. The source is the provider's own error.
    TokenUnavailable "token_unavailable" is_token_unavailable
    /// Whether the token provider returned no token.
    ;
    /// The rate budget is not available; nothing was sent. The source is the budget's own error.
    RateBudgetUnavailable "rate_budget_unavailable" is_rate_budget_unavailable
    /// Whether the rate budget was not available.
    ;
    /// The caller asked to begin no further attempt, by [`CallOptions::until`](crate::CallOptions::until).
    Stopped "stopped" is_stopped
    /// Whether no further attempt was made because the caller asked for that, by
    /// [`CallOptions::until`](crate::CallOptions::until). If [`attempts`](Error::attempts) is 0, nothing was sent.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client, shutdown: tokio::sync::oneshot::Receiver<()>) -> docr::Result<()> {
    /// let docr = docr.with(|calls| calls.until(async { shutdown.await.unwrap_or_default() }));
    /// match docr.registries().list().all().await {
    ///     Err(error) if error.is_stopped() => println!("shutting down"),
    ///     registries => println!("{} registries", registries?.len()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// No connection was made; nothing was sent. Check network, proxy and base URL.
    Connect "connect" is_connect
    /// Whether no connection could be made; nothing was sent.
    ;
    /// No response came within the time limit. The call may have taken effect.
    Timeout "timeout" is_timeout
    /// Whether no response came in time.
    ;
    /// The connection broke before the response was complete. The call may have taken effect.
    Interrupted "interrupted" is_interrupted
    /// Whether the connection broke before the response was complete.
    ;
    /// The response is not one of this API. The call has probably taken effect.
    Unreadable "unreadable" is_unreadable
    /// Whether the response was not one of this API.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// match docr.registries().list().all().await {
    ///     Err(error) if error.is_unreadable() => println!("is a proxy in between? {error}"),
    ///     result => println!("{} registries", result?.len()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 401: the token is unknown, expired or revoked.
    Unauthorized "unauthorized" is_unauthorized
    /// Whether the token was not accepted.
    ;
    /// 403: the token lacks a scope.
    Forbidden "forbidden" is_forbidden
    /// Whether the call is not allowed.
    ;
    /// 403: the certificate that was to be deleted is in use.
    InUse "in_use" is_in_use
    /// Whether a certificate can't be deleted because a load balancer or CDN endpoint uses it.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// match docr.certificates().delete_by_name("shop-2026").await {
    ///     Err(error) if error.is_in_use() => println!("still in use, kept"),
    ///     done => done?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 404: the account has no such resource.
    NotFound "not_found" is_not_found
    /// Whether the resource was not found.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// match docr.registry("acme-images".parse()?).delete().await {
    ///     Err(error) if error.is_not_found() => println!("already deleted"),
    ///     done => done?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 409: the name is taken; see [`Error::existing_registry`] and [`Error::is_name_of_another_account`].
    Conflict "conflict" is_conflict
    /// Whether the name is taken.
    ///
    /// ```no_run
    /// use docr::{CreateRegistry, TierSlug};
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
    /// match docr.registries().create(wanted).await {
    ///     Err(error) if error.is_conflict() => println!("choose another name: {error}"),
    ///     created => println!("created {}", created?.name),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// What the account has under that name differs from what was requested; see [`Error::existing_registry`] and
    /// [`Error::certificate`].
    Mismatch "mismatch" is_mismatch
    /// Whether the account has something else under the name.
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// match docr.certificates().ensure(wanted).await {
    ///     Err(error) if error.is_mismatch() => println!("there is another one: {:?}", error.certificate()),
    ///     ensured => println!("{}", ensured?.get().id),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 412: the account has several registries, and the call names none.
    SeveralRegistries "several_registries" is_several_registries
    /// Whether the account has several registries and the call names none.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = match docr.legacy_registry().get().await {
    ///     Err(error) if error.is_several_registries() => docr.registry("acme-images".parse()?).get().await?,
    ///     result => result?,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 412: the account's registries don't fit the tier; see [`Error::eligibility_reasons`].
    TierNotEligible "tier_not_eligible" is_tier_not_eligible
    /// Whether the account is not eligible for the tier.
    ///
    /// ```no_run
    /// use docr::TierSlug;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// match docr.registries().change_tier(TierSlug::Starter).await {
    ///     Err(error) if error.is_tier_not_eligible() => println!("{:?}", error.eligibility_reasons()),
    ///     changed => println!("now on {}", changed?.tier.slug),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 412, for another reason.
    PreconditionFailed "precondition_failed" is_precondition_failed
    /// Whether the state of the account doesn't allow the call.
    ;
    /// 400 or 422: the service rejected the request.
    Rejected "rejected" is_rejected
    /// Whether the service rejected the request.
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// match docr.certificates().create(wanted).await {
    ///     Err(error) if error.is_rejected() => println!("name in use, or domain not managed: {error}"),
    ///     created => println!("{}", created?.id),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// 429: the token has used up its requests.
    RateLimited "rate_limited" is_rate_limited
    /// Whether the token has used up its requests.
    ;
    /// 5xx: the service failed, or a proxy in front of it.
    Server "server" is_server_error
    /// Whether the service failed.
    ;
    /// Any other status, redirects included: they are never followed.
    UnexpectedStatus "unexpected_status" is_unexpected_status
    /// Whether the response has a status without a kind of its own.
    ;
    /// Another garbage collection is active; a registry has at most one at a time. See [`Error::garbage_collection`].
    GarbageCollectionActive "garbage_collection_active" is_garbage_collection_active
    /// Whether another garbage collection is active.
    ///
    /// ```no_run
    /// use docr::GarbageCollectionType;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// match runs.start(GarbageCollectionType::UnreferencedBlobsOnly).await {
    ///     Err(error) if error.is_garbage_collection_active() => runs.wait_until_idle().await?,
    ///     started => println!("started {}", started?.uuid),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// A garbage collection ended without success; see [`Error::garbage_collection`].
    GarbageCollectionFailed "garbage_collection_failed" is_garbage_collection_failed
    /// Whether a garbage collection ended without success.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// match runs.watch("27b4c6e0-8e6f-4d0c-9d7b-5a6f1c0e9b12").wait().await {
    ///     Err(error) if error.is_garbage_collection_failed() => println!("failed or cancelled: {error}"),
    ///     done => println!("{:?} bytes freed", done?.freed_bytes),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// Let's Encrypt did not issue the certificate; see [`Error::certificate`].
    CertificateFailed "certificate_failed" is_certificate_failed
    /// Whether Let's Encrypt did not issue the certificate.
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// match docr.certificates().issue(wanted).await {
    ///     Err(error) if error.is_certificate_failed() => println!("check the DNS records: {error}"),
    ///     issued => println!("{}", issued?.id),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ;
    /// A file of this machine could not be read or written.
    Storage "storage" is_storage
    /// Whether a file of this machine could not be read or written.
    ;
    /// The wait ended at its time limit. What it was for may happen later.
    WaitExpired "wait_expired" is_wait_expired
    /// Whether a wait ended at its time limit.
    ;
}
