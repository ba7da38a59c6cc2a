//! Tips for users of doctl: the equivalents of its commands and options.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Lists doctl's commands beside ours.
const README: &str = include_str!("../README.md");

/// Commands that have no equivalent, and a tip for each.
const WORDS: [(&str, &str); 3] = [
    ("version", "'docr --version' prints the version"),
    (
        "auth",
        "docr has no login of its own: set DIGITALOCEAN_TOKEN, pass '--token-file FILE', or run 'doctl auth init'",
    ),
    ("certificates list", "use 'docr certificate list'"),
];

/// Options of doctl, and a tip for each.
const OPTIONS: [(&str, &str); 4] = [
    ("--format", "use '--columns NAMES' to choose columns"),
    (
        "--no-header",
        "use '--output ids' for names only, or '--output csv'",
    ),
    ("--access-token", TOKEN),
    ("-t", TOKEN),
];
const TOKEN: &str = "other users can see a token on the command line: set DIGITALOCEAN_TOKEN, or pass '--token-file FILE'";

/// Adds a tip to an error, by the words of the command line.
pub(crate) fn explain(mut error: Error, line: &[String]) -> Error {
    let tip = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => of_option(option),
        (ErrorKind::InvalidSubcommand, _) => {
            let words = line.iter().filter(|word| !word.starts_with('-'));
            of_words(&words.map(String::as_str).collect::<Vec<_>>())
        }
        _ => None,
    };
    if let Some(tip) = tip {
        // A suggestion that only sounds alike would be misleading.
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

/// The tip for an option of doctl.
fn of_option(option: &str) -> Option<String> {
    if let Some((_, tip)) = OPTIONS.iter().find(|(name, _)| *name == option) {
        return Some((*tip).to_owned());
    }
    let (doctl, ours) = rows().find(|(doctl, _)| doctl.split(' ').any(|word| word == option))?;
    Some(equivalent(doctl, ours))
}

/// The tip for a command of doctl.
fn of_words(words: &[&str]) -> Option<String> {
    let typed = words.join(" ");
    // doctl has both nouns.
    let typed = typed.replace("registries", "registry");
    let begins = |with: &str| typed == with || typed.starts_with(&format!("{with} "));
    let rows = rows().map(|(doctl, ours)| {
        let plain = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_lowercase());
        let fixed: Vec<_> = doctl.split(' ').take_while(plain).collect();
        (fixed.join(" ").replace("registries", "registry"), ours)
    });
    let known =
        rows.filter(|(doctl, _)| begins(doctl) || begins(doctl.trim_start_matches("compute ")));
    // The first of the longest.
    let known = known.reduce(|best, row| {
        if row.0.len() > best.0.len() {
            row
        } else {
            best
        }
    });
    let known = known.map(|(doctl, ours)| equivalent(&doctl, ours));
    let other = || WORDS.iter().find(|(with, _)| begins(with));
    known.or_else(|| other().map(|(_, tip)| (*tip).to_owned()))
}

fn equivalent(doctl: &str, ours: &str) -> String {
    format!("'{ours}' is the equivalent of 'doctl {doctl}'")
}

/// The commands of doctl in the README, each with ours.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    README.lines().filter_map(|line| {
        let (doctl, ours) = line.strip_prefix("| `doctl ")?.split_once("` | `")?;
        Some((doctl, ours.trim_end_matches("` |")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_doctl_gets_a_tip_with_its_equivalent() {
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

    #[test]
    fn an_option_of_doctl_gets_a_tip_and_a_misspelt_one_does_not() {
        for (option, ours) in [
            ("--format", "--columns NAMES"),
            (
                "--subscription-tier",
                "docr registry create NAME --tier basic",
            ),
            ("--include-untagged-manifests", "docr gc run --type both"),
        ] {
            let tip = of_option(option).unwrap_or_else(|| panic!("{option}"));
            assert!(tip.contains(&format!("'{ours}'")), "{option}: {tip}");
        }
        assert_eq!(of_option("--outptu"), None);
    }
}
