use crate::repository::METADATA;
use crate::walls::deny;

#[test]
fn every_dependency_has_a_license_we_may_use_and_comes_from_where_it_should() {
    let deny = deny();
    let mut faults = Vec::new();
    for package in &METADATA.packages {
        let license = package.license.as_deref().unwrap_or_default();
        if !Expression::of(license).holds(&deny.licenses.allow) {
            faults.push(format!("{}: license {license:?}", package.name));
        }
        if let Some(source) = &package.source
            && !deny
                .sources
                .allow_registry
                .iter()
                .any(|it| *source == format!("registry+{it}"))
        {
            faults.push(format!("{}: from {source}", package.name));
        }
    }
    assert_eq!(
        faults,
        Vec::<String>::new(),
        "deny.toml says which licenses and sources are fine"
    );
}

#[test]
fn an_expression_holds_if_one_choice_of_it_is_allowed() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (text, holds) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("MIT AND (GPL-3.0 OR Zlib)", true),
        ("(MIT OR GPL-3.0) AND GPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT OR GPL-3.0 AND GPL-2.0", true),
    ] {
        assert_eq!(Expression::of(text).holds(&allowed), holds, "{text}");
    }
}

/// An SPDX license expression (SPDX specification 2.3, annex D), and the old `MIT/Apache-2.0`.
struct Expression {
    words: Vec<String>,
}

impl Expression {
    fn of(text: &str) -> Self {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words: Vec<String> = Vec::new();
        let mut exception = false;
        for word in spaced.split_whitespace() {
            match words.last_mut() {
                Some(license) if exception || word == "WITH" => {
                    license.push(' ');
                    license.push_str(word);
                }
                _ => words.push(word.to_owned()),
            }
            exception = word == "WITH";
        }
        words.reverse();
        Self { words }
    }

    fn holds(mut self, allowed: &[String]) -> bool {
        !self.words.is_empty() && self.any(allowed) && self.words.is_empty()
    }

    fn any(&mut self, allowed: &[String]) -> bool {
        let mut holds = self.all(allowed);
        while self.next_is("OR") {
            holds |= self.all(allowed);
        }
        holds
    }

    fn all(&mut self, allowed: &[String]) -> bool {
        let mut holds = self.one(allowed);
        while self.next_is("AND") {
            holds &= self.one(allowed);
        }
        holds
    }

    fn one(&mut self, allowed: &[String]) -> bool {
        if self.next_is("(") {
            let holds = self.any(allowed);
            return self.next_is(")") && holds;
        }
        self.words.pop().is_some_and(|license| allowed.contains(&license))
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.words.last().is_some_and(|next| next == word);
        if is {
            self.words.pop();
        }
        is
    }
}
