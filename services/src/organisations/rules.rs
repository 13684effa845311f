use chrono::DateTime;

use super::{CreateOrganisation, Organisation};
use crate::caller::Caller;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::id::OrganisationId;
use crate::text;

/// Ministry, directorate, sub-directorate, bureau … deeper is a mistake.
const DEEPEST: usize = 8;

/// Whether `caller` may make a unit under these ancestors, or an organisation when there are none.
pub(super) fn may_create(caller: &Caller, above: &[OrganisationId]) -> Result<()> {
    if caller.is_administrator() || !above.is_empty() && caller.administers(above) {
        return Ok(());
    }
    Err(Error::forbidden(
        "Les organisations sont créées par les administrateurs de la communauté, les unités aussi par ceux de l'organisation.",
    ))
}

/// Whether `caller` decides for the organisation with these ancestors (itself included).
pub(super) fn may_decide(caller: &Caller, ancestors: &[OrganisationId]) -> Result<()> {
    if caller.administers(ancestors) {
        return Ok(());
    }
    Err(Error::forbidden("Réservé aux administrateurs de cette organisation et de la communauté."))
}

pub(super) fn name(name: &str) -> Result<String, Problem> {
    text::line("name", name, 2, 150)
}

pub(super) fn short_name(name: &str) -> Result<String, Problem> {
    text::line("shortName", name, 2, 40)
}

pub(super) fn name_taken() -> Problem {
    Problem::new("shortName", Code::Taken, "Une organisation de ce nom existe déjà.")
}

/// The organisation to insert; its id and date are the caller's to fill.
pub(super) fn new_organisation(new: &CreateOrganisation, parent: Option<&Organisation>, depth: usize) -> Result<Organisation> {
    let mut problems = Problems::default();
    let name = problems.take(name(&new.name)).unwrap_or_default();
    let short_name = problems.take(short_name(&new.short_name)).unwrap_or_default();
    let kind = match (parent, new.kind) {
        (None, None) => {
            problems.add(Problem::new("kind", Code::Required, "Indiquez la nature de l'organisation."));
            None
        }
        (Some(parent), Some(kind)) if parent.kind != kind => {
            problems.add(Problem::new(
                "kind",
                Code::Refused,
                "Une unité est de la même nature que l'organisation au-dessus d'elle.",
            ));
            None
        }
        (Some(parent), _) => Some(parent.kind),
        (None, kind) => kind,
    };
    if depth >= DEEPEST {
        problems.add(Problem::new("parentId", Code::Full, format!("L'arbre compte au plus {DEEPEST} niveaux.")));
    }
    let own = text::slug(&short_name);
    if own.is_empty() && !short_name.is_empty() {
        problems.add(Problem::new("shortName", Code::Malformed, "Ce nom court n'a ni lettre ni chiffre."));
    }
    problems.refuse()?;
    let kind = kind.ok_or_else(|| Error::internal("an organisation without a kind"))?;
    Ok(Organisation {
        id: OrganisationId(uuid::Uuid::nil()),
        slug: parent.map_or_else(|| own.clone(), |parent| format!("{}-{own}", parent.slug)),
        kind,
        name,
        short_name,
        parent_id: parent.map(|parent| parent.id),
        created_at: DateTime::UNIX_EPOCH,
    })
}
