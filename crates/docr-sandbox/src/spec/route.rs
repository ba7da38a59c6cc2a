//! Routes a method and a raw path to an operation.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::description::Spec;
use super::operation::Operation;

/// The operation of a request, if there is one.
pub(crate) enum Routed<'a> {
    Operation(&'a Operation, BTreeMap<String, String>),
    /// The path exists with these methods, the value of an `Allow` header.
    OtherMethod(String),
    Unknown,
}

impl<'a> Routed<'a> {
    pub(crate) fn operation(&self) -> Option<&'a Operation> {
        match self {
            Self::Operation(operation, _) => Some(operation),
            Self::OtherMethod(_) | Self::Unknown => None,
        }
    }
}

impl Spec {
    /// Finds the operation. `HEAD` is routed like `GET`, and the server omits the body; not if that mints a credential,
    /// which would be lost.
    pub(crate) fn route(&self, method: &str, raw_path: &str) -> Routed<'_> {
        // Splits before decoding: `%2F` belongs to its segment.
        let path: Vec<_> = raw_path.split('/').map(decode).collect();
        let mut matches: Vec<_> = self
            .operations
            .iter()
            .filter_map(|operation| Some((operation, operation.template.parameters(&path)?)))
            .collect();
        matches.sort_by_key(|(operation, _)| operation.template.rank());
        if matches.is_empty() {
            return Routed::Unknown;
        }
        let is_head = method == "HEAD";
        let fits = |operation: &Operation| match is_head {
            true => operation.has_head(),
            false => operation.method == method,
        };
        match matches.iter().position(|(operation, _)| fits(operation)) {
            Some(index) => {
                let (operation, parameters) = matches.swap_remove(index);
                Routed::Operation(operation, parameters)
            }
            None => {
                let operations = matches.iter().map(|(operation, _)| operation);
                let heads = operations.clone().filter(|operation| operation.has_head());
                let methods = operations.map(|operation| operation.method.as_str());
                let mut methods: Vec<_> = methods.chain(heads.map(|_| "HEAD")).collect();
                methods.sort_unstable();
                methods.dedup();
                Routed::OtherMethod(methods.join(", "))
            }
        }
    }
}

/// The pairs of a query string, decoded. Of a repeated key the first one counts, as it does in Go.
pub(crate) fn query_pairs(query: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    for (key, value) in query_list(query) {
        pairs.entry(key).or_insert(value);
    }
    pairs
}

/// All pairs of a query string, decoded.
pub(crate) fn query_list(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decode(&text.replace('+', " "));
            (plain(key), plain(value))
        })
}

/// Decodes `%XX`; any other `%` is kept.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::template::Template;

    fn spec(operations: &[(&str, &str)]) -> Spec {
        let operations = operations
            .iter()
            .map(|(method, path)| Operation {
                id: format!("{method} {path}"),
                method: (*method).to_owned(),
                template: Template::new(path),
                query: Vec::new(),
                body: None,
                scopes: Vec::new(),
                mints: path.ends_with("/mint"),
                responses: BTreeMap::new(),
            })
            .collect();
        Spec {
            operations,
            ..Spec::default()
        }
    }

    fn route(spec: &Spec, method: &str, path: &str) -> String {
        match spec.route(method, path) {
            Routed::Operation(operation, parameters) => format!("{} {parameters:?}", operation.id),
            Routed::OtherMethod(methods) => methods,
            Routed::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn an_escaped_slash_stays_in_its_segment() {
        let spec = spec(&[("GET", "/r/{name}/tags")]);
        assert_eq!(
            route(&spec, "GET", "/r/a%2Fb/tags"),
            r#"GET /r/{name}/tags {"name": "a/b"}"#
        );
        assert_eq!(route(&spec, "GET", "/r/a/b/tags"), "unknown");
        assert_eq!(route(&spec, "GET", "/r//tags"), "unknown");
        assert_eq!(
            route(&spec, "GET", "/r/a%2/t%61gs"),
            r#"GET /r/{name}/tags {"name": "a%2"}"#
        );
    }

    #[test]
    fn literals_win_over_parameters_unless_only_the_parameter_has_the_method() {
        let spec = spec(&[
            ("GET", "/r/{name}"),
            ("POST", "/r/check"),
            ("GET", "/r/options"),
            ("DELETE", "/r/{name}"),
        ]);
        assert_eq!(route(&spec, "GET", "/r/options"), "GET /r/options {}");
        assert_eq!(
            route(&spec, "GET", "/r/check"),
            r#"GET /r/{name} {"name": "check"}"#
        );
        assert_eq!(route(&spec, "PUT", "/r/check"), "DELETE, GET, HEAD, POST");
    }

    #[test]
    fn head_is_routed_like_get_unless_that_mints_something() {
        let spec = spec(&[("GET", "/r"), ("GET", "/r/mint"), ("POST", "/w")]);
        assert_eq!(route(&spec, "HEAD", "/r"), "GET /r {}");
        assert_eq!(route(&spec, "HEAD", "/r/mint"), "GET");
        assert_eq!(route(&spec, "HEAD", "/w"), "POST");
    }

    #[test]
    fn the_first_of_a_repeated_query_key_counts() {
        let pairs = query_pairs("a=1&&b=x%26y+z&a=2&flag");
        assert_eq!(pairs["a"], "1");
        assert_eq!(pairs["b"], "x&y z");
        assert_eq!(pairs["flag"], "");
    }
}
