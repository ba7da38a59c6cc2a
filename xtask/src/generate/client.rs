//! The client that progenitor generates from the lowered spec.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, anyhow};
use heck::ToUpperCamelCase as _;
use openapiv3::OpenAPI;
use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use quote::quote;
use serde_json::Value;

use super::lower;
use crate::spec;

/// The client's code. Progenitor panics on unsupported input; here that becomes an error.
pub(super) fn tokens(document: &Value) -> Result<TokenStream> {
    let lowered: OpenAPI = serde_json::from_value(lower::lower(document))
        .context("the spec is not a well-formed OpenAPI 3.0 document")?;
    let settings = settings(document);
    catching_panics(|| Generator::new(&settings).generate_tokens(&lowered))?
        .map_err(|error| anyhow!("progenitor: {error}"))
}

fn settings(document: &Value) -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::Session))
        .with_map_type("::std::collections::BTreeMap")
        .with_derive("PartialEq");
    for (name, schema) in spec::schemas(document) {
        let type_name = name.to_upper_camel_case();
        if schema["x-open-enum"] == true {
            let path = format!("crate::types::{type_name}");
            settings.with_replacement(&type_name, path, std::iter::empty());
        } else if schema["format"] == "password" {
            settings.with_replacement(&type_name, "crate::Secret", std::iter::empty());
        }
    }
    settings
}

thread_local! {
    static PANIC_MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn catching_panics<T>(work: impl FnOnce() -> T) -> Result<T> {
    // The hook is global: concurrent calls would restore each other's.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let message = info.to_string().replace('\n', " ");
        PANIC_MESSAGE.with_borrow_mut(|slot| *slot = message);
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.map_err(|_| anyhow!("progenitor {}", PANIC_MESSAGE.take()))
}
