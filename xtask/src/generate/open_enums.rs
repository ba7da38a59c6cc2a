//! The open enums of the spec, whose unknown values survive a round trip.

use anyhow::{Result, bail};
use heck::ToUpperCamelCase as _;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

use crate::spec;

/// A string enum of the spec that may grow.
pub(crate) struct OpenEnum {
    pub(crate) type_name: String,
    description: String,
    values: Vec<String>,
}

/// The open enums of the spec. An enum that would become a closed type is an error.
pub(crate) fn collect(document: &Value) -> Result<Vec<OpenEnum>> {
    refuse_closed_enums(document, &mut String::from("#"))?;
    Ok(spec::schemas(document)
        .filter(|(_, schema)| schema["x-open-enum"] == true)
        .map(|(name, schema)| OpenEnum {
            type_name: name.to_upper_camel_case(),
            description: schema["description"].as_str().unwrap_or_default().into(),
            values: strings(&schema["enum"]),
        })
        .collect())
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|v| v.as_str().map(String::from)).collect()
}

fn refuse_closed_enums(value: &Value, pointer: &mut String) -> Result<()> {
    let length = pointer.len();
    match value {
        Value::Object(object) => {
            let named = pointer.strip_prefix("#/components/schemas/");
            let open =
                object.get("x-open-enum").is_some() && named.is_some_and(|n| !n.contains('/'));
            if object.get("enum").is_some_and(Value::is_array) && !open {
                bail!(
                    "the enum at {pointer} would become a closed type: make it a schema of its own \
                     under components/schemas, with `x-open-enum: true`"
                );
            }
            for (key, child) in object {
                pointer.push('/');
                pointer.push_str(key);
                refuse_closed_enums(child, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                refuse_closed_enums(item, pointer)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

impl OpenEnum {
    /// The Rust type.
    pub(crate) fn tokens(&self) -> TokenStream {
        let name = format_ident!("{}", self.type_name);
        let label = &self.type_name;
        let description = format!(" {}", self.description);
        let values = &self.values;
        let variants: Vec<_> = values
            .iter()
            .map(|value| format_ident!("{}", value.to_upper_camel_case()))
            .collect();
        let variant_docs = values.iter().map(|value| format!(" `{value}`"));
        quote! {
            #[doc = #description]
            ///
            /// The service may add values: one that this version doesn't list is read as `Other` and
            /// written back unchanged. Parsing from a string accepts listed values only.
            #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            #[non_exhaustive]
            pub enum #name {
                #(#[doc = #variant_docs] #variants,)*
                /// A value that this version doesn't list.
                Other(::std::string::String),
            }

            impl #name {
                /// All values that this version lists.
                pub const LISTED: &'static [Self] = &[#(Self::#variants),*];

                /// The value in requests and responses.
                pub fn as_str(&self) -> &str {
                    match self {
                        #(Self::#variants => #values,)*
                        Self::Other(value) => value,
                    }
                }

                fn listed(value: &str) -> ::std::option::Option<Self> {
                    match value {
                        #(#values => ::std::option::Option::Some(Self::#variants),)*
                        _ => ::std::option::Option::None,
                    }
                }
            }

            crate::open_enum::implement!(#name, #label, #description, [#(#values),*]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_inline_enum_is_refused_with_its_place() {
        let spec =
            json!({"components": {"schemas": {"a": {"properties": {"b": {"enum": ["c"]}}}}}});
        let error = collect(&spec)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("#/components/schemas/a/properties/b"),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_several_words_makes_a_variant() {
        let spec = json!({"components": {"schemas": {"gc_status": {
            "type": "string", "x-open-enum": true, "enum": ["waiting for JWTs", "done"]
        }}}});
        let enums = collect(&spec).unwrap();
        let code = enums[0].tokens().to_string();
        assert!(code.contains("enum GcStatus"), "{code}");
        assert!(
            code.contains("WaitingForJwTs") || code.contains("WaitingForJwts"),
            "{code}"
        );
    }
}
