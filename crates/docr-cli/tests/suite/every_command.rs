//! The output of each command: as a table, as JSON, on a narrow terminal, on failure, and its help.

use std::thread;

use crate::{examples::programs, shell::Shell};

/// A command, its arguments, and arguments with which it fails.
const COMMANDS: [(&str, &str, &str); 39] = [
    ("registry list", "", "--sort size"),
    ("registry show", "", "nowhere"),
    (
        "registry create",
        "acme-images --tier professional",
        "sample --tier basic",
    ),
    ("usage", "", "--registry nowhere"),
    ("registry ensure", "sample", "sample --tier professional"),
    ("registry delete", "sample --yes", "sample"),
    ("registry tier", "professional", "gold"),
    ("registry options", "", "--columns tier,colour"),
    ("registry check-name", "sample", "Acme"),
    ("repository list", "", "--registry nowhere"),
    ("repository delete", "shop/web --yes", "shop/none --yes"),
    ("tag list", "shop/api", "shop/none"),
    (
        "tag delete",
        "shop/api:build-1 shop/api:build-2 --yes",
        "shop/api:none --yes",
    ),
    (
        "image list",
        "shop/web",
        "registry.digitalocean.com/nowhere/shop/web",
    ),
    ("image show", "shop/api:latest", "shop/api@abcdef"),
    (
        "image delete",
        "shop/api:build-1 --yes",
        "shop/api@1f992d2b9341 --yes",
    ),
    ("gc run", "--type both --yes", "--type both"),
    ("gc wait", "", "--registry nowhere"),
    ("gc list", "", "--limit 0"),
    ("gc show", "", "54496ad6-7bd2-434c-9d7c-01d4f5407269"),
    ("gc cancel", "", "--registry Sample"),
    (
        "prune",
        "--apply --yes --keep-newest 5",
        "--apply --keep-newest 5",
    ),
    ("login", "--read-only", "--expires-in 0s"),
    ("logout", "", "--output csv"),
    ("configure-docker", "", "--output ids"),
    ("credentials docker-config", "--dry-run", "--output csv"),
    (
        "credentials kubernetes-secret",
        "--dry-run",
        "--namespace Shop",
    ),
    ("credentials revoke", "--password-stdin", ""),
    ("kubelet-config", "--registry sample", "--output csv"),
    ("cluster link", "staging", "production"),
    ("cluster unlink", CLUSTER_YES, CLUSTER),
    ("certificate list", "", "--expiring-within soon"),
    ("certificate show", "mail", "none"),
    (
        "certificate create",
        "shop --dns-name shop.example.com --wait",
        "mail --dns-name mail.example.com",
    ),
    ("certificate delete", "mail --yes", "none --yes"),
    (
        "certificate rotate",
        "mail mail-2027 --dns-name mail.example.com -- true",
        "mail mail-2027 --dns-name example.com -- true",
    ),
    ("completions", "bash", "tcsh"),
    ("man", "registry list", "registry lst"),
    (
        "try",
        "-- docr registry list --output ids",
        "-- no-such-program",
    ),
];

/// Forms that a command doesn't have, and why.
const WITHOUT: [(&str, &[&str], &str); 2] = [
    (
        "completions",
        &["table", "json", "narrow"],
        "the result is a script, which the tests of completion run",
    ),
    (
        "man",
        &["json", "narrow"],
        "the result is a page, which man formats",
    ),
];

const CLUSTER: &str = "d81a8d2b-5a44-45ac-9b01-602b100b9ed7";
const CLUSTER_YES: &str = "d81a8d2b-5a44-45ac-9b01-602b100b9ed7 --yes";

#[test]
fn each_command_in_each_form() {
    // In two threads, since most of the time is spent waiting for processes.
    let (even, odd) = COMMANDS.split_at(COMMANDS.len() / 2);
    thread::scope(|scope| {
        for part in [even, odd] {
            scope.spawn(move || part.iter().for_each(check));
        }
    });
}

fn check((command, arguments, wrong): &(&str, &str, &str)) {
    let shell = || Shell::new().set("PATH", format!("{}:/usr/bin:/bin", programs()));
    let line = match *command {
        // It always has a sandbox.
        "try" => format!("{command} {arguments}"),
        _ => format!("--sandbox {command} {arguments}"),
    };
    let forms = [
        ("table", shell(), line.clone()),
        ("json", shell(), with_option(&line, "--output json")),
        ("narrow", shell().set("COLUMNS", "40"), line.clone()),
        ("error", shell(), line.replace(arguments, "") + wrong),
    ];
    let mut all = String::new();
    for (form, shell, line) in forms {
        let mut without = WITHOUT.iter();
        if let Some((.., why)) =
            without.find(|(name, forms, _)| name == command && forms.contains(&form))
        {
            all += &format!("=== {form}: none, since {why}\n\n");
            continue;
        }
        let ended = shell.run(&line);
        if form == "narrow" {
            assert_fits(&ended.out, 40, &line);
        }
        if form == "error" {
            assert_ne!(ended.code, 0, "{line}: {ended}");
        }
        all += &format!("=== {form}: docr {line}\n{ended}\n");
    }
    let help = Shell::new().run(&format!("{command} --help")).out;
    // The global options are the same everywhere, and in the help of docr itself.
    let (own, rest) = help.split_once("Global options:").unwrap();
    let (_, examples) = rest.split_once("Examples:").unwrap();
    all += &format!("=== help\n{own}Global options: ...\n\nExamples:{examples}");
    insta::with_settings!({
        omit_expression => true,
        filters => [
            (r"/tmp/\.tmp\w+", "/tmp/[random]"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
            (r#"(request id: |"request_id":")[0-9a-f-]{36}"#, "$1[id]"),
            (r"(_TOKEN=)\w+", "$1[token]"),
        ],
    }, { insta::assert_snapshot!(command.replace(' ', "-"), all) });
}

/// Adds an option, before the arguments of another program.
fn with_option(line: &str, option: &str) -> String {
    match line.split_once(" -- ") {
        Some((own, rest)) => format!("{own} {option} -- {rest}"),
        None => format!("{line} {option}"),
    }
}

/// No line is too wide, except for a single word, with or without a label.
fn assert_fits(text: &str, room: usize, line: &str) {
    for shown in text.lines() {
        let is_word = shown.split_whitespace().count() <= 2;
        assert!(
            is_word || shown.chars().count() <= room,
            "{line}: {shown:?}"
        );
    }
}

#[test]
fn the_help_of_docr_names_all_commands_and_global_options() {
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("docr-help", Shell::new().run("--help").out);
        insta::assert_snapshot!("docr-alone", Shell::new().run(""));
    });
}

#[test]
fn format_columns_order_and_limit_are_respected() {
    let shell = Shell::new();
    for (line, shown) in [
        ("tag list shop/web --output ids --limit 2", "pr-52\npr-49\n"),
        (
            "tag list shop/web --output ids --sort tag",
            "pr-43\npr-46\npr-49\npr-52\nv1\n",
        ),
        (
            "tag list shop/web --output csv --columns tag,size --sort size:desc --limit 2",
            "tag,size\nv1,44040417\npr-52,40894689\n",
        ),
        (
            "tag list shop/web --columns pushed,tag --limit 1",
            "PUSHED            TAG\n2026-01-12 12:00  pr-52\n",
        ),
        (
            "registry options --regions --output ids --limit 1",
            "nyc3\n",
        ),
        ("registry show --output ids", "sample\n"),
        ("gc show --output ids", ""),
    ] {
        let ended = shell.run(&format!("--sandbox {line}"));
        assert_eq!(
            (ended.out.as_str(), ended.code),
            (shown, 0),
            "{line}: {ended}"
        );
    }
    let lines = shell.run("--sandbox tag list shop/web --output jsonl").out;
    let tags = lines.lines().map(|line| {
        let tag: serde_json::Value = serde_json::from_str(line).unwrap();
        tag["tag"].as_str().unwrap().to_owned()
    });
    assert_eq!(tags.count(), 5);
}

#[test]
fn former_names_of_commands_still_work() {
    let shell = Shell::new();
    for (old, new) in [
        ("certificates", "certificate list"),
        ("certificates -o json", "certificate list -o json"),
        (
            "kubernetes-secret --dry-run",
            "credentials kubernetes-secret --dry-run",
        ),
    ] {
        let run = |line: &str| shell.run(&format!("--sandbox {line}")).to_string();
        assert_eq!(run(old), run(new));
    }
}

#[test]
fn manual_pages_and_scripts_for_shells_are_printed() {
    let shell = Shell::new();
    let page = shell.run("man image show").out;
    assert!(
        page.contains(".TH") && page.contains("platforms, layers"),
        "{page}"
    );
    let pages = shell.run("man --directory pages");
    assert_eq!(pages.code, 0, "{pages}");
    let names = std::fs::read_dir(shell.home().join("pages")).unwrap();
    assert!(names.count() > 40);
    for (name, sign) in [
        ("bash", "complete "),
        ("zsh", "#compdef docr"),
        ("fish", "complete "),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = shell.run(&format!("completions {name}")).out;
        assert!(script.contains(sign), "{name}: {script}");
    }
    let unknown = shell.run("man image shw");
    assert_eq!(unknown.code, 2, "{unknown}");
}
