//! Reads a requirement's text.
//!
//! # Source
//! The parser in `requirements.grammar` of Apple's open Security sources.

use super::{
    Expression, Match, RequirementError, RequirementKind, Slot,
    date::seconds_since_2001,
    keywords::is_keyword,
    lexer::{Token, fault, tokens},
    oid,
};

/// How deep parentheses and negations may nest.
const MAX_DEPTH: usize = 64;
const HASH_LEN: usize = 20;

/// Reads the whole `text`, by precedence: `!` binds closest, then `and`, then `or`.
pub(super) fn parse(text: &str) -> Result<Expression, RequirementError> {
    let mut parser = Parser::new(text)?;
    parser.eat("=");
    let expression = parser.element()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.expected("`and`, `or` or the end")),
    }
}

/// Reads a set: `designated => … host => …`.
pub(super) fn parse_set(
    text: &str,
) -> Result<Vec<(RequirementKind, Expression)>, RequirementError> {
    let mut parser = Parser::new(text)?;
    let mut set: Vec<(RequirementKind, Expression)> = Vec::new();
    while parser.peek().is_some() {
        let at = parser.at();
        let kind = parser.kind()?;
        if set.iter().any(|(other, _)| *other == kind) {
            return Err(fault(at, "a second requirement of one kind"));
        }
        parser.need("`=>`", "=>")?;
        set.push((kind, parser.element()?));
    }
    if set.is_empty() {
        return Err(parser.expected("the kind of a requirement"));
    }
    Ok(set)
}

type MakeText = fn(String) -> Match;
type MakeTime = fn(i64) -> Match;

struct Parser {
    tokens: Vec<(usize, Token)>,
    position: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, RequirementError> {
        Ok(Self {
            tokens: tokens(text)?,
            position: 0,
            end: text.chars().count().saturating_add(1),
            depth: 0,
        })
    }

    fn element(&mut self) -> Result<Expression, RequirementError> {
        let expression = self.any_of()?;
        while self.eat(";") {}
        Ok(expression)
    }

    fn kind(&mut self) -> Result<RequirementKind, RequirementError> {
        for (name, kind) in RequirementKind::NAMES {
            if self.eat_word(name) {
                return Ok(kind);
            }
        }
        match self.peek() {
            Some(Token::Integer(_)) => {
                let at = self.at();
                let number = u32::try_from(self.integer()?).ok();
                number
                    .and_then(RequirementKind::from_number)
                    .ok_or_else(|| fault(at, "a kind of requirement that does not exist"))
            }
            _ => Err(self.expected("the kind of a requirement")),
        }
    }

    fn any_of(&mut self) -> Result<Expression, RequirementError> {
        let mut whole = self.all_of()?;
        while self.eat_word("or") {
            whole = Expression::or(whole, self.all_of()?);
        }
        Ok(whole)
    }

    fn all_of(&mut self) -> Result<Expression, RequirementError> {
        let mut whole = self.term()?;
        while self.eat_word("and") {
            whole = Expression::and(whole, self.term()?);
        }
        Ok(whole)
    }

    fn term(&mut self) -> Result<Expression, RequirementError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(fault(self.at(), "parentheses nested too deep"));
        }
        let term = if self.eat("!") {
            Expression::Not(Box::new(self.term()?))
        } else if self.eat("(") {
            let inner = if self.is_name() {
                self.name().map(Expression::NamedCode)?
            } else {
                self.any_of()?
            };
            self.need("`)`", ")")?;
            inner
        } else {
            self.primary()?
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(term)
    }

    fn primary(&mut self) -> Result<Expression, RequirementError> {
        let Some(Token::Word(word)) = self.peek().cloned() else {
            return Err(self.expected("a condition"));
        };
        let at = self.at();
        self.position = self.position.saturating_add(1);
        match word.as_str() {
            "always" | "true" => Ok(Expression::Always),
            "never" | "false" => Ok(Expression::Never),
            "identifier" => {
                self.eat_equals();
                self.name().map(Expression::Identifier)
            }
            "cdhash" => {
                self.eat_equals();
                self.hash().map(Expression::CodeDirectoryHash)
            }
            "certificate" | "cert" if self.eat_word("trusted") => Ok(Expression::AnchorTrusted),
            "certificate" | "cert" => {
                let slot = self.slot()?;
                if self.eat_word("trusted") {
                    Ok(Expression::CertificateTrusted(slot))
                } else {
                    self.certificate(slot)
                }
            }
            "anchor" => self.anchor(),
            "info" => Ok(Expression::Info(self.key()?, self.matching()?)),
            "entitlement" => Ok(Expression::Entitlement(self.key()?, self.matching()?)),
            "notarized" => Ok(Expression::Notarized),
            "legacy" => Ok(Expression::Legacy),
            "platform" => {
                self.eat_equals();
                self.integer().map(Expression::Platform)
            }
            other => Err(fault(at, format!("`{other}` is not a condition"))),
        }
    }

    fn anchor(&mut self) -> Result<Expression, RequirementError> {
        if self.eat_word("trusted") {
            return Ok(Expression::AnchorTrusted);
        }
        if self.eat_word("generic") {
            return if self.eat_word("apple") {
                Ok(Expression::AnchorAppleGeneric)
            } else {
                Err(self.expected("`apple`"))
            };
        }
        if !self.eat_word("apple") {
            return self.certificate(Slot::ROOT);
        }
        if self.eat_word("generic") {
            return Ok(Expression::AnchorAppleGeneric);
        }
        if self.is_name() {
            return self.name().map(Expression::AnchorAppleNamed);
        }
        Ok(Expression::AnchorApple)
    }

    fn slot(&mut self) -> Result<Slot, RequirementError> {
        if self.eat_word("leaf") {
            return Ok(Slot::LEAF);
        }
        if self.eat_word("root") {
            return Ok(Slot::ROOT);
        }
        if self.eat("-") {
            return self.integer().map(|number| Slot(number.saturating_neg()));
        }
        self.integer().map(Slot)
    }

    fn certificate(&mut self, slot: Slot) -> Result<Expression, RequirementError> {
        let has_equals = self.eat_equals();
        if has_equals || !self.is_sign("[") {
            return self
                .hash()
                .map(|hash| Expression::CertificateHash(slot, hash));
        }
        let at = self.at();
        let key = self.key()?;
        let (kind, name) = key.split_once('.').unwrap_or((&key, ""));
        let oid = || match oid::to_bytes(name) {
            Some(_) => Ok(name.to_owned()),
            None => Err(fault(at, format!("`{name}` is not an object identifier"))),
        };
        Ok(match kind {
            "subject" if !name.is_empty() => {
                Expression::CertificateField(slot, key, self.matching()?)
            }
            "field" | "extension" => {
                Expression::CertificateExtension(slot, oid()?, self.matching()?)
            }
            "policy" => Expression::CertificatePolicy(slot, oid()?, self.matching()?),
            "timestamp" => Expression::CertificateDate(slot, oid()?, self.matching()?),
            _ => return Err(fault(at, format!("`{key}` is not part of a certificate"))),
        })
    }

    /// `[KEY]`.
    fn key(&mut self) -> Result<String, RequirementError> {
        self.need("a key in brackets", "[")?;
        let key = self.value()?;
        self.need("the end of the key", "]")?;
        Ok(key)
    }

    fn matching(&mut self) -> Result<Match, RequirementError> {
        if self.eat_word("absent") {
            return Ok(Match::Absent);
        }
        if self.eat_equals() {
            return self.equal();
        }
        if self.eat("~") {
            return self.value().map(Match::Contains);
        }
        let compare: [(&str, MakeText, MakeTime); 4] = [
            ("<=", Match::LessOrEqual, Match::OnOrBefore),
            (">=", Match::GreaterOrEqual, Match::OnOrAfter),
            ("<", Match::Less, Match::Before),
            (">", Match::Greater, Match::After),
        ];
        for (sign, text, time) in compare {
            if self.eat(sign) {
                return if self.eat_word("timestamp") {
                    self.time().map(time)
                } else {
                    self.value().map(text)
                };
            }
        }
        self.eat_word("exists");
        Ok(Match::Exists)
    }

    fn equal(&mut self) -> Result<Match, RequirementError> {
        if self.eat_word("timestamp") {
            return self.time().map(Match::On);
        }
        let open_start = self.eat("*");
        let text = self.value()?;
        let open_end = self.eat("*");
        Ok(match (open_start, open_end) {
            (false, false) => Match::Equal(text),
            (false, true) => Match::BeginsWith(text),
            (true, false) => Match::EndsWith(text),
            (true, true) => Match::Contains(text),
        })
    }

    /// `"20110312000000Z"`.
    fn time(&mut self) -> Result<i64, RequirementError> {
        let at = self.at();
        let Some(Token::Quoted(text)) = self.peek().cloned() else {
            return Err(self.expected("a time in quotes"));
        };
        self.position = self.position.saturating_add(1);
        seconds_since_2001(&text)
            .ok_or_else(|| fault(at, format!("`{text}` is not a time (YYYYMMDDhhmmssZ)")))
    }

    /// A text, or hexadecimal digits that stand for one.
    fn value(&mut self) -> Result<String, RequirementError> {
        let at = self.at();
        let Some(Token::Bytes(bytes)) = self.peek() else {
            return self.name();
        };
        let text = String::from_utf8(bytes.clone())
            .map_err(|error| fault(at, format!("bytes that are no text: {error}")))?;
        self.position = self.position.saturating_add(1);
        Ok(text)
    }

    fn is_name(&self) -> bool {
        match self.peek() {
            Some(Token::Word(word)) => !is_keyword(word),
            Some(Token::Quoted(_) | Token::Bytes(_)) => true,
            _ => false,
        }
    }

    fn name(&mut self) -> Result<String, RequirementError> {
        match self.peek().cloned() {
            Some(Token::Word(word)) if is_keyword(&word) => Err(fault(
                self.at(),
                format!("`{word}` has a meaning of its own; as a text it needs quotes"),
            )),
            Some(Token::Quoted(text) | Token::Word(text)) => {
                self.position = self.position.saturating_add(1);
                Ok(text)
            }
            Some(Token::Bytes(_)) => self.value(),
            Some(Token::Integer(_)) => Err(fault(
                self.at(),
                "a text that begins with a digit needs quotes",
            )),
            _ => Err(self.expected("a text")),
        }
    }

    fn hash(&mut self) -> Result<Vec<u8>, RequirementError> {
        match self.peek().cloned() {
            Some(Token::Hash(bytes)) if bytes.len() == HASH_LEN => {
                self.position = self.position.saturating_add(1);
                Ok(bytes)
            }
            Some(Token::Hash(_)) => Err(self.expected("a digest of 40 digits")),
            Some(Token::Path(_) | Token::Quoted(_)) => Err(fault(
                self.at(),
                "the path of a certificate, which is not read here; give its digest",
            )),
            _ => Err(self.expected("a digest (`H\"…\"`)")),
        }
    }

    fn integer(&mut self) -> Result<i32, RequirementError> {
        let at = self.at();
        let text = match self.peek() {
            Some(Token::Integer(text)) => text.clone(),
            _ => return Err(self.expected("a number")),
        };
        let Ok(number) = text.parse::<i32>() else {
            return Err(fault(at, format!("`{text}` is too large a number")));
        };
        self.position = self.position.saturating_add(1);
        Ok(number)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens
            .get(self.position)
            .map_or(self.end, |(at, _)| *at)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.position = self.position.saturating_add(usize::from(found));
        found
    }

    fn eat_equals(&mut self) -> bool {
        self.eat("=") || self.eat("==")
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.position = self.position.saturating_add(usize::from(found));
        found
    }

    fn need(&mut self, what: &str, sign: &'static str) -> Result<(), RequirementError> {
        if self.eat(sign) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    fn expected(&self, what: &str) -> RequirementError {
        fault(self.at(), format!("{what} is expected"))
    }
}
