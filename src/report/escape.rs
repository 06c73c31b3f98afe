//! Making text from specs and rows safe to stand in Markdown, HTML and table cells: it shows as it was written and does nothing.

/// Text as Markdown that renders to that text: no markup, no link, no math, no HTML, no line break, no cell border.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let line = one_line(text);
    for (place, character) in line.char_indices() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // `\$` still opens a formula in some renderers; the entity never does.
            '$' => escaped.push_str("&#36;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // Bare addresses become links on GitHub unless their scheme or their www is broken.
            ':' if line[place..].starts_with("://") => escaped.push_str("&#58;"),
            '.' if line[..place].to_ascii_lowercase().ends_with("www") => escaped.push_str("&#46;"),
            '@' => escaped.push_str("&#64;"),
            // At the start of a line these open a list, a quotation or an underlined heading.
            '-' | '+' | '=' if place == 0 => {
                escaped.push('\\');
                escaped.push(character);
            }
            '.' | ')' if place > 0 && line[..place].bytes().all(|byte| byte.is_ascii_digit()) => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Text inside an HTML element.
pub fn html(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text without line breaks, control characters or marks that turn the direction of writing.
pub fn one_line(text: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.trim().chars().map(|character| if hidden(character) { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(markdown("a|b"), r"a\|b");
        assert_eq!(markdown("`x` *y* _z_"), r"\`x\` \*y\* \_z\_");
        assert_eq!(markdown("<img src=x onerror=alert(1)>"), "&lt;img src=x onerror=alert(1)&gt;");
        assert_eq!(markdown("[x](javascript:alert(1))"), r"\[x\](javascript:alert(1))");
        assert_eq!(markdown("](javascript:x)"), r"\](javascript:x)");
        assert_eq!(markdown("$n$ & $m$"), "&#36;n&#36; &amp; &#36;m&#36;");
        assert_eq!(markdown("a\nb\r\nc"), "a b  c");
        assert_eq!(markdown(r"\|"), r"\\\|");
    }

    #[test]
    fn nothing_of_a_text_becomes_a_link_or_a_mention() {
        assert_eq!(markdown("https://x.org"), "https&#58;//x.org");
        assert_eq!(markdown("WWW.x.org"), "WWW&#46;x.org");
        assert_eq!(markdown("me@x.org"), "me&#64;x.org");
    }

    #[test]
    fn nothing_at_the_start_opens_a_block() {
        assert_eq!(markdown("# a"), r"\# a");
        assert_eq!(markdown("- a - b"), r"\- a - b");
        assert_eq!(markdown("> a"), "&gt; a");
        assert_eq!(markdown("12. a"), r"12\. a");
        assert_eq!(markdown("1.5"), r"1\.5");
        assert_eq!(markdown("=== "), r"\===");
        assert_eq!(markdown("    indented"), "indented");
    }

    #[test]
    fn writing_cannot_be_turned_around() {
        assert_eq!(markdown("a\u{202e}b\u{0}c"), "a b c");
    }

    #[test]
    fn html_is_text() {
        assert_eq!(html("<b>\"&"), "&lt;b&gt;&quot;&amp;");
    }
}
