//! A PNG without what is no picture: profiles and texts inflate to any size before the first pixel is seen.

use std::borrow::Cow;

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Colour profiles, texts, and what a camera wrote. Source: PNG (ISO/IEC 15948), 11.3.
const IDLE: [&[u8; 4]; 5] = [b"iCCP", b"zTXt", b"iTXt", b"tEXt", b"eXIf"];
/// Length and type before the octets of a chunk, and a checksum behind them.
const AROUND: usize = 12;

/// Anything else than a PNG stays as it is.
pub fn bare(octets: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut rest) = octets.strip_prefix(MAGIC) else { return Cow::Borrowed(octets) };
    let mut kept = MAGIC.to_vec();
    while let Some(([a, b, c, d], behind)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let is_idle = behind.first_chunk().is_some_and(|kind| IDLE.contains(&kind));
        let Some((chunk, after)) = rest.split_at_checked(length.saturating_add(AROUND)) else { break };
        if !is_idle {
            kept.extend_from_slice(chunk);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    if kept.len() == octets.len() { Cow::Borrowed(octets) } else { Cow::Owned(kept) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_texts_are_dropped_and_everything_else_stays() {
        let chunk = |kind: &[u8], body: &[u8]| [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], kind, body, b"sum!"].concat();
        let header = chunk(b"IHDR", b"0123456789abc");
        let end = chunk(b"IEND", b"");
        let with = [MAGIC, &header, &chunk(b"iCCP", &[7; 5_000]), &chunk(b"zTXt", b"text"), &end, b"trailing"].concat();
        assert_eq!(&*bare(&with), [MAGIC, &header, &end, b"trailing"].concat());
        let without = [MAGIC, &header, &end].concat();
        assert!(matches!(bare(&without), Cow::Borrowed(_)));
        let cut = [MAGIC, &header, &chunk(b"iCCP", &[7; 50])[..20]].concat();
        assert_eq!(&*bare(&cut), cut, "a chunk that is cut is left for the decoder to refuse");
        assert_eq!(&*bare(b"GIF89a"), b"GIF89a");
    }
}
