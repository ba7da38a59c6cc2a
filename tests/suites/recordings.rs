//! Replays every recording through the client over HTTP: the requests must be the recorded ones, and what is read must
//! match a snapshot. Each recording is a test of the same name.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeSet, fs, path::Path};

use docr_sandbox::recording::Recording;
use docr_tests::{
    calls::Subjects,
    sandbox::{TOKEN, client_at},
    scenarios::{self, Scenario, recordings_directory},
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let mut trials: Vec<_> = scenarios::all()
        .into_iter()
        .map(|scenario| Trial::test(scenario.name(), move || run(replay(scenario))))
        .collect();
    trials.push(Trial::test("no_recording_contains_a_likely_secret", || {
        no_recording_contains_a_likely_secret();
        Ok(())
    }));
    trials.push(Trial::test("no_recording_or_snapshot_is_unused", || {
        no_recording_or_snapshot_is_unused();
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(test: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build()?.block_on(test)
}

async fn replay(scenario: Scenario) -> Result<(), Failed> {
    let path = scenario.recording_path(&recordings_directory());
    let recording = Recording::load(&path)?;
    assert_eq!(
        (&recording.name, &recording.about),
        (&scenario.name(), &scenario.about())
    );
    let text = fs::read_to_string(&path)?.replace("\r\n", "\n");
    assert!(
        text == recording.to_json(),
        "{} was changed by hand",
        path.display()
    );
    let from = recording.recorded_from;

    let replay = recording.replay().await?;
    let docr = client_at(replay.url(), replay.token());
    let read = scenario.act(&docr, &Subjects::default()).await;
    let requests = replay.requests();
    // Checked first, since an unexpected request explains an unexpected result.
    replay.finish().await?;
    let snapshot = scenario.snapshot(&requests, &read?);

    insta::with_settings!({
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => format!("{}; recorded from: {from}", scenario.about()),
    }, {
        insta::assert_snapshot!(scenario.name(), snapshot);
    });
    Ok(())
}

fn no_recording_contains_a_likely_secret() {
    for name in names(&recordings_directory(), "json") {
        let path = recordings_directory().join(format!("{name}.json"));
        assert_eq!(
            Recording::load(&path).unwrap().suspects(),
            Vec::<String>::new(),
            "{name}"
        );
        assert!(
            !fs::read_to_string(&path).unwrap().contains(TOKEN),
            "{name}"
        );
    }
}

fn no_recording_or_snapshot_is_unused() {
    let scenarios: BTreeSet<_> = scenarios::all().iter().map(Scenario::name).collect();
    for (directory, extension) in [("recordings", "json"), ("snapshots", "snap")] {
        let files = names(&recordings_directory().with_file_name(directory), extension);
        let unused: Vec<_> = files.difference(&scenarios).collect();
        assert!(unused.is_empty(), "in {directory}: {unused:?}");
    }
}

/// The names, without extension, of the files in a directory that have this extension.
fn names(directory: &Path, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}
