//! Opening Docker's configuration.

use std::path::PathBuf;

use anyhow::Result;
use docr::DockerConfig;

/// Opens the given file, or else the one that Docker uses, for the entries of a host.
pub(super) fn open(file: Option<PathBuf>, host: &str) -> Result<(PathBuf, DockerConfig)> {
    let path = match file {
        Some(path) => path,
        None => DockerConfig::default_path()?,
    };
    let config = DockerConfig::load(&path)?.host(host);
    Ok((path, config))
}
