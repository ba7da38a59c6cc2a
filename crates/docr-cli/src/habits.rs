//! What people type who know doctl: what the same is called here.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Has doctl's commands and ours side by side.
const README: &str = include_str!("../README.md");

/// Other words, and what to say of them.
const WORDS: [(&str, &str); 3] = [
    ("version", "'docr --version' shows it"),
    (
        "auth",
        "docr has no login of its own: the token comes from DIGITALOCEAN_TOKEN, '--token-file FILE', or doctl's configuration",
    ),
    (
        "certificates list",
        "it is 'docr certificate list', or 'docr certificates' alone",
    ),
];

const OPTIONS: [(&str, &str); 4] = [
    ("--format", "'--columns NAMES' picks the columns"),
    (
        "--no-header",
        "'--output ids' shows names alone, '--output csv' all columns",
    ),
    ("--access-token", TOKEN),
    ("-t", TOKEN),
];
const TOKEN: &str =
    "others can see a command line: the token comes from DIGITALOCEAN_TOKEN or '--token-file FILE'";

/// Adds to an error what was probably meant, by the words of the command line.
pub(crate) fn explain(mut error: Error, line: &[String]) -> Error {
    let tip = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => {
            let mut known = OPTIONS.iter();
            let found = known.find(|(name, _)| name == option);
            found.map(|(_, tip)| (*tip).to_owned())
        }
        (ErrorKind::InvalidSubcommand, _) => None,
        _ => return error,
    };
    let tip = tip.or_else(|| {
        let words = line.iter().filter(|word| !word.starts_with('-'));
        of_words(&words.map(String::as_str).collect::<Vec<_>>())
    });
    if let Some(tip) = tip {
        // What only sounds alike would lead astray.
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

fn of_words(words: &[&str]) -> Option<String> {
    let typed = words.join(" ");
    // doctl has two names for it.
    let typed = typed.replace("registries", "registry");
    let begins = |with: &str| typed == with || typed.starts_with(&format!("{with} "));
    let rows = README.lines().filter_map(|line| {
        let (doctl, ours) = line.strip_prefix("| `doctl ")?.split_once("` | `")?;
        let plain = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_lowercase());
        let fixed: Vec<_> = doctl.split(' ').take_while(plain).collect();
        let named = fixed.join(" ").replace("registries", "registry");
        Some((named, ours.trim_end_matches("` |")))
    });
    let known =
        rows.filter(|(doctl, _)| begins(doctl) || begins(doctl.trim_start_matches("compute ")));
    // The first of the longest, which is the plainest.
    let known = known.reduce(|best, row| {
        if row.0.len() > best.0.len() {
            row
        } else {
            best
        }
    });
    let known = known.map(|(doctl, ours)| format!("doctl's '{doctl}' is '{ours}' here"));
    let said = || WORDS.iter().find(|(with, _)| begins(with));
    known.or_else(|| said().map(|(_, tip)| (*tip).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doctl_s_commands_lead_to_ours() {
        for (typed, ours) in [
            ("registry get", "docr registry show"),
            ("registries get acme", "docr registry show"),
            ("registry repository list-v2", "docr repository list"),
            ("registry login", "docr login"),
            (
                "registry garbage-collection start acme",
                "docr gc run --type unreferenced-blobs",
            ),
            (
                "registry options available-regions",
                "docr registry options --regions",
            ),
            ("compute certificate get x", "docr certificate show NAME"),
            ("certificate get x", "docr certificate show NAME"),
            (
                "kubernetes cluster registry add x",
                "docr cluster link CLUSTER",
            ),
            ("version", "docr --version"),
            ("auth init", "--token-file FILE"),
        ] {
            let words: Vec<_> = typed.split(' ').collect();
            let tip = of_words(&words).unwrap_or_else(|| panic!("{typed}"));
            assert!(tip.contains(&format!("'{ours}'")), "{typed}: {tip}");
        }
        assert_eq!(of_words(&["repositry", "list"]), None);
    }
}
