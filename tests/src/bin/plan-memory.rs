//! How much memory planning takes beyond the inventory.
//! `cargo run --profile bench -p docr-tests --bin plan-memory`

// The output is the interface of a command.
#![allow(clippy::print_stdout)]

use docr::retention::RetentionPlan;
use docr_tests::plans::images_of_one_tag;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: f64 = (1 << 20) as f64;

fn main() {
    plan(100_000);
}

/// Plans for a number of images with a tag each, of which half are deleted.
fn plan(images: u64) {
    let before = ALLOCATOR.current_usage() as f64;
    let case = images_of_one_tag(images);
    let inventory = ALLOCATOR.current_usage() as f64;
    ALLOCATOR.reset_peak_usage();
    let plan = RetentionPlan::compute(&case.policy, &case.inventory).expect("a plan");
    let peak = ALLOCATOR.peak_usage() as f64;
    let after = ALLOCATOR.current_usage() as f64;
    assert_eq!(plan.images, images);
    println!(
        "a plan for {images} images: {:.1} MiB beyond the inventory of {:.1} MiB, {:.1} MiB of that for the plan itself; \
         together {:.1} MiB at the peak",
        (peak - inventory) / MIB,
        (inventory - before) / MIB,
        (after - inventory) / MIB,
        (peak - before) / MIB
    );
}
