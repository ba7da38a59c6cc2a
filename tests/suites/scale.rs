//! No job grows faster than what it is about: instructions at a size and at four times that size, counted by callgrind.

use docr_benches::callgrind;
use docr_tests::plans::SHAPES;

const SMALL: u64 = 100;
/// Four times as many, and the logarithm of sorting.
const MOST: f64 = 4.6;

#[test]
fn four_times_the_size_takes_about_four_times_the_instructions() {
    if !callgrind::is_there() {
        eprintln!("left out, since there is no valgrind: how jobs grow");
        return;
    }
    let jobs = SHAPES.iter().map(|(name, _)| (*name, "plan"));
    let jobs = jobs.chain([("pushes of tags", "pushes")]);
    let grown: Vec<_> = jobs
        .map(|(job, function)| {
            let [small, large] = [SMALL, 4 * SMALL].map(|size| {
                let (function, size) = (format!("counted_{function}"), size.to_string());
                callgrind::instructions(env!("CARGO_BIN_EXE_scale"), &function, &[job, &size])
            });
            (job, large as f64 / small as f64)
        })
        .collect();
    let too_much: Vec<_> = grown.iter().filter(|(_, ratio)| *ratio > MOST).collect();
    assert!(too_much.is_empty(), "{too_much:?} of {grown:?}");
}
