//! How many instructions docr takes compared with reqwest and serde by hand, for the same calls to the same server. They
//! are counted by callgrind in one run, and the ratios are compared with the baseline in the repository:
//! `cargo bench -p docr-benches --bench instructions`. `UPDATE_BASELINE=1` updates the baseline.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails is a bug")]
#![allow(clippy::print_stdout, reason = "prints measurements")]

use std::{collections::BTreeMap, env, fs, process::ExitCode};

use docr::{RegistryHandle, RepositoryHandle};
use docr_benches::{
    callgrind,
    clients::{docr_at, repository, runtime},
    raw_client::RawClient,
    server::Server,
};
use tokio::runtime::Runtime;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");
/// How much a ratio may differ from the baseline, in either direction.
const TOLERANCE: f64 = 0.02;
/// Jobs, and how often each runs while its instructions are counted.
const JOBS: [(&str, u32); 5] = [
    ("small GET", 200),
    ("64 calls at once", 10),
    ("page of 200 tags", 40),
    ("40 pages of 200 tags, page by page", 1),
    ("40 pages of 200 tags, as a stream of items", 1),
];
const TAGS: &str = "tags-8000";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().collect();
    match &arguments[..] {
        [_, count, client, job, url] if count == "count" => {
            work(client, job, url);
            ExitCode::SUCCESS
        }
        _ => compare(),
    }
}

/// Counts all jobs with both clients, and compares the ratios with the baseline.
fn compare() -> ExitCode {
    if !callgrind::is_available() {
        println!("skipped: valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let program = env::current_exe().unwrap();
    let server = Server::start(env!("CARGO_BIN_EXE_bench-server"));
    let mut ratios = BTreeMap::new();
    println!(
        "{:44} {:>12} {:>12} ratio",
        "instructions", "by hand", "docr"
    );
    for (job, times) in JOBS {
        let [by_hand, docr] = ["raw", "docr"].map(|client| {
            callgrind::instructions(&program, "counted", &["count", client, job, server.url()])
                / u64::from(times)
        });
        let ratio = docr as f64 / by_hand as f64;
        println!("{job:44} {by_hand:>12} {docr:>12} {ratio:.3}");
        ratios.insert(job.to_owned(), (ratio * 1000.0).round() / 1000.0);
    }
    if env::var_os("UPDATE_BASELINE").is_some() {
        let text = serde_json::to_string_pretty(&ratios).unwrap();
        fs::write(BASELINE, text + "\n").unwrap();
    }
    let baseline = fs::read_to_string(BASELINE).unwrap();
    let baseline: BTreeMap<String, f64> = serde_json::from_str(&baseline).unwrap();
    assert!(
        ratios.keys().eq(baseline.keys()),
        "{BASELINE} has other jobs"
    );
    let mut is_unchanged = true;
    for (job, ratio) in &ratios {
        let expected = baseline[job];
        // An improvement must update the baseline as well, or it could be lost unnoticed.
        if (ratio - expected).abs() > expected * TOLERANCE {
            is_unchanged = false;
            println!("{job}: {ratio} instead of {expected}; UPDATE_BASELINE=1 accepts the change");
        }
    }
    ExitCode::from(u8::from(!is_unchanged))
}

/// Runs a job, first to warm up connections, buffers and tables, and then to be counted.
fn work(client: &str, job: &str, url: &str) {
    let (_, times) = JOBS.into_iter().find(|(name, _)| *name == job).unwrap();
    let runtime = runtime();
    match client {
        "raw" => {
            let raw = RawClient::new(url);
            repeated(&runtime, times, async || by_hand(&raw, job).await);
        }
        _ => {
            let docr = docr_at(url);
            let registry = docr.registry("acme-images".parse().unwrap());
            let tags = repository(&docr, TAGS);
            repeated(&runtime, times, async || {
                with_docr(&registry, &tags, job).await
            });
        }
    }
}

fn repeated(runtime: &Runtime, times: u32, job: impl AsyncFn()) {
    let times_over = async |times| {
        for _ in 0..times {
            job().await;
        }
    };
    runtime.block_on(times_over(3));
    counted(runtime, times_over(times));
}

/// What callgrind counts.
#[inline(never)]
fn counted(runtime: &Runtime, work: impl Future<Output = ()>) {
    runtime.block_on(work);
}

async fn by_hand(raw: &RawClient, job: &str) {
    match job {
        "small GET" => drop(raw.registry().await),
        "64 calls at once" => {
            let calls: Vec<_> = (0..64)
                .map(|_| {
                    let raw = raw.clone();
                    tokio::spawn(async move { raw.registry().await })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        "page of 200 tags" => drop(raw.tags(TAGS, 2).await),
        // By hand there is one way to read a list.
        _ => {
            let (mut count, mut page) = (0, 1);
            loop {
                let response = raw.tags(TAGS, page).await;
                let tags = response.tags.iter().filter(|tag| !tag.tag.is_empty());
                count += tags.count();
                page += 1;
                if response.links.and_then(|links| links.pages?.next).is_none() {
                    break;
                }
            }
            assert_eq!(count, 8000);
        }
    }
}

async fn with_docr(registry: &RegistryHandle, repository: &RepositoryHandle, job: &str) {
    match job {
        "small GET" => drop(registry.get().await.unwrap()),
        "64 calls at once" => {
            let calls: Vec<_> = (0..64)
                .map(|_| {
                    let registry = registry.clone();
                    tokio::spawn(async move { registry.get().await.unwrap() })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        "page of 200 tags" => drop(repository.tags().page(2).await.unwrap()),
        "40 pages of 200 tags, page by page" => {
            let (mut count, mut pages) = (0, repository.tags().pages());
            while let Some(page) = pages.next().await {
                let page = page.unwrap();
                count += page.items.iter().filter(|tag| !tag.tag.is_empty()).count();
            }
            assert_eq!(count, 8000);
        }
        _ => {
            let (mut count, mut items) = (0, repository.tags().items());
            while let Some(tag) = items.next().await {
                count += usize::from(!tag.unwrap().tag.is_empty());
            }
            assert_eq!(count, 8000);
        }
    }
}
