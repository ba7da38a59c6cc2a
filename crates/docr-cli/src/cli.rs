//! The root command: its global options, and the commands that it dispatches to.

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    account::AccountArguments,
    commands::{
        certificates::Certificates, configure_docker::ConfigureDocker, gc::Gc,
        kubelet_config::KubeletConfig, kubernetes_secret::KubernetesSecret, login::Login,
        logout::Logout, prune::Prune, usage::Usage,
    },
    output::{Format, Outcome},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the service, the network or a file failed; the message says how
  2  the command or its input is wrong; nothing was sent
  3  done in part: something was left out, or what was looked for was found
  4  it may have been done, although it failed: look before you try again
  130  interrupted: what was under way was finished and is reported, nothing more was begun";

/// Jobs around a DigitalOcean Container Registry.
///
/// The token comes from DIGITALOCEAN_TOKEN, DIGITALOCEAN_ACCESS_TOKEN, or else from doctl's configuration.
/// With --sandbox everything happens in a local sandbox with sample images, and nothing is real.
#[derive(Parser)]
#[command(name = "docr", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    account: AccountArguments,
    /// How to show the result.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    #[command(subcommand)]
    command: Command,
}

/// The commands; each one's help stands with its arguments.
#[derive(Subcommand)]
enum Command {
    Login(Login),
    Logout(Logout),
    ConfigureDocker(ConfigureDocker),
    KubeletConfig(KubeletConfig),
    KubernetesSecret(KubernetesSecret),
    Gc(Gc),
    Prune(Prune),
    Usage(Usage),
    Certificates(Certificates),
}

impl Cli {
    pub(crate) async fn run(self) -> Result<Outcome> {
        let Self {
            account,
            output,
            command,
        } = self;
        match command {
            Command::Login(login) => login.run(account, output).await,
            Command::Logout(logout) => logout.run(account, output).await,
            Command::ConfigureDocker(configure) => configure.run(account, output).await,
            Command::KubeletConfig(config) => config.run(account, output).await,
            Command::KubernetesSecret(secret) => secret.run(account, output).await,
            Command::Gc(gc) => gc.run(account, output).await,
            Command::Prune(prune) => prune.run(account, output).await,
            Command::Usage(usage) => usage.run(account, output).await,
            Command::Certificates(certificates) => certificates.run(account, output).await,
        }
    }
}
