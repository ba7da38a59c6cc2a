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
    output::{Format, Outcome, OutputArguments, WrongInput},
    trace,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the service, the network or a file failed; the message says how
  2  the command or its input is wrong; nothing was sent
  3  done in part: something was left out, or what was looked for was found
  4  it may have been done, although it failed: look before you try again
  130  interrupted: what was under way was finished and is reported, nothing more was begun";

/// DigitalOcean's Container Registry and its TLS certificates, and the jobs around them.
///
/// The token comes from DIGITALOCEAN_TOKEN, DIGITALOCEAN_ACCESS_TOKEN, or else from doctl's configuration; or from where a
/// profile of docr's own says. With --sandbox everything happens in a local sandbox with sample images, and nothing is real.
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

/// The commands; each one's help stands with its arguments.
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
    /// The older name of `docr certificate list`.
    #[command(hide = true)]
    Certificates(Certificates),
    /// The older name of `docr credentials kubernetes-secret`.
    #[command(hide = true)]
    KubernetesSecret(KubernetesSecret),
}

impl Cli {
    /// How to show errors, as far as the options say it.
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
        if output.format == Format::Prometheus && !matches!(command, Command::Usage(_)) {
            let message = "--output prometheus is for docr usage alone";
            return Err(WrongInput(message.to_owned()).into());
        }
        match command {
            Command::Registry(registry) => registry.run(account, output).await,
            Command::Repository(repository) => repository.run(account, output).await,
            Command::Tag(tag) => tag.run(account, output).await,
            Command::Image(image) => image.run(account, output).await,
            Command::Prune(prune) => prune.run(account, output).await,
            Command::Gc(gc) => gc.run(account, output).await,
            Command::Usage(usage) => usage.run(account, output).await,
            Command::Login(login) => login.run(account, output).await,
            Command::Logout(logout) => logout.run(account, output).await,
            Command::ConfigureDocker(configure) => configure.run(account, output).await,
            Command::Credentials(credentials) => credentials.run(account, output).await,
            Command::KubeletConfig(config) => config.run(account, output).await,
            Command::Cluster(cluster) => cluster.run(account, output).await,
            Command::Certificate(certificate) => certificate.run(account, output).await,
            Command::Completions(completions) => completions.run(account, output).await,
            Command::Man(man) => man.run(account, output).await,
            Command::Certificates(list) => list.run(account, output).await,
            Command::KubernetesSecret(secret) => secret.run(account, output).await,
            #[cfg(feature = "sandbox")]
            Command::Try(try_out) => try_out.run(output).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use clap::CommandFactory as _;

    use super::*;

    /// Those that change nothing anywhere, but for what lives no longer than they do.
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

    /// The commands of the tree that do something, by their names; older names of others left out.
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
    fn what_changes_something_has_a_dry_run_and_what_reads_has_none() {
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
    fn each_command_is_shown_in_each_form() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots");
        const PREFIX: &str = "suite__every_command__";
        let mut shown: BTreeSet<String> = fs::read_dir(&folder)
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
            let text = fs::read_to_string(folder.join(format!("{PREFIX}{name}.snap"))).unwrap();
            for form in ["table", "json", "narrow", "error", "help"] {
                let heading = format!("\n=== {form}");
                assert!(text.contains(&heading), "{form} of docr {name}");
            }
        }
        // docr itself, and none of commands that are no longer there.
        let docr = ["docr-alone", "docr-help"].map(str::to_owned);
        assert_eq!(shown, BTreeSet::from(docr));
    }
}
