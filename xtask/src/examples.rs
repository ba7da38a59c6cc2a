//! Each public type and method of the published crates has an example: in its own docs, or in those of its type.
//!
//! It is read from the same JSON as the listing of the public API, in which macros are expanded and re-exports resolved.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::listing;

/// The crate whose items need no examples.
const GENERATED: &str = "docr-api";

pub(crate) fn run(root: &Path) -> Result<()> {
    let mut missing = Vec::new();
    for (name, path) in listing::json(root)? {
        if name == GENERATED {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let items = items(&serde_json::from_str(&text)?)?;
        if items.is_empty() {
            bail!(
                "{}: no public items: rustdoc's JSON has changed its form",
                path.display()
            );
        }
        let without: Vec<_> = items.iter().filter(|item| !item.has_example).collect();
        let (all, with) = (items.len(), items.len() - without.len());
        println!("{name}: {with} of {all} public types and methods have an example");
        missing.extend(without.into_iter().map(|item| item.path.clone()));
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "no example in the docs of:\n  {}\n\
         Add a code block to the item's docs, or a link `[example](Other::item)`, or call the method in a code block of its \
         type or of another of its methods",
        missing.join("\n  ")
    )
}

/// A public type, method or function.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    path: String,
    has_example: bool,
}

/// The items of a crate that others can reach, in the order of their paths.
fn items(json: &Value) -> Result<Vec<Item>> {
    let root = json["root"].to_string();
    let index = &json["index"];
    let name = index[&root]["name"].as_str();
    let mut found = Found {
        index,
        seen: BTreeSet::new(),
        items: Vec::new(),
    };
    found.module(name.context("the JSON names no crate")?, &index[&root]);
    found.items.sort();
    Ok(found.items)
}

struct Found<'a> {
    index: &'a Value,
    /// An item may be re-exported in several places.
    seen: BTreeSet<String>,
    items: Vec<Item>,
}

impl<'a> Found<'a> {
    /// An item by its id; `None` for one of another crate.
    fn get(&self, id: &Value) -> Option<&'a Value> {
        self.index.get(id.to_string())
    }

    fn module(&mut self, path: &str, module: &'a Value) {
        for id in ids(&module["inner"]["module"]["items"]) {
            self.item(path, id);
        }
    }

    fn item(&mut self, parent: &str, id: &Value) {
        let Some(item) = self.get(id) else { return };
        let inner = &item["inner"];
        if let Some(reexport) = inner.get("use") {
            match (reexport["is_glob"].as_bool(), self.get(&reexport["id"])) {
                (Some(true), Some(module)) => self.module(parent, module),
                (_, Some(_)) => self.item(parent, &reexport["id"]),
                (_, None) => {}
            }
            return;
        }
        let path = format!("{parent}::{}", item["name"].as_str().unwrap_or_default());
        if !self.seen.insert(id.to_string()) {
            return;
        }
        let kind = |names: &[&str]| names.iter().find_map(|name| inner.get(name));
        if inner.get("module").is_some() {
            self.module(&path, item);
        } else if let Some(data) = kind(&["struct", "enum", "union"]) {
            let impls = ids(&data["impls"]).filter_map(|id| self.get(id));
            let inherent = impls.filter(|block| block["inner"]["impl"]["trait"].is_null());
            let methods = inherent.flat_map(|block| ids(&block["inner"]["impl"]["items"]));
            self.with_methods(path, item, methods.collect());
        } else if let Some(data) = inner.get("trait") {
            self.with_methods(path, item, ids(&data["items"]).collect());
        } else if kind(&["function", "macro", "type_alias"]).is_some() {
            let has_example = has_example(item);
            self.items.push(Item { path, has_example });
        }
    }

    /// A type, and its methods: one that another's example calls needs none of its own.
    fn with_methods(&mut self, path: String, item: &'a Value, ids: Vec<&'a Value>) {
        let members = ids.into_iter().filter_map(|id| self.get(id));
        let methods: Vec<_> = members
            .filter(|member| member["inner"].get("function").is_some())
            .collect();
        let own = examples(item);
        let all = methods.iter().map(|method| examples(method));
        let all = own.clone() + &all.collect::<String>();
        for method in methods {
            let name = method["name"].as_str().unwrap_or_default();
            self.items.push(Item {
                path: format!("{path}::{name}"),
                has_example: has_example(method) || uses(&all, name),
            });
        }
        let has_example = has_example(item);
        self.items.push(Item { path, has_example });
    }
}

/// Whether an item's docs have an example, or link to that of another item. Whether the link leads anywhere is checked when
/// the documentation is built.
fn has_example(item: &Value) -> bool {
    let docs = item["docs"].as_str().unwrap_or_default();
    docs.contains("[example](") || !examples(item).is_empty()
}

fn ids(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What readers see of the Rust code in an item's docs.
fn examples(item: &Value) -> String {
    let mut code = String::new();
    // Whether the block that a line stands in is an example; `None` outside of one.
    let mut block = None;
    for line in item["docs"].as_str().unwrap_or_default().lines() {
        let line = line.trim();
        match (line.strip_prefix("```"), block) {
            (Some(info), None) => block = Some(is_rust(info)),
            (Some(_), Some(_)) => block = None,
            (None, Some(true)) if line != "#" && !line.starts_with("# ") => {
                code.push_str(line);
                code.push('\n');
            }
            (None, _) => {}
        }
    }
    code
}

/// Whether a code block is Rust that rustdoc compiles.
fn is_rust(info: &str) -> bool {
    let mut words = info.split([',', ' ']).filter(|word| !word.is_empty());
    words.all(|word| matches!(word, "rust" | "no_run" | "should_panic"))
}

/// Whether code calls a method, or a trait's example implements it.
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_whole = after.starts_with(['(', '<']) || after.starts_with("::<");
        is_whole && [".", "::", "fn "].iter().any(|sign| before.ends_with(sign))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn function(docs: &str) -> Value {
        json!({ "name": "get", "docs": docs, "inner": { "function": {} } })
    }

    /// A crate with a type, behind a re-export, and its method `get`.
    fn crate_with(docs_of_type: &str, docs_of_method: &str) -> Value {
        let shown = json!({ "impls": [4, 5] });
        json!({ "root": 0, "index": {
            "0": { "name": "shop", "inner": { "module": { "items": [1, 9] } } },
            "1": { "inner": { "use": { "id": 2, "is_glob": false } } },
            "2": { "name": "Cart", "docs": docs_of_type, "inner": { "struct": shown } },
            "3": function(docs_of_method),
            "4": { "inner": { "impl": { "trait": null, "items": [3] } } },
            "5": { "inner": { "impl": { "trait": { "path": "Clone" }, "items": [6] } } },
            "6": { "name": "clone", "docs": "", "inner": { "function": {} } },
        } })
    }

    fn missing(json: &Value) -> Vec<String> {
        let items = items(json).unwrap().into_iter();
        let missing = items.filter(|item| !item.has_example);
        missing.map(|item| item.path).collect()
    }

    #[test]
    fn a_type_and_a_method_without_an_example_are_named() {
        let json = crate_with("A cart.", "Gets it.");
        assert_eq!(missing(&json), ["shop::Cart", "shop::Cart::get"]);
        let json = crate_with("A cart.", "```\ncart.get();\n```");
        assert_eq!(missing(&json), ["shop::Cart"]);
    }

    #[test]
    fn an_example_of_the_type_that_calls_a_method_is_one_of_the_method() {
        for call in ["cart.get()", "Cart::get()", "cart.get::<u8>()"] {
            let json = crate_with(&format!("```no_run\n{call};\n```"), "");
            assert!(missing(&json).is_empty(), "{call}");
        }
        for other in ["cart.get_all()", "forget()", "// get (it)"] {
            let json = crate_with(&format!("```no_run\n{other};\n```"), "");
            assert_eq!(missing(&json), ["shop::Cart::get"], "{other}");
        }
    }

    #[test]
    fn a_link_to_the_example_of_another_item_counts() {
        let json = crate_with(
            "```\nlet cart = Cart;\n```",
            "Gets it. See the [example](Cart).",
        );
        assert!(missing(&json).is_empty());
    }

    #[test]
    fn hidden_and_uncompiled_code_is_not_an_example() {
        for docs in [
            "```text\ncart.get()\n```",
            "```ignore\ncart.get()\n```",
            "```\n# cart.get();\n#\n```",
        ] {
            let json = crate_with("```\nlet cart = Cart;\n```", docs);
            assert_eq!(missing(&json), ["shop::Cart::get"], "{docs}");
        }
    }
}
