//! Inputs that are nearly valid: mutations of those of a corpus.

use fastrand::Rng;

/// Fragments that parsers stumble over.
const ODD: [&[u8]; 30] = [
    b"\0",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"%00",
    b"%2F",
    b"%",
    b"..",
    b"/",
    b"\\",
    b"\"",
    b"'",
    b"{",
    b"[",
    b"]}",
    b",",
    b":",
    b"@",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"1e400",
    b"null",
    b"9999-12-31T23:59:60Z",
    b"-----BEGIN ",
];
/// The longest input.
const LONGEST: usize = 100_000;

pub(super) struct Mutations {
    random: Rng,
    /// The words of the corpus, between its separators.
    words: Vec<Vec<u8>>,
}

impl Mutations {
    pub(super) fn new(seed: u64, corpus: &[Vec<u8>]) -> Self {
        let is_separator = |byte: &u8| b" \n\"',:;=/[]{}()".contains(byte);
        let words = corpus.iter().flat_map(|input| input.split(is_separator));
        let mut words: Vec<_> = words
            .filter(|word| !word.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        words.sort();
        words.dedup();
        Self {
            random: Rng::with_seed(seed),
            words,
        }
    }

    /// An input of the corpus, changed in one or several places.
    pub(super) fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one_of(corpus).unwrap_or_default();
        for _ in 0..1 + self.random.usize(..4) {
            self.change(&mut input, corpus);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let begin = self.random.usize(..=input.len());
        let most = if self.random.bool() { 4 } else { 64 };
        let end = (begin + self.random.usize(..=most)).min(input.len());
        let new: Vec<u8> = match self.random.u8(..9) {
            // Removed.
            0 => Vec::new(),
            1 => vec![self.random.u8(..); end - begin],
            2 => self.random.choice(ODD).unwrap_or_default().to_vec(),
            3 => self.random.choice(&self.words).cloned().unwrap_or_default(),
            // Twice, or very often.
            4 => input[begin..end].repeat(2),
            5 => {
                let often = 1 << self.random.u32(..14);
                let part = input[begin..end].to_vec();
                let most = LONGEST / part.len().max(1);
                part.repeat(often.min(most))
            }
            // Something from elsewhere in the input.
            6 => {
                let from = self.random.usize(..=input.len());
                let to = (from + (end - begin)).min(input.len());
                input[from..to].to_vec()
            }
            // The end of another input.
            7 => {
                let other = self.one_of(corpus).unwrap_or_default();
                let from = self.random.usize(..=other.len());
                input.truncate(begin);
                other[from..].to_vec()
            }
            // Cut off.
            _ => {
                input.truncate(begin);
                Vec::new()
            }
        };
        let end = end.min(input.len());
        input.splice(begin..end, new);
    }

    fn one_of(&mut self, all: &[Vec<u8>]) -> Option<Vec<u8>> {
        self.random.choice(all).cloned()
    }
}
