//! What docr costs compared with reqwest and serde by hand: the same calls to the same server, in one run, measured in
//! the CPU time of this process. `cargo bench -p docr-benches --bench speed`

#![allow(clippy::unwrap_used, reason = "a benchmark that fails is a bug")]

use std::time::Duration;

use cpu_time::ProcessTime;
use criterion::{
    Criterion, Throughput,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use docr::{Digest, RegistryName, RepositoryName, Tag};
use docr_benches::{
    clients::{docr_at, repository, runtime},
    raw_client::{RawClient, TagsResponse},
    server::Server,
};

/// The CPU time of this process.
struct CpuTime(WallTime);

impl Measurement for CpuTime {
    type Intermediate = ProcessTime;
    type Value = Duration;

    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }

    fn end(&self, start: ProcessTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

fn calls(c: &mut Criterion<CpuTime>, url: &str) {
    let (runtime, raw, docr) = (runtime(), RawClient::new(url), docr_at(url));
    let registry = docr.registry("acme-images".parse().unwrap());

    let mut group = c.benchmark_group("small-get");
    group.bench_function("raw", |b| b.iter(|| runtime.block_on(raw.registry())));
    group.bench_function("generated", |b| {
        b.iter(|| {
            let call = docr
                .api()
                .registries_get()
                .registry_name("acme-images")
                .send();
            runtime.block_on(call).unwrap()
        });
    });
    group.bench_function("docr", |b| {
        b.iter(|| runtime.block_on(registry.get()).unwrap())
    });
    group.finish();

    let tags = repository(&docr, "tags-1000");
    let mut group = c.benchmark_group("page-of-200-tags");
    group.throughput(Throughput::Elements(200));
    group.bench_function("raw", |b| {
        b.iter(|| runtime.block_on(raw.tags("tags-1000", 2)))
    });
    let body = runtime.block_on(raw.tags_unread("tags-1000", 2));
    group.bench_function("reading-the-json-alone", |b| {
        b.iter(|| serde_json::from_slice::<TagsResponse>(&body).unwrap());
    });
    group.bench_function("generated", |b| {
        b.iter(|| {
            let call = docr.api().registries_list_repository_tags();
            let call = call
                .registry_name("acme-images")
                .repository_name("tags-1000");
            runtime
                .block_on(call.page(2_u64).per_page(200_u64).send())
                .unwrap()
        });
    });
    group.bench_function("docr", |b| {
        b.iter(|| runtime.block_on(tags.tags().page(2)).unwrap())
    });
    group.finish();

    let mut group = c.benchmark_group("64-calls-at-once");
    group.throughput(Throughput::Elements(64));
    group.bench_function("raw", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let calls = (0..64).map(|_| {
                    let raw = raw.clone();
                    tokio::spawn(async move { raw.registry().await })
                });
                for call in calls.collect::<Vec<_>>() {
                    call.await.unwrap();
                }
            });
        });
    });
    group.bench_function("docr", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let calls = (0..64).map(|_| {
                    let registry = registry.clone();
                    tokio::spawn(async move { registry.get().await.unwrap() })
                });
                for call in calls.collect::<Vec<_>>() {
                    call.await.unwrap();
                }
            });
        });
    });
    group.finish();
}

fn stream(c: &mut Criterion<CpuTime>, url: &str) {
    const TAGS: u64 = 1_000_000;
    let (runtime, raw, docr) = (runtime(), RawClient::new(url), docr_at(url));
    let tags = repository(&docr, "tags-1000000");
    let mut group = c.benchmark_group("stream-of-1000000-tags");
    group.sample_size(10).throughput(Throughput::Elements(TAGS));
    group.bench_function("raw", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (mut count, mut page) = (0, 1);
                loop {
                    let response = raw.tags("tags-1000000", page).await;
                    let tags = response.tags.iter().filter(|tag| !tag.tag.is_empty());
                    count += tags.count() as u64;
                    page += 1;
                    if response.links.and_then(|links| links.pages?.next).is_none() {
                        break;
                    }
                }
                assert_eq!(count, TAGS);
            });
        });
    });
    group.bench_function("docr-by-pages", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (mut count, mut pages) = (0, tags.tags().pages());
                while let Some(page) = pages.next().await {
                    let page = page.unwrap();
                    count += page.items.iter().filter(|tag| !tag.tag.is_empty()).count() as u64;
                }
                assert_eq!(count, TAGS);
            });
        });
    });
    group.bench_function("docr", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let (mut count, mut items) = (0, tags.tags().items());
                while let Some(tag) = items.next().await {
                    count += u64::from(!tag.unwrap().tag.is_empty());
                }
                assert_eq!(count, TAGS);
            });
        });
    });
    group.finish();
}

fn validators(c: &mut Criterion<CpuTime>) {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let mut group = c.benchmark_group("validators");
    group.bench_function("registry-name", |b| {
        b.iter(|| RegistryName::new("acme-images").unwrap())
    });
    group.bench_function("repository-name", |b| {
        b.iter(|| RepositoryName::new("shop/api-gateway").unwrap());
    });
    group.bench_function("tag", |b| b.iter(|| Tag::new("v1.4.2-rc.1").unwrap()));
    group.bench_function("digest", |b| {
        b.iter(|| Digest::new(digest.as_str()).unwrap())
    });
    group.finish();
}

/// In wall time, since reading ahead saves waiting.
fn reading_ahead(url: &str) {
    let mut c = Criterion::default().configure_from_args();
    let (runtime, docr) = (runtime(), docr_at(&format!("{url}/slow")));
    let tags = repository(&docr, "tags-8000");
    let mut group = c.benchmark_group("40-pages-with-50-ms-latency");
    group.sample_size(10);
    for (name, pages) in [("one-after-the-other", 1), ("8-ahead", 8)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let all = tags.tags().read_ahead(pages).all();
                assert_eq!(runtime.block_on(all).unwrap().len(), 8000);
            });
        });
    }
    group.finish();
}

fn main() {
    let server = Server::start(env!("CARGO_BIN_EXE_bench-server"));
    let mut c = Criterion::default()
        .with_measurement(CpuTime(WallTime))
        .configure_from_args();
    calls(&mut c, server.url());
    validators(&mut c);
    stream(&mut c, server.url());
    c.final_summary();
    reading_ahead(server.url());
}
