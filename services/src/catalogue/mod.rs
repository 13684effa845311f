//! The catalogue: collections hold trainings, trainings hold sessions. In Mentor's own words (docs/catalogue.md).
//!
//! What writes is in [`collections`], [`trainings`], [`calendar`] and [`sessions`], what reads in [`reads`]; tables of trainings
//! are read by [`import`] and written by [`export`]. Not here: feeds ([`crate::feeds`]), what links trainings with threads.

mod calendar;
mod collections;
mod columns;
mod export;
mod import;
mod mentor;
mod merging;
mod reads;
mod rules;
mod sessions;
mod sight;
mod store;
mod trainings;

use chrono::{DateTime, Utc};

use crate::id::{
    AudienceId, CalendarChangeId, CollectionId, FileId, MemberId, OrganisationId, TrainingId, TrainingSessionId,
    TrainingStateChangeId,
};

pub(crate) use calendar::add_plan;
pub use calendar::{
    calendar_changes, calendar_months, count_calendar, count_calendar_changes, plan_training, publication_calendar,
};
pub use collections::{CreateCollection, NewChef, UpdateCollection, create_collection, update_collection};
pub(crate) use collections::{insert as insert_collection, name_chefs};
pub use columns::Column;
pub use export::{Export, ExportFormat, course, export_tag};
pub use import::{
    Fault, ImportState, Progress, Tally, TrainingImport, import_faults, import_file, import_trainings, imports_by_id,
};
pub(crate) use import::{forget_imports, run_import};
pub use mentor::{MentorAddress, MentorShape};
pub use merging::merge_trainings;
pub use reads::{
    Below, addresses, changes_of, chefs, collection_by_slug, collections, collections_by_id, count_below, count_trainings,
    designers, modules, state_changes, targets, texts, training_by_address, training_by_short_name, trainings as training_list,
    trainings_below, trainings_by_id,
};
pub use rules::{may_edit, may_frame, may_lead, may_manage, mine, works_on};
pub use sessions::{
    SessionFields, count_sessions, create_session, formateurs, sessions_by_id, sessions_of, transition_session, update_session,
};
pub(crate) use sessions::{add_session, move_session, take_session};
pub(crate) use store::{shows_file, trainings_by_id as training_rows};
pub use trainings::{TrainingFields, create_training, record_framing, transition_training, update_training};
pub(crate) use trainings::{add_training, frame_training, take_training};

/// A thematic collection of the State's catalogue. Everyone sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Collection {
    pub id: CollectionId,
    pub slug: String,
    pub name: String,
    /// `#rrggbb`.
    pub colour: String,
    pub description: String,
    pub position: i64,
    pub created_at: DateTime<Utc>,
}

/// A chef de file of a collection: a member, or a name and an address.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Chef {
    pub collection_id: CollectionId,
    pub member_id: Option<MemberId>,
    pub name: Option<String>,
    pub address: Option<String>,
}

/// Where a training stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrainingState {
    /// Being made.
    Brouillon,
    /// A model for others.
    Gabarit,
    /// Made, not published yet.
    ElaborationTerminee,
    /// Can be taken on Mentor.
    Publiee,
    /// No longer offered.
    Archivee,
}

impl TrainingState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Brouillon, Self::Gabarit, Self::ElaborationTerminee, Self::Publiee, Self::Archivee];

    /// Its name in the database and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Brouillon => "BROUILLON",
            Self::Gabarit => "GABARIT",
            Self::ElaborationTerminee => "ELABORATION_TERMINEE",
            Self::Publiee => "PUBLIEE",
            Self::Archivee => "ARCHIVEE",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Brouillon => "brouillon",
            Self::Gabarit => "gabarit",
            Self::ElaborationTerminee => "élaboration terminée",
            Self::Publiee => "publiée",
            Self::Archivee => "archivée",
        }
    }
}

/// Whom a training is open to, once it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Opening {
    /// Everyone.
    TousPublics,
    /// Every member.
    Interministeriel,
    /// Named organisations.
    CibleRestreinte,
    /// Those who work on it.
    NonVisible,
}

impl Opening {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TousPublics, Self::Interministeriel, Self::CibleRestreinte, Self::NonVisible];

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TousPublics => "tous publics",
            Self::Interministeriel => "interministériel",
            Self::CibleRestreinte => "cible restreinte",
            Self::NonVisible => "non visible",
        }
    }
}

/// How a training is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Modality {
    Presentiel,
    Mixte,
    EnLigne,
}

impl Modality {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Presentiel, Self::Mixte, Self::EnLigne];

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Presentiel => "présentiel",
            Self::Mixte => "mixte",
            Self::EnLigne => "en ligne",
        }
    }
}

/// A long text of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Part {
    Objectifs,
    Contenu,
    Prerequis,
    Competences,
    Metiers,
}

impl Part {
    /// Its name in the database, by which parts are sorted.
    fn code(self) -> &'static str {
        match self {
            Self::Objectifs => "OBJECTIFS",
            Self::Contenu => "CONTENU",
            Self::Prerequis => "PREREQUIS",
            Self::Competences => "COMPETENCES",
            Self::Metiers => "METIERS",
        }
    }
}

/// What can be filled in of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TrainingField {
    Title,
    ShortName,
    Collection,
    Organisation,
    Certifying,
    Licence,
    CatchPhrase,
    Goals,
    Content,
    Prerequisites,
    Skills,
    TypicalJobs,
    Modality,
    PresenceMinutes,
    RemoteMinutes,
    Contact,
    Thumbnail,
    SirhId,
}

/// Where a session stands, in Mentor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionState {
    /// Being set up: only those who work on the training see it.
    EnPreparation,
    /// One can register.
    InscriptionsOuvertes,
    /// Being held.
    EnCours,
    /// Held.
    Terminee,
    /// Kept for the record.
    Archivee,
    /// Put off to a date not known yet.
    Reportee,
    /// Will not be held.
    Annulee,
}

/// A training.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Training {
    pub id: TrainingId,
    pub title: String,
    pub short_name: String,
    pub collection_id: CollectionId,
    /// The one that produces it.
    pub organisation_id: OrganisationId,
    pub state: TrainingState,
    pub opening: Opening,
    /// Who sees it.
    pub audience_id: AudienceId,
    pub catch_phrase: Option<String>,
    pub certifying: bool,
    pub licence: String,
    pub modality: Option<Modality>,
    pub presence_minutes: Option<i64>,
    pub remote_minutes: Option<i64>,
    pub contact: Option<String>,
    /// An address elsewhere; or else a file.
    pub thumbnail_url: Option<String>,
    pub thumbnail_id: Option<FileId>,
    pub sirh_id: Option<String>,
    /// A day, as 2026-11-25.
    pub planned_on: Option<String>,
    /// The day under which the calendar lists it.
    pub calendar_on: Option<String>,
    /// When a day was planned for it first.
    pub announced_at: Option<DateTime<Utc>>,
    /// Its first publication.
    pub published_at: Option<DateTime<Utc>>,
    pub framed_at: Option<DateTime<Utc>>,
    pub framed_by: Option<MemberId>,
    pub framing_note: Option<String>,
    pub merged_into_id: Option<TrainingId>,
    /// 1 when made, one more with each change.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Training {
    /// Whether the publication calendar lists it: it is of what is open to all, also for who sees more. Statements say the same
    /// (`store::calendar`, the feeds).
    #[must_use]
    pub fn is_in_calendar(&self) -> bool {
        self.opening == Opening::TousPublics && self.calendar_on.is_some()
    }
}

/// A long text of a training, as written and as shown.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Text {
    pub training_id: TrainingId,
    pub part: Part,
    /// Markdown.
    pub body: String,
    /// Safe HTML.
    pub html: String,
}

/// Who designs a training: a member, or a name.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Designer {
    pub member_id: Option<MemberId>,
    pub name: Option<String>,
}

/// A module of a training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// What it is called.
    pub title: String,
    /// What one can do after it.
    pub competences: Vec<String>,
}

/// What hangs on a training, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Details {
    pub texts: Vec<Text>,
    pub designers: Vec<Designer>,
    pub targets: Vec<OrganisationId>,
    pub addresses: Vec<MentorAddress>,
    pub modules: Vec<Module>,
}

/// A change of a training's state.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct StateChange {
    pub id: TrainingStateChangeId,
    pub training_id: TrainingId,
    /// None when it was made.
    pub from_state: Option<TrainingState>,
    pub to_state: TrainingState,
    pub changed_at: DateTime<Utc>,
    pub changed_by: Option<MemberId>,
}

/// By what a list of trainings is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrainingOrder {
    /// The title.
    #[default]
    Title,
    /// The last change, the latest first.
    Change,
    /// The first publication, the latest first; only those that were published.
    Publication,
}

/// Which trainings a list holds; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct TrainingFilter {
    pub collection: Option<CollectionId>,
    pub state: Option<TrainingState>,
    pub opening: Option<Opening>,
    /// Produced by it or by one of its units.
    pub organisation: Option<OrganisationId>,
    pub modality: Option<Modality>,
    pub certifying: Option<bool>,
    /// Those this person works on.
    pub mine: Option<Mine>,
}

/// Who works on trainings: by name, and in the organisations that they answer for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Mine {
    pub member: MemberId,
    pub organisations: Vec<OrganisationId>,
}

/// What moved in the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CalendarChangeKind {
    /// A day was planned, changed or taken back.
    Planification,
    /// The training was published.
    Publication,
    /// It left what is published, or the calendar.
    Retrait,
}

/// Something that moved in the calendar. Days are as 2026-11-25.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct CalendarChange {
    pub id: CalendarChangeId,
    pub training_id: TrainingId,
    pub kind: CalendarChangeKind,
    pub from_on: Option<String>,
    pub to_on: Option<String>,
    pub reason: Option<String>,
    pub changed_at: DateTime<Utc>,
    pub changed_by: Option<MemberId>,
}

/// Which part of the calendar.
#[derive(Clone, Debug, Default)]
pub struct CalendarFilter {
    /// The first day.
    from: Option<String>,
    /// The day after the last one.
    until: Option<String>,
    collection: Option<CollectionId>,
}

/// What the calendar counts of a collection in a month.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct MonthCount {
    /// As 2026-11.
    pub month: String,
    pub collection_id: CollectionId,
    pub published: i64,
    pub planned: i64,
}

/// What can be emptied of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SessionField {
    RegistrationOpensAt,
    RegistrationClosesAt,
    Seats,
    Place,
}

/// A session of a training.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Session {
    pub id: TrainingSessionId,
    pub training_id: TrainingId,
    /// Who sees it.
    pub audience_id: AudienceId,
    pub state: SessionState,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub registration_opens_at: Option<DateTime<Utc>>,
    pub registration_closes_at: Option<DateTime<Utc>>,
    /// An IANA name.
    pub time_zone: String,
    /// As many as come when none.
    pub seats: Option<i64>,
    pub remote: bool,
    pub place: Option<String>,
    /// 1 when made, one more with each change.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
