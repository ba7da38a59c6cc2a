//! Dependencies of the workspace with the features that its crates use of them: see `Cargo.toml`.
