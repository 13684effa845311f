//! Who may do what to a training; which states follow which, and what each demands; what a sound input is.

mod sessions;
mod states;

use url::Url;

use super::{Chef, Designer, Mine, Module, NewChef, Opening, Part, Training, TrainingField, TrainingState, mentor};
use crate::audience::Grant;
use crate::caller::{Caller, Scope};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::id::{CollectionId, MemberId, OrganisationId};
use crate::roles::Role;
use crate::text;

use TrainingState::{Archivee, Brouillon, ElaborationTerminee, Gabarit, Publiee};
pub use sessions::may_lead;
pub(super) use sessions::{
    can_be_planned, can_be_rearranged, can_have_sessions, has_reason, must_lead, planned, session_can_become, session_lacks,
    session_moves,
};
use states::required;
pub(super) use states::{as_read, calendar_day, can_become, can_change, demands_less, missing, opening, way};

/// Those who create and manage trainings, for an organisation and its units (guide, 1b).
pub(super) const MANAGERS: [Role; 3] = [Role::ResponsableFormationCentral, Role::ReferentLocal, Role::AdministrateurEspaceDedie];

const MOST_DESIGNERS: usize = 20;
const MOST_TARGETS: usize = 30;
const MOST_ADDRESSES: usize = 10;
const MOST_MODULES: usize = 50;
const MOST_COMPETENCES: usize = 20;
const MOST_CHEFS: usize = 10;
/// A thousand hours.
const MOST_MINUTES: i64 = 60_000;

// Who may.

/// Whether this caller manages the trainings of the organisation with these ancestors (itself included).
#[must_use]
pub fn may_manage(caller: &Caller, ancestors: &[OrganisationId]) -> bool {
    writes(caller) && (caller.is_administrator() || caller.holds(&MANAGERS[..2], ancestors) || caller.administers(ancestors))
}

/// Whether this caller may change what a training says: who manages it, and its designers while they are concepteurs.
#[must_use]
pub fn may_edit(caller: &Caller, ancestors: &[OrganisationId], designers: &[Designer]) -> bool {
    may_manage(caller, ancestors)
        || writes(caller)
            && caller.held_in(&[Role::Concepteur]).next().is_some()
            && designers.iter().any(|designer| designer.member_id.is_some() && designer.member_id == caller.id())
}

/// Whether this caller validates the framing of what is in the collection with these chefs de file.
#[must_use]
pub fn may_frame(caller: &Caller, chefs: &[Chef]) -> bool {
    writes(caller)
        && (caller.is_administrator() || chefs.iter().any(|chef| chef.member_id.is_some() && chef.member_id == caller.id()))
}

/// Whether this caller works on the training in one way or another, and so reads its history.
#[must_use]
pub fn works_on(caller: &Caller, ancestors: &[OrganisationId], designers: &[Designer], chefs: &[Chef]) -> bool {
    let own = |member: Option<MemberId>| member.is_some() && member == caller.id();
    caller.is_administrator()
        || caller.holds(&MANAGERS, ancestors)
        || designers.iter().any(|designer| own(designer.member_id))
        || chefs.iter().any(|chef| own(chef.member_id))
}

fn writes(caller: &Caller) -> bool {
    caller.passes(Scope::Write) && caller.suspended().is_none()
}

pub(super) fn must_manage(caller: &Caller, ancestors: &[OrganisationId]) -> Result<()> {
    if may_manage(caller, ancestors) {
        return Ok(());
    }
    Err(Error::forbidden(
        "Réservé à ceux qui gèrent les formations de cette organisation : responsable de formation central, référent local, \
         administrateur de l'espace dédié.",
    ))
}

/// Whether this caller makes trainings anywhere: each line of a table is then asked for by itself.
pub(super) fn must_import(caller: &Caller) -> Result<()> {
    let somewhere: Vec<_> = caller.held_in(&MANAGERS).collect();
    if caller.is_administrator() || somewhere.iter().any(|place| may_manage(caller, &[*place])) {
        return Ok(());
    }
    Err(Error::forbidden(
        "Réservé à ceux qui gèrent les formations d'une organisation : responsable de formation central, référent local, \
         administrateur de l'espace dédié.",
    ))
}

pub(super) fn must_edit(caller: &Caller, ancestors: &[OrganisationId], designers: &[Designer]) -> Result<()> {
    if may_edit(caller, ancestors, designers) {
        return Ok(());
    }
    Err(Error::forbidden("Réservé à ceux qui gèrent cette formation et à ses concepteurs."))
}

pub(super) fn must_frame(caller: &Caller, chefs: &[Chef]) -> Result<()> {
    if may_frame(caller, chefs) {
        return Ok(());
    }
    Err(Error::forbidden("Le cadrage est validé par un chef de file de la collection."))
}

pub(super) fn must_administer(caller: &Caller) -> Result<()> {
    if caller.is_administrator() {
        return Ok(());
    }
    Err(Error::forbidden("Les collections sont créées et réglées par les administrateurs de la communauté."))
}

/// Whose trainings are a caller's own: by name, and those of the organisations they answer for.
///
/// # Errors
/// [`Error::Unauthenticated`] for nobody.
pub fn mine(caller: &Caller) -> Result<Mine> {
    let mut organisations: Vec<_> = caller.held_in(&MANAGERS).collect();
    organisations.sort_unstable();
    organisations.dedup();
    Ok(Mine { member: caller.signed_in()?, organisations })
}

// Who sees it.

/// Those who work on a training: whoever answers for the organisation that produces it, the chefs de file of its collection,
/// its designers and those who lead its sessions. The community's administrators see everything.
pub(super) fn workers(training: &Training) -> Vec<Grant> {
    let mut grants: Vec<_> = MANAGERS.map(|role| Grant::RoleOver(role, training.organisation_id)).into();
    grants.extend([Grant::CollectionLeads(training.collection_id), Grant::Team(training.id)]);
    grants
}

/// Those who see it: who works on it, and, once it is out, those whom it is open to.
pub(super) fn viewers(training: &Training, targets: &[OrganisationId]) -> Vec<Grant> {
    let mut grants = workers(training);
    if is_out(training) {
        match training.opening {
            Opening::TousPublics => grants.push(Grant::Public),
            Opening::Interministeriel => grants.push(Grant::Members),
            Opening::CibleRestreinte => grants.extend(targets.iter().map(|id| Grant::Organisation(*id))),
            Opening::NonVisible => {}
        }
    }
    grants
}

/// Made, announced, or once published. What was told stays known: one that was announced is out whatever becomes of its plan. One that
/// was archived before anything was told of it is of no use to others.
fn is_out(training: &Training) -> bool {
    match training.state {
        Brouillon | Gabarit => training.announced_at.is_some(),
        ElaborationTerminee | Publiee => true,
        Archivee => training.announced_at.is_some() || training.published_at.is_some(),
    }
}

// Inputs.

impl TrainingField {
    /// The input's field, as the API names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::ShortName => "shortName",
            Self::Collection => "collectionId",
            Self::Organisation => "organisationId",
            Self::Certifying => "certifying",
            Self::Licence => "licence",
            Self::CatchPhrase => "catchPhrase",
            Self::Goals => "goals",
            Self::Content => "content",
            Self::Prerequisites => "prerequisites",
            Self::Skills => "skills",
            Self::TypicalJobs => "typicalJobs",
            Self::Modality => "modality",
            Self::PresenceMinutes => "presenceMinutes",
            Self::RemoteMinutes => "remoteMinutes",
            Self::Contact => "contact",
            Self::Thumbnail => "thumbnailUrl",
            Self::SirhId => "sirhId",
        }
    }

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Title => "le titre",
            Self::ShortName => "le nom abrégé",
            Self::Collection => "la collection",
            Self::Organisation => "l'organisation productrice",
            Self::Certifying => "le caractère certifiant ou non",
            Self::Licence => "la licence",
            Self::CatchPhrase => "la phrase d'accroche",
            Self::Goals => "les objectifs",
            Self::Content => "le contenu",
            Self::Prerequisites => "les prérequis",
            Self::Skills => "les compétences",
            Self::TypicalJobs => "les métiers types",
            Self::Modality => "la modalité",
            Self::PresenceMinutes => "la durée en présentiel",
            Self::RemoteMinutes => "la durée à distance",
            Self::Contact => "le contact",
            Self::Thumbnail => "la vignette",
            Self::SirhId => "l'identifiant SIRH",
        }
    }
}

pub(super) fn short_name(short_name: &str) -> Result<String, Problem> {
    text::line("shortName", short_name, 2, 100)
}

/// What can be left empty, when the state allows.
pub(super) fn can_be_cleared(field: TrainingField) -> Result<TrainingField, Problem> {
    if required(Brouillon).contains(&field) {
        return Err(Problem::new("clear", Code::Refused, format!("On n'efface pas {}.", field.words())));
    }
    Ok(field)
}

pub(super) fn minutes(field: &'static str, minutes: i64) -> Result<i64, Problem> {
    if (0..=MOST_MINUTES).contains(&minutes) {
        return Ok(minutes);
    }
    Err(Problem::new(field, Code::Malformed, format!("Une durée va de 0 à {MOST_MINUTES} minutes.")))
}

pub(super) fn thumbnail(address: &str) -> Result<String, Problem> {
    let malformed = || Problem::new("thumbnailUrl", Code::Malformed, "Donnez l'adresse d'une image, en https://.");
    let url = Url::parse(address.trim()).map_err(|_| malformed())?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return Err(malformed());
    }
    let url = String::from(url);
    if url.len() > 500 {
        return Err(Problem::new("thumbnailUrl", Code::TooLong, "Au plus 500 caractères."));
    }
    Ok(url)
}

fn at_most(field: &'static str, count: usize, most: usize) -> Result<(), Problem> {
    if count > most {
        return Err(Problem::new(field, Code::TooLong, format!("Au plus {most} ({count} donnés).")));
    }
    Ok(())
}

pub(super) fn targets(targets: Vec<OrganisationId>) -> Result<Vec<OrganisationId>, Problem> {
    let targets = distinct(targets);
    at_most("targetIds", targets.len(), MOST_TARGETS)?;
    Ok(targets)
}

pub(super) fn addresses(texts: &[String]) -> Result<Vec<super::MentorAddress>, Problem> {
    at_most("addresses", texts.len(), MOST_ADDRESSES)?;
    Ok(distinct(texts.iter().map(|text| mentor::address(text)).collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn designers(designers: Vec<Designer>) -> Result<Vec<Designer>, Problem> {
    at_most("designers", designers.len(), MOST_DESIGNERS)?;
    let sound = designers.into_iter().map(|designer| match (designer.member_id, designer.name) {
        (Some(member), None) => Ok(Designer { member_id: Some(member), name: None }),
        (None, Some(name)) => Ok(Designer { member_id: None, name: Some(text::line("designers", &name, 2, 120)?) }),
        _ => Err(Problem::new("designers", Code::Malformed, "Un concepteur est un membre, ou un nom : l'un des deux.")),
    });
    Ok(distinct(sound.collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn modules(modules: Vec<Module>) -> Result<Vec<Module>, Problem> {
    at_most("modules", modules.len(), MOST_MODULES)?;
    let sound = modules.into_iter().map(|module| {
        at_most("modules", module.competences.len(), MOST_COMPETENCES)?;
        let competences = module.competences.iter().map(|one| text::line("modules", one, 2, 200));
        Ok(Module { title: text::line("modules", &module.title, 2, 200)?, competences: competences.collect::<Result<_, _>>()? })
    });
    sound.collect()
}

pub(super) fn chefs(collection: CollectionId, chefs: Vec<NewChef>) -> Result<Vec<Chef>, Problem> {
    at_most("chefs", chefs.len(), MOST_CHEFS)?;
    let sound = chefs.into_iter().map(|chef| match (chef.member, chef.name, chef.address) {
        (Some(member), None, None) => Ok(Chef { collection_id: collection, member_id: Some(member), name: None, address: None }),
        (None, Some(name), Some(address)) => Ok(Chef {
            collection_id: collection,
            member_id: None,
            name: Some(text::line("chefs", &name, 2, 80)?),
            address: Some(text::address("chefs", &address)?.0),
        }),
        _ => Err(Problem::new("chefs", Code::Malformed, "Un chef de file est un membre, ou un nom et une adresse.")),
    });
    Ok(distinct(sound.collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn colour(colour: &str) -> Result<String, Problem> {
    let colour = colour.trim().to_ascii_lowercase();
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6);
    if digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Ok(colour);
    }
    Err(Problem::new("colour", Code::Malformed, "Une couleur s'écrit comme #1a6fb0."))
}

pub(super) fn collection_name(name: &str) -> Result<String, Problem> {
    text::line("name", name, 2, 120)
}

pub(super) fn collection_description(description: &str) -> Result<String, Problem> {
    text::line("description", description, 0, 1000)
}

/// Markdown of a training, with the HTML made of it. Nobody is mentioned there.
pub(super) fn long_text(part: Part, field: &'static str, given: &str) -> Result<super::Text, Problem> {
    let renamed = |problem: Problem| Problem { field, ..problem };
    let body = text::body(field, given)?;
    text::names(&body).map_err(renamed)?;
    let html = text::render(&body, &text::Mentioned::default()).html;
    Ok(super::Text { training_id: crate::id::TrainingId(uuid::Uuid::nil()), part, body, html })
}

/// Each once, where it stands first.
fn distinct<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    items.into_iter().fold(Vec::new(), |mut kept, item| {
        if !kept.contains(&item) {
            kept.push(item);
        }
        kept
    })
}

/// All problems at once.
pub(super) fn refuse(found: impl IntoIterator<Item = Problem>) -> Result<()> {
    let mut problems = Problems::default();
    found.into_iter().for_each(|problem| problems.add(problem));
    problems.refuse()
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::states::possible_transitions;
    use super::*;
    use crate::catalogue::Details;
    use crate::id::{AudienceId, TrainingId};

    pub(in crate::catalogue) fn training(state: TrainingState, opening: Opening) -> Training {
        Training {
            id: TrainingId(Uuid::from_u128(1)),
            title: "Accueillir tous les publics".into(),
            short_name: "ACC-01".into(),
            collection_id: CollectionId(Uuid::from_u128(2)),
            organisation_id: OrganisationId(Uuid::from_u128(3)),
            state,
            opening,
            audience_id: AudienceId(Uuid::nil()),
            catch_phrase: None,
            certifying: false,
            licence: "CC BY-SA 4.0".into(),
            modality: None,
            presence_minutes: None,
            remote_minutes: None,
            contact: None,
            thumbnail_url: None,
            thumbnail_id: None,
            sirh_id: None,
            planned_on: None,
            calendar_on: None,
            announced_at: None,
            published_at: None,
            framed_at: None,
            framed_by: None,
            framing_note: None,
            merged_into_id: None,
            revision: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    /// Every pair of states: whether one follows the other.
    #[test]
    fn states_follow_the_table() {
        // From a row to a column, in the order of TrainingState::ALL.
        let table = [
            [false, true, true, false, true],
            [true, false, true, false, true],
            [true, true, false, true, true],
            [false, false, true, false, true],
            [true, false, true, false, false],
        ];
        for (from, row) in TrainingState::ALL.into_iter().zip(table) {
            for (to, expected) in TrainingState::ALL.into_iter().zip(row) {
                let outcome = can_become(&training(from, Opening::TousPublics), to);
                assert_eq!(outcome.is_ok(), expected, "{from:?} to {to:?}");
                assert!(expected || matches!(outcome, Err(Error::Conflict(problem)) if problem.field == "state"));
            }
        }
        let merged = Training { merged_into_id: Some(TrainingId(Uuid::nil())), ..training(Archivee, Opening::NonVisible) };
        assert!(can_become(&merged, Brouillon).is_err(), "what was merged stays so");
    }

    #[test]
    fn every_state_is_reached_by_states_that_follow_one_another() {
        for from in TrainingState::ALL {
            for to in TrainingState::ALL {
                let mut at = from;
                for next in way(from, to) {
                    assert!(possible_transitions(at).contains(&next), "{from:?} to {to:?} by {next:?}");
                    at = next;
                }
                assert_eq!(at, to);
            }
        }
        assert_eq!(way(Brouillon, Publiee), [ElaborationTerminee, Publiee]);
        assert_eq!(way(Brouillon, Archivee), [Archivee]);
        assert!(demands_less(Publiee, Brouillon) && !demands_less(Publiee, ElaborationTerminee));
    }

    #[test]
    fn a_state_lists_every_field_that_it_lacks() {
        let bare = training(Brouillon, Opening::NonVisible);
        let names = |state| missing(&bare, &Details::default(), state).iter().map(|one| one.field).collect::<Vec<_>>();
        for state in [Brouillon, Gabarit, Archivee] {
            assert!(names(state).is_empty(), "{state:?}");
        }
        let all = ["thumbnailUrl", "catchPhrase", "content", "goals", "modality", "presenceMinutes", "remoteMinutes"];
        for state in [ElaborationTerminee, Publiee] {
            assert_eq!(names(state), all, "{state:?}");
        }
        let filled = Training {
            thumbnail_url: Some("https://exemple.test/v.png".into()),
            catch_phrase: Some("Une phrase".into()),
            modality: Some(super::super::Modality::Mixte),
            // Nothing of one kind is a duration too.
            presence_minutes: Some(0),
            remote_minutes: Some(90),
            ..bare
        };
        let goals = long_text(Part::Objectifs, "goals", "Savoir accueillir").expect("sound");
        let details = Details { texts: vec![goals], ..Details::default() };
        let left = missing(&filled, &details, ElaborationTerminee);
        assert_eq!(left.iter().map(|one| one.field).collect::<Vec<_>>(), ["content"]);
        assert_eq!(left[0].message, "À remplir pour l'état « élaboration terminée » : le contenu.");
    }

    #[test]
    fn a_training_is_seen_by_those_it_is_open_to_once_it_is_out() {
        let target = OrganisationId(Uuid::from_u128(9));
        let open = |training: &Training| {
            let grants = viewers(training, &[target]);
            assert!(workers(training).iter().all(|grant| grants.contains(grant)), "who works on it always sees it");
            grants.into_iter().filter(|grant| !workers(training).contains(grant)).collect::<Vec<_>>()
        };
        for (opening, to) in [
            (Opening::TousPublics, vec![Grant::Public]),
            (Opening::Interministeriel, vec![Grant::Members]),
            (Opening::CibleRestreinte, vec![Grant::Organisation(target)]),
            (Opening::NonVisible, vec![]),
        ] {
            for state in [Brouillon, Gabarit, Archivee] {
                assert_eq!(open(&training(state, opening)), [], "{state:?}");
            }
            for state in [ElaborationTerminee, Publiee] {
                assert_eq!(open(&training(state, opening)), to, "{state:?}");
            }
            let once = Training { published_at: Some(DateTime::UNIX_EPOCH), ..training(Archivee, opening) };
            assert_eq!(open(&once), to, "archived after it was published");
            for state in TrainingState::ALL {
                let announced = Training { announced_at: Some(DateTime::UNIX_EPOCH), ..training(state, opening) };
                assert_eq!(open(&announced), to, "{state:?}, announced");
            }
            let back = Training { published_at: Some(DateTime::UNIX_EPOCH), ..training(Brouillon, opening) };
            assert_eq!(open(&back), [], "a draft again, of which no day was told");
        }
    }

    #[test]
    fn inputs_are_bounded_and_checked() {
        assert_eq!(colour("#1A6FB0"), Ok("#1a6fb0".into()));
        for wrong in ["", "1a6fb0", "#1a6fb", "#1a6fb0ff", "#1a6fbg", "#é6fb0"] {
            assert!(colour(wrong).is_err(), "{wrong}");
        }
        assert_eq!(thumbnail(" https://exemple.test/é.png "), Ok("https://exemple.test/%C3%A9.png".into()));
        for wrong in ["", "vignette.png", "http://exemple.test/v.png", "javascript:alert(1)", "https://a:b@exemple.test/"] {
            assert_eq!(thumbnail(wrong).unwrap_err().field, "thumbnailUrl", "{wrong}");
        }
        assert!(minutes("remoteMinutes", -1).is_err() && minutes("remoteMinutes", MOST_MINUTES + 1).is_err());
        let both = Designer { member_id: Some(MemberId(Uuid::nil())), name: Some("Ada".into()) };
        assert!(designers(vec![both]).is_err());
        let named = |name: &str| Designer { member_id: None, name: Some(name.into()) };
        assert_eq!(designers(vec![named("Ada  Lovelace"), named("Ada Lovelace")]), Ok(vec![named("Ada Lovelace")]));
        assert_eq!(can_be_cleared(TrainingField::Title).unwrap_err().field, "clear");
        assert!(modules(vec![Module { title: "Un\nmodule".into(), competences: vec!["x\u{0}y".into()] }]).is_err());
    }
}
