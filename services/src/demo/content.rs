//! What was written for the demo, read from the files of `demo/`.
//!
//! Codes and fields are checked while reading; whether handles and forums exist is seen when they are looked up, and by the
//! tests.

use serde::Deserialize;

use crate::catalogue::{Modality, Opening, SessionState, TrainingState};
use crate::error::{Error, Result};
use crate::following::Level;
use crate::forum::ThreadKind;
use crate::library::Licence;
use crate::organisations::OrganisationKind;
use crate::reports::{ReportFields, ReportState};
use crate::roles::Role;

/// The slug of the organisation whose members alone see the forum [`RESTRICTED`].
pub(super) const MINISTRY: &str = "ministere-interieur";
/// The space and the slug of the forum that the demo adds.
pub(super) const RESTRICTED: (&str, &str) = ("accompagnement", "atelier-du-ministere-de-l-interieur");

/// All of it.
pub(super) struct Content {
    pub(super) organisations: Vec<WrittenOrganisation>,
    pub(super) members: Vec<WrittenMember>,
    /// Each with the slug of its space.
    pub(super) threads: Vec<(&'static str, WrittenThread)>,
    pub(super) collections: Vec<WrittenCollection>,
    pub(super) trainings: Vec<WrittenTraining>,
    pub(super) documents: Vec<WrittenDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenOrganisation {
    pub(super) slug: String,
    #[serde(with = "KindOfOrganisation")]
    pub(super) kind: OrganisationKind,
    pub(super) name: String,
    pub(super) short_name: String,
    pub(super) parent: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenMember {
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) organisation: String,
    #[serde(default)]
    pub(super) roles: Vec<WrittenRole>,
    #[serde(default)]
    pub(super) follows: Vec<WrittenFollow>,
}

/// A forum of a space, or a collection.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenFollow {
    pub(super) forum: Option<(String, String)>,
    pub(super) collection: Option<String>,
    pub(super) level: Level,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenRole {
    #[serde(with = "NameOfRole")]
    pub(super) role: Role,
    pub(super) organisation: Option<String>,
    pub(super) space: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenThread {
    pub(super) forum: String,
    #[serde(with = "KindOfThread")]
    pub(super) kind: ThreadKind,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) days_ago: i64,
    #[serde(default)]
    pub(super) pinned: bool,
    #[serde(default)]
    pub(super) locked: bool,
    pub(super) body: String,
    /// Short names of the trainings it is linked to by hand, at its end.
    #[serde(default)]
    pub(super) trainings: Vec<String>,
    #[serde(default)]
    pub(super) report: Option<WrittenReport>,
    #[serde(default)]
    pub(super) answers: Vec<WrittenAnswer>,
}

/// What a malfunction report says, and what became of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenReport {
    pub(super) component: String,
    pub(super) browser: Option<String>,
    pub(super) steps: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) observed: Option<String>,
    #[serde(default)]
    pub(super) then: Vec<WrittenStep>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenStep {
    pub(super) state: ReportState,
    /// Hours after the report.
    pub(super) hours_later: i64,
    pub(super) release: Option<String>,
    /// The title of the thread of an earlier report.
    pub(super) duplicate_of: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenAnswer {
    pub(super) author: String,
    /// Hours after the post it answers.
    pub(super) hours_later: i64,
    pub(super) body: String,
    #[serde(default)]
    pub(super) accepted: bool,
    /// What the body became.
    pub(super) edited: Option<String>,
    #[serde(default)]
    pub(super) answers: Vec<WrittenAnswer>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenDocument {
    pub(super) category: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) author: String,
    /// Its owner; its author when none.
    pub(super) organisation: Option<String>,
    /// For that organisation alone.
    #[serde(default)]
    pub(super) restricted: bool,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) licence: Option<Licence>,
    pub(super) review_in_days: Option<i64>,
    #[serde(default)]
    pub(super) accessible: bool,
    /// How many found it useful.
    #[serde(default)]
    pub(super) useful: usize,
    pub(super) archived_days_ago: Option<i64>,
    /// When it was added, without a version yet.
    pub(super) days_ago: Option<i64>,
    /// The title of the thread whose accepted answer it is made of.
    pub(super) made_of: Option<String>,
    /// The titles of the threads that are linked to it by hand.
    #[serde(default)]
    pub(super) threads: Vec<String>,
    #[serde(default)]
    pub(super) remarks: Vec<WrittenRemark>,
    #[serde(default)]
    pub(super) versions: Vec<WrittenVersion>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenRemark {
    pub(super) author: String,
    pub(super) days_ago: i64,
    pub(super) body: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenVersion {
    pub(super) days_ago: i64,
    pub(super) note: String,
    pub(super) link: Option<String>,
    /// The name of its file, whose text is beside; a `.pdf` is made of it.
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) text: String,
}

/// A collection of the foundation gets its chefs de file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenCollection {
    pub(super) slug: String,
    pub(super) chefs: Vec<WrittenChef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenChef {
    pub(super) member: Option<String>,
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenTraining {
    pub(super) short_name: String,
    pub(super) title: String,
    pub(super) collection: String,
    pub(super) organisation: String,
    /// Who makes and manages it.
    pub(super) by: String,
    #[serde(with = "NameOfOpening")]
    pub(super) opening: Opening,
    #[serde(default)]
    pub(super) targets: Vec<String>,
    #[serde(default, deserialize_with = "modality")]
    pub(super) modality: Option<Modality>,
    pub(super) presence_minutes: Option<i64>,
    pub(super) remote_minutes: Option<i64>,
    pub(super) certifying: bool,
    pub(super) licence: String,
    pub(super) catch_phrase: Option<String>,
    pub(super) goals: Option<String>,
    pub(super) content: Option<String>,
    pub(super) prerequisites: Option<String>,
    pub(super) typical_jobs: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) thumbnail_url: Option<String>,
    /// Handles, or names of those who have no account.
    #[serde(default)]
    pub(super) designers: Vec<String>,
    #[serde(default)]
    pub(super) addresses: Vec<String>,
    #[serde(default)]
    pub(super) modules: Vec<WrittenModule>,
    pub(super) made_days_ago: i64,
    #[serde(default)]
    pub(super) states: Vec<WrittenState>,
    #[serde(default)]
    pub(super) plans: Vec<WrittenPlan>,
    /// By the first chef de file of its collection.
    pub(super) framed_days_ago: Option<i64>,
    #[serde(default)]
    pub(super) sessions: Vec<WrittenSession>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenModule {
    pub(super) title: String,
    pub(super) competences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenState {
    pub(super) state: TrainingState,
    pub(super) days_ago: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenPlan {
    pub(super) days_ago: i64,
    pub(super) date: Option<chrono::NaiveDate>,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WrittenSession {
    /// Days from the present, before it when negative.
    pub(super) starts_in_days: i64,
    pub(super) days: i64,
    pub(super) seats: Option<i64>,
    pub(super) place: Option<String>,
    #[serde(default)]
    pub(super) remote: bool,
    pub(super) time_zone: Option<String>,
    pub(super) formateurs: Vec<String>,
    /// Where it stands by now.
    pub(super) state: SessionState,
}

fn modality<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Option<Modality>, D::Error> {
    NameOfModality::deserialize(from).map(Some)
}

// The codes of the files are the database's. These mirrors of other modules' types fail to compile when a variant is missing.

#[derive(Deserialize)]
#[serde(remote = "OrganisationKind", rename_all = "SCREAMING_SNAKE_CASE")]
enum KindOfOrganisation {
    Ministere,
    DirectionInterministerielle,
    EcoleDeServicePublic,
    Pfrh,
    OperateurDeFormation,
}

#[derive(Deserialize)]
#[serde(remote = "Role", rename_all = "SCREAMING_SNAKE_CASE")]
enum NameOfRole {
    AdministrateurPilote,
    AdministrateurEspaceDedie,
    ResponsableFormationCentral,
    ReferentLocal,
    Concepteur,
    Formateur,
    Organisateur,
    Editeur,
    Moderateur,
    Administrateur,
}

#[derive(Deserialize)]
#[serde(remote = "ThreadKind", rename_all = "SCREAMING_SNAKE_CASE")]
enum KindOfThread {
    Question,
    Discussion,
    BonnePratique,
    Signalement,
    Actualite,
}

#[derive(Deserialize)]
#[serde(remote = "Opening", rename_all = "SCREAMING_SNAKE_CASE")]
enum NameOfOpening {
    TousPublics,
    Interministeriel,
    CibleRestreinte,
    NonVisible,
}

#[derive(Deserialize)]
#[serde(remote = "Modality", rename_all = "SCREAMING_SNAKE_CASE")]
enum NameOfModality {
    Presentiel,
    Mixte,
    EnLigne,
}

impl WrittenReport {
    pub(super) fn fields(&self) -> ReportFields {
        ReportFields {
            component: Some(self.component.clone()),
            browser: self.browser.clone(),
            steps: self.steps.clone(),
            expected: self.expected.clone(),
            observed: self.observed.clone(),
        }
    }
}

impl Content {
    /// Reads the files, which are part of the binary.
    pub(super) fn read() -> Result<Self> {
        let files = [
            ("plateforme", include_str!("../../../demo/plateforme.json")),
            ("editorial", include_str!("../../../demo/editorial.json")),
            ("accompagnement", include_str!("../../../demo/accompagnement.json")),
            (RESTRICTED.0, include_str!("../../../demo/interieur.json")),
        ];
        let mut threads = Vec::new();
        for (space, text) in files {
            threads.extend(parse::<Vec<WrittenThread>>(text)?.into_iter().map(|thread| (space, thread)));
        }
        Ok(Self {
            organisations: parse(include_str!("../../../demo/organisations.json"))?,
            members: parse(include_str!("../../../demo/members.json"))?,
            threads,
            collections: parse(include_str!("../../../demo/collections.json"))?,
            trainings: parse(include_str!("../../../demo/trainings.json"))?,
            documents: parse(include_str!("../../../demo/documents.json"))?,
        })
    }

    /// The place of a member in the file.
    pub(super) fn member(&self, handle: &str) -> Result<usize> {
        let found = self.members.iter().position(|member| member.handle == handle);
        found.ok_or_else(|| Error::internal(format!("the demo has no member {handle}")))
    }

    /// The place of a training in the file.
    pub(super) fn training(&self, short_name: &str) -> Result<usize> {
        let found = self.trainings.iter().position(|training| training.short_name == short_name);
        found.ok_or_else(|| Error::internal(format!("the demo has no training {short_name}")))
    }

    /// The place of a thread in the files.
    pub(super) fn thread(&self, title: &str) -> Result<usize> {
        let found = self.threads.iter().position(|(_, thread)| thread.title == title);
        found.ok_or_else(|| Error::internal(format!("the demo has no thread {title}")))
    }

    /// The place of somebody who moderates every space.
    pub(super) fn moderator(&self) -> Result<usize> {
        let moderates = |role: &WrittenRole| role.role == Role::Moderateur && role.space.is_none();
        let found = self.members.iter().position(|member| member.roles.iter().any(moderates));
        found.ok_or_else(|| Error::internal("the demo has no moderator"))
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal(format!("a file of the demo cannot be read: {error}")))
}
