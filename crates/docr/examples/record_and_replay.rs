//! Record what a program says to the API, and replay it: `cargo run -p docr --example record_and_replay`.
//!
//! In your project the recording is made once, of the real API, and saved; the replay is in a test.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::error::Error;

use docr::{Client, CreateRegistry, TierSlug};
use docr_sandbox::{
    Sandbox,
    recording::{Recorder, Recording},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("set-up.json");

    // `Recorder::live("https://api.digitalocean.com")`, with a real token, records the API itself.
    let sandbox = Sandbox::start().await?;
    let recorder = Recorder::sandbox(&sandbox).start().await?;
    set_up(&client(recorder.url(), sandbox.token())?, "acme-images").await?;
    let recording = recorder.finish("set-up").await?;
    recording.save(&path)?;
    let text = std::fs::read_to_string(&path)?;
    println!("recorded {} lines", text.lines().count());
    if text.contains(sandbox.token()) {
        return Err("the recording holds the token".into());
    }

    // The same requests in the same order get the recorded responses.
    let replay = Recording::load(&path)?.replay().await?;
    set_up(&client(replay.url(), replay.token())?, "acme-images").await?;
    replay.finish().await?;
    println!("the program does what was recorded");

    // A program that has changed fails the test with the difference.
    let replay = Recording::load(&path)?.replay().await?;
    let changed = set_up(&client(replay.url(), replay.token())?, "other-name").await;
    match (changed, replay.finish().await) {
        (Err(_), Err(difference)) => println!("{difference}"),
        _ => return Err("another request was taken for the recorded one".into()),
    }
    Ok(())
}

/// What the program does.
async fn set_up(docr: &Client, name: &str) -> Result<(), Box<dyn Error>> {
    let wanted = CreateRegistry::new(name.parse()?, TierSlug::Basic);
    docr.registries().ensure(wanted).await?;
    Ok(())
}

fn client(url: &str, token: &str) -> docr::Result<Client> {
    Client::builder().base_url(url).token(token).build()
}
