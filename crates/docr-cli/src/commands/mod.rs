//! A directory for each noun, and a file for each command with its arguments, its help and its code.

/// Defines a noun with its verbs, each a command in a file of its own.
macro_rules! noun {
    ($(#[$doc:meta])* $noun:ident: $($(#[$attribute:meta])* $verb:ident($arguments:ty)),+ $(,)?) => {
        $(#[$doc])*
        #[derive(clap::Args)]
        #[command(arg_required_else_help = true)]
        pub(crate) struct $noun {
            #[command(subcommand)]
            command: Command,
        }

        #[derive(clap::Subcommand)]
        enum Command {
            $($(#[$attribute])* $verb($arguments)),+
        }

        impl $noun {
            pub(crate) async fn run(
                self,
                account: crate::account::AccountArguments,
                output: &crate::output::Output,
            ) -> anyhow::Result<crate::output::Outcome> {
                match self.command {
                    $(Command::$verb(verb) => verb.run(account, output).await),+
                }
            }
        }
    };
}

pub(crate) mod certificate;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod configure_docker;
pub(crate) mod credentials;
mod deletion;
mod docker;
pub(crate) mod gc;
pub(crate) mod image;
pub(crate) mod kubelet_config;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod prune;
pub(crate) mod registry;
pub(crate) mod repository;
pub(crate) mod tag;
#[cfg(feature = "sandbox")]
pub(crate) mod try_out;
pub(crate) mod usage;
