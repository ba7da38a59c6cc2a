//! Refuses features that don't build together, before a dependency fails for them with errors that say nothing.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_on = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if is_on("OCI") && !is_on("RUSTLS") && !is_on("NATIVE_TLS") {
        println!(
            "cargo::error=the feature `oci` speaks with the registry over TLS: turn on `rustls` or `native-tls` as well"
        );
    }
}
