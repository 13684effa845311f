//! What can be set without touching the code: stop words, synonyms, and how a Meilisearch server is told to index. The files of
//! `settings/` are what a new community starts with; its administrators change the synonyms later, without an index made anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::french;

const STOP_WORDS: &str = include_str!("../settings/stop-words.json");
const SYNONYMS: &str = include_str!("../settings/synonyms.json");
const MEILISEARCH: &str = include_str!("../settings/meilisearch.json");

/// How many groups of synonyms there may be.
pub const MOST_SYNONYMS: usize = 1_000;
/// How many expressions a group may have.
pub const MOST_EXPRESSIONS: usize = 10;
/// How many words an expression may have.
pub(crate) const LONGEST_EXPRESSION: usize = 10;

/// Expressions that mean the same: who asks for one finds the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonyms {
    groups: Vec<Vec<String>>,
}

impl Synonyms {
    /// Those that the product brings.
    ///
    /// # Errors
    /// [`Error::Internal`] when the file is not what it should be; a test reads it.
    pub fn brought() -> Result<Self> {
        Self::new(serde_json::from_str(SYNONYMS).map_err(|cause| Error::internal(format!("synonyms.json: {cause}")))?)
    }

    /// Those of an administrator: groups of 2 to 10 expressions of 1 to 10 words, at most 1,000 groups.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence in French.
    pub fn new(groups: Vec<Vec<String>>) -> Result<Self> {
        if groups.len() > MOST_SYNONYMS {
            return Err(Error::invalid("synonyms", "Il y a plus de 1 000 groupes de synonymes."));
        }
        for group in &groups {
            if !(2..=MOST_EXPRESSIONS).contains(&group.len()) {
                return Err(Error::invalid(
                    "synonyms",
                    format!("« {} » : un groupe compte de 2 à 10 expressions.", group.join(", ")),
                ));
            }
            for expression in group {
                if !(1..=LONGEST_EXPRESSION).contains(&french::words(expression).len()) {
                    return Err(Error::invalid("synonyms", format!("« {expression} » : une expression compte de 1 à 10 mots.")));
                }
            }
        }
        Ok(Self { groups })
    }

    /// The groups, as given.
    #[must_use]
    pub fn groups(&self) -> &[Vec<String>] {
        &self.groups
    }

    /// As Meilisearch wants them: each expression with the others, in lower case.
    fn for_meilisearch(&self) -> BTreeMap<String, Vec<String>> {
        let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in &self.groups {
            let expressions: Vec<String> = group.iter().map(|expression| french::spoken(expression)).collect();
            for expression in &expressions {
                let others = expressions.iter().filter(|other| *other != expression).cloned();
                map.entry(expression.clone()).or_default().extend(others);
            }
        }
        map.into_iter().map(|(expression, others)| (expression, others.into_iter().collect())).collect()
    }
}

/// The stop words, folded.
///
/// # Errors
/// [`Error::Internal`] when the file is not what it should be; a test reads it.
pub(crate) fn stop_words() -> Result<BTreeSet<String>> {
    let words: Vec<String> =
        serde_json::from_str(STOP_WORDS).map_err(|cause| Error::internal(format!("stop-words.json: {cause}")))?;
    Ok(words.iter().map(|word| french::folded(word)).collect())
}

/// What a Meilisearch index must be set to.
///
/// # Errors
/// [`Error::Internal`] when a file is not what it should be; a test reads them.
pub(crate) fn meilisearch(synonyms: &Synonyms) -> Result<Map<String, Value>> {
    let mut settings: Map<String, Value> =
        serde_json::from_str(MEILISEARCH).map_err(|cause| Error::internal(format!("meilisearch.json: {cause}")))?;
    settings.insert("stopWords".to_owned(), json!(stop_words()?));
    settings.insert("synonyms".to_owned(), json!(synonyms.for_meilisearch()));
    Ok(settings)
}

/// Raised whenever an index would be made otherwise: with other fields, other stop words, another reading of French. One of an earlier
/// edition is made anew; one of a later edition is left to those who made it. Synonyms are no part of it, since they are of the
/// query; neither is what Meilisearch applies to an index by itself.
pub(crate) const EDITION: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_sound() {
        let synonyms = Synonyms::brought().unwrap();
        assert!(synonyms.groups().len() > 10);
        assert!(stop_words().unwrap().contains("les"));
        let settings = meilisearch(&synonyms).unwrap();
        assert_eq!(settings["distinctAttribute"], "group");
        assert_eq!(settings["synonyms"]["aap"], json!(["appel a projets"]));
        assert_eq!(settings["synonyms"]["visio"], json!(["classe virtuelle", "visioconference", "webconference"]));
    }

    #[test]
    fn synonyms_are_bounded() {
        assert!(Synonyms::new(vec![vec!["seul".to_owned()]]).is_err());
        assert!(Synonyms::new(vec![vec!["un".to_owned(), "?!".to_owned()]]).is_err());
        assert!(Synonyms::new(vec![vec!["un".to_owned(), "mot ".repeat(11)]]).is_err());
        assert!(Synonyms::new(vec![vec!["FOAD".to_owned(), "formation à distance".to_owned()]]).is_ok());
    }

    #[test]
    fn what_makes_an_index_is_of_this_edition() {
        use sha2::{Digest, Sha256};
        let text = "L’équipe d'H5P utilisera-t-elle aujourd’hui les gabarits œuvrés de l'AAP 24-25 ? Achats, achèvement, où accessibilite";
        let words = format!("{:?} {:?}", french::words(text), french::acronyms("Le H5P de la DGAFP"));
        let made = [STOP_WORDS, &words, &crate::tantivy::layout(), &crate::meilisearch::layout()].join("\n");
        let hash: String = Sha256::digest(made).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((EDITION, hash.as_str()), (2, "f243d7313f7b88b1"), "raise EDITION, and write down what is of it");
    }
}
