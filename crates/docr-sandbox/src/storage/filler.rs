//! Layers of any size that take no memory: their bytes are generated when they are read.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::body::Bytes;

use super::digest::{Algorithm, Hasher};

/// The length of the block that all fillers repeat.
const BLOCK: u64 = 256 * 1024;
/// The number of blocks after which the state of the hash is kept.
const REMEMBERED: u64 = 4;
/// The length of the seed, with which a filler ends.
const SEED: u64 = 8;
/// The digests of the samples' large layers by seed and length, which need not be hashed at the start.
const SAMPLES: [(u64, u64, &str); 2] = [
    (
        1,
        30 << 20,
        "sha256:726397879c007ec463aba7ee58dab8b58bbcc3bebff516bb00549fe17558a02f",
    ),
    (
        9,
        400 << 20,
        "sha256:2127a9ae53212620a69aecbd9eb70662eae1122e236d2c66237456959541d1a4",
    ),
];

/// A stream that depends on a seed and a length. All repeat one block and end with their seed, so that the hash of one is
/// reused for longer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filler {
    seed: u64,
    bytes: u64,
}

impl Filler {
    pub(crate) fn new(seed: u64, bytes: u64) -> Self {
        Self { seed, bytes }
    }

    pub(super) fn seed(self) -> u64 {
        self.seed
    }

    pub(crate) fn bytes(self) -> u64 {
        self.bytes
    }

    /// The digest of the stream. Only the part that was not hashed before is read, nothing of a sample's layer.
    pub(crate) fn digest(self) -> String {
        let mut samples = SAMPLES.iter();
        let sample = samples.find(|(seed, bytes, _)| (*seed, *bytes) == (self.seed, self.bytes));
        match sample {
            Some((.., digest)) => (*digest).to_owned(),
            None => self.hash(),
        }
    }

    fn hash(self) -> String {
        let blocks = self.seed_at() / BLOCK;
        let mut hasher = hashed(blocks);
        let mut at = blocks * BLOCK;
        while at < self.bytes {
            let next = self.read(at, usize::MAX);
            at += next.len() as u64;
            hasher.update(&next);
        }
        hasher.finish()
    }

    /// Some bytes from `offset`: at most so many, and at least one before the end.
    pub(super) fn read(self, offset: u64, most: usize) -> Bytes {
        let (whole, seed_at) = (block(), self.seed_at());
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        if offset < seed_at {
            let begin = offset % BLOCK;
            let length = (BLOCK - begin).min(seed_at - offset).min(most);
            return whole.slice(index(begin)..index(begin + length));
        }
        let seed = self.seed.to_le_bytes();
        let begin = (offset - seed_at).min(SEED);
        let end = (self.bytes - seed_at).min(begin.saturating_add(most));
        Bytes::copy_from_slice(seed.get(index(begin)..index(end)).unwrap_or_default())
    }

    fn seed_at(self) -> u64 {
        self.bytes.saturating_sub(SEED)
    }
}

/// Pseudorandom bytes, generated once (SplitMix64).
fn block() -> &'static Bytes {
    static MADE: OnceLock<Bytes> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut state = 0_u64;
        let words = (0..BLOCK / 8).flat_map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)).to_le_bytes()
        });
        words.collect()
    })
}

/// The hash of so many blocks.
fn hashed(blocks: u64) -> Hasher {
    static KNOWN: Mutex<BTreeMap<u64, Hasher>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let nearest = known()
        .range(..=blocks)
        .next_back()
        .map(|(done, hasher)| (*done, hasher.clone()));
    let (mut done, mut hasher) = nearest.unwrap_or((0, Hasher::new(Algorithm::Sha256)));
    while done < blocks {
        hasher.update(block());
        done += 1;
        if done % REMEMBERED == 0 {
            known().insert(done, hasher.clone());
        }
    }
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(filler: Filler, step: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < filler.bytes() {
            let next = filler.read(bytes.len() as u64, step);
            assert!(!next.is_empty() && next.len() <= step);
            bytes.extend_from_slice(&next);
        }
        bytes
    }

    #[test]
    fn a_filler_has_its_length_and_its_digest_is_that_of_its_bytes() {
        for bytes in [0, 1, 7, 8, 9, 1000, BLOCK, BLOCK + 8, 9 * BLOCK + 12_345] {
            let filler = Filler::new(42, bytes);
            let content = all(filler, 100_000);
            assert_eq!(content.len() as u64, bytes);
            assert_eq!(content, all(filler, usize::MAX));
            assert_eq!(filler.digest(), Algorithm::Sha256.digest(&content));
        }
    }

    #[test]
    fn the_digests_of_the_samples_layers_are_those_of_their_bytes() {
        for (seed, bytes, digest) in SAMPLES {
            let filler = Filler::new(seed, bytes);
            assert_eq!(filler.hash(), digest);
            assert_eq!(filler.digest(), digest);
        }
    }

    #[test]
    fn seeds_and_lengths_make_fillers_differ_down_to_a_byte() {
        let digest = |seed, bytes| Filler::new(seed, bytes).digest();
        assert_ne!(digest(1, 1), digest(2, 1));
        assert_ne!(digest(1, 100), digest(2, 100));
        assert_ne!(digest(1, 100), digest(1, 101));
        assert_eq!(digest(3, 300_000), digest(3, 300_000));
    }
}
