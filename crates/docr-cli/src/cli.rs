//! The root command: its global options, and the commands that it dispatches to.

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    account::AccountArguments,
    commands::{
        certificate::{Certificate, list::List as Certificates},
        cluster::Cluster,
        completions::Completions,
        configure_docker::ConfigureDocker,
        credentials::{Credentials, kubernetes_secret::KubernetesSecret},
        gc::Gc,
        image::Image,
        kubelet_config::KubeletConfig,
        login::Login,
        logout::Logout,
        man::Man,
        prune::Prune,
        registry::Registry,
        repository::Repository,
        tag::Tag,
        usage::Usage,
    },
    interrupt,
    output::{Format, Outcome, Output, OutputArguments, WrongInput},
    trace,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  the service, the network or a file failed; see the message
  2  invalid command or input; nothing was changed
  3  partial result: something was left undone, or a check found something
  4  unknown outcome: the request failed but may have taken effect; check before you retry
  130  interrupted: the request in progress was finished and reported, and nothing was sent after it";

/// Manage DigitalOcean container registries and TLS certificates.
///
/// The token is read from DIGITALOCEAN_TOKEN, DIGITALOCEAN_ACCESS_TOKEN, doctl's configuration, or a profile of docr's
/// own configuration. With --sandbox, commands work in a local sandbox with sample images, and need no token.
#[derive(Parser)]
#[command(name = "docr", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    account: AccountArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(subcommand)]
    command: Command,
}

/// The commands; the help of each is in its own module.
#[derive(Subcommand)]
enum Command {
    Registry(Registry),
    Repository(Repository),
    Tag(Tag),
    Image(Image),
    Prune(Prune),
    Gc(Gc),
    Usage(Usage),
    Login(Login),
    Logout(Logout),
    ConfigureDocker(ConfigureDocker),
    Credentials(Credentials),
    KubeletConfig(KubeletConfig),
    Cluster(Cluster),
    Certificate(Certificate),
    #[cfg(feature = "sandbox")]
    Try(crate::commands::try_out::Try),
    Completions(Completions),
    Man(Man),
    /// Former name of `docr certificate list`.
    #[command(hide = true)]
    Certificates(Certificates),
    /// Former name of `docr credentials kubernetes-secret`.
    #[command(hide = true)]
    KubernetesSecret(KubernetesSecret),
}

impl Cli {
    /// The format of errors, as far as the options set it.
    pub(crate) fn format(&self) -> Format {
        self.output.format().unwrap_or_default()
    }

    pub(crate) async fn run(self) -> Result<Outcome> {
        let Self {
            mut account,
            output,
            command,
        } = self;
        trace::begin(output.verbosity());
        let profile = account.fill_in()?;
        let output = &output.open(profile.output.unwrap_or_default());
        if !command.passes_signals_on() {
            let waits = output.waits().clone();
            interrupt::exit_on_signals(move || waits.clear())?;
        }
        let ended = command.run(account, output).await;
        output.waits().end();
        ended
    }
}

impl Command {
    /// Whether signals are for a program that it runs.
    fn passes_signals_on(&self) -> bool {
        match self {
            #[cfg(feature = "sandbox")]
            Self::Try(_) => true,
            _ => false,
        }
    }

    async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        if output.format == Format::Prometheus && !matches!(self, Self::Usage(_)) {
            let message = "--output prometheus is supported by docr usage only";
            return Err(WrongInput(message.to_owned()).into());
        }
        match self {
            Self::Registry(registry) => registry.run(account, output).await,
            Self::Repository(repository) => repository.run(account, output).await,
            Self::Tag(tag) => tag.run(account, output).await,
            Self::Image(image) => image.run(account, output).await,
            Self::Prune(prune) => prune.run(account, output).await,
            Self::Gc(gc) => gc.run(account, output).await,
            Self::Usage(usage) => usage.run(account, output).await,
            Self::Login(login) => login.run(account, output).await,
            Self::Logout(logout) => logout.run(account, output).await,
            Self::ConfigureDocker(configure) => configure.run(account, output).await,
            Self::Credentials(credentials) => credentials.run(account, output).await,
            Self::KubeletConfig(config) => config.run(account, output).await,
            Self::Cluster(cluster) => cluster.run(account, output).await,
            Self::Certificate(certificate) => certificate.run(account, output).await,
            Self::Completions(completions) => completions.run(account, output).await,
            Self::Man(man) => man.run(account, output).await,
            Self::Certificates(list) => list.run(account, output).await,
            Self::KubernetesSecret(secret) => secret.run(account, output).await,
            #[cfg(feature = "sandbox")]
            Self::Try(try_out) => try_out.run(output).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use clap::CommandFactory as _;

    use super::*;

    /// Commands that change nothing, except for what ends with them.
    const READING: [&str; 17] = [
        "registry list",
        "registry show",
        "registry options",
        "registry check-name",
        "repository list",
        "tag list",
        "image list",
        "image show",
        "gc wait",
        "gc list",
        "gc show",
        "usage",
        "kubelet-config",
        "certificate list",
        "certificate show",
        "completions",
        "try",
    ];

    /// All commands by name, without groups and former names.
    fn commands() -> Vec<(String, clap::Command)> {
        fn walk(above: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
            for below in command
                .get_subcommands()
                .filter(|below| !below.is_hide_set())
            {
                let name = format!("{above} {}", below.get_name()).trim().to_owned();
                match below.has_subcommands() {
                    true => walk(&name, below, all),
                    false => all.push((name, below.clone())),
                }
            }
        }
        let mut all = Vec::new();
        walk("", &Cli::command(), &mut all);
        assert!(all.len() > 35, "{}", all.len());
        all
    }

    #[test]
    fn commands_that_change_something_have_a_dry_run_and_others_do_not() {
        let commands = commands();
        for (name, command) in &commands {
            let mut arguments = command.get_arguments();
            let has_dry_run = arguments.any(|one| one.get_long() == Some("dry-run"));
            assert_ne!(has_dry_run, READING.contains(&name.as_str()), "{name}");
        }
        for name in READING {
            assert!(commands.iter().any(|(known, _)| known == name), "{name}");
        }
    }

    #[test]
    fn each_command_has_a_snapshot_of_each_form() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots");
        const PREFIX: &str = "suite__every_command__";
        let mut shown: BTreeSet<String> = fs::read_dir(&directory)
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let name = name.strip_prefix(PREFIX)?.strip_suffix(".snap")?;
                Some(name.to_owned())
            })
            .collect();
        for (name, _) in commands() {
            let name = name.replace(' ', "-");
            assert!(shown.remove(&name), "docr {name} has no snapshot");
            let text = fs::read_to_string(directory.join(format!("{PREFIX}{name}.snap"))).unwrap();
            for form in ["table", "json", "narrow", "error", "help"] {
                let heading = format!("\n=== {form}");
                assert!(text.contains(&heading), "{form} of docr {name}");
            }
        }
        // Those of docr itself, and none of removed commands.
        let docr = ["docr-alone", "docr-help"].map(str::to_owned);
        assert_eq!(shown, BTreeSet::from(docr));
    }
}
