//! The stamp that ties the bindings to the spec. Shared by the build script, which has no
//! dependencies, and the generator.

/// The prefix of the stamp in the header of the generated file.
pub(crate) const MARK: &str = "// spec-stamp: ";

/// The command that updates stale bindings.
pub(crate) const MEND: &str = "cargo xtask generate";

/// The stamp of a spec: its FNV-1a hash of 128 bits, without carriage returns, so that it doesn't depend on
/// the line endings of a checkout. It guards against forgetting, not against malice.
pub(crate) fn of_spec(spec: &str) -> String {
    const OFFSET: u128 = 0x6c62272e07bb014262b821756295c58d;
    const PRIME: u128 = 0x0000000001000000000000000000013b;
    let hash = spec
        .bytes()
        .filter(|byte| *byte != b'\r')
        .fold(OFFSET, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(PRIME)
        });
    format!("{hash:032x}")
}
