//! Reads a requirement's text.

use super::{
    DateMatch, Expression, Match, RequirementError, Slot,
    date::seconds_since_2001,
    lexer::{Token, fault, tokens},
};

/// How deep parentheses and negations may nest.
const MAX_DEPTH: usize = 64;

/// Reads the whole `text`, by precedence: `!` binds closest, then `and`, then `or`.
pub(super) fn parse(text: &str) -> Result<Expression, RequirementError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        position: 0,
        end: text.chars().count().saturating_add(1),
        depth: 0,
    };
    parser.eat("=");
    let expression = parser.any_of()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.expected("`and`, `or` or the end")),
    }
}

type MakeMatch = fn(String) -> Match;
type MakeDateMatch = fn(i64) -> DateMatch;

struct Parser {
    tokens: Vec<(usize, Token)>,
    position: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn any_of(&mut self) -> Result<Expression, RequirementError> {
        let mut terms = vec![self.all_of()?];
        while self.eat_word("or") || self.eat("||") {
            terms.push(self.all_of()?);
        }
        Ok(Expression::any_of(terms))
    }

    fn all_of(&mut self) -> Result<Expression, RequirementError> {
        let mut terms = vec![self.term()?];
        while self.eat_word("and") || self.eat("&&") {
            terms.push(self.term()?);
        }
        Ok(Expression::all_of(terms))
    }

    fn term(&mut self) -> Result<Expression, RequirementError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(fault(self.at(), "parentheses nested too deep"));
        }
        let term = if self.eat("!") {
            Expression::Not(Box::new(self.term()?))
        } else if self.eat("(") {
            let inner = self.any_of()?;
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
                self.eat("=");
                self.value().map(Expression::Identifier)
            }
            "cdhash" => {
                self.eat("=");
                self.hash().map(Expression::CodeDirectoryHash)
            }
            "anchor" => self.anchor(),
            "certificate" | "cert" => {
                let slot = self.slot()?;
                self.certificate(slot)
            }
            "info" => Ok(Expression::Info(self.key()?, self.matching()?)),
            "entitlement" => Ok(Expression::Entitlement(self.key()?, self.matching()?)),
            "notarized" => Ok(Expression::Notarized),
            "legacy" => Ok(Expression::Legacy),
            "platform" => {
                self.eat("=");
                self.number().map(Expression::Platform)
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
        match self.peek() {
            Some(Token::Quoted(_) | Token::Bytes(_)) => {
                self.value().map(Expression::AnchorAppleNamed)
            }
            Some(Token::Word(word)) if word != "and" && word != "or" => {
                self.text().map(Expression::AnchorAppleNamed)
            }
            _ => Ok(Expression::AnchorApple),
        }
    }

    fn slot(&mut self) -> Result<Slot, RequirementError> {
        if self.eat_word("leaf") {
            return Ok(Slot::LEAF);
        }
        if self.eat_word("root") || self.eat_word("anchor") {
            return Ok(Slot::ROOT);
        }
        self.number().map(Slot)
    }

    fn certificate(&mut self, slot: Slot) -> Result<Expression, RequirementError> {
        if self.eat_word("trusted") {
            return Ok(Expression::CertificateTrusted(slot));
        }
        if self.eat("=") || self.eat("==") {
            return self
                .hash()
                .map(|hash| Expression::CertificateHash(slot, hash));
        }
        let at = self.at();
        let key = self.key()?;
        let Some((kind, name)) = key.split_once('.') else {
            return match key.as_str() {
                "email" => Ok(Expression::CertificateField(slot, key, self.matching()?)),
                _ => Err(fault(at, format!("`{key}` is not part of a certificate"))),
            };
        };
        match kind {
            "subject" => Ok(Expression::CertificateField(slot, key, self.matching()?)),
            "field" | "policy" | "timestamp" if !is_oid(name) => {
                Err(fault(at, format!("`{name}` is not an object identifier")))
            }
            "field" => Ok(Expression::CertificateExtension(
                slot,
                name.to_owned(),
                self.matching()?,
            )),
            "policy" => Ok(Expression::CertificatePolicy(
                slot,
                name.to_owned(),
                self.matching()?,
            )),
            "timestamp" => Ok(Expression::CertificateDate(
                slot,
                name.to_owned(),
                self.dating()?,
            )),
            _ => Err(fault(at, format!("`{key}` is not part of a certificate"))),
        }
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
        if self.eat("=") || self.eat("==") {
            let open_start = self.eat("*");
            let text = self.value()?;
            let open_end = self.eat("*");
            return Ok(match (open_start, open_end) {
                (false, false) => Match::Equal(text),
                (false, true) => Match::BeginsWith(text),
                (true, false) => Match::EndsWith(text),
                (true, true) => Match::Contains(text),
            });
        }
        let compare: [(&str, MakeMatch); 5] = [
            ("~", Match::Contains),
            ("<=", Match::LessOrEqual),
            (">=", Match::GreaterOrEqual),
            ("<", Match::Less),
            (">", Match::Greater),
        ];
        for (sign, make) in compare {
            if self.eat(sign) {
                return self.value().map(make);
            }
        }
        self.eat_word("exists");
        Ok(Match::Exists)
    }

    fn dating(&mut self) -> Result<DateMatch, RequirementError> {
        if self.eat_word("absent") {
            return Ok(DateMatch::Absent);
        }
        let compare: [(&str, MakeDateMatch); 6] = [
            ("==", DateMatch::On),
            ("=", DateMatch::On),
            ("<=", DateMatch::OnOrBefore),
            (">=", DateMatch::OnOrAfter),
            ("<", DateMatch::Before),
            (">", DateMatch::After),
        ];
        for (sign, make) in compare {
            if self.eat(sign) {
                return self.date().map(make);
            }
        }
        self.eat_word("exists");
        Ok(DateMatch::Exists)
    }

    /// `timestamp "20110312000000Z"`.
    fn date(&mut self) -> Result<i64, RequirementError> {
        self.eat_word("timestamp");
        let at = self.at();
        let text = self.text()?;
        seconds_since_2001(&text)
            .ok_or_else(|| fault(at, format!("`{text}` is not a time (YYYYMMDDhhmmssZ)")))
    }

    fn value(&mut self) -> Result<String, RequirementError> {
        let at = self.at();
        match self.peek() {
            Some(Token::Bytes(bytes)) => {
                let text = String::from_utf8(bytes.clone())
                    .map_err(|error| fault(at, format!("bytes that are no text: {error}")))?;
                self.position = self.position.saturating_add(1);
                Ok(text)
            }
            _ => self.text(),
        }
    }

    fn text(&mut self) -> Result<String, RequirementError> {
        match self.peek().cloned() {
            Some(Token::Quoted(text) | Token::Word(text)) => {
                self.position = self.position.saturating_add(1);
                Ok(text)
            }
            _ => Err(self.expected("a text")),
        }
    }

    fn hash(&mut self) -> Result<Vec<u8>, RequirementError> {
        match self.peek().cloned() {
            Some(Token::Hash(bytes)) => {
                self.position = self.position.saturating_add(1);
                Ok(bytes)
            }
            _ => Err(self.expected("a digest (`H\"…\"`)")),
        }
    }

    fn number(&mut self) -> Result<i32, RequirementError> {
        let negative = self.eat("-");
        let at = self.at();
        let text = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => return Err(self.expected("a number")),
        };
        let Ok(number) = text.parse::<i32>() else {
            return Err(fault(at, format!("`{text}` is not a number")));
        };
        self.position = self.position.saturating_add(1);
        Ok(if negative {
            number.saturating_neg()
        } else {
            number
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens
            .get(self.position)
            .map_or(self.end, |(at, _)| *at)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.position = self.position.saturating_add(usize::from(found));
        found
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

/// Whether `text` is numbers with dots between them.
fn is_oid(text: &str) -> bool {
    text.contains('.') && text.split('.').all(|arc| arc.parse::<u64>().is_ok())
}
