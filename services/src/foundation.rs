//! What an empty database is given: the community's three spaces, their forums, the State's collections of trainings, the
//! library's categories and entries, the synonyms of search, and the first administrator.

use crate::App;
use crate::accounts;
use crate::audience::{self, Grant};
use crate::catalogue::{self, Collection};
use crate::clock::Clock;
use crate::db::{Tx, alone};
use crate::error::{Error, Result};
use crate::events::{Event, tell};
use crate::forum::{self, Forum, Space, ThreadKind};
use crate::id::{CollectionId, ForumId, MemberId, RoleGrantId, SpaceId};
use crate::jobs::{self, Job};
use crate::library;
use crate::roles::{self, Role, RoleGrant};
use crate::{search, sessions, text};

/// The first administrator's handle.
pub const ADMINISTRATOR: &str = "administration";

use ThreadKind::{Actualite, BonnePratique, Discussion, Question, Signalement};

struct NewSpace {
    slug: &'static str,
    name: &'static str,
    description: &'static str,
    forums: &'static [NewForum],
}

struct NewForum {
    slug: &'static str,
    name: &'static str,
    description: &'static str,
    kinds: &'static [ThreadKind],
    /// Whether every member opens threads, or only editors, moderators and administrators.
    members_open: bool,
}

const fn forum(
    slug: &'static str,
    name: &'static str,
    description: &'static str,
    kinds: &'static [ThreadKind],
    members_open: bool,
) -> NewForum {
    NewForum { slug, name, description, kinds, members_open }
}

/// The spaces as the designers' guide describes them (5; docs/domain.md), with sensible forums.
const SPACES: &[NewSpace] = &[
    NewSpace {
        slug: "plateforme",
        name: "Espace plateforme",
        description: "Pour échanger sur les aspects relatifs aux fonctionnalités de la plateforme Mentor, pour être tenu informé des évolutions ou des actualités, pour partager des bonnes pratiques ou signaler des dysfonctionnements.",
        forums: &[
            forum(
                "questions",
                "Questions",
                "Vos questions sur les fonctionnalités de la plateforme, et les réponses de vos pairs.",
                &[Question, Discussion],
                true,
            ),
            forum(
                "bonnes-pratiques",
                "Bonnes pratiques",
                "Ce qui marche chez vous et peut servir à d'autres.",
                &[BonnePratique, Discussion],
                true,
            ),
            forum(
                "signalements",
                "Signalements",
                "Les dysfonctionnements constatés : décrivez les étapes, le navigateur, ce que vous attendiez et ce qui s'est passé.",
                &[Signalement],
                true,
            ),
            forum(
                "actualites",
                "Actualités",
                "Les évolutions de la plateforme et les nouvelles de la communauté.",
                &[Actualite],
                false,
            ),
        ],
    },
    NewSpace {
        slug: "editorial",
        name: "Espace éditorial",
        description: "Pour découvrir et partager les actualités de l'offre de formation. Vous y retrouverez notamment le calendrier de publication qui recense l'ensemble des formations disponibles et ouvertes à tous sur Mentor ainsi que les prochaines nouveautés.",
        forums: &[
            forum(
                "actualites-de-l-offre",
                "Actualités de l'offre",
                "Les formations publiées, les prochaines nouveautés, les appels à projets.",
                &[Actualite],
                false,
            ),
            forum(
                "idees-et-besoins",
                "Idées et besoins",
                "Les formations qui manquent, celles à mutualiser, vos questions sur les collections et les appels à projets.",
                &[Discussion, Question],
                true,
            ),
        ],
    },
    NewSpace {
        slug: "accompagnement",
        name: "Espace accompagnement",
        description: "Pour retrouver toute la documentation présentée dans le guide du concepteur : vous pourrez y télécharger les supports de formation, les différents outils du concepteur ainsi que les ressources de communication.",
        forums: &[
            forum(
                "conception",
                "Conception",
                "Du cadrage à l'évaluation : scénarisation, activités, revue qualité.",
                &[Question, Discussion, BonnePratique],
                true,
            ),
            forum(
                "outils-du-concepteur",
                "Outils du concepteur",
                "Gabarits, fiche de recette, note de cadrage, cahier des charges, synopsis, storyboard, H5P.",
                &[Question, Discussion, BonnePratique],
                true,
            ),
            forum(
                "remarques-sur-la-documentation",
                "Remarques sur la documentation",
                "Vous aussi, vous pouvez contribuer à ce socle documentaire en nous communiquant vos remarques.",
                &[Discussion, Signalement],
                true,
            ),
            forum(
                "communication",
                "Communication",
                "Faire connaître Mentor et vos formations : plaquettes, vidéos, campagnes.",
                &[Discussion, Question, BonnePratique, Actualite],
                true,
            ),
        ],
    },
];

/// The fourteen collections of the State's catalogue (docs/catalogue.md): name, colour, description. The names are the
/// State's; colours and descriptions are ours, for administrators to change.
const COLLECTIONS: [(&str, &str, &str); 14] = [
    ("Achat public", "#8d533e", "Préparer, passer et suivre les marchés publics, acheter de façon responsable."),
    (
        "Communication et services aux usagers",
        "#a94645",
        "Accueillir, informer et accompagner les usagers, communiquer au nom de l'administration.",
    ),
    (
        "Finances publiques, gestion budgétaire et financière",
        "#716043",
        "Le budget de l'État, la comptabilité, la dépense et son contrôle.",
    ),
    (
        "Organisation et missions de l'administration",
        "#465f9d",
        "Les institutions, les administrations et leurs missions, le cadre de l'action publique.",
    ),
    ("Langues", "#6e445a", "Apprendre et entretenir une langue étrangère, et le français au travail."),
    ("Management", "#a558a0", "Encadrer une équipe, conduire un projet, animer un collectif à distance comme sur place."),
    (
        "Numérique et systèmes d'information et de communication",
        "#0063cb",
        "Les usages et les métiers du numérique, la donnée, la sécurité des systèmes d'information.",
    ),
    (
        "Préparation aux concours et examens",
        "#5d7079",
        "Les épreuves écrites et orales des concours et des examens professionnels.",
    ),
    (
        "Ressources humaines",
        "#ce614a",
        "La gestion des carrières, la formation, la santé et la sécurité au travail, le dialogue social.",
    ),
    ("Techniques et affaires juridiques", "#3a3a68", "Rédiger le droit, l'appliquer et prévenir le contentieux."),
    (
        "Transformation de l'action publique",
        "#00796f",
        "Innover, simplifier, évaluer : des méthodes pour changer ce qui doit l'être.",
    ),
    ("Transition écologique", "#447049", "Comprendre les enjeux écologiques et agir, dans son service et dans sa politique."),
    ("Valeurs de la République", "#000091", "La laïcité, la déontologie, l'égalité, la lutte contre les discriminations."),
    ("Immobilier de l'État", "#695240", "Gérer, entretenir et rénover le patrimoine immobilier de l'État."),
];

/// What was laid.
pub struct Laid {
    /// The secret of the first administrator's one-time link.
    pub first_link: String,
}

/// Lays the foundation when there is none yet; nothing otherwise.
///
/// # Errors
/// When the database fails; [`Error::Startup`] when the first administrator's address is no good.
pub async fn lay(app: &App) -> Result<Option<Laid>> {
    lay_by(app, &app.clock).await
}

/// The same with the ids and dates of another clock, for the demo; the link is good from now on all the same.
pub(crate) async fn lay_by(app: &App, clock: &Clock) -> Result<Option<Laid>> {
    let laid = {
        let mut reader = app.db.reader().await?;
        !forum::spaces(&mut reader).await?.is_empty()
            && !catalogue::collections(&mut reader).await?.is_empty()
            && library::is_laid(&mut reader).await?
            && search::synonyms_are_laid(&mut reader).await?
    };
    if laid {
        return Ok(None);
    }
    let address = app.config.admin_address.clone();
    let (address, key) = text::address("address", &address)
        .map_err(|_| Error::Startup(format!("CIAM_ADMIN_ADDRESS n'est pas une adresse de courriel : {address}")))?;
    let (clock, present) = (clock.clone(), app.clock.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                // Two nodes may start on the same empty database: the second one waits, and finds it laid.
                alone(tx, "foundation").await?;
                // A database that an earlier version founded has spaces, and no collection, no library or no synonyms.
                if catalogue::collections(tx).await?.is_empty() {
                    lay_collections(tx, &clock).await?;
                }
                library::lay(tx, &clock).await?;
                search::lay_synonyms(tx, &clock).await?;
                if !forum::spaces(tx).await?.is_empty() {
                    return Ok(None);
                }
                for (position, space) in (1_i64..).zip(SPACES) {
                    lay_space(tx, &clock, position, space).await?;
                }
                jobs::enqueue(tx, &clock, Job::Sweep, clock.now()).await?;
                let member = first_administrator(tx, &clock, (&address, &key)).await?;
                Ok(Some(Laid { first_link: sessions::own_link(tx, &present, member, &address).await? }))
            })
        })
        .await
}

async fn lay_space(tx: &mut Tx, clock: &Clock, position: i64, new: &NewSpace) -> Result<()> {
    let space = Space {
        id: SpaceId::new(clock),
        slug: new.slug.into(),
        name: new.name.into(),
        description: new.description.into(),
        position,
        created_at: clock.now(),
    };
    forum::insert_space(tx, &space).await?;
    for (position, new) in (1_i64..).zip(new.forums) {
        let opening = if new.members_open { vec![Grant::Members] } else { vec![Grant::CommunityRole(Role::Editeur, None)] };
        let forum = Forum {
            id: ForumId::new(clock),
            space_id: space.id,
            slug: new.slug.into(),
            name: new.name.into(),
            description: new.description.into(),
            position: position * 10,
            audience_id: audience::ensure(tx, clock, &[Grant::Public]).await?,
            opening_audience_id: audience::ensure(tx, clock, &forum::with_moderators(opening, space.id)).await?,
            thread_count: 0,
            created_at: clock.now(),
            remarks: false,
        };
        forum::insert_forum(tx, &forum).await?;
        forum::insert_forum_kinds(tx, forum.id, new.kinds).await?;
        tell(tx, clock, None, &Event::ForumCreated { forum: forum.id, space: space.id }).await?;
    }
    Ok(())
}

async fn lay_collections(tx: &mut Tx, clock: &Clock) -> Result<()> {
    for (position, (name, colour, description)) in (1_i64..).zip(COLLECTIONS) {
        let collection = Collection {
            id: CollectionId::new(clock),
            slug: text::slug(name),
            name: name.into(),
            colour: colour.into(),
            description: description.into(),
            position: position * 10,
            created_at: clock.now(),
        };
        catalogue::insert_collection(tx, clock, None, &collection, &[]).await?;
    }
    Ok(())
}

async fn first_administrator(tx: &mut Tx, clock: &Clock, address: (&str, &str)) -> Result<MemberId> {
    let (member, now) = (MemberId::new(clock), clock.now());
    accounts::insert_member(tx, member, address, ADMINISTRATOR, "Administration de la CIAM", now).await?;
    tell(tx, clock, None, &Event::MemberJoined { member }).await?;
    let grant = RoleGrant {
        id: RoleGrantId::new(clock),
        member_id: member,
        role: Role::Administrateur,
        organisation_id: None,
        space_id: None,
        granted_by: None,
        starts_at: now,
        ends_at: None,
        ended_at: None,
        ended_by: None,
        created_at: now,
    };
    roles::insert_grant(tx, &grant).await?;
    tell(tx, clock, None, &Event::RoleGranted { grant: grant.id, member }).await?;
    Ok(member)
}
