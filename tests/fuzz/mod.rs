//! Whatever a text from outside holds, its reader neither panics nor hangs, reports a failure in a few words without the
//! secrets that the text holds, and reads again what it has written.
//!
//! Each target begins with the files of its corpus as they are, so that what was found once is a test, and continues with
//! mutations of them. The seed `DOCR_FUZZ_SEED`, 0 by default, decides all, with `DOCR_FUZZ_CASES` for each target, 400 by default. A
//! failure names both, and the input.
//!
//! The mutations are made here and not by a fuzzing library. What guides such a one, the coverage of a run, takes a
//! sanitizer, which stable Rust doesn't build with; without that it makes random inputs as well, for a dozen more crates.

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

/// Stands in the corpus where a secret would, and in no text that is shown.
const SECRET: &str = "dop_v1_5ec2e7a0b1c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5";

/// The longest message, in bytes, whatever has led to it.
const LONGEST_MESSAGE: usize = 16_000;

/// The inputs of a target, one by one.
struct Inputs {
    target: &'static str,
    corpus: Vec<Vec<u8>>,
    mutations: Mutations,
    seed: u64,
    cases: usize,
    next: usize,
}

impl Inputs {
    /// Those of a directory of the corpus: as many as are wanted, or a share of them where one takes its time.
    fn of(target: &'static str, share: usize) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let folder = folder.join(target);
        let mut files: Vec<_> = { fs::read_dir(&folder).unwrap() }
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
    #[allow(clippy::print_stderr, reason = "a failure says how it is found again")]
    fn hold(self, property: impl Fn(&[u8])) {
        for (input, case) in self {
            let held = catch_unwind(AssertUnwindSafe(|| property(&input)));
            if let Err(panic) = held {
                eprintln!("{case}");
                resume_unwind(panic);
            }
        }
    }

    /// Checks a property for every input as text; invalid UTF-8 is replaced.
    fn hold_for_texts(self, property: impl Fn(&str)) {
        self.hold(|input| property(&String::from_utf8_lossy(input)));
    }
}

impl Iterator for Inputs {
    /// An input, and how it is found again.
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

/// A message about an input is short, and shows no secret of it.
fn is_fit_to_be_shown(message: &str) {
    shows_no_secret(message);
    assert!(
        message.len() <= LONGEST_MESSAGE,
        "{} bytes: {message}",
        message.len()
    );
}

fn shows_no_secret(message: &str) {
    // A run as long as this would reveal a secret.
    let shown = SECRET.as_bytes().windows(16).any(|run| {
        message
            .as_bytes()
            .windows(run.len())
            .any(|shown| shown == run)
    });
    assert!(!shown, "a secret is shown: {message}");
}
