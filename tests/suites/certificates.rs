//! Certificates from order to deletion, on a clock that client and sandbox share.

use std::{pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr::{
    Certificate, CertificatePair, CertificateState as State, Certificates, CreateCertificate,
    ErrorKind, RotateError,
};
use docr_sandbox::{CertificateSeed, Clock, Fault, SandboxBuilder, ScriptedResponse};
use docr_tests::sandbox::{Checked, TOKEN, client_with_clock, noon, sharing, start_with};
use serde_json::json;

const NAMES: [&str; 2] = ["shop.example.com", "*.shop.example.com"];

struct Bench {
    sandbox: Checked,
    clock: Clock,
    certificates: Certificates,
}

impl Bench {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(choose: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> Self {
        let (sandbox, clock) = start_with(choose).await;
        let certificates = sharing(&sandbox, &clock).certificates();
        Self {
            sandbox,
            clock,
            certificates,
        }
    }

    /// With a certificate that is in use.
    async fn with_old() -> Self {
        let bench = Self::start().await;
        let old = CertificateSeed::lets_encrypt("old", NAMES).in_use();
        bench.sandbox.add_certificate(old);
        bench
    }

    fn waited(&self) -> i64 {
        (self.clock.now() - noon()).num_seconds()
    }

    fn calls(&self, operation: &str) -> usize {
        let requests = self.sandbox.requests();
        let of = requests
            .iter()
            .filter(|request| request.operation.as_deref() == Some(operation));
        of.count()
    }

    async fn names(&self) -> Vec<String> {
        let all = self.certificates.list().all().await.unwrap();
        all.into_iter()
            .map(|certificate| certificate.name)
            .collect()
    }

    fn refuse_deletes(&self, times: usize, message: &str) {
        for _ in 0..times {
            let body = json!({ "id": "forbidden", "message": message });
            let refusal = ScriptedResponse::json(403, body);
            self.sandbox
                .respond_next("certificates_delete", refusal)
                .unwrap();
        }
    }

    /// Replaces the old certificate, as in the configuration of a load balancer.
    async fn swap(&self, pair: CertificatePair) -> Result<(), std::io::Error> {
        assert_eq!((&*pair.old.name, &*pair.new.name), ("old", "new"));
        assert_eq!(pair.new.state, Some(State::Verified));
        self.sandbox.set_certificate_in_use("old", false);
        self.sandbox.set_certificate_in_use("new", true);
        Ok(())
    }
}

fn wanted() -> CreateCertificate {
    CreateCertificate::lets_encrypt("new", NAMES)
}

const IN_USE: &str = "Certificate is being used by one or more load balancers.";

#[tokio::test]
async fn issue_waits_until_the_certificate_is_issued() {
    let bench = Bench::start().await;
    let issued = bench.certificates.issue(wanted()).await.unwrap();
    assert_eq!(issued.state, Some(State::Verified));
    assert!(issued.not_after.is_some());
    // Polled after 3, 7 and 14 seconds; issuance took 10.
    assert_eq!(bench.calls("certificates_get"), 3);
    assert_eq!(bench.waited(), 14);
}

#[tokio::test]
async fn a_long_wait_polls_every_15_seconds() {
    let bench = Bench::with(|builder| builder.issuance(Duration::from_secs(500))).await;
    bench.certificates.issue(wanted()).await.unwrap();
    assert!((500..=515).contains(&bench.waited()), "{}", bench.waited());
    let polls = bench.calls("certificates_get");
    assert!((34..=38).contains(&polls), "{polls}");
}

#[tokio::test]
async fn a_custom_certificate_is_not_waited_for() {
    let bench = Bench::start().await;
    let expiry = noon() + Duration::from_secs(86_400);
    let made = docr_sandbox::test_certificate_with_chain(NAMES, expiry);
    let (key, chain) = (made.private_key.as_str(), made.chain.clone().unwrap());
    let wanted = CreateCertificate::custom("new", key, made.leaf.clone()).chain(chain);
    let added = bench.certificates.issue(wanted.clone()).await.unwrap();
    assert_eq!(added.not_after, Some(expiry));
    assert_eq!((bench.waited(), bench.calls("certificates_get")), (0, 0));

    bench.sandbox.clear_requests();
    bench.clock.advance(Duration::from_secs(86_401));
    let error = bench.certificates.create(wanted).await.unwrap_err();
    assert_eq!(error.invalid_input().unwrap().field(), "leaf certificate");
    assert!(error.to_string().contains("expired at"), "{error}");
    assert_eq!(bench.sandbox.requests(), []);
}

#[tokio::test]
async fn a_failed_issuance_is_an_error_with_the_certificate() {
    let bench = Bench::start().await;
    let wanted = CreateCertificate::lets_encrypt("new", ["shop.INVALID"]);
    let error = bench.certificates.issue(wanted).await.unwrap_err();
    assert!(error.is_certificate_failed(), "{error}");
    let kept = error.certificate().unwrap();
    assert_eq!(kept.state, Some(State::Error));
    assert!(error.to_string().contains(&kept.id), "{error}");
    assert_eq!(bench.names().await, ["new"]);
}

#[tokio::test]
async fn a_wait_that_times_out_reports_its_length_and_can_be_continued() {
    let bench = Bench::with(|builder| builder.issuance(Duration::from_secs(3600))).await;
    let error = bench.certificates.issue(wanted()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitExpired);
    assert_eq!(bench.waited(), 600);
    let message = error.to_string();
    assert!(
        message.contains("still \"pending\" after 600s"),
        "{message}"
    );

    let patient = bench
        .certificates
        .clone()
        .with(|calls| calls.wait_limit(Duration::from_secs(3600)));
    let pending = error.certificate().unwrap();
    let issued = patient.wait_until_issued(pending).await.unwrap();
    assert_eq!(issued.state, Some(State::Verified));
}

#[tokio::test]
async fn a_certificate_renewed_during_the_wait_is_found_by_its_name() {
    let bench = Bench::start().await;
    let made = bench.certificates.create(wanted()).await.unwrap();
    let renewed = bench.sandbox.renew_certificate("new").unwrap();
    let issued = bench.certificates.wait_until_issued(&made).await.unwrap();
    assert_eq!(issued.id, renewed);
}

#[tokio::test]
async fn a_certificate_deleted_during_the_wait_is_not_found() {
    let bench = Bench::start().await;
    let made = bench.certificates.create(wanted()).await.unwrap();
    bench.certificates.delete_by_name("new").await.unwrap();
    // Another one takes its name.
    let other = CreateCertificate::lets_encrypt("new", ["other.example.com"]);
    bench.certificates.create(other).await.unwrap();
    let error = bench.certificates.wait_until_issued(&made).await;
    let error = error.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(error.certificate().unwrap().id, made.id);
    let error = bench.certificates.delete_by_name("none").await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn a_rotation_deletes_the_old_certificate_once_it_is_unused() {
    let bench = Bench::with_old().await;
    let swap = async |pair| {
        bench.refuse_deletes(2, IN_USE);
        bench.refuse_deletes(
            1,
            "Make sure the certificate is not in use before deleting it.",
        );
        bench.swap(pair).await
    };
    let pair = bench.certificates.rotate("old", wanted(), swap).await;
    let pair = pair.unwrap();
    assert_eq!((&*pair.old.name, &*pair.new.name), ("old", "new"));
    assert_eq!(bench.names().await, ["new"]);
    assert_eq!(bench.calls("certificates_delete"), 4);
    assert!(bench.sandbox.set_certificate_in_use("new", true));
}

#[tokio::test]
async fn a_rotation_can_be_spawned() {
    let bench = Bench::with_old().await;
    let certificates = bench.certificates.clone();
    let rotation = async move {
        let swap = |_| async { Err::<(), _>("the load balancer is down") };
        certificates.rotate("old", wanted(), swap).await
    };
    let error = tokio::spawn(rotation).await.unwrap().unwrap_err();
    assert!(matches!(error, RotateError::NotSwapped { .. }), "{error}");
}

#[tokio::test]
async fn a_failed_swap_leaves_both_certificates_and_returns_its_error() {
    let bench = Bench::with_old().await;
    let swap = async |_| Err::<(), _>("the load balancer is down");
    let error = bench.certificates.rotate("old", wanted(), swap).await;
    let error = error.unwrap_err();
    let pair = error.pair().unwrap();
    let message = error.to_string();
    assert!(
        message.contains("the load balancer is down") && message.contains(&pair.new.id),
        "{message}"
    );
    assert_eq!(bench.calls("certificates_delete"), 0);
    assert_eq!(bench.names().await, ["old", "new"]);
    let RotateError::NotSwapped { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(source, "the load balancer is down");
}

#[tokio::test]
async fn an_old_certificate_that_stays_in_use_is_reported_with_both() {
    let bench = Bench::with_old().await;
    let swap = async |_| Ok::<_, std::io::Error>(());
    let error = bench.certificates.rotate("old", wanted(), swap).await;
    let error = error.unwrap_err();
    let RotateError::NotDeleted { pair, source } = &error else {
        panic!("{error:?}");
    };
    assert!(source.is_wait_expired(), "{source}");
    assert_eq!(source.status(), Some(403));
    assert_eq!(bench.waited(), 14 + 600);
    assert_eq!(bench.names().await, ["old", "new"]);

    bench.sandbox.set_certificate_in_use("old", false);
    let deleted = bench.certificates.delete_when_unused(&pair.old).await;
    deleted.unwrap();
    assert_eq!(bench.names().await, ["new"]);
}

#[tokio::test]
async fn any_other_refusal_to_delete_is_reported_at_once() {
    let bench = Bench::with_old().await;
    bench.refuse_deletes(1, "You are not authorized to perform this operation");
    let swap = async |pair| bench.swap(pair).await;
    let error = bench.certificates.rotate("old", wanted(), swap).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RotateError::NotDeleted { .. }), "{error}");
    let source = error.error().unwrap();
    assert!(source.is_forbidden() && !source.is_in_use(), "{source}");
    assert_eq!(bench.calls("certificates_delete"), 1);
    assert_eq!(source.certificate().unwrap().name, "old");
}

#[tokio::test]
async fn an_old_certificate_that_is_already_deleted_is_not_an_error() {
    let bench = Bench::with_old().await;
    let swap = async |pair: CertificatePair| {
        let old: &Certificate = &pair.old;
        bench.sandbox.set_certificate_in_use("old", false);
        bench.certificates.delete(old).await
    };
    let pair = bench.certificates.rotate("old", wanted(), swap).await;
    assert_eq!(pair.unwrap().new.name, "new");
    assert_eq!(bench.names().await, ["new"]);
}

#[tokio::test]
async fn an_old_certificate_renewed_during_the_swap_is_deleted() {
    let bench = Bench::with_old().await;
    let swap = async |pair: CertificatePair| {
        let renewed = bench.sandbox.renew_certificate("old").unwrap();
        assert_ne!(pair.old.id, renewed);
        bench.swap(pair).await
    };
    let pair = bench.certificates.rotate("old", wanted(), swap).await;
    pair.unwrap();
    assert_eq!(bench.names().await, ["new"]);
}

#[tokio::test]
async fn an_old_certificate_renewed_before_the_swap_is_passed_with_its_new_id() {
    let (sandbox, clock) = start_with(|builder| builder).await;
    let seed = CertificateSeed::lets_encrypt("old", NAMES);
    let before = sandbox.add_certificate(seed);
    let sandbox = Arc::new(sandbox);
    let renewing = Renewing(Arc::clone(&sandbox), clock);
    let docr = client_with_clock(sandbox.url(), TOKEN, Arc::new(renewing));
    let swap = async |pair: CertificatePair| {
        assert_ne!(pair.old.id, before);
        docr.certificates().get(&pair.old).await.map(|_| ())
    };
    let pair = docr.certificates().rotate("old", wanted(), swap).await;
    assert_ne!(pair.unwrap().old.id, before);
    assert_eq!(
        docr.certificates().get_by_name_opt("old").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn an_old_certificate_not_found_before_the_swap_is_passed_as_it_was() {
    let bench = Bench::start().await;
    let seed = CertificateSeed::lets_encrypt("old", NAMES);
    let before = bench.sandbox.add_certificate(seed);
    let not_found = json!({ "id": "not_found", "message": "certificate not found" });
    let fault = Fault::response(ScriptedResponse::json(404, not_found))
        .method("GET")
        .path(format!("/v2/certificates/{before}"));
    bench.sandbox.add_fault(fault).unwrap();
    let swap = async |pair: CertificatePair| bench.swap(pair).await;
    let pair = bench.certificates.rotate("old", wanted(), swap).await;
    assert_eq!(pair.unwrap().old.id, before);
    assert_eq!(bench.names().await, ["new"]);
}

/// A clock that renews the old certificate with each wait.
#[derive(Debug)]
struct Renewing(Arc<Checked>, Clock);

impl docr::Clock for Renewing {
    fn now(&self) -> DateTime<Utc> {
        self.1.now()
    }

    fn monotonic(&self) -> Duration {
        let since = self.1.now().signed_duration_since(DateTime::UNIX_EPOCH);
        since.to_std().unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.1.advance(duration);
        self.0.renew_certificate("old");
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

#[tokio::test]
async fn a_different_certificate_with_the_old_name_is_not_deleted() {
    let bench = Bench::with_old().await;
    let swap = async |pair: CertificatePair| {
        bench.sandbox.set_certificate_in_use("old", false);
        bench.certificates.delete(&pair.old).await?;
        let other = CreateCertificate::lets_encrypt("old", ["other.example.com"]);
        bench.certificates.create(other).await.map(|_| ())
    };
    bench
        .certificates
        .rotate("old", wanted(), swap)
        .await
        .unwrap();
    assert_eq!(bench.names().await, ["new", "old"]);
}

#[tokio::test]
async fn an_invalid_rotation_changes_nothing() {
    let bench = Bench::with_old().await;
    let never = async |_| -> Result<(), std::io::Error> { panic!("there is nothing to swap") };
    let same = CreateCertificate::lets_encrypt("old", NAMES);
    let error = bench.certificates.rotate("old", same, never).await;
    let error = error.unwrap_err();
    assert!(error.error().unwrap().is_invalid_input(), "{error}");
    assert_eq!(bench.sandbox.requests(), []);

    let error = bench.certificates.rotate("none", wanted(), never).await;
    let error = error.unwrap_err();
    assert!(error.error().unwrap().is_not_found(), "{error}");
    assert!(error.pair().is_none());
    assert_eq!(bench.names().await, ["old"]);
}

#[tokio::test]
async fn a_new_certificate_that_lacks_a_name_is_not_swapped_in() {
    let bench = Bench::with_old().await;
    let never = async |_| -> Result<(), std::io::Error> { panic!("it lacks a name") };
    let other = CreateCertificate::lets_encrypt("new", ["shop.example.com"]);
    let error = bench.certificates.rotate("old", other, never).await;
    let error = error.unwrap_err();
    assert!(error.error().unwrap().is_invalid_input(), "{error}");
    assert!(error.to_string().contains("*.shop.example.com"), "{error}");
    assert_eq!(bench.names().await, ["old"], "nothing was created");
}

#[tokio::test]
async fn a_new_certificate_that_is_not_issued_is_not_swapped_in() {
    let bench = Bench::with_old().await;
    let never = async |_| -> Result<(), std::io::Error> { panic!("it can't be used") };
    let wanted = CreateCertificate::lets_encrypt("new", [&NAMES[..], &["shop.invalid"]].concat());
    let error = bench.certificates.rotate("old", wanted, never).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RotateError::NotIssued { .. }), "{error}");
    assert!(error.error().unwrap().is_certificate_failed(), "{error}");
    let pair = error.pair().unwrap();
    assert_eq!(pair.new.state, Some(State::Error));
    assert_eq!(bench.names().await, ["old", "new"]);
}
