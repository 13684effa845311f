//! Addresses of Mentor: three shapes, all in the designers' guide (docs/catalogue.md). The numbers of the shapes are of
//! different kinds, so that an address is a pair of both.

use std::fmt;

use url::{Host, Url};

use crate::error::{Code, Problem};

/// What an address of Mentor points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MentorShape {
    /// The page of a training: `/local/catalog/pages/training.php?trainingid=588`.
    Fiche,
    /// The same page, in short: `/catalog/52`.
    Catalogue,
    /// A Moodle course, which may be anything: `/course/view.php?id=41`.
    Cours,
}

impl MentorShape {
    const ALL: [Self; 3] = [Self::Fiche, Self::Catalogue, Self::Cours];

    /// Its name in the database and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fiche => "FICHE",
            Self::Catalogue => "CATALOGUE",
            Self::Cours => "COURS",
        }
    }
}

/// An address of Mentor: a shape and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::FromRow)]
pub struct MentorAddress {
    /// Of which of the three.
    pub shape: MentorShape,
    /// Its number there, from 1.
    pub number: i64,
}

impl MentorAddress {
    /// The address in a text that is one, whatever else its query holds; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let plain = matches!(url.scheme(), "https" | "http") && url.port().is_none() && url.username().is_empty();
        if !plain || url.host() != Some(Host::Domain("mentor.gouv.fr")) {
            return None;
        }
        let asked = |name: &str| url.query_pairs().find(|(key, _)| key == name).and_then(|(_, value)| number(&value));
        let (shape, number) = match url.path() {
            "/local/catalog/pages/training.php" => (MentorShape::Fiche, asked("trainingid")?),
            "/course/view.php" => (MentorShape::Cours, asked("id")?),
            path => (MentorShape::Catalogue, number(path.strip_prefix("/catalog/")?.trim_end_matches('/'))?),
        };
        Some(Self { shape, number })
    }

    /// As it is stored: unique in the catalogue.
    pub(crate) fn key(self) -> String {
        format!("{} {}", self.shape.code(), self.number)
    }
}

impl fmt::Display for MentorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.shape {
            MentorShape::Fiche => "local/catalog/pages/training.php?trainingid=",
            MentorShape::Catalogue => "catalog/",
            MentorShape::Cours => "course/view.php?id=",
        };
        write!(f, "https://mentor.gouv.fr/{path}{}", self.number)
    }
}

/// Moodle numbers its rows from 1; so many digits no platform reaches.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}

/// An address given in the input.
pub(super) fn address(text: &str) -> Result<MentorAddress, Problem> {
    MentorAddress::parse(text).ok_or_else(|| {
        let examples: Vec<_> = MentorShape::ALL.map(|shape| MentorAddress { shape, number: 52 }.to_string()).into();
        let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
        let sentence = format!("« {shown} » n'est pas une adresse de Mentor, de la forme {}.", examples.join(", "));
        Problem::new("addresses", Code::Malformed, sentence)
    })
}

/// Another training has it already; which one is not told, since it may be out of sight.
pub(super) fn taken(address: MentorAddress) -> Problem {
    Problem::new("addresses", Code::Taken, format!("L'adresse {address} est déjà celle d'une autre formation."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_shapes_are_read_and_written() {
        for (text, shape, number, written) in [
            (
                "https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588",
                MentorShape::Fiche,
                588,
                "https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588",
            ),
            (" http://MENTOR.gouv.fr/catalog/52/ ", MentorShape::Catalogue, 52, "https://mentor.gouv.fr/catalog/52"),
            (
                "https://mentor.gouv.fr/course/view.php?section=21&id=41#section-21",
                MentorShape::Cours,
                41,
                "https://mentor.gouv.fr/course/view.php?id=41",
            ),
        ] {
            let address = MentorAddress::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(address, MentorAddress { shape, number });
            assert_eq!(address.to_string(), written);
            assert_eq!(MentorAddress::parse(written), Some(address));
        }
    }

    #[test]
    fn what_is_not_an_address_of_mentor_is_refused() {
        for wrong in [
            "",
            "catalog/52",
            "https://mentor.gouv.fr/",
            "https://mentor.gouv.fr/catalog/",
            "https://mentor.gouv.fr/catalog/0",
            "https://mentor.gouv.fr/catalog/-5",
            "https://mentor.gouv.fr/catalog/+5",
            "https://mentor.gouv.fr/catalog/52/53",
            "https://mentor.gouv.fr/catalog/9999999999999999",
            "https://mentor.gouv.fr/course/view.php",
            "https://mentor.gouv.fr/course/view.php?id=4x",
            "https://mentor.gouv.fr.example/catalog/52",
            "https://mentor.gouv.fr@example/catalog/52",
            "https://a:b@mentor.gouv.fr/catalog/52",
            "https://mentor.gouv.fr:8443/catalog/52",
            "ftp://mentor.gouv.fr/catalog/52",
            "javascript:https://mentor.gouv.fr/catalog/52",
        ] {
            assert_eq!(MentorAddress::parse(wrong), None, "{wrong}");
            assert_eq!(address(wrong).unwrap_err().field, "addresses");
        }
    }
}
