//! Ids and secrets: reproducible from a seed, and distinct within a sandbox.

use serde::{Deserialize, Serialize};

/// A stream of ids (SplitMix64). The same seed and stream number give the same ids.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream)))
    }

    /// A stream seeded by the next number of this one.
    pub(crate) fn fork(&mut self) -> Self {
        let seed = self.next();
        Self::new(seed, 0)
    }

    /// A UUID in the format of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// A bearer token, or the secret of a Docker credential. The prefix distinguishes it from the real service's.
    pub(crate) fn secret(&mut self) -> String {
        format!("sandbox_v1_{}", self.hex(64))
    }

    /// The given number of hex digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }

    /// `true` with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        // The precision of a float.
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

/// A UUID that depends only on a text.
pub(crate) fn derived_uuid(text: &str) -> String {
    let seed = text
        .bytes()
        .fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
    Ids::new(seed, 0).uuid()
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_streams_differ() {
        let (mut a, mut b, mut other) = (Ids::new(7, 0), Ids::new(7, 0), Ids::new(7, 1));
        let id = a.uuid();
        assert_eq!(id, b.uuid());
        assert_ne!(id, other.uuid());
        assert_ne!(id, a.uuid());
    }

    #[test]
    fn a_chance_is_met_as_often_as_its_probability() {
        let mut ids = Ids::new(7, 3);
        let hits = (0..10_000).filter(|_| ids.chance(0.25)).count();
        assert!((2300..2700).contains(&hits), "{hits}");
        assert!(!(0..100).any(|_| ids.chance(0.0)));
        assert!((0..100).all(|_| ids.chance(1.0)));
    }

    #[test]
    fn uuids_have_the_shape_of_version_4() {
        let mut ids = Ids::new(0, 0);
        for _ in 0..1000 {
            let id = ids.uuid();
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert_eq!(id.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&id.as_bytes()[19]));
        }
    }
}
