//! The table: the columns that the import reads, `;` between them and a byte order mark before, so that French Excel opens it.

use super::Page;
use crate::catalogue::columns::{Column, neutral};
use crate::catalogue::import::{joined, written_modules};
use crate::catalogue::{Designer, Details, Modality, Part, Training, TrainingField};

pub(super) fn heading() -> String {
    format!("\u{feff}{}", row(Column::all().map(|column| column.heading().to_owned())))
}

pub(super) fn rows(page: &Page) -> String {
    let none = Details::default();
    let rows = page.trainings.iter().map(|training| {
        let details = page.details.get(&training.id).unwrap_or(&none);
        row(Column::all().map(|column| cell(page, training, details, column)))
    });
    rows.collect()
}

fn cell(page: &Page, training: &Training, details: &Details, column: Column) -> String {
    use TrainingField as F;
    let slug = |id| page.organisations.get(id).map(|one| one.slug.clone());
    let text = |part: Part| details.texts.iter().find(|text| text.part == part).map(|text| text.body.clone()).unwrap_or_default();
    let minutes = |minutes: Option<i64>| minutes.map(|minutes| minutes.to_string()).unwrap_or_default();
    let line = |line: &Option<String>| line.clone().unwrap_or_default();
    match column {
        Column::Field(F::Title) => training.title.clone(),
        Column::Field(F::ShortName) => training.short_name.clone(),
        Column::Field(F::Collection) => {
            page.collections.get(&training.collection_id).map(|one| one.slug.clone()).unwrap_or_default()
        }
        Column::Field(F::Organisation) => slug(&training.organisation_id).unwrap_or_default(),
        Column::Field(F::Certifying) => if training.certifying { "oui" } else { "non" }.into(),
        Column::Field(F::Licence) => training.licence.clone(),
        Column::Field(F::CatchPhrase) => line(&training.catch_phrase),
        Column::Field(F::Goals) => text(Part::Objectifs),
        Column::Field(F::Content) => text(Part::Contenu),
        Column::Field(F::Prerequisites) => text(Part::Prerequis),
        Column::Field(F::Skills) => text(Part::Competences),
        Column::Field(F::TypicalJobs) => text(Part::Metiers),
        Column::Field(F::Modality) => training.modality.map_or("", Modality::words).into(),
        Column::Field(F::PresenceMinutes) => minutes(training.presence_minutes),
        Column::Field(F::RemoteMinutes) => minutes(training.remote_minutes),
        Column::Field(F::Contact) => line(&training.contact),
        Column::Field(F::Thumbnail) => training.thumbnail_id.map_or_else(|| line(&training.thumbnail_url), |id| id.to_string()),
        Column::Field(F::SirhId) => line(&training.sirh_id),
        Column::Opening => training.opening.words().into(),
        Column::State => training.state.words().into(),
        Column::Targets => joined(&details.targets.iter().filter_map(slug).collect::<Vec<_>>()),
        Column::Designers => {
            let handle = |id| page.members.get(&id).map(|member| format!("@{}", member.handle));
            let name = |name: &String| if name.starts_with('@') { format!("@{name}") } else { name.clone() };
            let named = |one: &Designer| one.member_id.map_or_else(|| one.name.as_ref().map(name), handle);
            let written = details.designers.iter().filter_map(named);
            joined(&written.collect::<Vec<_>>())
        }
        Column::Modules => written_modules(&details.modules),
        Column::Addresses => joined(&details.addresses.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Column::PlannedOn => line(&training.planned_on),
        Column::Reason => String::new(),
    }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| {
        let cell = neutral(cell);
        let plain = !cell.contains(['"', ';', '\n', '\r', '\t']) && cell.trim() == cell;
        if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    let mut row = cells.map(quoted).collect::<Vec<_>>().join(";");
    row.push_str("\r\n");
    row
}
