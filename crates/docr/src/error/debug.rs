//! An error as `main` and `unwrap` print it: message, causes and what a support case needs, a line each.

use std::{error::Error as _, fmt};

use super::Error;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        write!(f, "\n  kind: {}", self.kind().as_str())?;
        fact(f, "operation", self.operation())?;
        fact(f, "status", self.status())?;
        fact(f, "id", self.api_id())?;
        fact(f, "request id", self.request_id())?;
        if let Some(limit) = self.rate_limit() {
            let (left, of, reset) = (limit.remaining, limit.limit, limit.reset);
            write!(
                f,
                "\n  rate limit: {left} of {of} left, one more at {reset}"
            )?;
        }
        match self.attempts() {
            0 => Ok(()),
            attempts => write!(f, "\n  attempts: {attempts}, in {:?}", self.elapsed()),
        }
    }
}

fn fact(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "\n  {name}: {value}"),
        None => Ok(()),
    }
}
