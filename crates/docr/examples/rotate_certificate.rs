//! Replace a certificate that is in use: `cargo run -p docr --example rotate_certificate`.
//!
//! The old one is deleted only after the new one is verified, swapped in, and nothing uses the old one any more.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, io, sync::Arc, time::Duration};

use docr::{CertificatePair, Client, CreateCertificate, ManualClock, RotateError};
use docr_sandbox::{CertificateSeed, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::builder().issuance(Duration::ZERO).start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .clock(Arc::new(ManualClock::at("2026-01-01T12:00:00Z".parse()?)))
        .build()?;
    let certificates = docr.certificates();
    let old = CertificateSeed::lets_encrypt("shop-2026", ["shop.example.com"]);
    sandbox.add_certificate(old.in_use());

    // Checked before anything is created: the new one must be for all names of the old one.
    let incomplete = CreateCertificate::lets_encrypt("shop-2027", ["www.example.com"]);
    match certificates.check_rotation("shop-2026", &incomplete).await {
        Err(error) if error.is_invalid_input() => println!("{error}"),
        other => return Err(format!("expected invalid input: {other:?}").into()),
    }

    let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
    let swap = async |pair: CertificatePair| -> Result<(), io::Error> {
        // A program of yours gives its load balancers the new id here.
        println!("{} is verified; swapping", pair.new.name);
        sandbox.set_certificate_in_use(&pair.old.name, false);
        Ok(())
    };
    match certificates.rotate("shop-2026", wanted, swap).await {
        Ok(pair) => println!("{} was replaced by {}", pair.old.name, pair.new.name),
        // Both certificates are there; the error has them.
        Err(RotateError::NotDeleted { pair, source }) => {
            return Err(format!("delete {} later: {source}", pair.old.name).into());
        }
        Err(error) => return Err(error.into()),
    }
    let left = certificates.list().all().await?;
    match left.as_slice() {
        [only] if only.name == "shop-2027" => Ok(()),
        left => Err(format!("expected the new certificate alone: {left:?}").into()),
    }
}
