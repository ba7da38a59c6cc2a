//! A server that responds with anything, a clock that steps, callers that give up: what each of them can do to every operation
//! that it can concern.

mod clocks;
mod giving_up;
mod look_ups;
mod numbers;
mod quoting;
mod silence;

/// A line of the table of what holds.
#[allow(clippy::print_stdout, reason = "the table is for people")]
fn held(check: &str, operations: usize) {
    println!("adversary | {check:<72} | {operations:>2} operations");
}
