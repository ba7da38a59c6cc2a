//! The table of operations: metadata for retries and errors.

use anyhow::{Context as _, Result, bail};
use heck::{ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

use crate::spec::{self, Operation};

const EFFECTS: [&str; 5] = ["read", "mint", "set", "delete", "create"];

/// The `operations` module of the bindings.
pub(crate) fn module(document: &Value) -> Result<TokenStream> {
    let operations: Vec<_> = spec::operations(document).collect();
    let constants = operations
        .iter()
        .map(|operation| constant(operation).with_context(|| operation.label()))
        .collect::<Result<Vec<_>>>()?;
    let names = operations.iter().map(|operation| constant_name(operation));
    let functions = operations.iter().map(|operation| function(operation));
    Ok(quote! {
        /// Metadata of the operations, from the spec.
        pub mod operations {
            use crate::{Effect, Operation};

            #(#constants)*

            #(#functions)*

            /// All operations.
            pub const ALL: &[Operation] = &[#(#names),*];
        }
    })
}

fn constant_name(operation: &Operation<'_>) -> proc_macro2::Ident {
    let id = operation.body["operationId"].as_str().unwrap_or_default();
    format_ident!("{}", id.to_shouty_snake_case())
}

fn constant(operation: &Operation<'_>) -> Result<TokenStream> {
    let body = operation.body;
    let id = body["operationId"].as_str().context("no operationId")?;
    let name = constant_name(operation);
    let method = operation.method.to_uppercase();
    let path = operation.path;
    let effect = body["x-effect"].as_str().context("no x-effect")?;
    if !EFFECTS.contains(&effect) {
        bail!("x-effect is {effect:?}, not one of {}", EFFECTS.join(", "));
    }
    let effect = format_ident!("{}", effect.to_upper_camel_case());
    let scopes = scopes(body);
    let deprecated = body["deprecated"] == true;
    let statuses = body["responses"].as_object().into_iter().flatten();
    let statuses = statuses.filter_map(|(status, _)| status.parse::<u16>().ok());
    let doc = format!(" `{method} {path}`");
    Ok(quote! {
        #[doc = #doc]
        pub const #name: Operation = Operation {
            id: #id,
            method: #method,
            path: #path,
            effect: Effect::#effect,
            scopes: &[#(#scopes),*],
            statuses: &[#(#statuses),*],
            deprecated: #deprecated,
        };
    })
}

/// A function with the name of the client's method, so that one identifier stands for both.
fn function(operation: &Operation<'_>) -> TokenStream {
    let id = operation.body["operationId"].as_str().unwrap_or_default();
    let method = format_ident!("{}", id.to_snake_case());
    let constant = constant_name(operation);
    let doc = format!(" The operation of [`Client::{method}`](crate::Client::{method}).");
    quote! {
        #[doc = #doc]
        pub const fn #method() -> &'static Operation {
            &#constant
        }
    }
}

fn scopes(body: &Value) -> Vec<&str> {
    let requirements = body["security"].as_array().into_iter().flatten();
    requirements
        .filter_map(|requirement| requirement["bearer_auth"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_without_an_effect_is_refused_by_name() {
        let spec = json!({"paths": {"/a": {"get": {"operationId": "read_a", "responses": {}}}}});
        let error = module(&spec)
            .err()
            .map(|e| format!("{e:#}"))
            .unwrap_or_default();
        assert_eq!(error, "GET /a (read_a): no x-effect");
    }
}
