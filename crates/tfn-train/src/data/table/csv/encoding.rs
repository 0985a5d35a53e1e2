//! Bytes as text.

/// The encoding of the characters of a file.
///
/// A byte order mark is passed over in UTF-8 and UTF-16.
///
/// # Examples
/// ```
/// use tfn_train::data::{CsvOptions, Encoding, Table};
///
/// let bytes: Vec<u8> = "city\nKöln\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
/// let options = CsvOptions::default().encoding(Encoding::Utf16Be);
/// assert_eq!(Table::from_reader(&bytes[..], &options)?.values("city")?, [Some("Köln")]);
/// assert_eq!(options.to_string(), "delimiter `,`, UTF-16");
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// UTF-16, of two bytes the lower one first; Windows' "Unicode".
    Utf16Le,
    /// UTF-16, of two bytes the higher one first.
    Utf16Be,
    /// Windows-1252, which has all that Latin-1 (ISO 8859-1) has. Any bytes are text in it.
    Windows1252,
}

/// What Windows-1252 has in the places of Latin-1's control characters; five have no other character.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// A byte that is in no text in UTF-8: it stands for what is no character.
const NONE: u8 = 0xff;

impl Encoding {
    /// Its name: `UTF-8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        }
    }

    /// That of a file which begins like this: said by a mark, or by every other byte being 0; else UTF-8 if it is, else Windows-1252. A character at the end
    /// may be cut in two if `is_cut`.
    pub(super) fn of(bytes: &[u8], is_cut: bool) -> Self {
        match bytes {
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            // Without a mark: the other byte of most letters is 0.
            _ if zeros(bytes, 1) => Self::Utf16Le,
            _ if zeros(bytes, 0) => Self::Utf16Be,
            _ => match std::str::from_utf8(bytes) {
                Err(error) if error.error_len().is_some() || !is_cut => Self::Windows1252,
                _ => Self::Utf8,
            },
        }
    }

    /// Adds bytes to `text` as UTF-8, and says how many of them: what may go on is left, unless it is the end.
    pub(super) fn decode(self, bytes: &[u8], is_end: bool, text: &mut Vec<u8>) -> usize {
        match self {
            Self::Utf8 => text.extend_from_slice(bytes),
            Self::Windows1252 => bytes.iter().for_each(|&byte| {
                let place = usize::from(byte).checked_sub(0x80);
                let special = place.and_then(|place| WINDOWS_1252.get(place).copied());
                push(text, special.unwrap_or(char::from(byte)));
            }),
            Self::Utf16Le => return utf16(bytes, u16::from_le_bytes, is_end, text),
            Self::Utf16Be => return utf16(bytes, u16::from_be_bytes, is_end, text),
        }
        bytes.len()
    }
}

/// Whether of each two bytes the one at `place` is 0 in nine of ten pairs, and the other one never is.
fn zeros(bytes: &[u8], place: usize) -> bool {
    let (pairs, _) = bytes.as_chunks::<2>();
    let count = pairs.iter().filter(|pair| pair[place] == 0).count();
    !pairs.is_empty()
        && 10 * count >= 9 * pairs.len()
        && pairs.iter().all(|pair| pair[1 - place] != 0)
}

fn push(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, is_end: bool, text: &mut Vec<u8>) -> usize {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let is_half = |pair: &[u8; 2]| (0xd800..0xdc00).contains(&unit(*pair));
    let held = usize::from(!is_end && pairs.last().is_some_and(is_half));
    let pairs = &pairs[..pairs.len() - held];
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match character {
            Ok(character) => push(text, character),
            Err(_) => text.push(NONE),
        }
    }
    if is_end && !odd.is_empty() {
        text.push(NONE);
        return bytes.len();
    }
    2 * pairs.len()
}
