//! `docr configure-docker`

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args;
use docr::{DockerConfig, retention::Age};
use serde_json::json;

use super::{credentials::expiry::check_lifetime, docker};
use crate::{
    account::{AccountArguments, Choices},
    help::{Examples, examples},
    helpers::{
        HELPER,
        settings::{Scope, Settings},
    },
    output::{Outcome, Output, WrongInput},
};

const PROGRAM: &str = "docker-credential-docr";

const EXAMPLES: Examples = [
    (
        "For pulls, with credentials that are valid for two hours",
        "docr configure-docker --expires-in 2h",
    ),
    (
        "Show whether there is something to undo",
        "docr configure-docker --undo --dry-run",
    ),
];

/// Let Docker, Podman and others get credentials from docr on demand.
///
/// Sets docker-credential-docr as the credential helper for the registry in Docker's configuration, and changes nothing
/// else there.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct ConfigureDocker {
    /// Remove the credential helper again.
    #[arg(long)]
    undo: bool,
    /// Mint credentials that can also push and delete.
    #[arg(long, conflicts_with = "undo")]
    read_write: bool,
    /// Lifetime of each credential [default: 12h].
    #[arg(long, value_name = "AGE", conflicts_with = "undo")]
    expires_in: Option<Age>,
    /// Docker's configuration file [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Show what would be configured, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl ConfigureDocker {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let host = &account.host();
        let (path, mut config) = docker::open(self.config_file.clone(), host)?;
        if self.undo {
            return self.undo(host, &path, config, output);
        }
        if let Some(lifetime) = self.expires_in {
            check_lifetime(lifetime, "")?;
        }
        if !is_on_path(PROGRAM) {
            let here = env::current_exe().ok();
            let here = here.as_deref().and_then(Path::parent);
            let place = match here.filter(|here| here.join(PROGRAM).is_file()) {
                Some(here) => format!("; add {} to PATH", here.display()),
                None => "; it is installed together with docr".to_owned(),
            };
            return Err(WrongInput(format!(
                "{PROGRAM} is not in PATH, where Docker looks for it{place}"
            ))
            .into());
        }
        let Choices {
            registry,
            context,
            profile,
        } = account.choices()?;
        let settings = Settings {
            scope: self.read_write.then_some(Scope::ReadWrite),
            lifetime: self.expires_in,
            registry,
            context,
            profile,
        };
        config.use_helper(Some(HELPER))?;
        if !self.dry_run {
            settings.save()?;
            config.save()?;
        }
        let may = if self.read_write {
            "pull, push and delete"
        } else {
            "pull"
        };
        let each = Age::from_duration(settings.lifetime());
        let text = match self.dry_run {
            false => format!(
                "Docker now gets credentials for {host} from docr on demand. They can {may}, and each is valid for {each}."
            ),
            true => format!(
                "Docker would get credentials for {host} from docr on demand. They could {may}, and each would be valid for {each}."
            ),
        };
        output.show(
            text,
            &json!({ "host": host, "helper": HELPER, "changed": !self.dry_run }),
        )?;
        Ok(Outcome::Done)
    }

    fn undo(
        &self,
        host: &str,
        path: &Path,
        mut config: DockerConfig,
        output: &Output,
    ) -> Result<Outcome> {
        let helper = config.helper()?;
        let is_ours = helper.as_deref() == Some(HELPER);
        if !self.dry_run {
            if is_ours {
                config.use_helper(None)?;
                config.save()?;
            }
            Settings::delete()?;
        }
        let text = match (is_ours, self.dry_run) {
            (false, _) => format!(
                "docr is not the credential helper for {host} in {}.",
                path.display()
            ),
            (true, false) => {
                format!("Docker no longer gets credentials for {host} from docr.")
            }
            (true, true) => {
                format!("Docker would no longer get credentials for {host} from docr.")
            }
        };
        let is_changed = is_ours && !self.dry_run;
        let helper = helper.filter(|_| self.dry_run && is_ours);
        let json = json!({ "host": host, "helper": helper, "changed": is_changed });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let program = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&path).any(|directory| directory.join(&program).is_file())
}
