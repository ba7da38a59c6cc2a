//! Credentials in files: shared, renewed in time, and revoked.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use docr::{Client, CredentialFiles, CredentialsRequest, ErrorKind, RegistryHandle};
use docr_sandbox::{Clock, ScriptedResponse};
use docr_tests::{
    raw_server::{RawServer, response},
    sandbox::{Checked, TOKEN, furnish, registry_name, sharing, start},
};

const HOUR: Duration = Duration::from_secs(3600);

struct Bench {
    sandbox: Checked,
    clock: Clock,
    docr: Client,
    directory: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let (sandbox, clock) = start().await;
        furnish(&sandbox).await;
        let docr = sharing(&sandbox, &clock);
        Self {
            sandbox,
            clock,
            docr,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn registry(&self) -> RegistryHandle {
        self.docr.registry(registry_name())
    }

    fn files(&self) -> CredentialFiles {
        CredentialFiles::new(self.directory.path().join("kept"))
    }

    fn minted(&self) -> (usize, usize) {
        let all = self.sandbox.credentials();
        (
            all.len(),
            all.iter().filter(|minted| !minted.revoked).count(),
        )
    }

    fn refuse_next(&self) {
        let refusal = ScriptedResponse::status(403);
        self.sandbox
            .respond_next("registries_get_dockerCredentials", refusal)
            .unwrap();
    }
}

fn wanted() -> CredentialsRequest {
    CredentialsRequest::read_only().expires_in(12 * HOUR)
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_mint_one_credential_and_each_scope_has_its_own() {
    let bench = Arc::new(Bench::start().await);
    let all: Vec<_> = (0..100)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let kept = bench
                    .files()
                    .get(&bench.registry(), wanted())
                    .await
                    .unwrap();
                kept.credentials.auth().expose().to_owned()
            })
        })
        .collect();
    let mut secrets = std::collections::BTreeSet::new();
    for one in all {
        secrets.insert(one.await.unwrap());
    }
    assert_eq!((secrets.len(), bench.minted()), (1, (1, 1)));
    let write = CredentialsRequest::read_write().expires_in(HOUR);
    let kept = bench.files().get(&bench.registry(), write).await.unwrap();
    assert!(kept.credentials.is_read_write());
    assert_eq!((kept.left, bench.minted().0), (Some(HOUR), 2));
    assert!(bench.files().kept(&bench.registry(), wanted()).is_some());
}

#[tokio::test]
async fn credentials_are_renewed_after_half_their_lifetime_or_served_until_they_expire() {
    let bench = Bench::start().await;
    let (files, registry) = (bench.files(), bench.registry());
    let first = files.get(&registry, wanted()).await.unwrap();
    assert_eq!(first.left, Some(12 * HOUR));
    bench.clock.advance(6 * HOUR - Duration::from_secs(1));
    let same = files.get(&registry, wanted()).await.unwrap();
    assert_eq!(same.credentials.auth(), first.credentials.auth());
    assert_eq!(same.expires_at, first.expires_at);
    bench.clock.advance(Duration::from_secs(1));
    bench.refuse_next();
    let same = files.get(&registry, wanted()).await.unwrap();
    assert_eq!(same.left, Some(6 * HOUR));
    bench.clock.advance(6 * HOUR);
    bench.refuse_next();
    let error = files.get(&registry, wanted()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(files.kept(&registry, wanted()).is_none());
    let other = files.get(&registry, wanted()).await.unwrap();
    assert_ne!(other.credentials.auth(), first.credentials.auth());
    assert!(files.revoke(&registry, wanted()).await.unwrap());
    assert!(!files.revoke(&registry, wanted()).await.unwrap());
    assert!(files.kept(&registry, wanted()).is_none());
}

#[tokio::test]
async fn an_unsafe_or_impossible_directory_is_refused_before_anything_is_minted() {
    let bench = Bench::start().await;
    let open = bench.directory.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    for (directory, why) in [
        (open.as_path(), "other users have access to"),
        (Path::new("/proc/none"), "/proc/none"),
    ] {
        let files = CredentialFiles::new(directory);
        let error = files.get(&bench.registry(), wanted()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(bench.minted(), (0, 0));
}

#[tokio::test]
async fn a_malformed_file_is_replaced() {
    let bench = Bench::start().await;
    let (files, registry) = (bench.files(), bench.registry());
    files.get(&registry, wanted()).await.unwrap();
    let kept = fs::read_dir(bench.directory.path().join("kept")).unwrap();
    let kept = kept.map(|file| file.unwrap().path());
    let file = kept
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "json"));
    for text in ["", "null", "{\"answer\":", "<html>"] {
        fs::write(file.as_ref().unwrap(), text).unwrap();
        assert!(files.kept(&registry, wanted()).is_none());
    }
    files.get(&registry, wanted()).await.unwrap();
    assert_eq!(bench.minted().0, 2);
    // A clock that was ahead at minting doesn't extend its validity.
    bench.clock.advance(HOUR);
    let text = fs::read_to_string(file.as_ref().unwrap()).unwrap();
    assert!(text.contains("2026-01-01T12:00:00Z"), "{text}");
    fs::write(
        file.as_ref().unwrap(),
        text.replace("2026-01-01", "2026-01-02"),
    )
    .unwrap();
    files.get(&registry, wanted()).await.unwrap();
    assert_eq!(bench.minted().0, 3);
}

#[tokio::test]
async fn credentials_that_somebody_else_revoked_are_forgotten() {
    let bench = Bench::start().await;
    let refusing = RawServer::responding(response(401, "", "")).await;
    let docr = Client::builder()
        .base_url(bench.sandbox.url())
        .oauth_url(refusing.url());
    let docr = docr.token(TOKEN).build().unwrap();
    let (files, registry) = (bench.files(), docr.registry(registry_name()));
    files.get(&registry, wanted()).await.unwrap();
    assert!(files.revoke(&registry, wanted()).await.unwrap());
    assert!(files.kept(&registry, wanted()).is_none());
}

#[tokio::test]
async fn of_two_concurrent_revocations_one_finds_nothing() {
    let bench = Bench::start().await;
    let (files, registry) = (bench.files(), bench.registry());
    files.get(&registry, wanted()).await.unwrap();
    let revoke = || files.revoke(&registry, wanted());
    let (one, other) = tokio::join!(revoke(), revoke());
    assert!(one.unwrap() != other.unwrap());
    assert_eq!(bench.minted(), (1, 0));
}

#[tokio::test]
async fn a_cache_can_share_its_credentials_with_other_processes() {
    let bench = Bench::start().await;
    let cache = || {
        let cache = bench.registry().credentials_cache(wanted());
        cache.in_files(bench.files())
    };
    let (one, other) = (cache(), cache());
    let first = one.get().await.unwrap();
    assert_eq!(other.get().await.unwrap().auth(), first.auth());
    assert_eq!(bench.minted().0, 1);
    // Both know when it expires.
    bench.clock.advance(7 * HOUR);
    let late = cache();
    let second = late.get().await.unwrap();
    assert_ne!(second.auth(), first.auth());
    bench.clock.advance(5 * HOUR);
    assert_eq!(one.get().await.unwrap().auth(), second.auth());
    assert_eq!(bench.minted().0, 2);
}
