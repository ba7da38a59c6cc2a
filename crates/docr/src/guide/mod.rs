//! The guide: what platform engineers do with a registry, page by page.
//!
//! Each page starts with the task and its code, goes on to the rules that the code relies on, and ends with the mistakes
//! that users of other tools have made.
//!
//! | page | when you want to |
//! |---|---|
//! | [`concepts`] | know what registries, tags, manifests and garbage collections are, and what each deletion frees |
//! | [`authentication`] | choose a token, rotate it, go through a proxy, limit what it may do |
//! | [`retries`] | know what is repeated and what never is, handle errors, stay below the rate limit |
//! | [`lists`] | read all repositories, tags or manifests, as a stream or at once |
//! | [`testing`] | test your program without an account |
//! | [`pruning`] | delete old images, and be sure of what is kept |
//! | [`credentials`] | give Docker and Kubernetes access, and take it away again |
//! | [`certificates`] | add, wait for, and replace TLS certificates |
//! | [`many_processes`] | share one token among the processes of a machine or a fleet |
//! | [`from_godo_and_doctl`] | find what you know from godo and doctl |
//!
//! Runnable programs for the same tasks are in the crate's
//! [`examples`](https://github.com/docr-rs/docr/tree/main/crates/docr/examples); each runs against a sandbox inside
//! itself, without a token.

#[doc = include_str!("concepts.md")]
pub mod concepts {}

#[doc = include_str!("authentication.md")]
pub mod authentication {}

#[doc = include_str!("retries.md")]
pub mod retries {}

#[doc = include_str!("lists.md")]
pub mod lists {}

#[doc = include_str!("testing.md")]
pub mod testing {}

// Every example of this page needs both features.
#[cfg_attr(
    all(feature = "oci", feature = "retention"),
    doc = include_str!("pruning.md")
)]
#[cfg_attr(
    not(all(feature = "oci", feature = "retention")),
    doc = "Pruning needs the features `oci` and `retention`; build the documentation with both to read this page."
)]
pub mod pruning {}

#[doc = include_str!("credentials.md")]
pub mod credentials {}

#[doc = include_str!("certificates.md")]
pub mod certificates {}

#[doc = include_str!("many_processes.md")]
pub mod many_processes {}

#[doc = include_str!("from_godo_and_doctl.md")]
pub mod from_godo_and_doctl {}
