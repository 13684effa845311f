//! The engine's refusals in French. It says them in English and gives no code: they are known by their shape, where `*` stands
//! for any text. A shape that is not here is told as the engine says it. Its next version may change any of them, so that a
//! test provokes each.

use async_graphql::Pos;
use async_graphql::parser::Error;

/// The engine's sentence, and ours; `{0}` is what the first `*` stood for.
const KNOWN: &[(&str, &str)] = &[
    ("Unknown field \"*\" on type \"*\".*", "le type {1} n'a pas de champ {0}."),
    ("Unknown argument \"*\" on field \"*\" of type \"*\".*", "le champ {1} du type {2} n'a pas d'argument {0}."),
    ("Unknown argument \"*\" on directive \"*\".*", "la directive @{1} n'a pas d'argument {0}."),
    ("Unknown directive \"*\"", "la directive @{0} n'existe pas."),
    ("Unknown type \"*\"", "le type {0} n'existe pas."),
    ("Unknown fragment: \"*\"", "le fragment {0} n'est pas défini."),
    ("Unknown operation named \"*\"", "le document ne contient pas d'opération {0}."),
    ("Operation name required in request.", "le document contient plusieurs opérations : dites laquelle par operationName."),
    ("document contains multiple operations", "quand un document contient plusieurs opérations, chacune porte un nom."),
    ("operation * is defined twice", "l'opération {0} est définie deux fois."),
    ("fragment * is defined twice", "le fragment {0} est défini deux fois."),
    ("document does not contain an operation", "le document ne contient pas d'opération."),
    ("Field \"*\" argument \"*\" of type \"*\" is required but not provided", "il manque au champ {0} l'argument {1}."),
    (
        "Directive \"*\" argument \"*\" of type \"*\" is required but not provided",
        "il manque à la directive {0} l'argument {1}, de type {2}.",
    ),
    ("Field \"*\" of type \"*\" must have a selection of subfields", "le champ {0}, de type {1}, demande une liste de champs."),
    (
        "Field \"*\" must not have a selection since type \"*\" has no subfields",
        "le champ {0}, de type {1}, n'a pas de champs à lister.",
    ),
    ("There can only be one argument named \"*\"", "l'argument {0} est donné deux fois."),
    ("There can only be one variable named \"*\"", "la variable {0} est déclarée deux fois."),
    ("Variable \"*\" is not defined by operation \"*\"", "l'opération {1} ne déclare pas la variable {0}."),
    ("Variable \"*\" is not defined", "la variable {0} n'est pas déclarée."),
    ("Variable \"*\" is not used by operation \"*\"", "l'opération {1} n'utilise pas la variable {0}."),
    ("Variable \"*\" is not used", "la variable {0} n'est pas utilisée."),
    (
        "Variable \"*\" cannot be of non-input type \"*\"",
        "la variable ${0} ne peut pas être de type {1}, qui ne se lit qu'en sortie.",
    ),
    ("Fragment \"*\" is never used", "le fragment {0} n'est pas utilisé."),
    ("Fragment \"*\" cannot condition non composite type \"*\"", "le fragment {0} porte sur le type {1}, qui n'a pas de champs."),
    (
        "Fragment \"*\" cannot be spread here as objects of type \"*\" can never be of type \"*\"",
        "le fragment {0} ne s'applique pas ici : un objet de type {1} n'est jamais de type {2}.",
    ),
    (
        "Fragment cannot be spread here as objects of type \"*\" can never be of type \"*\"",
        "ce fragment ne s'applique pas ici : un objet de type {0} n'est jamais de type {1}.",
    ),
    (
        "Fields \"*\" conflict because *",
        "le champ {0} est demandé deux fois de façons différentes : donnez un alias à l'un des deux.",
    ),
    ("Duplicate directive \"*\"", "la directive @{0} est donnée deux fois."),
    ("Directive \"*\" may not be used on \"*\"", "la directive @{0} ne s'emploie pas ici."),
    (
        "Invalid value for argument \"*\", enumeration type \"*\" does not contain the value \"*\"",
        "l'argument {0} ne peut pas valoir {2}, qui n'est pas une valeur de {1}.",
    ),
    (
        "Invalid value for argument \"*\", field \"*\" of type \"*\" is required but not provided",
        "il manque à l'argument {0} le champ {1}, de type {2}.",
    ),
    ("Invalid value for argument \"*\", unknown field \"*\" of type \"*\"", "l'argument {0}, de type {2}, n'a pas de champ {1}."),
    ("Invalid value for argument \"*\", expected type \"*\"", "l'argument {0} attend une valeur de type {1}."),
    ("Invalid default value for argument: \"*\", expected type \"*\"", "la valeur par défaut de {0} doit être de type {1}."),
    ("Expected input type \"*\", found *.", "une valeur de type {0} est attendue."),
    ("Failed to parse \"*\": Only integers from * to * are accepted.*", "un nombre entier de {1} à {2} est attendu."),
    ("Failed to parse \"*\": *", "une valeur de type {0} est attendue : {1}"),
];

/// What a grammar's rule stands for, where it can be missing.
const EXPECTED: &[(&str, &str)] = &[
    ("executable_definition", "une opération ou un fragment"),
    ("executable_document", "une opération ou un fragment"),
    ("selection_set", "des champs entre accolades"),
    ("selection", "un champ"),
    ("field", "un champ"),
    ("fragment_spread", "un fragment"),
    ("name", "un nom"),
    ("value", "une valeur"),
    ("const_value", "une valeur"),
    ("argument", "un argument"),
    ("arguments", "des arguments"),
    ("variable", "une variable"),
    ("variable_definition", "une variable"),
    ("type_", "un type"),
    ("type_condition", "on et un type"),
    ("object_field", "un champ"),
    ("directive", "une directive"),
    ("directives", "une directive"),
    ("EOI", "la fin"),
];

/// What the engine says, in French; none for what is not known.
pub(crate) fn french(sentence: &str) -> Option<String> {
    KNOWN.iter().find_map(|(shape, ours)| {
        let parts = matched(shape, sentence)?;
        Some(parts.iter().enumerate().fold((*ours).to_owned(), |told, (n, part)| told.replace(&format!("{{{n}}}"), part)))
    })
}

/// A document that cannot be read: what is wrong, and where.
pub(crate) fn unreadable(error: &Error, most_braces: usize) -> (String, Option<Pos>) {
    let place = error.positions().next();
    let sentence = match error {
        Error::Syntax { message, start, .. } => {
            let expected = message.rsplit_once("= expected ").map_or("", |(_, rules)| rules.trim());
            let known = |rule: &str| EXPECTED.iter().find(|(name, _)| *name == rule).map(|(_, french)| *french);
            let mut words: Vec<_> =
                expected.split(", ").flat_map(|rule| rule.split("or ")).filter_map(|rule| known(rule.trim())).collect();
            words.dedup();
            let rest = if words.is_empty() { String::new() } else { format!(", où il faudrait {}", words.join(" ou ")) };
            format!("elle ne se lit plus à la ligne {}, colonne {}{rest}.", start.line, start.column)
        }
        Error::RecursionLimitExceeded => format!("elle est trop profonde, au plus {most_braces} niveaux d'accolades."),
        other => french(&other.to_string()).unwrap_or_else(|| other.to_string()),
    };
    (sentence, place)
}

/// What each `*` of `shape` stands for in `sentence`, the least that fits; none when it has another shape.
fn matched<'s>(shape: &str, sentence: &'s str) -> Option<Vec<&'s str>> {
    let mut fixed = shape.split('*');
    let mut rest = sentence.strip_prefix(fixed.next()?)?;
    let mut parts = Vec::new();
    let mut fixed = fixed.peekable();
    while let Some(next) = fixed.next() {
        let (part, after) = match fixed.peek() {
            None => (rest.strip_suffix(next)?, ""),
            Some(_) => rest.split_once(next)?,
        };
        parts.push(part);
        rest = after;
    }
    rest.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::{Request, Variables};
    use services::config::Limits;

    use super::*;

    /// All that the engine says of a document, each in French.
    async fn told(document: &str, variables: serde_json::Value) -> Vec<String> {
        let schema = crate::schema(&Limits::default());
        let response = schema.execute(Request::new(document).variables(Variables::from_json(variables))).await;
        let known = |sentence: &str| french(sentence).unwrap_or_else(|| format!("not known: {sentence}"));
        response.errors.iter().map(|error| known(&error.message)).collect()
    }

    #[tokio::test]
    async fn the_engine_s_refusals_are_told_in_french() {
        let input = "mutation($i: OpenThreadInput!) { openThread(input: $i) { thread { id } } }";
        let with = |field: &str, value: serde_json::Value| {
            let mut input = serde_json::json!({ "forumId": "x", "kind": "QUESTION", "title": "t", "body": "b" });
            input[field] = value;
            serde_json::json!({ "i": input })
        };
        let none = serde_json::Value::Null;
        let mut wrong = Vec::new();
        for (document, variables, sentence) in [
            ("{ spaces { idd } }", none.clone(), "le type Space n'a pas de champ idd."),
            ("{ spaces(first: 1) { id } }", none.clone(), "le champ spaces du type Query n'a pas d'argument first."),
            ("{ spaces @include(if: true, x: 1) { id } }", none.clone(), "la directive @include n'a pas d'argument x."),
            ("{ spaces @toto { id } }", none.clone(), "la directive @toto n'existe pas."),
            ("query @include(if: true) { spaces { id } }", none.clone(), "la directive @include ne s'emploie pas ici."),
            ("{ ... on Rien { id } }", none.clone(), "le type Rien n'existe pas."),
            ("{ ...F }", none.clone(), "le fragment F n'est pas défini."),
            (
                "query A { __typename } query B { __typename }",
                none.clone(),
                "le document contient plusieurs opérations : dites laquelle par operationName.",
            ),
            ("subscription { x }", none.clone(), "le type Subscription n'a pas de champ x."),
            ("{ thread { id } }", none.clone(), "il manque au champ thread l'argument id."),
            ("{ spaces @include { id } }", none.clone(), "il manque à la directive @include l'argument if, de type Boolean!."),
            ("{ spaces }", none.clone(), "le champ spaces, de type Space, demande une liste de champs."),
            ("{ spaces { id { x } } }", none.clone(), "le champ id, de type ID, n'a pas de champs à lister."),
            ("{ node(id: \"a\", id: \"b\") { id } }", none.clone(), "l'argument id est donné deux fois."),
            ("query A { node(id: $x) { id } }", none.clone(), "l'opération A ne déclare pas la variable $x."),
            ("{ node(id: $x) { id } }", none.clone(), "la variable $x n'est pas déclarée."),
            ("query A($x: Int) { __typename }", none.clone(), "l'opération A n'utilise pas la variable $x."),
            ("query($x: Int) { __typename }", none.clone(), "la variable $x n'est pas utilisée."),
            (
                "query($x: Int, $x: Int) { threads(first: $x) { totalCount } }",
                none.clone(),
                "la variable $x est déclarée deux fois.",
            ),
            (
                "query($x: Space) { spaces { id } }",
                none.clone(),
                "la variable $x ne peut pas être de type Space, qui ne se lit qu'en sortie.",
            ),
            ("{ __typename } fragment F on Query { __typename }", none.clone(), "le fragment F n'est pas utilisé."),
            (
                "{ ...F } fragment F on String { x }",
                none.clone(),
                "le fragment F porte sur le type String, qui n'a pas de champs.",
            ),
            (
                "{ ...F } fragment F on Space { id }",
                none.clone(),
                "le fragment F ne s'applique pas ici : un objet de type Query n'est jamais de type Space.",
            ),
            (
                "{ ... on Space { id } }",
                none.clone(),
                "ce fragment ne s'applique pas ici : un objet de type Query n'est jamais de type Space.",
            ),
            (
                "{ a: spaces { id } a: viewer { id } }",
                none.clone(),
                "le champ a est demandé deux fois de façons différentes : donnez un alias à l'un des deux.",
            ),
            (
                "{ spaces @include(if: true) @include(if: true) { id } }",
                none.clone(),
                "la directive @include est donnée deux fois.",
            ),
            (
                "query($x: Int = \"a\") { threads(first: $x) { totalCount } }",
                none.clone(),
                "la valeur par défaut de x doit être de type Int.",
            ),
            ("{ threads(first: \"a\") { totalCount } }", none.clone(), "l'argument first attend une valeur de type Int."),
            (
                input,
                with("kind", "RIEN".into()),
                "l'argument input.kind ne peut pas valoir RIEN, qui n'est pas une valeur de ThreadKind.",
            ),
            (input, with("autre", 1.into()), "l'argument input, de type OpenThreadInput, n'a pas de champ autre."),
            (input, with("title", 1.into()), "l'argument input.title attend une valeur de type String."),
            (
                input,
                serde_json::json!({ "i": { "forumId": "x" } }),
                "il manque à l'argument input le champ kind, de type ThreadKind!.",
            ),
            (
                "mutation { openThread(input: 3) { thread { id } } }",
                none.clone(),
                "une valeur de type OpenThreadInput est attendue.",
            ),
            (
                "query($x: Int) { threads(first: $x) { totalCount } }",
                serde_json::json!({ "x": 99_999_999_999_i64 }),
                "un nombre entier de -2147483648 à 2147483647 est attendu.",
            ),
        ] {
            let sentences = told(document, variables).await;
            if !sentences.iter().any(|one| one == sentence) {
                wrong.push(format!("{document}: {sentences:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let schema = crate::schema(&Limits::default());
        let response = schema.execute(Request::new("query A { __typename }").operation_name("B")).await;
        assert_eq!(french(&response.errors[0].message).as_deref(), Some("le document ne contient pas d'opération B."));
    }

    #[test]
    fn an_unreadable_document_says_where() {
        for (document, sentence) in [
            ("{ spaces {", "elle ne se lit plus à la ligne 1, colonne 11, où il faudrait un champ."),
            ("", "elle ne se lit plus à la ligne 1, colonne 1, où il faudrait une opération ou un fragment."),
            ("{\n  node(id: ) { id }\n}", "elle ne se lit plus à la ligne 2, colonne 12, où il faudrait une valeur."),
            ("{ a } { b }", "quand un document contient plusieurs opérations, chacune porte un nom."),
            ("query A { a } query A { b }", "l'opération A est définie deux fois."),
            ("{ ...F } fragment F on Q { a } fragment F on Q { a }", "le fragment F est défini deux fois."),
            ("fragment F on Q { a }", "le document ne contient pas d'opération."),
        ] {
            assert_eq!(unreadable(&parse_query(document).expect_err(document), 32).0, sentence, "{document}");
        }
    }

    #[test]
    fn a_sentence_without_a_shape_is_not_known() {
        assert_eq!(french("Something new happened"), None);
        assert_eq!(french("Unknown type \"A\" and more"), None);
    }
}
