//! No job grows faster than its input: instructions at a size and at four times that size, counted by callgrind.

use docr_benches::callgrind;
use docr_tests::plans::SHAPES;

const SMALL: u64 = 100;
/// Four times as many, plus the logarithm of sorting.
const MOST: f64 = 4.6;

#[test]
fn four_times_the_size_takes_about_four_times_the_instructions() {
    if !callgrind::is_available() {
        eprintln!("skipped: valgrind is not installed");
        return;
    }
    let jobs = SHAPES.iter().map(|(name, _)| (*name, "plan"));
    let jobs = jobs.chain([("pushes of tags", "pushes")]);
    let ratios: Vec<_> = jobs
        .map(|(job, function)| {
            let [small, large] = [SMALL, 4 * SMALL].map(|size| {
                let (function, size) = (format!("counted_{function}"), size.to_string());
                callgrind::instructions(env!("CARGO_BIN_EXE_scale"), &function, &[job, &size])
            });
            (job, large as f64 / small as f64)
        })
        .collect();
    let too_steep: Vec<_> = ratios.iter().filter(|(_, ratio)| *ratio > MOST).collect();
    assert!(too_steep.is_empty(), "{too_steep:?} of {ratios:?}");
}
