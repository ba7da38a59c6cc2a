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
    let names = SHAPES.iter().map(|(name, _)| *name);
    let names: Vec<_> = names.chain(["pushes of tags"]).collect();
    let [small, large] = [SMALL, 4 * SMALL].map(|size| {
        let mut counts = counted("plan", size);
        counts.extend(counted("pushes", size));
        assert!(
            counts.len() == names.len() && !counts.contains(&0),
            "{counts:?}"
        );
        counts
    });
    let ratios: Vec<_> = names
        .iter()
        .zip(small.iter().zip(&large))
        .map(|(job, (small, large))| (job, *large as f64 / *small as f64))
        .collect();
    let too_steep: Vec<_> = ratios.iter().filter(|(_, ratio)| *ratio > MOST).collect();
    assert!(too_steep.is_empty(), "{too_steep:?} of {ratios:?}");
}

/// The instructions of each job of this kind.
fn counted(kind: &str, size: u64) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    callgrind::instructions_of_calls(
        env!("CARGO_BIN_EXE_scale"),
        &format!("scale::counted_{kind}"),
        &[kind, &size.to_string()],
        folder.path(),
    )
}
