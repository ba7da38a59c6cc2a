//! Whatever an external text contains, its parser neither panics nor hangs, reports an error in a short message without
//! the text's secrets, and reads what it has written.
//!
//! Each target starts with the files of its corpus, which include earlier findings, and continues with mutations of them:
//! `DOCR_FUZZ_CASES` of them, 400 by default, from the seed `DOCR_FUZZ_SEED`, 0 by default. A failure names the seed, the
//! case and the input.
//!
//! The mutations don't come from a fuzzing library: coverage, which guides one, needs a sanitizer that stable Rust lacks,
//! and without coverage it makes random inputs as well, for a dozen more crates.

mod mutation;
mod protocol;
mod responses;
mod texts;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use self::mutation::Mutations;

/// The secret in the corpus. No message may show it.
const SECRET: &str = "dop_v1_5ec2e7a0b1c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5";

/// The longest message, in bytes, for any input.
const LONGEST_MESSAGE: usize = 16_000;

/// The inputs of a target.
struct Inputs {
    target: &'static str,
    corpus: Vec<Vec<u8>>,
    mutations: Mutations,
    seed: u64,
    cases: usize,
    next: usize,
}

impl Inputs {
    /// The inputs from a directory of the corpus. For slow targets, the number of mutations is divided by `share`.
    fn of(target: &'static str, share: usize) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let directory = directory.join(target);
        let mut files: Vec<_> = { fs::read_dir(&directory).unwrap() }
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let corpus = files.iter().map(|file| fs::read(file).unwrap());
        Self::with(target, corpus.collect(), share)
    }

    fn with(target: &'static str, corpus: Vec<Vec<u8>>, share: usize) -> Self {
        let set = |name: &str| env::var(name).ok()?.parse().ok();
        let seed = set("DOCR_FUZZ_SEED").unwrap_or(0);
        let cases = set("DOCR_FUZZ_CASES").unwrap_or(400);
        Self {
            target,
            mutations: Mutations::new(seed, &corpus),
            corpus,
            seed,
            cases: usize::try_from(cases).unwrap() / share,
            next: 0,
        }
    }

    /// Checks a property for every input.
    #[allow(clippy::print_stderr, reason = "a failure prints how to reproduce it")]
    fn check(self, property: impl Fn(&[u8])) {
        for (input, case) in self {
            let held = catch_unwind(AssertUnwindSafe(|| property(&input)));
            if let Err(panic) = held {
                eprintln!("{case}");
                resume_unwind(panic);
            }
        }
    }

    /// Checks a property for every input as text; invalid UTF-8 is replaced.
    fn check_texts(self, property: impl Fn(&str)) {
        self.check(|input| property(&String::from_utf8_lossy(input)));
    }
}

impl Iterator for Inputs {
    /// An input, and how to reproduce it.
    type Item = (Vec<u8>, String);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        self.next += 1;
        let input = match self.corpus.get(number) {
            Some(input) => input.clone(),
            None if number < self.corpus.len() + self.cases => self.mutations.next(&self.corpus),
            None => return None,
        };
        let (target, seed) = (self.target, self.seed);
        let case = format!(
            "case {number} of {target} with DOCR_FUZZ_SEED={seed}: {}",
            input.escape_ascii()
        );
        Some((input, case))
    }
}

/// Checks that a message about an input is short and shows none of its secrets.
fn assert_presentable(message: &str) {
    assert_hides_secret(message);
    assert!(
        message.len() <= LONGEST_MESSAGE,
        "{} bytes: {message}",
        message.len()
    );
}

fn assert_hides_secret(message: &str) {
    // A fragment this long would reveal a secret.
    let shown = SECRET.as_bytes().windows(16).any(|run| {
        message
            .as_bytes()
            .windows(run.len())
            .any(|shown| shown == run)
    });
    assert!(!shown, "a secret is shown: {message}");
}
