//! Hostile servers, clocks that jump and callers that give up, each with every operation that they can affect.

mod clocks;
mod giving_up;
mod look_ups;
mod numbers;
mod quoting;
mod silence;

/// Prints a line of the table of properties that hold.
#[allow(clippy::print_stdout, reason = "the table is for people")]
fn held(check: &str, operations: usize) {
    println!("adversary | {check:<72} | {operations:>2} operations");
}
