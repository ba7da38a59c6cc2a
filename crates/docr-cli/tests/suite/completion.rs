//! Completion of a line in a shell.

use docr_sandbox::Sandbox;

use crate::shell::Shell;

/// The completions of the last word in bash.
fn offered(shell: &Shell, words: &[&str]) -> Vec<String> {
    let mut command = shell.command("--");
    command
        .args(words)
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_options_and_names_of_the_account_are_completed() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox);
    for (words, expected) in [
        (&["docr", "regi"][..], "registry"),
        (&["docr", "tag", "del"], "delete"),
        (&["docr", "registry", "show", "sa"], "sample"),
        (&["docr", "--registry", "s"], "sample"),
        (&["docr", "tag", "list", "shop/"], "shop/api"),
        (
            &["docr", "--registry", "sample", "tag", "list", "tools/"],
            "tools/builder",
        ),
        (
            &["docr", "tag", "delete", "shop/api:v1.0"],
            "shop/api:v1.0.0",
        ),
        (&["docr", "certificate", "show", "shop"], "shop-front"),
        (&["docr", "cluster", "link", "sam"], "sample"),
        (&["docr", "gc", "run", "--type", "un"], "untagged-manifests"),
    ] {
        let offered = offered(&shell, words);
        assert!(
            offered.iter().any(|one| one.trim() == expected),
            "{words:?}: {offered:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_access_to_the_account_no_names_are_completed_and_nothing_is_printed() {
    let is_option = |one: &String| one.starts_with('-');
    let without_token = Shell::new();
    let none = offered(&without_token, &["docr", "tag", "list", ""]);
    assert!(none.iter().all(is_option), "{none:?}");
    let refused = without_token
        .set("DIGITALOCEAN_TOKEN", "dop_v1_x")
        .set("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    let refused = offered(&refused, &["docr", "registry", "show", ""]);
    assert!(refused.iter().all(is_option), "{refused:?}");
}
