//! docr's own configuration, and files with tokens.

use std::fs;

use docr_sandbox::Sandbox;

use crate::shell::Shell;

const COMMAND: &str = "registry list --output ids";

async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::builder().token("dop_v1_right");
    let sandbox = sandbox.start().await.unwrap();
    sandbox.add_sample().unwrap();
    sandbox
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_the_token_and_settings_of_an_account() {
    let sandbox = sandbox().await;
    let shell = Shell::new();
    let url = sandbox.url();
    shell.write("token", "dop_v1_right\n");
    shell.write(
        ".config/docr/config.toml",
        &format!(
            "default_profile = 'work'\n\
             [profile.work]\ntoken_file = 'token'\napi_url = '{url}'\nregistry = 'sample'\noutput = 'json'\n\
             [profile.wrong]\ntoken_file = 'none'\napi_url = '{url}'\n\
             [profile.doctl]\ncontext = 'shop'\napi_url = '{url}'\n"
        ),
    );
    assert_eq!(shell.run(COMMAND).out, "sample\n");
    // The profile sets the format, and an option overrides it.
    assert!(shell.run("registry show").out.starts_with('{'));
    assert!(shell.run("registry show -o table").out.starts_with("NAME"));
    let wrong = shell.run(&format!("--profile wrong {COMMAND}"));
    assert!(
        wrong.err.contains("the token file none") && wrong.code == 1,
        "{wrong}"
    );
    let none = shell.run(&format!("--profile none {COMMAND}"));
    assert!(
        none.err
            .contains("has no profile \"none\"; available: doctl, work, wrong")
            && none.code == 2,
        "{none}"
    );
    shell.write(
        ".config/doctl/config.yaml",
        "auth-contexts:\n  shop: dop_v1_right\n",
    );
    let doctl = shell.run(&format!("--profile doctl {COMMAND}"));
    assert_eq!(doctl.out, "sample\n", "{doctl}");
    let variable = shell.set("DOCR_PROFILE", "wrong");
    assert_eq!(variable.run(COMMAND).code, 1);
    assert_eq!(variable.run(&format!("--profile work {COMMAND}")).code, 0);
    // An option overrides a profile.
    assert_eq!(
        variable.run(&format!("--token-file token {COMMAND}")).code,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn options_set_a_token_file_and_a_base_url() {
    let sandbox = sandbox().await;
    let shell = Shell::new().set("DIGITALOCEAN_TOKEN", "dop_v1_wrong");
    shell.write("token", " dop_v1_right \n");
    let line = format!("--token-file token --api-url {} {COMMAND}", sandbox.url());
    assert_eq!(shell.run(&line).out, "sample\n");
    shell.write("token", "\n");
    let empty = shell.run(&line);
    assert!(
        empty.err.contains("the token file token is empty") && empty.code == 2,
        "{empty}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_a_token_must_be_private_and_is_not_quoted() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = sandbox().await;
    let shell = Shell::new();
    let path = ".config/docr/config.toml";
    let url = sandbox.url();
    shell.write(
        path,
        &format!("[profile.a]\ntoken = 'dop_v1_right'\napi_url = '{url}'\n"),
    );
    let mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(shell.home().join(path), mode).unwrap();
    };
    let line = format!("--profile a {COMMAND}");
    mode(0o644);
    let open = shell.run(&line);
    assert!(
        open.err.contains("other users can read it: run chmod 600") && open.code == 2,
        "{open}"
    );
    mode(0o600);
    assert_eq!(shell.run(&line).out, "sample\n");
    for text in [
        "[profile.a]\ntoken = 'dop_v1_right\n",
        "[profile.a]\ntoken = 'dop_v1_right'\nregion = 1\n",
    ] {
        shell.write(path, text);
        let broken = shell.run(&line);
        assert!(
            broken.code == 2 && broken.err.contains(", line "),
            "{broken}"
        );
        assert!(!broken.err.contains("dop_v1"), "{broken}");
    }
    shell.write(path, "[profile.a]\ntoken_file = 'a'\ncontext = 'b'\n");
    let twice = shell.run(&line);
    assert!(
        twice
            .err
            .contains("sets more than one of token_file, token and context"),
        "{twice}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_token_is_refused_with_its_source_and_not_quoted() {
    let sandbox = sandbox().await;
    for (token, what) in [
        ("dop_v1_right\nmore", "a line break at position 13"),
        ("Bearer dop_v1_right", "white space at position 7"),
        ("dop_v1_\u{f6}", "an invalid character at position 8"),
    ] {
        let shell = Shell::new().set("DIGITALOCEAN_API_URL", sandbox.url());
        shell.write("token", token);
        shell.write(
            ".config/doctl/config.yaml",
            &format!("auth-contexts:\n  shop: {token:?}\n"),
        );
        let places = [
            ("--token-file token ", "the token file token"),
            ("--context shop ", "the token of doctl's context \"shop\""),
            ("", "the token of DIGITALOCEAN_ACCESS_TOKEN"),
        ];
        let shell = shell.set("DIGITALOCEAN_ACCESS_TOKEN", token);
        for (options, place) in places {
            let refused = shell.run(&format!("{options}{COMMAND}"));
            assert_eq!(refused.code, 2, "{refused}");
            let said = format!("{place} is invalid: {what}; ");
            assert!(refused.err.contains(&said), "{said}: {refused}");
            assert!(!refused.err.contains("right"), "{refused}");
        }
    }
    // A trailing line break is ignored.
    let fine = Shell::new()
        .set("DIGITALOCEAN_API_URL", sandbox.url())
        .set("DIGITALOCEAN_ACCESS_TOKEN", "dop_v1_right\n");
    assert_eq!(fine.run(COMMAND).code, 0);
}
