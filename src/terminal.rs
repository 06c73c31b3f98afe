//! Text from files on its way to a person: a downloaded checkpoint must not set a window's title, hide a line or fill a screen.

use std::{
    borrow::Cow,
    io::{self, Write},
};

/// Columns of a terminal that a name may take.
const COLUMNS: usize = 80;

/// Whether a terminal would obey the character instead of showing it: control characters, and those that turn the direction
/// of what follows (Unicode Technical Report 36, «Trojan Source»).
#[must_use]
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lines as a terminal may show them: what it would obey is escaped, but line ends and tabs.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter == '\n' || letter == '\t')
}

/// A name on one line: what a terminal would obey is escaped, and one that is long is shortened in the middle.
#[must_use]
pub fn name(text: &str) -> String {
    let shown: Vec<char> = escaped(text, |_| false).chars().collect();
    if shown.len() <= COLUMNS {
        return shown.into_iter().collect();
    }
    let kept = COLUMNS - 1;
    let (front, back) = (&shown[..kept / 2], &shown[shown.len() - (kept - kept / 2)..]);
    front.iter().chain(&['…']).chain(back).collect()
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let bad = |letter: char| is_obeyed(letter) && !keep(letter);
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if bad(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

/// JSON whose strings hold the same characters, those that a terminal would obey as escapes.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    // Control characters are escapes already; outside of strings there are none of the others.
    let bad = |letter: char| is_obeyed(letter) && letter != '\n';
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let escape = |letter: char| if bad(letter) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// A writer that escapes as [`lines`] does, or as [`json`].
#[derive(Debug)]
pub struct Escaping<W> {
    inner: W,
    as_json: bool,
    /// The beginning of a character whose end is still to come.
    partial: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    pub fn new(inner: W, as_json: bool) -> Self {
        Self { inner, as_json, partial: Vec::new() }
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.partial.extend_from_slice(bytes);
        let whole = match str::from_utf8(&self.partial) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.partial.split_off(whole);
        let text = String::from_utf8(std::mem::replace(&mut self.partial, rest)).map_err(io::Error::other)?;
        let shown = if self.as_json { json(&text) } else { lines(&text) };
        self.inner.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(name("\u{1b}[31mred \u{1b}]0;pwned\u{7}.weight"), "\\u{1b}[31mred \\u{1b}]0;pwned\\u{7}.weight");
        assert_eq!(name("new\nline \u{202e}reversed"), "new\\nline \\u{202e}reversed");
        assert_eq!(lines("a\tb\nc\r"), "a\tb\nc\\r");
        assert_eq!(name("naïve «中京» 😀"), "naïve «中京» 😀");
        let long = name(&"x".repeat(3000));
        assert_eq!((long.chars().count(), long.matches('…').count()), (COLUMNS, 1));
    }

    #[test]
    fn json_keeps_every_character() {
        let text = "\u{202e}reversed\u{7f}\u{1b}";
        let written = serde_json::to_string(text).unwrap();
        let shown = json(&written);
        assert!(!shown.contains(is_obeyed));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn a_character_may_come_in_two_pieces() {
        let mut shown = Vec::new();
        let mut writer = Escaping::new(&mut shown, false);
        for byte in "é\u{202e}\u{7}\n".bytes() {
            writer.write_all(&[byte]).unwrap();
        }
        assert_eq!(String::from_utf8(shown).unwrap(), "é\\u{202e}\\u{7}\n");
    }
}
