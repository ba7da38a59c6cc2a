//! Docker's configuration, as the commands that change it open it.

use std::path::PathBuf;

use anyhow::Result;
use docr::DockerConfig;

/// The file that is named or that Docker uses, and what is in it for a host.
pub(super) fn open(file: Option<PathBuf>, host: &str) -> Result<(PathBuf, DockerConfig)> {
    let path = match file {
        Some(path) => path,
        None => DockerConfig::default_path()?,
    };
    let config = DockerConfig::load(&path)?.host(host);
    Ok((path, config))
}
