//! How much memory reading a list takes: the peak for one page, and for a million tags as a stream.
//! `cargo bench -p docr-benches --bench memory`

#![allow(clippy::unwrap_used, reason = "a benchmark that fails is a bug")]
#![allow(clippy::print_stdout, reason = "prints measurements")]

use docr_benches::{
    clients::{docr_at, repository},
    server::Server,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start(env!("CARGO_BIN_EXE_bench-server"));
    let docr = docr_at(server.url());

    // Warms up the connection and buffers.
    read(&docr, 1000).await;
    let page = read(&docr, 200).await;
    for tags in [10_000, 100_000, 1_000_000] {
        let stream = read(&docr, tags).await;
        println!(
            "{tags} tags: peak {:.0} KiB, that of one page {:.0} KiB, more by {:.0} KiB",
            stream / 1024.0,
            page / 1024.0,
            (stream - page) / 1024.0
        );
    }
}

/// Reads a list of tags as a stream, and returns the peak of allocated bytes beyond those allocated before.
async fn read(docr: &docr::Client, total: u64) -> f64 {
    let repository = repository(docr, &format!("tags-{total}"));
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage() as f64;
    let (mut count, mut items) = (0, repository.tags().items());
    while let Some(tag) = items.next().await {
        tag.unwrap();
        count += 1;
    }
    assert_eq!(count, total);
    ALLOCATOR.peak_usage() as f64 - before
}
