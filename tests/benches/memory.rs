//! How much memory a list takes while it is read: the peak of one page, and of a million tags as a stream. And how much a
//! plan takes beyond the inventory that it is made from. `cargo bench -p docr-tests --bench memory`

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that fails is a bug of its own"
)]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use docr::retention::RetentionPlan;
use docr_tests::plans::images_of_one_tag;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-server"));
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let builder = docr::Client::builder().base_url(format!("http://{}", line.trim()));
    let docr = builder.token("dop_v1_of_the_benchmarks").build().unwrap();
    let registry = docr.registry("acme-images".parse().unwrap());

    // Connection and buffers are there before anything is measured.
    read(&registry, 1000).await;
    let page = read(&registry, 200).await;
    for tags in [10_000, 100_000, 1_000_000] {
        let stream = read(&registry, tags).await;
        println!(
            "{tags} tags: peak {:.0} KiB, that of one page {:.0} KiB, more by {:.0} KiB",
            stream / 1024.0,
            page / 1024.0,
            (stream - page) / 1024.0
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
    plan(100_000);
}

/// Plans for so many images of a tag each, of which half go.
fn plan(images: u64) {
    const MIB: f64 = (1 << 20) as f64;
    let before = ALLOCATOR.current_usage() as f64;
    let case = images_of_one_tag(images);
    let inventory = ALLOCATOR.current_usage() as f64;
    ALLOCATOR.reset_peak_usage();
    let plan = RetentionPlan::compute(&case.policy, &case.inventory).unwrap();
    let (peak, after) = (
        ALLOCATOR.peak_usage() as f64,
        ALLOCATOR.current_usage() as f64,
    );
    assert_eq!(plan.images, images);
    println!(
        "a plan for {images} images: {:.1} MiB beyond the inventory of {:.1} MiB, of which {:.1} MiB stay",
        (peak - inventory) / MIB,
        (inventory - before) / MIB,
        (after - inventory) / MIB
    );
}

/// Reads a list of tags as a stream, and returns the most bytes that were in use beyond those in use before.
async fn read(registry: &docr::RegistryHandle, total: u64) -> f64 {
    let repository = registry.repository(format!("tags-{total}").parse().unwrap());
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
