//! Writes the recordings: `cargo xtask record`.

// The output is the interface of a command.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use docr::{Client, RegistryName};
use docr_sandbox::recording::{Origin, Recorder, Recording};
use docr_tests::{
    calls::Subjects,
    sandbox::registry_name,
    scenarios::{self, Flow, LiveFlow, Scenario},
};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Update the recordings in tests/recordings from a sandbox, or from the real API where a recording allows it.
///
/// A sandbox needs no account, and its recordings change only if the client or the sandbox has changed. Recordings from
/// the real API are kept then, unless they are named.
#[derive(Parser)]
#[command(name = "cargo xtask record")]
struct Arguments {
    /// The recordings to update; by default all that can be.
    names: Vec<String>,
    /// Record from the API at this URL.
    #[arg(long, requires = "token", value_name = "URL")]
    base_url: Option<String>,
    /// Record from the real API, with this token. The account must have no registry.
    #[arg(long, env = "DOCR_RECORD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The directory of the recordings.
    #[arg(long, value_name = "DIRECTORY", default_value_os_t = scenarios::recordings_directory())]
    into: PathBuf,
    /// Don't prompt before something is created in the account.
    #[arg(long)]
    yes: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let chosen = choose(&arguments.names)?;
    match &arguments.token {
        Some(token) => {
            let url = arguments.base_url.as_deref();
            let url = url.unwrap_or("https://api.digitalocean.com");
            record_live(&chosen, url, token, &arguments).await
        }
        None => record_from_sandboxes(&chosen, &arguments).await,
    }
}

/// The scenarios with these names, or all.
fn choose(names: &[String]) -> Result<Vec<Scenario>> {
    let all = scenarios::all();
    if names.is_empty() {
        return Ok(all);
    }
    let by_name: HashMap<_, _> = all
        .into_iter()
        .map(|scenario| (scenario.name(), scenario))
        .collect();
    let chosen = names.iter().map(|name| {
        let found = by_name.get(name).copied();
        found.ok_or_else(|| format!("there is no recording {name:?}; see tests/recordings").into())
    });
    chosen.collect()
}

async fn record_from_sandboxes(chosen: &[Scenario], arguments: &Arguments) -> Result<()> {
    let named = !arguments.names.is_empty();
    let mut changed = 0;
    for scenario in chosen {
        let path = scenario.recording_path(&arguments.into);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let is_live = |recording: Recording| recording.recorded_from == Origin::Live;
        if !named && Recording::load(&path).is_ok_and(is_live) {
            println!("kept {}, which is from the real API", scenario.name());
            continue;
        }
        let recording = scenario.record().await?;
        if before.replace("\r\n", "\n") != recording.to_json() {
            recording.save(&path)?;
            println!("wrote {}", scenario.name());
            changed += 1;
        }
    }
    println!("{} recordings, {changed} of them changed", chosen.len());
    Ok(())
}

async fn record_live(
    chosen: &[Scenario],
    url: &str,
    token: &str,
    arguments: &Arguments,
) -> Result<()> {
    let docr = client(url, token)?;
    for scenario in chosen {
        let flow = match scenario {
            Scenario::Flow(flow) => Some(flow),
            Scenario::Operation(..) | Scenario::Odd(_) => None,
        };
        match flow.and_then(|flow| Some((flow, flow.live.as_ref()?))) {
            Some((flow, live)) => {
                let visit = Visit {
                    docr: &docr,
                    url,
                    token,
                    name: own_name()?,
                };
                println!("{}: {}", scenario.name(), visit.announcement(live));
                if !arguments.yes && !confirmed()? {
                    println!("left out");
                    continue;
                }
                let mut recording = visit.record(flow, live, scenario.name()).await?;
                recording.about = scenario.about();
                recording.save(scenario.recording_path(&arguments.into))?;
                println!("wrote {}", scenario.name());
            }
            None if arguments.names.is_empty() => {}
            None => return Err(format!("{} can't be recorded live", scenario.name()).into()),
        }
    }
    Ok(())
}

/// One flow on a real account.
struct Visit<'a> {
    docr: &'a Client,
    url: &'a str,
    token: &'a str,
    /// A unique name: nothing else can be deleted by it.
    name: RegistryName,
}

impl Visit<'_> {
    fn announcement(&self, live: &LiveFlow) -> String {
        let Self { url, name, .. } = self;
        match live.creates_registry {
            true => format!(
                "on {url} this creates the registry {name} on the starter tier, {}, and deletes {name} at the end",
                live.notes
            ),
            false => format!("on {url} this {}", live.notes),
        }
    }

    async fn record(&self, flow: &Flow, live: &LiveFlow, title: String) -> Result<Recording> {
        if live.creates_registry && !self.docr.registries().list().all().await?.is_empty() {
            return Err(
                "the account has a registry: another one would change its subscription".into(),
            );
        }
        let recorder =
            Recorder::live(self.url).replace(self.name.as_str(), registry_name().as_str());
        let recorder = recorder.start().await?;
        let through = client(recorder.url(), self.token)?;
        let act = (flow.act)(through, self.name.clone(), Subjects::default());
        let acted = tokio::select! {
            acted = act => acted.map_err(Into::into),
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        };
        // Whatever happened, the registry must not be left behind.
        let cleaned = match live.creates_registry {
            true => self.clean_up().await,
            false => Ok(()),
        };
        acted.and(cleaned)?;
        Ok(recorder.finish(title).await?)
    }

    async fn clean_up(&self) -> Result<()> {
        let registry = self.docr.registry(self.name.clone());
        if registry.get_opt().await?.is_some() {
            registry.delete().await.map_err(|error| {
                format!(
                    "the registry {} still exists, delete it by hand: {error}",
                    self.name
                )
            })?;
            println!("deleted {}", self.name);
        }
        Ok(())
    }
}

fn client(url: &str, token: &str) -> docr::Result<Client> {
    Client::builder().base_url(url).token(token).build()
}

#[allow(clippy::disallowed_methods, reason = "a unique name for each visit")]
fn own_name() -> Result<RegistryName> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(format!("docr-recording-{:x}", since.as_millis()).parse()?)
}

fn confirmed() -> io::Result<bool> {
    print!("Go on? [y/N] ");
    io::stdout().flush()?;
    let mut input = String::new();
    io::stdin().read_line(&mut input)?;
    Ok(matches!(input.trim(), "y" | "Y" | "yes"))
}
