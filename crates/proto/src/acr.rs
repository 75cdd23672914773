//! Authentication context classes: what a sign-in is told as (OpenID Connect Core §2 `acr`), and which are asked for (RFC 9470).

/// The classes that a server knows, the weakest first; none: it tells none, and asks for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(Vec<Class>);

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    name: String,
    amr: Vec<String>,
}

impl Class {
    /// Reads `name = method method`: the name on the wire, and the methods (RFC 8176) that a sign-in of this class had at least.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, methods) = text.split_once('=')?;
        let name = name.trim();
        let is_word = |word: &str| word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        let amr: Vec<_> = methods.split_ascii_whitespace().map(str::to_owned).collect();
        let legal = !name.is_empty() && is_word(name) && amr.iter().all(|method| is_word(method));
        legal.then(|| Self { name: name.to_owned(), amr })
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {}", self.name, self.amr.join(" "))
    }
}

impl Classes {
    /// These classes; `None` if two have one name.
    pub fn new(classes: Vec<Class>) -> Option<Self> {
        let once = classes
            .iter()
            .enumerate()
            .all(|(place, class)| classes.iter().skip(place + 1).all(|other| other.name != class.name));
        once.then_some(Self(classes))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        self.0.iter()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|class| class.name.as_str())
    }

    /// The methods that a sign-in of a class had at least.
    pub fn methods_of(&self, name: &str) -> &[String] {
        self.0.iter().find(|class| class.name == name).map_or(&[], |class| &class.amr)
    }

    /// What a sign-in by these methods is told as: the first of the classes asked for that it is of, or else the best.
    pub fn of(&self, amr: &[String], asked: &[String]) -> Option<&str> {
        let reached = |class: &&Class| class.amr.iter().all(|method| amr.contains(method));
        let wanted = asked.iter().find_map(|name| self.0.iter().filter(reached).find(|class| class.name == *name));
        wanted.or_else(|| self.0.iter().rfind(reached)).map(|class| class.name.as_str())
    }

    /// Whether a sign-in by these methods is of one of the classes asked for; so it is where none is asked for, or none known.
    pub fn satisfy(&self, amr: &[String], asked: &[String]) -> bool {
        let told = || self.of(amr, asked).is_some_and(|told| asked.iter().any(|name| name == told));
        asked.is_empty() || self.0.is_empty() || told()
    }

    /// Whether any sign-in could be of one of the classes asked for.
    pub fn could_satisfy(&self, asked: &[String]) -> bool {
        asked.is_empty() || self.0.is_empty() || self.names().any(|name| asked.iter().any(|wanted| wanted == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }

    fn classes() -> Classes {
        Classes::new(["low =", "urn:x:pwd = pwd", "high=pwd otp"].map(|text| Class::parse(text).unwrap()).to_vec())
            .unwrap()
    }

    #[test]
    fn a_sign_in_is_told_as_what_was_asked_for_or_as_the_best_it_reaches() {
        let classes = classes();
        for (amr, asked, told) in [
            ("pwd", "", "urn:x:pwd"),
            ("pwd otp", "", "high"),
            ("fed", "", "low"),
            ("pwd otp", "low high", "low"),
            ("pwd otp", "high low", "high"),
            ("pwd", "high low", "low"),
            ("pwd", "high", "urn:x:pwd"),
            ("pwd", "unknown", "urn:x:pwd"),
        ] {
            assert_eq!(classes.of(&words(amr), &words(asked)), Some(told), "{amr} {asked}");
        }
        assert_eq!(Classes::default().of(&words("pwd"), &words("high")), None);
    }

    #[test]
    fn what_cannot_be_reached_is_told_from_what_was_not_reached() {
        let classes = classes();
        for (asked, satisfied, could) in
            [("", true, true), ("urn:x:pwd", true, true), ("high", false, true), ("no", false, false)]
        {
            assert_eq!(classes.satisfy(&words("pwd"), &words(asked)), satisfied, "{asked}");
            assert_eq!(classes.could_satisfy(&words(asked)), could, "{asked}");
        }
        assert!(
            Classes::default().satisfy(&words("pwd"), &words("high"))
                && Classes::default().could_satisfy(&words("1 2"))
        );
    }

    #[test]
    fn a_class_is_written_as_it_is_read() {
        for text in ["a = ", "urn:x:y = pwd otp"] {
            assert_eq!(Class::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "a", "= pwd", "a b = pwd", "a\" = pwd", "ä = pwd"] {
            assert_eq!(Class::parse(text), None, "{text}");
        }
        assert_eq!(Classes::new(vec![Class::parse("a = b").unwrap(), Class::parse("a = c").unwrap()]), None);
    }
}
