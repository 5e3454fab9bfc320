//! Cuts a predicate into words.

use crate::ParseError;

/// A word of a predicate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name, or a word of the language.
    Word(String),
    /// A quoted text, without quotes.
    Text(String),
    /// A number.
    Number(f64),
    /// `==`, `(`, `{`, `,`, `[`.
    Sign(&'static str),
}

/// Longer first, so that `<=` is not `<`.
const SIGNS: [&str; 22] = [
    "==", "!=", "<>", "<=", "=<", ">=", "=>", "&&", "||", "=", "<", ">", "!", "(", ")", "{", "}",
    "[", "]", ",", "+", "*",
];

/// No recipe has a longer one.
const LONGEST: usize = 64 << 10;

/// The words of `text`, and where each begins, in characters.
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ParseError> {
    if text.len() > LONGEST {
        return Err(ParseError::TooLarge);
    }
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        if letter.is_whitespace() {
            at += 1;
            continue;
        }
        let rest = letters.get(at..).unwrap_or_default();
        let (token, len) = token(rest, at)?;
        tokens.push((token, at));
        at += len.max(1);
    }
    Ok(tokens)
}

/// The word at the start of `rest`, and its length in characters.
fn token(rest: &[char], at: usize) -> Result<(Token, usize), ParseError> {
    let first = rest.first().copied().unwrap_or_default();
    match first {
        '"' | '\'' => quoted(rest, at),
        '0'..='9' => number(rest, at, 0),
        '-' if rest.get(1).is_some_and(char::is_ascii_digit) => number(rest, at, 1),
        letter if is_name(letter) || letter == '@' || letter == '#' => {
            let skipped = usize::from(letter == '#');
            let name: String = rest
                .iter()
                .skip(skipped)
                .take_while(|&&letter| is_name(letter) || matches!(letter, '.' | '@'))
                .collect();
            let len = name.chars().count() + skipped;
            Ok((Token::Word(name), len))
        }
        _ => SIGNS
            .into_iter()
            .find(|sign| {
                sign.chars()
                    .enumerate()
                    .all(|(ahead, letter)| rest.get(ahead) == Some(&letter))
            })
            .map(|sign| (Token::Sign(sign), sign.len()))
            .ok_or_else(|| ParseError::Unsupported {
                what: first.to_string(),
                position: at,
            }),
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

fn number(rest: &[char], at: usize, sign: usize) -> Result<(Token, usize), ParseError> {
    let digits: String = rest
        .iter()
        .enumerate()
        .take_while(|&(index, &letter)| {
            index < sign || letter.is_ascii_alphanumeric() || letter == '.'
        })
        .map(|(_, letter)| *letter)
        .collect();
    digits
        .parse()
        .map(|number| (Token::Number(number), digits.chars().count()))
        .map_err(|_no_number| ParseError::Expected {
            expected: "a number",
            found: format!("`{digits}`"),
            position: at,
        })
}

fn quoted(rest: &[char], at: usize) -> Result<(Token, usize), ParseError> {
    let quote = rest.first().copied().unwrap_or_default();
    let mut text = String::new();
    let mut letters = rest.iter().enumerate().skip(1);
    while let Some((index, &letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, &other)) => text.push(other),
                None => break,
            },
            letter if letter == quote => return Ok((Token::Text(text), index + 1)),
            letter => text.push(letter),
        }
    }
    Err(ParseError::Unclosed { position: at })
}
