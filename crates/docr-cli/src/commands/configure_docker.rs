//! `docr configure-docker`

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::Args;
use docr::{DockerConfig, retention::Age};
use serde_json::json;

use super::docker;
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
        "To pull, with credentials that live for two hours",
        "docr configure-docker --expires-in 2h",
    ),
    (
        "Take it out again; first, show whether it is there",
        "docr configure-docker --undo --dry-run",
    ),
];

/// Let Docker, Podman and others get credentials from docr whenever they need some.
///
/// Names the program docker-credential-docr in Docker's configuration as the helper for the registry. All else in it stays
/// as it is.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct ConfigureDocker {
    /// Take it out again.
    #[arg(long)]
    undo: bool,
    /// Credentials that can also push and delete.
    #[arg(long, conflicts_with = "undo")]
    read_write: bool,
    /// How long each credential is good for [default: 12h].
    #[arg(long, value_name = "AGE", conflicts_with = "undo")]
    expires_in: Option<Age>,
    /// Docker's configuration [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Show what would be configured, and do nothing.
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
        if !is_on_path(PROGRAM) {
            let here = env::current_exe().ok();
            let here = here.as_deref().and_then(Path::parent);
            let place = match here.filter(|here| here.join(PROGRAM).is_file()) {
                Some(here) => format!("; it is in {}, which has to be in PATH", here.display()),
                None => "; it is installed together with docr".to_owned(),
            };
            return Err(WrongInput(format!(
                "Docker would not find {PROGRAM}: it is not in PATH{place}"
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
        if settings.lifetime().as_secs() == 0 {
            return Err(WrongInput(
                "--expires-in 0s: a credential has to be good for a second at least".to_owned(),
            )
            .into());
        }
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
                "Docker gets credentials for {host} from docr now, whenever it needs some. They can {may}, for {each} each."
            ),
            true => format!(
                "Docker would get credentials for {host} from docr, whenever it needs some. They could {may}, for {each} each."
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
            (false, _) => format!("{} names no helper of docr's for {host}.", path.display()),
            (true, false) => {
                format!("Docker doesn't get credentials for {host} from docr any more.")
            }
            (true, true) => {
                format!("Docker would not get credentials for {host} from docr any more.")
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
