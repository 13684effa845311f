//! The columns of a table of trainings: what the import reads and the export writes, under one name each (docs/import.md).

use super::TrainingField;
use crate::text;

/// A column of a table of trainings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// What can be filled in of a training.
    Field(TrainingField),
    /// Whom it is open to.
    Opening,
    /// The organisations a restricted one is for.
    Targets,
    /// Who designs it.
    Designers,
    /// Its modules, each with its competences.
    Modules,
    /// Its addresses on Mentor.
    Addresses,
    /// Where it stands.
    State,
    /// The day its publication is planned for.
    PlannedOn,
    /// Why that day changes; read, never kept with the training.
    Reason,
}

use TrainingField as F;

/// Each with its code, the name of the API, and its heading, in the order of the export.
const COLUMNS: [(Column, &str, &str); 26] = [
    (Column::Field(F::ShortName), "shortName", "Nom abrégé"),
    (Column::Field(F::Title), "title", "Titre"),
    (Column::Field(F::Collection), "collection", "Collection"),
    (Column::Field(F::Organisation), "organisation", "Organisation"),
    (Column::State, "state", "État"),
    (Column::Opening, "opening", "Ouverture"),
    (Column::Targets, "targets", "Organisations visées"),
    (Column::PlannedOn, "plannedOn", "Date prévue"),
    (Column::Reason, "reason", "Motif"),
    (Column::Field(F::Certifying), "certifying", "Certifiante"),
    (Column::Field(F::Licence), "licence", "Licence"),
    (Column::Field(F::CatchPhrase), "catchPhrase", "Accroche"),
    (Column::Field(F::Goals), "goals", "Objectifs"),
    (Column::Field(F::Content), "content", "Contenu"),
    (Column::Field(F::Prerequisites), "prerequisites", "Prérequis"),
    (Column::Field(F::Skills), "skills", "Compétences"),
    (Column::Field(F::TypicalJobs), "typicalJobs", "Métiers types"),
    (Column::Field(F::Modality), "modality", "Modalité"),
    (Column::Field(F::PresenceMinutes), "presenceMinutes", "Minutes en présentiel"),
    (Column::Field(F::RemoteMinutes), "remoteMinutes", "Minutes à distance"),
    (Column::Field(F::Contact), "contact", "Contact"),
    (Column::Field(F::Thumbnail), "thumbnailUrl", "Vignette"),
    (Column::Field(F::SirhId), "sirhId", "Identifiant SIRH"),
    (Column::Designers, "designers", "Concepteurs"),
    (Column::Modules, "modules", "Modules"),
    (Column::Addresses, "addresses", "Adresses sur Mentor"),
];

impl Column {
    /// All of them, in the order of the export.
    pub fn all() -> impl Iterator<Item = Self> {
        COLUMNS.iter().map(|row| row.0)
    }

    fn row(self) -> Option<&'static (Self, &'static str, &'static str)> {
        COLUMNS.iter().find(|row| row.0 == self)
    }

    /// Its name in the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().map_or("", |row| row.1)
    }

    /// As people read it above the column.
    #[must_use]
    pub fn heading(self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        COLUMNS.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The one with this heading or this code, whatever the case, the accents and what stands between the words.
    pub(super) fn headed(text: &str) -> Option<Self> {
        let asked = folded(text);
        COLUMNS.iter().find(|row| folded(row.1) == asked || folded(row.2) == asked).map(|row| row.0)
    }

    /// The one that a problem of this field of the input is about.
    pub(super) fn of_field(field: &str) -> Option<Self> {
        match field {
            "date" => Some(Self::PlannedOn),
            "targetIds" => Some(Self::Targets),
            "organisationId" => Some(Self::Field(F::Organisation)),
            "collectionId" => Some(Self::Field(F::Collection)),
            field => Self::from_code(field),
        }
    }

    /// Whether every table has it.
    pub(super) fn is_needed(self) -> bool {
        use TrainingField::{Certifying, Collection, Licence, Organisation, ShortName, Title};
        matches!(self, Self::Field(Title | ShortName | Collection | Organisation | Certifying | Licence))
    }
}

/// A word as words are compared: letters without accents and digits alone.
pub(super) fn folded(text: &str) -> String {
    text::slug(text).replace('-', "")
}

/// With these a cell is a formula to spreadsheets.
fn begins_a_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell that no spreadsheet takes for a formula: an apostrophe stands before what would be one.
pub(super) fn neutral(cell: String) -> String {
    if begins_a_formula(&cell) { format!("'{cell}") } else { cell }
}

/// The cell of which [`neutral`] made this one.
pub(super) fn restored(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| begins_a_formula(rest)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_codes_lead_to_one_column_each() {
        for column in Column::all() {
            for name in [column.code(), column.heading()] {
                for written in [name.to_owned(), name.to_uppercase(), format!(" {} ", name.replace(' ', "_"))] {
                    assert_eq!(Column::headed(&written), Some(column), "{written}");
                }
            }
            assert_eq!(Column::from_code(column.code()), Some(column));
        }
        assert_eq!(Column::headed("NOM ABREGE"), Some(Column::Field(F::ShortName)));
        assert!(Column::headed("").is_none() && Column::headed("Module").is_none());
    }

    #[test]
    fn a_neutral_cell_is_no_formula_and_reads_back() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("@claire", "'@claire"),
            ("- un", "'- un"),
            ("\t=1", "'\t=1"),
            ("'=1", "''=1"),
            ("''@x", "'''@x"),
            ("'tis", "'tis"),
            ("l'été = ici", "l'été = ici"),
            ("", ""),
        ] {
            assert_eq!(neutral(cell.into()), written);
            assert_eq!(restored(written), cell);
        }
    }
}
