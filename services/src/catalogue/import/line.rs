//! What a line of a table says of a training: its cells as values, each checked by the rules of the API.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::Fault;
use crate::catalogue::columns::{Column, folded, restored};
use crate::catalogue::trainings::Sound;
use crate::catalogue::{Modality, Module, Opening, TrainingField, TrainingFields, TrainingState};
use crate::error::{Code, Problem, Problems};
use crate::text;

/// The columns of a table, in its order.
#[derive(Clone, Debug)]
pub(super) struct Header(Vec<Column>);

/// The values of a line; what it names is not looked for yet.
#[derive(Clone)]
pub(super) struct Line {
    /// Where it stands in the file, from 1.
    pub(super) number: i64,
    /// What is wrong with its cells, which have no value here then.
    pub(super) wrong: Vec<Problem>,
    pub(super) sound: Sound,
    /// By its slug, its short name or its name, as the others.
    pub(super) organisation: Option<String>,
    pub(super) collection: Option<String>,
    pub(super) targets: Option<Vec<String>>,
    /// Handles with their `@`, and names.
    pub(super) designers: Option<Vec<String>>,
    pub(super) state: Option<TrainingState>,
    /// A day, none; not told at all.
    pub(super) planned: Option<Option<NaiveDate>>,
    pub(super) reason: Option<String>,
}

type Cell<'a> = Result<Cow<'a, str>, String>;

impl Header {
    /// The columns that the first line names, or everything that is wrong with it.
    pub(super) fn read(line: i64, cells: &[Cell<'_>]) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut wrong = |column, message: String| faults.push(Fault { line, column, message });
        let mut columns = Vec::new();
        for cell in cells {
            let name = match cell {
                Ok(name) => name.trim(),
                Err(message) => {
                    wrong(None, message.clone());
                    continue;
                }
            };
            match Column::headed(name) {
                None if name.is_empty() => wrong(None, "Une colonne n'a pas de nom.".into()),
                None => {
                    wrong(None, format!("Colonne inconnue : « {} ».", shown(name)));
                }
                Some(column) if columns.contains(&column) => {
                    wrong(Some(column), format!("La colonne « {} » est là deux fois.", column.heading()));
                }
                Some(column) => columns.push(column),
            }
        }
        for column in Column::all().filter(|column| column.is_needed() && !columns.contains(column)) {
            wrong(Some(column), format!("La colonne « {} » manque.", column.heading()));
        }
        if faults.is_empty() { Ok(Self(columns)) } else { Err(faults) }
    }

    /// The column of a cell.
    pub(super) fn column(&self, cell: usize) -> Option<Column> {
        self.0.get(cell).copied()
    }
}

/// Problems of the input as faults of a line.
pub(super) fn faults(line: i64, problems: Vec<Problem>) -> Vec<Fault> {
    let fault = |problem: Problem| Fault { line, column: Column::of_field(problem.field), message: problem.message };
    problems.into_iter().map(fault).collect()
}

impl Line {
    /// The values of a line's cells and everything that is wrong with them; a fault when the header has more cells or fewer.
    pub(super) fn read(header: &Header, number: i64, cells: Vec<Cell<'_>>) -> Result<Self, Vec<Fault>> {
        if cells.len() != header.0.len() {
            let message = format!("Cette ligne a {} cases, et l'en-tête {}.", cells.len(), header.0.len());
            return Err(vec![Fault { line: number, column: None, message }]);
        }
        let (mut problems, mut given) = (Problems::default(), Given::default());
        for (column, cell) in header.0.iter().zip(cells) {
            match cell {
                Ok(cell) => given.take(*column, restored(&cell), &mut problems),
                Err(message) => problems.add(Problem::new(column.code(), Code::Malformed, message)),
            }
        }
        let sound = Sound::new(given.fields, &mut problems);
        Ok(Self {
            number,
            wrong: problems.all(),
            sound,
            organisation: given.organisation,
            collection: given.collection,
            targets: given.targets,
            designers: given.designers,
            state: given.state,
            planned: given.planned,
            reason: given.reason,
        })
    }
}

/// What the cells read so far give.
#[derive(Default)]
struct Given {
    fields: TrainingFields,
    organisation: Option<String>,
    collection: Option<String>,
    targets: Option<Vec<String>>,
    designers: Option<Vec<String>>,
    state: Option<TrainingState>,
    planned: Option<Option<NaiveDate>>,
    reason: Option<String>,
}

impl Given {
    fn take(&mut self, column: Column, cell: &str, problems: &mut Problems) {
        let written = (!cell.trim().is_empty()).then(|| cell.to_owned());
        match column {
            Column::Field(field) => match written {
                Some(written) => self.field(column, field, written, problems),
                // An empty cell empties what may be empty.
                None if column.is_needed() => {
                    problems.add(Problem::new(column.code(), Code::Required, format!("À remplir : {}.", field.words())));
                }
                None => self.fields.clear.push(field),
            },
            Column::Opening => self.fields.opening = one_of(column, written, &Opening::ALL, Opening::words, problems),
            Column::State => self.state = one_of(column, written, &TrainingState::ALL, TrainingState::words, problems),
            Column::Targets => self.targets = Some(items(cell)),
            Column::Designers => self.designers = Some(items(cell)),
            Column::Modules => self.fields.modules = problems.take(modules(cell)),
            Column::Addresses => {
                let parts = cell.split(|c: char| c.is_whitespace() || matches!(c, '|' | ',' | ';'));
                self.fields.addresses = Some(parts.filter(|part| !part.is_empty()).map(str::to_owned).collect());
            }
            Column::PlannedOn => self.planned = problems.take(written.as_deref().map(date).transpose()),
            Column::Reason => {
                self.reason = written.and_then(|written| problems.take(text::line(column.code(), &written, 3, 500)));
            }
        }
    }

    fn field(&mut self, column: Column, field: TrainingField, written: String, problems: &mut Problems) {
        let fields = &mut self.fields;
        match field {
            TrainingField::Title => fields.title = Some(written),
            TrainingField::ShortName => fields.short_name = Some(written),
            TrainingField::Collection => self.collection = Some(written.trim().to_owned()),
            TrainingField::Organisation => self.organisation = Some(written.trim().to_owned()),
            TrainingField::Certifying => fields.certifying = problems.take(yes_or_no(column, &written)),
            TrainingField::Licence => fields.licence = Some(written),
            TrainingField::CatchPhrase => fields.catch_phrase = Some(written),
            TrainingField::Goals => fields.goals = Some(written),
            TrainingField::Content => fields.content = Some(written),
            TrainingField::Prerequisites => fields.prerequisites = Some(written),
            TrainingField::Skills => fields.skills = Some(written),
            TrainingField::TypicalJobs => fields.typical_jobs = Some(written),
            TrainingField::Modality => {
                fields.modality = one_of(column, Some(written), &Modality::ALL, Modality::words, problems);
            }
            TrainingField::PresenceMinutes => fields.presence_minutes = problems.take(minutes(column, &written)),
            TrainingField::RemoteMinutes => fields.remote_minutes = problems.take(minutes(column, &written)),
            TrainingField::Contact => fields.contact = Some(written),
            // An image that was sent here stands in the table by its id.
            TrainingField::Thumbnail => match written.parse() {
                Ok(image) => fields.thumbnail = Some(image),
                Err(_) => fields.thumbnail_url = Some(written),
            },
            TrainingField::SirhId => fields.sirh_id = Some(written),
        }
    }
}

/// A text as a problem shows it.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// The value whose words these are, or whose code.
fn one_of<T: Copy>(
    column: Column,
    written: Option<String>,
    all: &[T],
    words: fn(T) -> &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let written = written?;
    let asked = folded(&written);
    let found = all.iter().copied().find(|value| folded(words(*value)) == asked);
    if found.is_none() {
        let known: Vec<_> = all.iter().map(|value| words(*value)).collect();
        let sentence = format!("« {} » est inconnu : écrivez {}.", shown(&written), known.join(", "));
        problems.add(Problem::new(column.code(), Code::Unknown, sentence));
    }
    found
}

fn yes_or_no(column: Column, written: &str) -> Result<bool, Problem> {
    match folded(written).as_str() {
        "oui" | "vrai" | "yes" | "true" | "1" => Ok(true),
        "non" | "faux" | "no" | "false" | "0" => Ok(false),
        _ => Err(Problem::new(column.code(), Code::Malformed, format!("« {} » : écrivez oui ou non.", shown(written)))),
    }
}

fn minutes(column: Column, written: &str) -> Result<i64, Problem> {
    let malformed = |_| {
        let sentence = format!("« {} » n'est pas un nombre entier de minutes, comme 90.", shown(written));
        Problem::new(column.code(), Code::Malformed, sentence)
    };
    written.trim().parse().map_err(malformed)
}

/// A day as French Excel writes it, or as ISO 8601 does.
fn date(written: &str) -> Result<NaiveDate, Problem> {
    let written = written.trim();
    let shape = |separator: char, lengths: [std::ops::RangeInclusive<usize>; 3]| {
        let parts: Vec<_> = written.split(separator).collect();
        parts.len() == 3 && parts.iter().zip(lengths).all(|(part, length)| length.contains(&part.len()))
    };
    let format = match () {
        () if shape('/', [1..=2, 1..=2, 4..=4]) => "%d/%m/%Y",
        () if shape('-', [4..=4, 2..=2, 2..=2]) => "%Y-%m-%d",
        () => "",
    };
    NaiveDate::parse_from_str(written, format).map_err(|_| {
        let sentence = format!("« {} » n'est pas une date : écrivez-la comme 25/11/2026 ou 2026-11-25.", shown(written));
        Problem::new(Column::PlannedOn.code(), Code::Malformed, sentence)
    })
}

/// The items of a cell: one a line, or, on a single line, between bars.
fn items(cell: &str) -> Vec<String> {
    let separator = if cell.contains('\n') { '\n' } else { '|' };
    cell.split(separator).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The cell that [`items`] makes these of; none of them holds a line break.
pub(in crate::catalogue) fn joined(items: &[String]) -> String {
    match items {
        [one] if one.contains('|') => format!("{one}\n"),
        items => items.join("\n"),
    }
}

/// Before a competence, where a title has a `\\` before one of them.
const DASHES: [char; 3] = ['-', '–', '•'];

/// The modules of a cell: a title, then its competences, each an item with a dash before it.
fn modules(cell: &str) -> Result<Vec<Module>, Problem> {
    let mut modules: Vec<Module> = Vec::new();
    for item in items(cell) {
        match (item.strip_prefix(DASHES), modules.last_mut()) {
            (Some(competence), Some(module)) => module.competences.push(competence.trim().to_owned()),
            (Some(_), None) => {
                let sentence = "Écrivez le titre d'un module avant ses compétences, précédées chacune d'un tiret.";
                return Err(Problem::new(Column::Modules.code(), Code::Malformed, sentence));
            }
            (None, _) => {
                let title = item.strip_prefix('\\').unwrap_or(&item).to_owned();
                modules.push(Module { title, competences: Vec::new() });
            }
        }
    }
    Ok(modules)
}

/// The cell that [`modules`] makes these of.
pub(in crate::catalogue) fn written_modules(modules: &[Module]) -> String {
    let mut items = Vec::new();
    for module in modules {
        let is_taken = module.title.starts_with(DASHES) || module.title.starts_with('\\');
        items.push(if is_taken { format!("\\{}", module.title) } else { module.title.clone() });
        items.extend(module.competences.iter().map(|competence| format!("- {competence}")));
    }
    joined(&items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<'a>(texts: &[&'a str]) -> Vec<Cell<'a>> {
        texts.iter().map(|text| Ok(Cow::Borrowed(*text))).collect()
    }

    const NEEDED: [&str; 6] = ["Titre", "nom_abrege", "COLLECTION", "organisation", "Certifiante", "Licence"];

    #[test]
    fn a_header_names_every_column_that_is_wrong() {
        assert!(Header::read(1, &cells(&NEEDED)).is_ok());
        let faults = Header::read(1, &cells(&["Titre", "title", "Durée", "", "Licence"])).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "La colonne « Titre » est là deux fois.",
                "Colonne inconnue : « Durée ».",
                "Une colonne n'a pas de nom.",
                "La colonne « Nom abrégé » manque.",
                "La colonne « Collection » manque.",
                "La colonne « Organisation » manque.",
                "La colonne « Certifiante » manque.",
            ]
        );
    }

    #[test]
    fn cells_are_read_as_people_write_them() {
        let more =
            ["Date prévue", "Modalité", "state", "ouverture", "Concepteurs", "addresses", "minutes_a_distance", "accroche"];
        let header = Header::read(1, &cells(&[&NEEDED[..], &more].concat())).unwrap();
        let line = |last: &[&str]| {
            let first = ["Bien accueillir", "ACC-01", "Management", "DGAFP", "VRAI", "CC BY"];
            Line::read(&header, 7, cells(&[&first[..], last].concat()))
        };
        let addresses = "https://mentor.gouv.fr/catalog/1\nhttps://mentor.gouv.fr/catalog/2";
        let read = line(&["5/1/2027", "En ligne", "PUBLIEE", "Tous publics", "@claire | Ada", addresses, "90", "'=1+1"]);
        let Ok(read) = read else { panic!("refused") };
        assert_eq!(read.wrong, []);
        let given = &read.sound.fields;
        assert_eq!((given.certifying, given.remote_minutes, given.modality), (Some(true), Some(90), Some(Modality::EnLigne)));
        assert_eq!(given.catch_phrase.as_deref(), Some("=1+1"));
        assert_eq!((read.state, given.opening), (Some(TrainingState::Publiee), Some(Opening::TousPublics)));
        assert_eq!(read.planned, Some(NaiveDate::from_ymd_opt(2027, 1, 5)));
        assert_eq!(read.designers, Some(vec!["@claire".into(), "Ada".into()]));
        assert_eq!(read.sound.addresses.as_ref().map(Vec::len), Some(2));
        let empty = line(&["", "", "", "", "", "", "", ""]);
        let Ok(empty) = empty else { panic!("refused") };
        assert_eq!((empty.planned, empty.state, empty.designers), (Some(None), None, Some(vec![])));
        assert_eq!(empty.sound.fields.clear.len(), 3);
        let Ok(wrong) = line(&["31/02/2027", "à pied", "fini", "", "", "https://exemple.fr", "1,5", "x"]) else {
            panic!("refused")
        };
        let columns: Vec<_> = wrong.wrong.iter().map(|problem| problem.field).collect();
        assert_eq!(columns, ["plannedOn", "modality", "state", "remoteMinutes", "catchPhrase", "addresses"]);
        let given = &wrong.sound.fields;
        assert_eq!((wrong.planned, given.modality, &given.catch_phrase, &wrong.sound.addresses), (None, None, &None, &None));
        assert!(matches!(Line::read(&header, 8, cells(&["a"])), Err(faults) if faults[0].message.contains("14")));
    }

    #[test]
    fn items_read_back() {
        for list in [vec![], vec!["a"], vec!["a|b"], vec!["a|b", "c"]] {
            let list: Vec<String> = list.into_iter().map(str::to_owned).collect();
            assert_eq!(items(&joined(&list)), list);
        }
        assert_eq!(items("a | b|"), ["a", "b"]);
    }

    #[test]
    fn modules_read_back() {
        let module = |title: &str, competences: &[&str]| Module {
            title: title.into(),
            competences: competences.iter().map(|one| (*one).to_owned()).collect(),
        };
        for list in [
            vec![],
            vec![module("Un | deux", &[])],
            vec![module("Accueillir", &["Écouter", "- Orienter"]), module("- Suivre", &[]), module("\\- Fin", &["• x"])],
        ] {
            assert_eq!(modules(&written_modules(&list)).unwrap(), list);
        }
        let typed = "Accueillir\r\n– Écouter\n•Orienter\n\nSuivre";
        assert_eq!(modules(typed).unwrap(), [module("Accueillir", &["Écouter", "Orienter"]), module("Suivre", &[])]);
        assert_eq!(modules("Accueillir | - Écouter").unwrap(), [module("Accueillir", &["Écouter"])]);
        assert_eq!(modules("- Écouter").unwrap_err().field, "modules");
    }
}
