//! `docr certificate create`

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use docr::{Certificate, CreateCertificate, Secret};

use super::list::columns;
use crate::{
    account::{Account, AccountArguments},
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{About as _, Outcome, Output, Subject, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "From Let's Encrypt, waiting until it is issued",
        "docr certificate create shop --dns-name shop.example.com --dns-name www.shop.example.com --wait",
    ),
    (
        "Your own",
        "docr certificate create mail-2026 --private-key key.pem --leaf-certificate cert.pem",
    ),
];

/// The certificate to create.
#[derive(Args)]
pub(super) struct Wanted {
    /// Name of the new certificate, unique within the account.
    name: String,
    /// Domain name that Let's Encrypt is to issue it for, in a domain that DigitalOcean manages; repeat for several.
    #[arg(
        long = "dns-name",
        value_name = "NAME",
        required_unless_present = "private_key"
    )]
    dns_names: Vec<String>,
    /// Private key of your own certificate: a PEM file, or - for standard input.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "dns_names",
        requires = "leaf_certificate"
    )]
    private_key: Option<PathBuf>,
    /// Your own certificate: a PEM file.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    leaf_certificate: Option<PathBuf>,
    /// Intermediate certificates of your own certificate: a PEM file.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    chain: Option<PathBuf>,
}

impl Wanted {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the files.
    pub(super) fn request(&self) -> Result<CreateCertificate> {
        let (Some(key), Some(leaf)) = (&self.private_key, &self.leaf_certificate) else {
            let names = self.dns_names.iter().cloned();
            return Ok(CreateCertificate::lets_encrypt(&self.name, names));
        };
        let request = CreateCertificate::custom(&self.name, private_key(key)?, read(leaf)?);
        match &self.chain {
            Some(chain) => Ok(request.chain(read(chain)?)),
            None => Ok(request),
        }
    }
}

fn private_key(file: &Path) -> Result<Secret> {
    if file.as_os_str() != "-" {
        return Ok(read(file)?.into());
    }
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .context("standard input")?;
    Ok(text.into())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// Create a certificate from Let's Encrypt, or upload your own.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Create {
    #[command(flatten)]
    wanted: Wanted,
    /// Wait until Let's Encrypt has issued it.
    #[arg(long)]
    wait: bool,
    /// Check the request, and create nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Create {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let wanted = self.wanted.request()?;
        let account = account.open(output).await?;
        let columns = output.checked(columns(account.now()))?;
        wanted.check(account.now())?;
        let subject = || Subject::Certificate(self.wanted.name.clone());
        if self.dry_run {
            try_out(&account, &wanted).await?;
            let text = format!("The {} would be created.", subject());
            output.show_unless_lines(text, &serde_json::json!({ "would_be_created": true }))?;
            return Ok(Outcome::Done);
        }
        let interrupt = Interrupt::listen()?;
        let certificates = account.docr.certificates();
        let certificates = certificates.with(|calls| interrupt.stops(calls));
        let created = certificates.create(wanted).await;
        let created = created.about(subject)?;
        let certificate = match self.wait {
            true => match wait(&account, &created, output, &interrupt).await? {
                Some(issued) => issued,
                None => return Ok(Outcome::Interrupted),
            },
            false => created,
        };
        output.record(&certificate, &columns)?;
        Ok(Outcome::Done)
    }
}

/// Refuses a name that is taken.
pub(super) async fn try_out(account: &Account, wanted: &CreateCertificate) -> Result<()> {
    let name = wanted.name();
    match account.docr.certificates().get_by_name_opt(name).await? {
        None => Ok(()),
        Some(_) => {
            let message = format!("certificate {name:?} already exists in this account");
            Err(WrongInput(message).into())
        }
    }
}

/// Waits for Let's Encrypt; `None` if interrupted.
async fn wait(
    account: &Account,
    created: &Certificate,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Option<Certificate>> {
    let _progress = output.progress("waiting for Let's Encrypt to issue the certificate");
    let certificates = account.docr.certificates();
    let issued = certificates.wait_until_issued(created);
    let Some(issued) = interrupt.unless(issued).await else {
        output.warn(format_args!(
            "Certificate {:?} was created but is not issued yet; check it with `docr certificate list`.",
            created.name
        ));
        return Ok(None);
    };
    Ok(Some(
        issued.about(|| Subject::Certificate(created.name.clone()))?,
    ))
}
