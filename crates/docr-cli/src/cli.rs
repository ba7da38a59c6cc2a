//! What can be asked for.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use docr::{GarbageCollectionType, RegistryName, retention::Age};

use crate::{account::AccountArguments, output::Format};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the service, the network or a file failed; the message says how
  2  the command or its input is wrong; nothing was sent
  3  done in part: something was left out, or what was looked for was found
  4  it may have been done, although it failed: look before you try again";

/// Jobs around a DigitalOcean Container Registry.
///
/// The token comes from DIGITALOCEAN_TOKEN, DIGITALOCEAN_ACCESS_TOKEN, or else from doctl's configuration.
/// With --sandbox everything happens in a local sandbox with sample images, and nothing is real.
#[derive(Parser)]
#[command(name = "docr", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) account: AccountArguments,
    /// How to show the result.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give Docker credentials for the registry.
    Login(Login),
    /// Print a pull secret for Kubernetes, to be piped to `kubectl apply -f -`.
    KubernetesSecret(KubernetesSecretArguments),
    /// Garbage collections, which free the storage of what was deleted.
    Gc {
        #[command(subcommand)]
        command: Gc,
    },
    /// Delete old tags and manifests by rules.
    Prune(Prune),
    /// Show what is stored, by repository, and how much of the tier it takes.
    Usage,
    /// List the TLS certificates.
    Certificates(Certificates),
}

#[derive(Args)]
pub(crate) struct Expiry {
    /// How long the credentials are good for, such as 12h or 30d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub(crate) expires_in: Age,
    /// Credentials that are good until they are revoked.
    #[arg(long, conflicts_with = "expires_in")]
    pub(crate) never_expires: bool,
}

#[derive(Args)]
pub(crate) struct Login {
    /// Credentials that can pull only.
    #[arg(long)]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
    /// Docker's configuration [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct KubernetesSecretArguments {
    /// Name of the secret [default: registry- and the registry's name].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Namespace of the secret, more than once for several [default: kube-system, from where DigitalOcean's
    /// Kubernetes copies it to all].
    #[arg(long = "namespace", short)]
    pub(crate) namespaces: Vec<String>,
    #[command(flatten)]
    pub(crate) expiry: Expiry,
}

#[derive(Subcommand)]
pub(crate) enum Gc {
    /// Start a garbage collection. The registry is read-only until it ends.
    Run {
        /// What to remove.
        #[arg(long = "type", value_enum)]
        what: What,
        /// Wait for its end.
        #[arg(long)]
        wait: bool,
    },
    /// Show the last garbage collections.
    List,
    /// Cancel the active garbage collection.
    Cancel,
}

/// What a garbage collection removes.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum What {
    /// Manifests without a tag; their storage is freed by another run only.
    UntaggedManifests,
    /// Blobs that no manifest needs.
    UnreferencedBlobs,
    /// Both: all that no tag leads to.
    Both,
}

impl From<What> for GarbageCollectionType {
    fn from(what: What) -> Self {
        match what {
            What::UntaggedManifests => Self::UntaggedManifestsOnly,
            What::UnreferencedBlobs => Self::UnreferencedBlobsOnly,
            What::Both => Self::UntaggedManifestsAndUnreferencedBlobs,
        }
    }
}

#[derive(Args)]
#[command(group = ArgGroup::new("mode").required(true).args(["plan", "apply", "schema"]))]
pub(crate) struct Prune {
    /// Show what would go, and why the rest stays.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Delete what goes, after asking.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Print the JSON Schema of a file of rules.
    #[arg(long)]
    pub(crate) schema: bool,
    /// The rules, in TOML.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep_newest", "older_than", "protect", "untagged", "from"])]
    pub(crate) rules: Option<PathBuf>,
    /// Keep so many of the newest tags of each repository.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_newest: Option<u32>,
    /// Delete only what is older, such as 30d.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<Age>,
    /// Keep tags that match this pattern, such as v*; more than once for several.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) protect: Vec<String>,
    /// Delete manifests without tags, too, but for the parts of multi-platform images that stay.
    #[arg(long)]
    pub(crate) untagged: bool,
    /// Write the plan to a file, to be applied later.
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub(crate) save: Option<PathBuf>,
    /// Apply a plan from a file.
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub(crate) from: Option<PathBuf>,
    /// Don't ask.
    #[arg(long, short, requires = "apply")]
    pub(crate) yes: bool,
    /// Don't ask the registry which manifests are parts of multi-platform images, and delete them although it is
    /// unknown.
    #[arg(long)]
    pub(crate) even_unknown_parts: bool,
    /// Collect the garbage afterwards, and wait for it.
    #[arg(long, requires = "apply")]
    pub(crate) gc: bool,
}

#[derive(Args)]
pub(crate) struct Certificates {
    /// List only those that expire within this time; if there are any, the exit code is 3.
    #[arg(long, value_name = "AGE")]
    pub(crate) expiring_within: Option<Age>,
}

/// Which registry is meant.
#[derive(Args)]
pub(crate) struct RegistryArgument {
    /// The registry [default: the account's only one].
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) registry: Option<RegistryName>,
}
