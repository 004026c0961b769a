//! Blocks that zlib has compressed, whole and damaged.

use super::*;

/// Two header blocks of one stream, compressed with the dictionary.
const BLOCKS: [&str; 2] = [
    "78f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c6061606100a4398b20d198094ade8c06\
     00000000ffff",
    "c2aa19540e2512d60b000000ffff",
];

/// A block with codes of its own: `0 bottles of beer on the wall, 1 bottles…` up to 119.
const DYNAMIC: &str = "\
    78da84d7c96944311404c05414800f4fbb148e07fee0c3c703f680d37706aa73df0a2ddd911eaff7fbbe7ed3eb99\
    1ed7f5935edfe9fd75a5bfcffbfe48f91c97735ccf713bc7fd1c8f733ccff13ac71b2c811c6e1970197219741976\
    1978197a197c197e057e45e70e7e057e057e057e057e057e057e057e157e157e5517177e157e157e157e157e157e\
    157e0d7e0d7e0d7e4d2f1ffc1afc1afc1afc1afc1afc3afc3afc3afc3afcbabe0ef875f875f875f875f80df80df8\
    0df80df80df80dfdbdf01bf01bf01bf09bf09bf09bf09bf09bf09bf09b2a2ff09bf09bf05bf05bf05bf05bf05bf0\
    5bf05bf05b6a7ff05bf0dbf0dbf0dbf0dbf0dbf0dbf0dbf0dbf0dbaacfeccf2ad0a1061daad0a10e1d2ad1a1161d\
    aad1a11e1d2ad221494f1149728c708d708e708f7090709170926893fc030000ffff";

/// Zeros: as many as a block may have, and one more.
const LONGEST: &str = "78daecc13101000000c2a0f54f6d0c1fa000000000000000000000000000000080b7010000\
                       ffff";
const TOO_LONG: &str = "78daecc13101000000c2a0f54f6d0c1fa0000000000000000000000000000000\
                        80bb010000ffff";

pub(in crate::spdy) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn inflate(block: &str) -> Result<Vec<u8>, InflateError> {
    Inflater::default().inflate(&unhex(block))
}

#[test]
fn the_dictionary_is_spdys() {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in DICTIONARY.iter() {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    assert_eq!((b << 16 | a).to_be_bytes(), DICTIONARY_ID);
}

#[test]
fn a_block_refers_to_the_dictionary_and_to_the_block_before() {
    let mut inflater = Inflater::default();
    let blocks = BLOCKS.map(|block| inflater.inflate(&unhex(block)).unwrap());
    let expected = |kind: &str| {
        let words = ["streamtype", kind, "port", "8080", "requestid", "0"];
        let mut text = vec![0, 0, 0, 3];
        for word in words {
            text.extend([0, 0, 0, u8::try_from(word.len()).unwrap()]);
            text.extend(word.as_bytes());
        }
        text
    };
    assert_eq!(blocks, [expected("error"), expected("data")]);
}

#[test]
fn a_block_may_bring_its_own_codes() {
    let bottles = |count| format!("{count} bottles of beer on the wall, ");
    let text = (0..120).map(bottles).collect::<Vec<_>>().concat();
    assert_eq!(inflate(DYNAMIC).unwrap(), text.as_bytes());
}

#[test]
fn the_text_is_limited() {
    assert_eq!(inflate(LONGEST).unwrap(), [0; MAX_BLOCK]);
    assert_eq!(inflate(TOO_LONG), Err(InflateError::TooLong));
    let mut inflater = Inflater::default();
    let longest = unhex(LONGEST);
    inflater.inflate(&longest).unwrap();
    for _ in 0..9 {
        inflater.inflate(&longest[2..]).unwrap();
    }
    assert_eq!(inflater.window.len(), WINDOW + MAX_BLOCK);
}

#[test]
fn other_streams_are_refused() {
    let check = |block, expected| assert_eq!(inflate(block), Err(expected), "{block}");
    check("", InflateError::Truncated);
    check("78", InflateError::Truncated);
    check("1f8b", InflateError::Header);
    check("78f900000000", InflateError::Header);
    // The end of the stream, a stored block with a wrong check, a match before the beginning.
    check("78da4b4c4a0600024d0127", InflateError::Invalid);
    check("7801000100000061", InflateError::Invalid);
    check("7801000200fdff61", InflateError::Truncated);
    check("7801020200", InflateError::Distance);
    check("780106", InflateError::Invalid);
}

#[test]
fn a_damaged_block_is_an_error_or_another_text() {
    for block in [BLOCKS[0], DYNAMIC] {
        let block = unhex(block);
        for length in 0..block.len() {
            let cut = Inflater::default().inflate(&block[..length]);
            let is_whole_block = length + 4 >= block.len() || length == 2 || length == 6;
            assert!(cut.is_err() || is_whole_block, "{length}: {cut:?}");
        }
        for at in 0..block.len() {
            for change in [1, 0x10, 0x80, 0xff] {
                let mut damaged = block.clone();
                damaged[at] ^= change;
                let mut inflater = Inflater::default();
                drop(inflater.inflate(&damaged));
                assert!(inflater.window.len() <= DICTIONARY.len() + MAX_BLOCK);
            }
        }
    }
}
