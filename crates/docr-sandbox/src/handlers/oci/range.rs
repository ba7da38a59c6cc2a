//! Byte ranges in requests.

/// What a `Range` header requests of content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: there is no such header, or it may be ignored.
    Whole,
    /// A number of bytes from an offset.
    Part { offset: u64, length: u64 },
    /// A range outside of the content.
    Beyond,
}

/// Reads a `Range` header for content of this length. Several ranges are ignored, as the standard allows.
pub(super) fn asked(header: Option<&str>, bytes: u64) -> Asked {
    let range = header.and_then(|value| value.trim().strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first > last => Asked::Whole,
        (Ok(first), _) if first >= bytes => Asked::Beyond,
        (Ok(first), Ok(last)) => Asked::Part {
            offset: first,
            length: last.min(bytes - 1) - first + 1,
        },
        (Ok(first), Err(_)) if last.trim().is_empty() => Asked::Part {
            offset: first,
            length: bytes - first,
        },
        (Err(_), Ok(last)) if first.trim().is_empty() => match last.min(bytes) {
            0 => Asked::Beyond,
            length => Asked::Part {
                offset: bytes - length,
                length,
            },
        },
        _ => Asked::Whole,
    }
}

/// The offset and the length of a chunk by its `Content-Range`: `0-1023`.
pub(super) fn announced(header: &str) -> Option<(u64, u64)> {
    let range = header.trim();
    let range = range.strip_prefix("bytes ").unwrap_or(range);
    let range = range.split_once('/').map_or(range, |(range, _)| range);
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    Some((first, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_limited_to_the_content() {
        let part = |offset, length| Asked::Part { offset, length };
        for (header, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 4)),
            ("bytes=2-500", part(2, 8)),
            ("bytes=9-", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-300", part(0, 10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-12", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=x-", Asked::Whole),
            ("bytes=x-5", Asked::Whole),
            ("items=0-1", Asked::Whole),
        ] {
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Beyond);
        assert_eq!(asked(None, 10), Asked::Whole);
    }

    #[test]
    fn a_chunk_says_where_it_belongs() {
        assert_eq!(announced("0-1023"), Some((0, 1024)));
        assert_eq!(announced("bytes 5-5/10"), Some((5, 1)));
        for bad in ["", "5", "6-5", "a-b", "0-18446744073709551615"] {
            assert_eq!(announced(bad), None, "{bad}");
        }
    }
}
