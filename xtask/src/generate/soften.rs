//! Changes of the generated code that make the types accept what a Go server really sends.

use quote::ToTokens as _;
use syn::{
    Attribute, Block, Expr, ExprLit, Field, File, ImplItem, Item, ItemImpl, Lit, Meta, Stmt,
    parse_quote,
    visit_mut::{self, VisitMut},
};

/// Applies the changes, and adds `extra` items to `mod types`. The types in `sent` are those of requests; the fields in
/// `or_empty`, each with its type, may be an empty object.
pub(crate) fn soften(
    file: &mut File,
    sent: &[String],
    or_empty: &[(String, String)],
    extra: Vec<Item>,
) {
    Soften.visit_file_mut(file);
    let types = file.items.iter_mut().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content.as_mut(),
        _ => None,
    });
    if let Some((_, items)) = types {
        leave_room_in_responses(items, sent);
        read_an_empty_object_as_missing(items, or_empty);
        items.extend(extra);
    }
}

/// The service adds fields to its responses: with this, programs that match on them, or create them with the builder,
/// still compile after that. Types of requests are created with all their fields.
fn leave_room_in_responses(types: &mut [Item], sent: &[String]) {
    for item in types {
        if let Item::Struct(response) = item
            && !sent.contains(&response.ident.to_string())
        {
            response.attrs.push(parse_quote!(#[non_exhaustive]));
        }
    }
}

/// The service sends the zero value of a struct in place of a missing one.
fn read_an_empty_object_as_missing(types: &mut [Item], or_empty: &[(String, String)]) {
    for item in types {
        let Item::Struct(read) = item else { continue };
        for field in &mut read.fields {
            let is_meant = |(ty, name): &(String, String)| {
                read.ident == ty && field.ident.as_ref().is_some_and(|ident| ident == name)
            };
            if or_empty.iter().any(is_meant) {
                field.attrs.push(parse_quote!(
                    #[serde(default, deserialize_with = "crate::lenient::empty_as_missing")]
                ));
            }
        }
    }
}

struct Soften;

impl VisitMut for Soften {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        strip_embedded_schemas(attributes);
    }

    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        drop_the_panicking_constructor(block);
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        send_no_version(block);
        send_by_our_own_exchange(block);
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        read_bodies_by_our_own_reader(expression);
        visit_mut::visit_expr_mut(self, expression);
    }

    fn visit_field_mut(&mut self, field: &mut Field) {
        read_null_as_missing(field);
        visit_mut::visit_field_mut(self, field);
    }
}

/// The generator's reader loses the status of an unreadable response, and shows the body in its error.
fn read_bodies_by_our_own_reader(expression: &mut Expr) {
    if let Expr::Call(call) = expression
        && call.func.to_token_stream().to_string() == "ResponseValue :: from_response"
    {
        let response = &call.args;
        *expression = parse_quote!(client.read(#response));
    }
}

/// The generated code sends the version of the description in a header, which the service doesn't use. It is the only
/// one in each request's map; an operation with other headers keeps the map.
fn send_no_version(block: &mut Block) {
    let text = |statement: &Stmt| statement.to_token_stream().to_string();
    block.stmts.retain(|statement| {
        let text = text(statement);
        !(text.starts_with("header_map . append") && text.contains("\"api-version\""))
    });
    let is_map = |statement: &Stmt| text(statement).starts_with("let mut header_map");
    let uses = block
        .stmts
        .iter()
        .filter(|statement| text(statement).contains("header_map"));
    if uses.count() == 2 && block.stmts.iter().any(is_map) {
        block.stmts.retain(|statement| !is_map(statement));
        block
            .stmts
            .iter_mut()
            .for_each(|statement| WithoutMap.visit_stmt_mut(statement));
    }
}

/// With the generator's hooks, each operation's future would hold the request and the result at once.
fn send_by_our_own_exchange(block: &mut Block) {
    let hooks = [
        "let info = OperationInfo",
        "client . pre (",
        "let result = client . exec (",
        "client . post (",
    ];
    let text = |statement: &Stmt| statement.to_token_stream().to_string();
    let is_hook = |statement: &Stmt| hooks.iter().any(|hook| text(statement).starts_with(hook));
    if block
        .stmts
        .iter()
        .filter(|statement| is_hook(statement))
        .count()
        < hooks.len()
    {
        return;
    }
    block.stmts.retain(|statement| !is_hook(statement));
    for statement in &mut block.stmts {
        if text(statement) == "let response = result ? ;" {
            *statement = parse_quote!(let response = client.exchange(request).await?;);
        }
    }
}

/// Removes `.headers(header_map)`.
struct WithoutMap;

impl VisitMut for WithoutMap {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method == "headers"
            && call.args.to_token_stream().to_string() == "header_map"
        {
            *expression = (*call.receiver).clone();
        }
    }
}

/// The generated `Client::new` may panic, and sets timeouts of its own; `new_with_client` is kept.
fn drop_the_panicking_constructor(block: &mut ItemImpl) {
    let ty = block.self_ty.to_token_stream().to_string();
    if ty == "Client" && block.trait_.is_none() {
        block
            .items
            .retain(|item| !matches!(item, ImplItem::Fn(f) if f.sig.ident == "new"));
    }
}

/// The generator repeats each schema as JSON in the documentation of its type: three lines for each line
/// of code, and nothing that the fields don't show.
fn strip_embedded_schemas(attributes: &mut Vec<Attribute>) {
    for attribute in attributes {
        let Meta::NameValue(doc) = &mut attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &mut doc.value
        else {
            continue;
        };
        let value = text.value();
        if let Some((before, _)) = value.split_once("<details>") {
            let kept = before.trim();
            let kept = if kept.is_empty() {
                "Part of the API's data."
            } else {
                kept
            };
            *text = syn::LitStr::new(&format!(" {kept}"), text.span());
        }
    }
}

/// The server sends a nil slice as `null`, and an instant that isn't known yet as `""`.
fn read_null_as_missing(field: &mut Field) {
    let ty = field.ty.to_token_stream().to_string().replace(' ', "");
    if ty.starts_with("::std::option::Option<::chrono::DateTime<") {
        field
            .attrs
            .push(parse_quote!(#[serde(default, deserialize_with = "crate::lenient::instant")]));
    } else if field.attrs.iter().any(has_serde_default) {
        field
            .attrs
            .push(parse_quote!(#[serde(deserialize_with = "crate::lenient::null_as_default")]));
    }
}

fn has_serde_default(attribute: &Attribute) -> bool {
    attribute.path().is_ident("serde")
        && attribute
            .meta
            .to_token_stream()
            .to_string()
            .contains("default")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn softened(code: &str) -> String {
        let mut file = syn::parse_file(code).unwrap();
        let or_empty = [("Read".to_owned(), "a".to_owned())];
        soften(&mut file, &["Sent".to_owned()], &or_empty, Vec::new());
        prettyplease::unparse(&file)
    }

    #[test]
    fn a_list_with_a_default_accepts_null() {
        let code = softened("struct A { #[serde(default)] a: ::std::vec::Vec<u8> }");
        assert!(code.contains("lenient::null_as_default"), "{code}");
    }

    #[test]
    fn an_optional_instant_accepts_an_empty_string() {
        let code = softened("struct A { a: ::std::option::Option<::chrono::DateTime<Utc>> }");
        assert!(code.contains("lenient::instant"), "{code}");
    }

    #[test]
    fn the_constructor_that_may_panic_is_removed() {
        let code = softened("impl Client { pub fn new() {} pub fn new_with_client() {} }");
        assert!(
            !code.contains("fn new()") && code.contains("fn new_with_client"),
            "{code}"
        );
    }

    #[test]
    fn only_types_of_responses_are_non_exhaustive() {
        let code = softened("mod types { pub struct Read {} pub struct Sent {} }");
        assert!(
            code.contains("#[non_exhaustive]\n    pub struct Read"),
            "{code}"
        );
        assert!(
            !code.contains("#[non_exhaustive]\n    pub struct Sent"),
            "{code}"
        );
    }

    #[test]
    fn an_empty_object_is_read_as_missing_where_it_is_allowed() {
        let code = softened("mod types { pub struct Read { a: Option<A>, b: Option<A> } }");
        assert_eq!(
            code.matches("lenient::empty_as_missing").count(),
            1,
            "{code}"
        );
        assert!(
            code.find("empty_as_missing") < code.find("a: Option"),
            "{code}"
        );
    }

    #[test]
    fn bodies_are_read_by_the_crate_s_own_reader() {
        let code = softened("fn a() { ResponseValue::from_response(response) }");
        assert!(code.contains("client.read(response)"), "{code}");
    }

    #[test]
    fn no_version_is_sent_and_no_map_is_created_for_it() {
        let with = |more: &str| {
            softened(&format!(
                "fn a() {{ let mut header_map = HeaderMap::with_capacity(1usize); \
                 header_map.append(HeaderName::from_static(\"api-version\"), version()); {more} \
                 let request = client.get(url).headers(header_map).build()?; }}"
            ))
        };
        let code = with("");
        assert!(!code.contains("header_map"), "{code}");
        assert!(code.contains("client.get(url).build()?"), "{code}");
        let code = with("header_map.append(\"x-one\", value);");
        assert!(!code.contains("api-version"), "{code}");
        assert!(code.contains("headers(header_map)"), "{code}");
    }

    #[test]
    fn requests_are_sent_by_the_crate_s_own_exchange() {
        let code = softened(
            "async fn send() { let info = OperationInfo { operation_id: \"a\" }; \
             client.pre(&mut request, &info).await?; \
             let result = client.exec(request, &info).await; \
             client.post(&result, &info).await?; let response = result?; }",
        );
        let statements = code.lines().filter(|line| line.ends_with(';'));
        let exchange = "    let response = client.exchange(request).await?;";
        assert_eq!(statements.collect::<Vec<_>>(), [exchange], "{code}");
    }

    #[test]
    fn a_required_field_is_unchanged() {
        let code = softened("struct A { a: ::std::string::String }");
        assert!(!code.contains("lenient"), "{code}");
    }
}
