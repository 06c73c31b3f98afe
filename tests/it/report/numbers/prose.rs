//! The numbers of a sentence, read back from what was printed: value, half a unit of its last digit, and the words beside it.

use factoreo::language::Language;

/// What is measured, so that a time is not taken for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// An error or a share, with or without a percent sign.
    Plain,
    Percent,
    /// How many times, an exponent or a count: never with a percent sign.
    Times,
    Seconds,
    Bytes,
    Flops,
}

/// What is counted, by the word beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Rank,
    Tokens,
    Matrices,
    Cells,
    Draws,
    Seeds,
    Places,
    Settings,
    Methods,
    Iterations,
    Runs,
    Threads,
    /// Of a layer or a head.
    Head,
    /// A percentage of two digits: a share, where errors have three.
    Share,
    /// Behind "below" or "above".
    Threshold,
    /// Behind "±".
    Tolerance,
    Any,
}

/// As printed: `7.45 ms` is 7.45e-3 ± 5e-6.
#[derive(Debug, Clone, Copy)]
pub struct Printed {
    pub value: f64,
    pub half_unit: f64,
    pub unit: Unit,
}

impl Printed {
    /// Whether this is how `value` is printed.
    pub fn is(&self, value: f64) -> bool {
        (self.value - value).abs() <= self.half_unit * (1.0 + 1e-6)
    }
}

#[derive(Debug, Clone)]
pub struct Number {
    /// Where it stands in the line, in bytes.
    pub place: std::ops::Range<usize>,
    pub text: String,
    pub printed: Printed,
    /// `[low, high]` behind it, up to the next number.
    pub ends: Option<[Printed; 2]>,
    pub what: What,
    pub before: String,
    pub after: String,
}

const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const UNITS: [(&str, f64, Unit); 16] = [
    ("%", 0.01, Unit::Percent),
    ("s", 1.0, Unit::Seconds),
    ("ms", 1e-3, Unit::Seconds),
    ("µs", 1e-6, Unit::Seconds),
    ("ns", 1e-9, Unit::Seconds),
    ("B", 1.0, Unit::Bytes),
    ("KiB", 1024.0, Unit::Bytes),
    ("MiB", 1_048_576.0, Unit::Bytes),
    ("GiB", 1_073_741_824.0, Unit::Bytes),
    ("flop", 1.0, Unit::Flops),
    ("kflop", 1e3, Unit::Flops),
    ("Mflop", 1e6, Unit::Flops),
    ("Gflop", 1e9, Unit::Flops),
    ("Tflop", 1e12, Unit::Flops),
    ("min", 60.0, Unit::Seconds),
    ("h", 3600.0, Unit::Seconds),
];

/// Words that stand before or behind a count.
const BEFORE: [(&str, What); 12] = [
    ("rank", What::Rank),
    ("ranks", What::Rank),
    ("rango", What::Rank),
    ("rangos", What::Rank),
    ("k", What::Rank),
    ("n", What::Tokens),
    ("objetivo", What::Rank),
    ("q", What::Iterations),
    ("layer", What::Head),
    ("head", What::Head),
    ("capa", What::Head),
    ("cabeza", What::Head),
];
const AFTER: [(&str, What); 31] = [
    ("singular", What::Rank),
    ("valores", What::Rank),
    ("token", What::Tokens),
    ("tokens", What::Tokens),
    ("matrices", What::Matrices),
    ("cells", What::Cells),
    ("celdas", What::Cells),
    ("draw", What::Draws),
    ("draws", What::Draws),
    ("sorteo", What::Draws),
    ("sorteos", What::Draws),
    ("seeds", What::Seeds),
    ("semillas", What::Seeds),
    ("places", What::Places),
    ("lugares", What::Places),
    ("settings", What::Settings),
    ("configuraciones", What::Settings),
    ("methods", What::Methods),
    ("métodos", What::Methods),
    ("power", What::Iterations),
    ("iteration", What::Iterations),
    ("iterations", What::Iterations),
    ("iteración", What::Iterations),
    ("iteraciones", What::Iterations),
    ("warm-up", What::Runs),
    ("ejecución", What::Runs),
    ("ejecuciones", What::Runs),
    ("thread", What::Threads),
    ("threads", What::Threads),
    ("hilo", What::Threads),
    ("hilos", What::Threads),
];

/// The line with formulas, code, targets of links and citations blotted out, byte for byte.
pub fn blotted(line: &str) -> String {
    let mut text = line.to_owned();
    for (open, close) in [("$$", "$$"), ("$", "$"), ("`", "`"), ("](", ")"), ("<http", ">")] {
        let mut from = 0;
        while let Some(start) = text[from..].find(open).map(|place| place + from) {
            let inner = start + open.len();
            let Some(end) = text[inner..].find(close).map(|place| place + inner + close.len()) else { break };
            let blot = "¤".repeat((end - start) / 2) + if (end - start) % 2 == 1 { "#" } else { "" };
            text.replace_range(start..end, &blot);
            from = end;
        }
    }
    // `[3]`
    let mut from = 0;
    while let Some(start) = text[from..].find('[').map(|place| place + from) {
        let digits = text[start + 1..].bytes().take_while(u8::is_ascii_digit).count();
        from = start + 1;
        if digits > 0 && text[start + 1 + digits..].starts_with(']') {
            text.replace_range(start..start + digits + 2, &"#".repeat(digits + 2));
        }
    }
    text
}

/// Every number of a line, intervals with what they are of.
pub fn numbers(line: &str, language: Language) -> Vec<Number> {
    let text = blotted(line);
    let mut found: Vec<Number> = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(|letter: char| letter.is_ascii_digit()).map(|place| place + from) {
        let (end, printed) = scan(&text, start, language);
        from = end;
        let before = text[..start].chars().next_back();
        let negative = before == Some('−');
        let named = |letter: char| letter.is_alphabetic() || "_.-/".contains(letter);
        let behind = text[end..].chars().next();
        // Part of a name: `f64`, `layer.2.output`, `GPT-3`.
        let last = text[..start].chars().rev().find(|&letter| letter != '−');
        if last.is_some_and(named) && !negative || behind.is_some_and(|letter| letter.is_alphabetic() || letter == '_')
        {
            continue;
        }
        let printed = if negative { Printed { value: -printed.value, ..printed } } else { printed };
        let word = |text: &str| text.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
        let words_before = text[..start].trim_end_matches(['−', '=', ' ', '(', '\u{202f}', '*']);
        let (before, after) = (
            words_before.rsplit([' ', '(']).next().unwrap_or_default().to_owned(),
            text[end..]
                .trim_start_matches(['*', ')', ',', ']'])
                .trim_start_matches(' ')
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
        let named =
            |list: &[(&str, What)], text: &str| list.iter().find(|(known, _)| *known == text).map(|(_, what)| *what);
        // A comma parts the word from the number.
        let what = named(&AFTER, &word(&after)).or_else(|| named(&BEFORE, before.trim_start_matches('(')));
        let is_percent = text[start..end].ends_with('%');
        let digits = text[start..end].trim_start_matches(['0', ',', '.']).bytes().filter(u8::is_ascii_digit).count();
        let sides = ["below", "above", "debajo de", "encima de"];
        let what = what.unwrap_or(match () {
            () if words_before.ends_with('±') => What::Tolerance,
            () if sides.iter().any(|side| words_before.ends_with(side)) => What::Threshold,
            () if is_percent && digits < 3 => What::Share,
            // `ranks 4, 8 and 16`
            () => match found.last() {
                Some(last)
                    if last.what == What::Rank
                        && text[start..end].bytes().all(|digit| digit.is_ascii_digit())
                        && [", ", " and ", " y "].contains(&&text[last.place.end..start]) =>
                {
                    last.what
                }
                _ => What::Any,
            },
        });
        found.push(Number {
            place: start..end,
            text: text[start..end].to_owned(),
            printed,
            ends: None,
            what,
            before,
            after,
        });
    }
    join_intervals(&text, found, language)
}

/// `[a, b]` belongs to the number before it.
fn join_intervals(text: &str, found: Vec<Number>, language: Language) -> Vec<Number> {
    let separator = if language == Language::Spanish { ";" } else { "," };
    let mut joined: Vec<Number> = Vec::new();
    let mut rest = found.into_iter().peekable();
    while let Some(number) = rest.next() {
        let opens = text[..number.place.start].trim_end_matches('−').ends_with('[');
        let pair = rest
            .peek()
            .filter(|next| opens && text[number.place.end..next.place.start].trim_end_matches('−').trim() == separator);
        match (pair, joined.last_mut()) {
            (Some(next), Some(of)) => {
                of.ends = Some([number.printed, next.printed]);
                of.place.end = next.place.end;
                rest.next();
            }
            _ => joined.push(number),
        }
    }
    joined
}

/// The end of the number that starts here, with its unit, and its value.
fn scan(text: &str, start: usize, language: Language) -> (usize, Printed) {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mark = if language == Language::Spanish { ',' } else { '.' };
    let mut end = start + digits(start);
    let mut plain = text[start..end].to_owned();
    // Titles of specs part the groups of three with any space.
    let spaces = if text.starts_with('#') { ['\u{202f}', ' '] } else { ['\u{202f}'; 2] };
    while let Some(space) = text[end..].chars().next().filter(|space| spaces.contains(space)).map(char::len_utf8) {
        if digits(end + space) != 3 {
            break;
        }
        plain += &text[end + space..end + space + 3];
        end += space + 3;
    }
    let mut half_unit = 0.5;
    if text[end..].starts_with(mark) && digits(end + 1) > 0 {
        let decimals = digits(end + 1);
        plain = format!("{plain}.{}", &text[end + 1..end + 1 + decimals]);
        half_unit *= 0.1_f64.powi(decimals as i32);
        end += 1 + decimals;
    }
    let mut value: f64 = plain.parse().unwrap();
    if let Some(power) = text[end..].strip_prefix("·10") {
        let mut exponent = String::new();
        let mut length = 0;
        for letter in power.chars() {
            match SUPERSCRIPTS.chars().position(|known| known == letter) {
                Some(digit) => exponent += &digit.to_string(),
                None if letter == '⁻' => exponent.push('-'),
                None => break,
            }
            length += letter.len_utf8();
        }
        let scale = 10_f64.powi(exponent.parse().unwrap_or(0));
        (value, half_unit, end) = (value * scale, half_unit * scale, end + "·10".len() + length);
    }
    let space = text[end..].chars().next().filter(|&letter| letter == '\u{202f}' || letter == '\u{a0}');
    // Specs write `30 %` with any space.
    let space = space.or(text[end..].starts_with(" %").then_some(' ')).map_or(0, char::len_utf8);
    let unit: String =
        text[end + space..].chars().take_while(|&letter| letter.is_alphabetic() || letter == '%').collect();
    let known = UNITS.iter().find(|(name, ..)| *name == unit).filter(|_| space > 0 || unit == "%");
    match known {
        Some(&(_, scale, kind)) => {
            (end + space + unit.len(), Printed { value: value * scale, half_unit: half_unit * scale, unit: kind })
        }
        None => (end, Printed { value, half_unit, unit: Unit::Plain }),
    }
}
