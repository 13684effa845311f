//! What the guide says is in the library (4, and 5 for the community): its nine categories, and each of their entries.
//!
//! The guide prints the addresses of a page after its titles, without saying which is whose. An address stands here only where
//! the text leaves no doubt: alone with its title, or naming what it leads to. Elsewhere the entry waits for one.

use super::writing::{NewVersion, Source, put_document, put_version};
use super::{Document, new_category, store};
use crate::audience::{self, Grant};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::Result;

struct Category {
    slug: &'static str,
    name: &'static str,
    entries: &'static [Entry],
}

struct Entry {
    title: &'static str,
    tag: Option<&'static str>,
    address: Option<&'static str>,
}

const fn entry(title: &'static str) -> Entry {
    Entry { title, tag: None, address: None }
}

const fn found(title: &'static str, address: &'static str) -> Entry {
    Entry { title, tag: None, address: Some(address) }
}

const fn technical(title: &'static str) -> Entry {
    Entry { title, tag: Some("documentation technique"), address: None }
}

const fn tutorial(title: &'static str) -> Entry {
    Entry { title, tag: Some("tutoriel"), address: None }
}

const CATEGORIES: [Category; 9] = [
    Category {
        slug: "documents-de-reference",
        name: "Documents de référence",
        entries: &[
            found(
                "Cadre d'usage de la formation professionnelle à l'ère du numérique",
                "https://www.fonction-publique.gouv.fr/toutes-les-publications/cadre-dusage-de-la-formation-professionnelle-lere-du-numerique",
            ),
            found(
                "Stratégie éditoriale Mentor",
                "https://www.fonction-publique.gouv.fr/toutes-les-publications/strategie-editoriale-du-programme-mentor",
            ),
            entry("Synthèse de la stratégie éditoriale et présentation des collections Mentor"),
            found(
                "Guide pratique de la formation professionnelle",
                "https://www.fonction-publique.gouv.fr/toutes-les-actualites/guide-pratique-de-la-formation-professionnelle-dans-la-fonction-publique-de-letat",
            ),
            entry("Une formation sur Mentor : comment faire ?"),
        ],
    },
    Category {
        slug: "ressources-de-communication",
        name: "Ressources de communication",
        entries: &[
            // Alone with its title at the beginning of the guide.
            found(
                "Vidéo de présentation de Mentor",
                "https://video.mentor.gouv.fr/videos/watch/e4fd0875-9c00-4e9c-b1d1-e1fd3a0909c7",
            ),
            entry("Vidéos des webinaires Mentor"),
            entry("Plaquette employeur public"),
            entry("Plaquette école"),
            entry("Plaquette organisme de formation"),
            entry("Plaquette Mentor personnalisable"),
        ],
    },
    Category {
        slug: "documentation-methodologique",
        name: "Documentation méthodologique",
        entries: &[
            entry("Guide de référence pédagogique"),
            entry("Guide de revue qualité"),
            entry("Cartographie des activités Mentor"),
            entry("Présentation des collections et des chefs de file"),
            entry("Base de données des projets de formation"),
        ],
    },
    Category {
        slug: "formations-en-ligne",
        name: "Formations en ligne",
        entries: &[
            entry("Créer une formation sur Mentor à partir d'un gabarit"),
            entry("Créer des contenus interactifs H5P sur Mentor"),
            entry("S'initier à la scénarisation pédagogique de formation en ligne"),
        ],
    },
    Category {
        slug: "documentation-technico-fonctionnelle",
        name: "Documentation technico-fonctionnelle",
        entries: &[
            technical("Administrer la plateforme"),
            technical("Administrer un espace dédié"),
            technical("Animer une session"),
            technical("Assurer le support"),
            technical("Concevoir une formation"),
            technical("Demander de l'aide"),
            technical("Gérer les formations"),
            technical("Gérer les sessions"),
            technical("Gérer son compte"),
            technical("Inscrire des utilisateurs"),
            technical("S'inscrire à une session"),
            technical("Se préparer à suivre une classe virtuelle"),
            technical("Charte des bonnes pratiques SSI à destination des administrateurs d'espaces dédiés"),
            tutorial("Créer une classe virtuelle Via"),
            tutorial("Créer une classe virtuelle BigBlueButton"),
            tutorial("Éditer un contenu"),
            tutorial("Inscrire des utilisateurs (version allégée)"),
            tutorial("Intégrer une vidéo"),
            tutorial("Le suivi pédagogique"),
            tutorial("Sauvegarder une formation"),
        ],
    },
    Category {
        slug: "documentation-modele",
        name: "Documentation modèle à disposition des concepteurs",
        entries: &[
            entry("Fiche de recette intégrateur"),
            entry("Note de cadrage"),
            entry("Cahier des charges"),
            entry("Synopsis"),
            entry("Storyboard"),
        ],
    },
    Category {
        slug: "espaces-en-ligne",
        name: "Espaces en ligne",
        entries: &[
            // Alone with its title in the guide's chapter on the community.
            found("Communauté interministérielle des acteurs de Mentor", "https://mentor.gouv.fr/course/view.php?id=6986"),
            found(
                "Démarches Simplifiées : déposer sa candidature",
                "https://www.demarches-simplifiees.fr/commencer/appel-a-projets-mentor-2024-2025",
            ),
        ],
    },
    Category {
        slug: "documentation-appel-a-projets",
        name: "Documentation appel à projets",
        entries: &[entry("Plaquette AAP 24-25"), entry("Règlement AAP 24-25")],
    },
    Category {
        slug: "newsletter",
        name: "Newsletter",
        entries: &[found("Newsletter Mentor", "https://kiosque.bercy.gouv.fr/alyas/abo/new/mentor")],
    },
];

/// Lays the categories and their entries; nothing when they are there.
pub(crate) async fn lay(tx: &mut Tx, clock: &Clock) -> Result<()> {
    if super::is_laid(tx).await? {
        return Ok(());
    }
    let audience = audience::ensure(tx, clock, &[Grant::Public]).await?;
    for (position, category) in (1_i64..).zip(&CATEGORIES) {
        let row = new_category(clock, (category.slug, category.name), position);
        store::insert_category(tx, &row, clock.now()).await?;
        for entry in category.entries {
            let document = Document { title: entry.title.into(), ..Document::new(clock, row.id, audience) };
            let tags: Vec<_> = entry.tag.map(str::to_owned).into_iter().collect();
            put_document(tx, clock, None, &document, &tags).await?;
            if let Some(address) = entry.address {
                let source = Source::Link(address.into());
                put_version(
                    tx,
                    clock,
                    NewVersion { document: document.id, number: 1, source, note: String::new(), author: None },
                )
                .await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rules;
    use super::*;

    #[test]
    fn entries_are_sound() {
        let entries: Vec<_> = CATEGORIES.iter().flat_map(|category| category.entries).collect();
        assert_eq!((entries.len(), entries.iter().filter(|entry| entry.address.is_some()).count()), (49, 7));
        for entry in entries {
            assert_eq!(rules::title(entry.title).as_deref(), Ok(entry.title));
            assert!(entry.address.is_none_or(|address| rules::link(address).as_deref() == Ok(address)), "{}", entry.title);
            let tags: Vec<_> = entry.tag.map(str::to_owned).into_iter().collect();
            assert_eq!(rules::tags(&tags), Ok(tags));
        }
    }
}
