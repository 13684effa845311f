//! Questions that mean harm, or come from a text pasted in the wrong place: an answer or a clear error, little work, and no effect of
//! any syntax.

use std::time::{Duration, Instant};

use search_index::{Error, Filters, Index, Query, Sight};

fn texts() -> Vec<String> {
    let words: Vec<String> = (0..120).map(|number| format!("mot{number}")).collect();
    [
        "???",
        "🙂",
        "🙂🙃 gabarit 👩‍👩‍👧",
        "مرحبا بالعالم",
        "שלום gabarit",
        "\u{202e}tirabag",
        "*",
        "gabarit*",
        "ga*rit",
        "/gab.*/",
        "title:gabarit",
        "audience:aud_interieur",
        "gabarit AND NOT x",
        "gabarit OR 1=1",
        "(gabarit",
        "[* TO *]",
        "{gabarit}",
        "\"",
        "\"\"\"",
        "-",
        "--",
        "-\"",
        "-\"gabarit",
        "+gabarit",
        "gabarit~2",
        "gabarit^10",
        "\\",
        "\\\"",
        "gabarit\\",
        "\0",
        "a\0b",
        "audience = \"aud_interieur\"",
        "\" OR audience EXISTS",
        "<script>alert(1)</script>",
        "'; drop table posts; --",
        "%",
        "_",
        "\u{feff}gabarit",
        "\r\n\t",
        "……",
        "''''''",
        "l'l'l'l'l'",
        "a-b-c-d-e-f-g-h-i-j-k-l-m-n",
        "----a",
        "«»",
        "«««",
        "“”",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        "a".repeat(1_000),
        "é".repeat(1_000),
        "a ".repeat(500),
        "-a ".repeat(300),
        "\"a b\" ".repeat(150),
        "l'".repeat(500),
        "a-".repeat(500),
        "e\u{301}".repeat(500),
        words.join(" "),
        "a b c d e f g h i j".to_owned(),
    ])
    .collect()
}

/// Each of them, by somebody who sees what is public.
pub(crate) async fn check(index: &Index) {
    let sight = Sight::holding(["aud_public"]);
    for text in texts() {
        let begun = Instant::now();
        let page = index.search(&Query::new(sight.clone(), &text)).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        for hit in &page.hits {
            assert!(
                !["thr_interieur_gabarit", "tra_interieur_accueil", "doc_interieur"].contains(&hit.group.as_str()),
                "{text:?}"
            );
            let mut markup = hit.title.markup() + &hit.excerpt.markup();
            markup = markup.replace("<mark>", "").replace("</mark>", "");
            assert!(!markup.contains('<') && !markup.contains('>'), "{text:?}: {markup}");
        }
        index.suggest(&text, &sight, &Filters::default(), 5).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        index.similar(&text, &text, &sight, &Filters::default(), 5).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        // No aim of speed: only that nothing is asked without end.
        assert!(begun.elapsed() < Duration::from_secs(20), "{text:?}");
    }
    let long = "gabarit ".repeat(10_000);
    let Err(Error::Invalid("query", sentence)) = index.search(&Query::new(sight.clone(), &long)).await else {
        panic!("it was too long")
    };
    assert!(sentence.contains("trop longue"), "{sentence}");
    assert!(matches!(index.suggest(&long, &sight, &Filters::default(), 5).await, Err(Error::Invalid(..))));
    assert!(index.similar("gabarit", &long, &sight, &Filters::default(), 5).await.is_ok(), "a text to compare may be long");

    // What looks like the syntax of an engine is words: the same answer as without it.
    let plain = index.search(&Query::new(sight.clone(), "gabarit")).await.unwrap();
    for text in ["gabarit*", "(gabarit", "+gabarit", "gabarit~2", "gabarit^10", "[gabarit]", "gabarit\\"] {
        let page = index.search(&Query::new(sight.clone(), text)).await.unwrap();
        assert_eq!(page.total, plain.total, "{text}");
    }
}
