//! From words to a predicate.

use std::fmt;

use crate::{
    ParseError,
    lexer::{Token, tokens},
};

/// Deeper nesting is an attack on the stack.
const DEEPEST: usize = 64;

/// A condition on the variables of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate(pub(crate) Condition);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare {
        left: Operand,
        operator: Operator,
        options: Options,
        right: Operand,
    },
    Constant(bool),
    Not(Box<Self>),
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Bool(bool),
    KeyPath(Vec<String>),
    List(Vec<Self>),
    Nil,
    Number(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    BeginsWith,
    Between,
    Contains,
    EndsWith,
    Equal,
    In,
    Less,
    LessOrEqual,
    Like,
    Matches,
    More,
    MoreOrEqual,
    NotEqual,
}

impl Operator {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BeginsWith => "BEGINSWITH",
            Self::Between => "BETWEEN",
            Self::Contains => "CONTAINS",
            Self::EndsWith => "ENDSWITH",
            Self::Equal => "==",
            Self::In => "IN",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Like => "LIKE",
            Self::Matches => "MATCHES",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
            Self::NotEqual => "!=",
        }
    }

    fn of(token: &Token) -> Option<Self> {
        match token {
            Token::Sign("==" | "=") => Some(Self::Equal),
            Token::Sign("!=" | "<>") => Some(Self::NotEqual),
            Token::Sign("<") => Some(Self::Less),
            Token::Sign("<=" | "=<") => Some(Self::LessOrEqual),
            Token::Sign(">") => Some(Self::More),
            Token::Sign(">=" | "=>") => Some(Self::MoreOrEqual),
            Token::Word(word) => [
                Self::BeginsWith,
                Self::Between,
                Self::Contains,
                Self::EndsWith,
                Self::In,
                Self::Like,
                Self::Matches,
            ]
            .into_iter()
            .find(|operator| word.eq_ignore_ascii_case(operator.as_str())),
            _ => None,
        }
    }
}

/// `[c]`: case does not count; `[d]`: accents do not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    pub(crate) ignores_case: bool,
    pub(crate) ignores_accents: bool,
}

impl Predicate {
    /// Reads a predicate.
    ///
    /// # Errors
    /// If it is none, or uses what is not understood here.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
            end: text.chars().count(),
        };
        let condition = parser.any()?;
        match parser.peek() {
            None => Ok(Self(condition)),
            Some(_) => parser.expected("the end, AND or OR"),
        }
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(_, at)| *at)
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError::Expected {
            expected,
            found: self.peek().map_or("the end".to_owned(), shown),
            position: self.position(),
        })
    }

    fn take_sign(&mut self, sign: &'static str) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ParseError::TooLarge);
        }
        Ok(())
    }

    fn any(&mut self) -> Result<Condition, ParseError> {
        let mut conditions = vec![self.all()?];
        while self.take_word("OR") || self.take_sign("||") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, ParseError> {
        let mut conditions = vec![self.negation()?];
        while self.take_word("AND") || self.take_sign("&&") {
            conditions.push(self.negation()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn negation(&mut self) -> Result<Condition, ParseError> {
        if !self.take_word("NOT") && !self.take_sign("!") {
            return self.single();
        }
        self.deeper()?;
        let condition = self.negation()?;
        self.depth -= 1;
        Ok(Condition::Not(Box::new(condition)))
    }

    fn single(&mut self) -> Result<Condition, ParseError> {
        if self.take_word("TRUEPREDICATE") {
            return Ok(Condition::Constant(true));
        }
        if self.take_word("FALSEPREDICATE") {
            return Ok(Condition::Constant(false));
        }
        // A parenthesis may hold a condition or a value; a value is tried when no condition is found.
        let start = self.at;
        if self.take_sign("(") {
            self.deeper()?;
            let condition = self.any();
            self.depth -= 1;
            match condition {
                Ok(condition) if self.take_sign(")") => return Ok(condition),
                Ok(_) => return self.expected("a closing parenthesis"),
                Err(error) => {
                    self.at = start;
                    if !self.holds_value() {
                        return Err(error);
                    }
                }
            }
        }
        self.comparison()
    }

    /// Whether `(value)` stands here.
    fn holds_value(&self) -> bool {
        let ahead = |count: usize| self.tokens.get(self.at + count).map(|(token, _)| token);
        !matches!(ahead(1), Some(Token::Sign(_)) | None) && ahead(2) == Some(&Token::Sign(")"))
    }

    fn comparison(&mut self) -> Result<Condition, ParseError> {
        let left = self.operand()?;
        let Some(operator) = self.peek().and_then(Operator::of) else {
            return self.expected("a comparison");
        };
        self.at += 1;
        let options = self.options()?;
        let right = self.operand()?;
        Ok(Condition::Compare {
            left,
            operator,
            options,
            right,
        })
    }

    fn options(&mut self) -> Result<Options, ParseError> {
        let mut options = Options::default();
        if !self.take_sign("[") {
            return Ok(options);
        }
        match self.peek() {
            Some(Token::Word(letters)) if letters.chars().all(|letter| "cdCD".contains(letter)) => {
                options.ignores_case = letters.contains(['c', 'C']);
                options.ignores_accents = letters.contains(['d', 'D']);
            }
            _ => return self.expected("`c` or `d`"),
        }
        self.at += 1;
        if self.take_sign("]") {
            return Ok(options);
        }
        self.expected("a closing bracket")
    }

    fn operand(&mut self) -> Result<Operand, ParseError> {
        if self.take_sign("(") {
            self.deeper()?;
            let operand = self.operand()?;
            self.depth -= 1;
            return if self.take_sign(")") {
                Ok(operand)
            } else {
                self.expected("a closing parenthesis")
            };
        }
        if self.take_sign("{") {
            return self.list();
        }
        let operand = match self.peek() {
            Some(Token::Number(number)) => Operand::Number(*number),
            Some(Token::Text(text)) => Operand::Text(text.clone()),
            Some(Token::Word(word)) => self.word(word)?,
            _ => return self.expected("a value"),
        };
        self.at += 1;
        if self.peek() == Some(&Token::Sign("(")) {
            return Err(ParseError::Unsupported {
                what: "a function call".to_owned(),
                position: self.position(),
            });
        }
        Ok(operand)
    }

    fn list(&mut self) -> Result<Operand, ParseError> {
        self.deeper()?;
        let mut values = Vec::new();
        while !self.take_sign("}") {
            values.push(self.operand()?);
            if !self.take_sign(",") && self.peek() != Some(&Token::Sign("}")) {
                return self.expected("a comma or a closing brace");
            }
        }
        self.depth -= 1;
        Ok(Operand::List(values))
    }

    fn word(&self, word: &str) -> Result<Operand, ParseError> {
        let unsupported = [
            "SELF", "ANY", "ALL", "SOME", "NONE", "SUBQUERY", "FUNCTION", "CAST",
        ];
        match word.to_ascii_uppercase().as_str() {
            "TRUE" | "YES" => Ok(Operand::Bool(true)),
            "FALSE" | "NO" => Ok(Operand::Bool(false)),
            "NULL" | "NIL" => Ok(Operand::Nil),
            upper if unsupported.contains(&upper) => Err(ParseError::Unsupported {
                what: word.to_owned(),
                position: self.position(),
            }),
            "AND" | "OR" | "NOT" => self.expected("a value"),
            _ => Ok(Operand::KeyPath(
                word.split('.').map(str::to_owned).collect(),
            )),
        }
    }
}

fn one_or(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.pop().unwrap_or(Condition::Constant(true)),
        _ => many(conditions),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("\"{text}\""),
        Token::Number(number) => number.to_string(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
