//! Reading another description.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::scope;
use crate::spec;

/// Reads an OpenAPI 3 file that describes at least one of the paths.
pub(super) fn read(file: &Path, ours: &BTreeSet<&str>) -> Result<Value> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let document =
        spec::parse(&text).with_context(|| format!("{name} is neither YAML nor JSON"))?;
    check(&document, ours).with_context(|| format!("cannot compare {name}"))?;
    Ok(document)
}

fn check(document: &Value, ours: &BTreeSet<&str>) -> Result<()> {
    let version = document.get("openapi").or(document.get("swagger"));
    let version = version.map(|version| version.to_string().replace('"', ""));
    match version.as_deref() {
        Some(version) if version.starts_with("3.") => {}
        Some(version) => bail!(
            "it is an OpenAPI description of version {version}; convert it to version 3 first"
        ),
        None => bail!(
            "it is not an OpenAPI description: it has no `openapi: 3.…` at its top level; \
             pass a description of the API as one file"
        ),
    }
    if scope::paths(document).is_disjoint(ours) {
        bail!(
            "it has none of the {} paths of {}, such as {:?}; pass a description of the same API",
            ours.len(),
            spec::PATH,
            ours.first().unwrap_or(&"none"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn assert_refused(document: Value, why: &str) {
        let error = check(&document, &BTreeSet::from(["/v2/registry"])).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }

    #[test]
    fn a_file_that_is_not_an_openapi_3_description_of_these_paths_is_refused() {
        let paths = json!({"/v2/registry": {}});
        assert_refused(json!("prose"), "it is not an OpenAPI description");
        assert_refused(json!({"paths": paths}), "it is not an OpenAPI description");
        assert_refused(json!({"swagger": "2.0", "paths": paths}), "version 2.0");
        assert_refused(json!({"openapi": "4.0.0", "paths": paths}), "version 4.0.0");
        assert_refused(
            json!({"openapi": "3.0.0", "paths": {"/pets": {}}}),
            "none of the 1 paths of openapi/docr.yaml, such as \"/v2/registry\"",
        );
        assert_refused(json!({"openapi": "3.0.0"}), "none of the 1 paths");
    }

    #[test]
    fn each_version_3_is_accepted() {
        for version in [json!("3.0.0"), json!("3.0.3"), json!("3.1.0"), json!(3.1)] {
            let document = json!({"openapi": version, "paths": {"/v2/registry": {}}});
            check(&document, &BTreeSet::from(["/v2/registry"])).unwrap();
        }
    }
}
