//! Drills: how changes of the spec affect the public API of the bindings.

use std::collections::BTreeSet;

use quote::ToTokens;
use serde_json::{Value, json};
use syn::{Attribute, Fields, ImplItem, Item, Visibility};

use super::bindings;
use crate::{spec, workspace};

/// A public API: one line for each item that users may depend on.
#[derive(Debug, Default)]
struct PublicApi {
    lines: BTreeSet<String>,
    /// The types whose fields or variants users may list exhaustively.
    exhaustive: BTreeSet<String>,
}

impl PublicApi {
    /// That of the bindings that are generated from a spec.
    fn of(document: &Value) -> Self {
        let code = bindings::render("", document).unwrap();
        let mut api = Self::default();
        api.items("", &syn::parse_file(&code).unwrap().items);
        api
    }

    fn items(&mut self, path: &str, items: &[Item]) {
        for item in items {
            self.item(path, item);
        }
    }

    fn item(&mut self, path: &str, item: &Item) {
        match item {
            Item::Mod(module) if is_public(&module.vis) => {
                let inner = format!("{path}{}::", module.ident);
                let items = module.content.as_ref().map(|(_, items)| items.as_slice());
                self.items(&inner, items.unwrap_or_default());
            }
            Item::Struct(found) if is_public(&found.vis) => {
                let name = format!("{path}{}", found.ident);
                self.lines.insert(format!("struct {name}"));
                let public = fields(&found.fields).filter(|(is_public, ..)| *is_public);
                let before = self.lines.len();
                self.lines
                    .extend(public.map(|(_, field, ty)| format!("{name}.{field}: {ty}")));
                let all_public = self.lines.len() - before == found.fields.len();
                if all_public && !is_non_exhaustive(&found.attrs) {
                    self.exhaustive.insert(name);
                }
            }
            Item::Enum(found) if is_public(&found.vis) => {
                let name = format!("{path}{}", found.ident);
                self.lines.insert(format!("enum {name}"));
                for variant in &found.variants {
                    let fields = text(&variant.fields);
                    self.lines
                        .insert(format!("{name}.{}{fields}", variant.ident));
                }
                if !is_non_exhaustive(&found.attrs) {
                    self.exhaustive.insert(name);
                }
            }
            Item::Impl(block) => {
                let ty = text(&block.self_ty);
                match &block.trait_ {
                    Some((of, _)) => {
                        self.lines
                            .insert(format!("impl {} for {path}{ty}", text(of)));
                    }
                    None => self.methods(&format!("{path}{ty}"), &block.items),
                }
            }
            Item::Const(found) if is_public(&found.vis) => {
                let ty = text(&found.ty);
                self.lines
                    .insert(format!("const {path}{}: {ty}", found.ident));
            }
            Item::Static(found) if is_public(&found.vis) => {
                let ty = text(&found.ty);
                self.lines
                    .insert(format!("static {path}{}: {ty}", found.ident));
            }
            Item::Fn(found) if is_public(&found.vis) => {
                self.lines.insert(format!("{path}{}", text(&found.sig)));
            }
            Item::Type(found) if is_public(&found.vis) => {
                self.lines.insert(format!("type {path}{}", found.ident));
            }
            Item::Use(found) if is_public(&found.vis) => {
                self.lines.insert(format!("{path}{}", text(found)));
            }
            _ => {}
        }
    }

    fn methods(&mut self, ty: &str, items: &[ImplItem]) {
        for item in items {
            match item {
                ImplItem::Fn(method) if is_public(&method.vis) => {
                    self.lines.insert(format!("{ty}: {}", text(&method.sig)));
                }
                ImplItem::Const(found) if is_public(&found.vis) => {
                    self.lines.insert(format!("{ty}: const {}", found.ident));
                }
                _ => {}
            }
        }
    }

    /// The additions of `newer`, or else its breaking changes.
    fn additions(&self, newer: &Self) -> Result<Vec<String>, Vec<String>> {
        let gone = self
            .lines
            .difference(&newer.lines)
            .map(|line| format!("gone: {line}"));
        let added: Vec<_> = newer.lines.difference(&self.lines).cloned().collect();
        let closed = added.iter().filter(|line| {
            let owner = line.split('.').next().unwrap_or_default();
            self.exhaustive.contains(owner) && line.len() > owner.len()
        });
        let breaking: Vec<_> = gone
            .chain(closed.map(|line| format!("closed: {line}")))
            .collect();
        if breaking.is_empty() {
            Ok(added)
        } else {
            Err(breaking)
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_non_exhaustive(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("non_exhaustive"))
}

fn fields(fields: &Fields) -> impl Iterator<Item = (bool, String, String)> {
    fields.iter().enumerate().map(|(index, field)| {
        let name = field
            .ident
            .as_ref()
            .map_or(index.to_string(), ToString::to_string);
        (is_public(&field.vis), name, text(&field.ty))
    })
}

/// The code, with about the usual spacing.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tidy) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (" :", ":"),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tidy);
    }
    text
}

/// The additions to the public API after a change of the spec.
fn additions(change: impl FnOnce(&mut Value)) -> Result<String, Vec<String>> {
    let (_, document) = spec::load(&workspace::root().unwrap()).unwrap();
    let mut changed = document.clone();
    change(&mut changed);
    assert_ne!(document, changed, "the drill must change the spec");
    let added = PublicApi::of(&document).additions(&PublicApi::of(&changed))?;
    Ok(added.join("\n"))
}

#[test]
fn a_new_operation_only_adds() {
    let added = additions(|spec| {
        spec["paths"]["/v2/registries/{registry_name}/audit-log"] = json!({
            "parameters": [{"$ref": "#/components/parameters/registry_name"}],
            "get": {
                "operationId": "registries_get_audit_log",
                "summary": "Read the audit log",
                "x-effect": "read",
                "responses": {
                    "200": {"$ref": "#/components/responses/registry"},
                    "default": {"$ref": "#/components/responses/unexpected_error"},
                },
            },
        });
    });
    insta::assert_snapshot!(added.unwrap(), @"
    Client: fn registries_get_audit_log(&self) -> builder::RegistriesGetAuditLog<'_>
    builder::RegistriesGetAuditLog<'a>: async fn send(self,) -> Result<ResponseValue<types::RegistryResponse>, Error<()>>
    builder::RegistriesGetAuditLog<'a>: fn new(client: &'a super::Client) -> Self
    builder::RegistriesGetAuditLog<'a>: fn registry_name<V>(mut self, value: V) -> Self where V: std::convert::TryInto<::std::string::String>,
    const operations::REGISTRIES_GET_AUDIT_LOG: Operation
    operations::const fn registries_get_audit_log() -> &'static Operation
    struct builder::RegistriesGetAuditLog
    ");
}

#[test]
fn a_new_optional_query_parameter_only_adds() {
    let added = additions(|spec| {
        let operation = &mut spec["paths"]["/v2/certificates"]["get"]["parameters"];
        let parameter = json!({"name": "state", "in": "query", "schema": {"type": "string"}});
        operation.as_array_mut().unwrap().push(parameter);
    });
    insta::assert_snapshot!(added.unwrap(), @"
    builder::CertificatesList<'a>: fn state<V>(mut self, value: V) -> Self where V: std::convert::TryInto<::std::string::String>,
    ");
}

#[test]
fn a_new_value_of_an_enum_only_adds() {
    let added = additions(|spec| {
        let values = &mut spec["components"]["schemas"]["region"]["enum"];
        values.as_array_mut().unwrap().push(json!("mars1"));
    });
    insta::assert_snapshot!(added.unwrap(), @"types::Region.Mars1");
}

#[test]
fn a_new_field_of_a_response_only_adds() {
    let added = additions(|spec| {
        let fields = &mut spec["components"]["schemas"]["repository_tag"]["properties"];
        fields["signed"] = json!({"type": "boolean", "description": "Whether it is signed."});
    });
    insta::assert_snapshot!(added.unwrap(), @"
    types::RepositoryTag.signed: ::std::option::Option<bool>
    types::builder::RepositoryTag: fn signed<T>(mut self, value: T) -> Self where T:::std::convert::TryInto<::std::option::Option<bool>>, T::Error:::std::fmt::Display,
    ");
}

#[test]
fn breaking_changes_are_reported() {
    let gone = additions(|spec| {
        let fields = &mut spec["components"]["schemas"]["repository_tag"]["properties"];
        fields.as_object_mut().unwrap().remove("size_bytes");
    });
    let gone = gone.unwrap_err();
    let field = "gone: types::RepositoryTag.size_bytes: ::std::option::Option<u64>";
    assert!(gone.iter().any(|line| line == field), "{gone:#?}");

    let closed = additions(|spec| {
        let fields = &mut spec["components"]["schemas"]["registry_create"]["properties"];
        fields["owner"] = json!({"type": "string"});
    });
    let closed = closed.unwrap_err();
    let field = "closed: types::RegistryCreate.owner: ::std::option::Option<::std::string::String>";
    assert_eq!(closed, [field]);
}
