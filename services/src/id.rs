//! Typed ids with a visible prefix: `thr_` and the 32 hexadecimal digits of a UUIDv7.
//!
//! That text is the global id of the API (one encoding, everywhere); the wrong kind is refused when it is parsed.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::Clock;

/// The text is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal as $kind:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, serde::Serialize, serde::Deserialize)]
            #[sqlx(transparent)]
            #[serde(transparent)]
            pub struct $name(pub Uuid);

            impl $name {
                /// A new one.
                #[must_use]
                pub fn new(clock: &Clock) -> Self {
                    Self(clock.id())
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "_{}"), self.0.simple())
                }
            }

            impl FromStr for $name {
                type Err = WrongId;
                fn from_str(text: &str) -> Result<Self, WrongId> {
                    digits(text, concat!($prefix, "_")).map(Self)
                }
            }
        )*

        /// Any id, its kind known: what `node(id)` takes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AnyId {
            $($(#[$doc])* $kind($name),)*
        }

        impl FromStr for AnyId {
            type Err = WrongId;
            fn from_str(text: &str) -> Result<Self, WrongId> {
                match text.split_once('_').map(|(prefix, _)| prefix) {
                    $(Some($prefix) => text.parse().map(Self::$kind),)*
                    _ => Err(WrongId),
                }
            }
        }
    };
}

// In alphabetical order.
ids! {
    /// A personal access token.
    AccessTokenId = "tok" as AccessToken;
    /// A member's (wished) home organisation.
    AffiliationId = "aff" as Affiliation;
    /// A set of grants.
    AudienceId = "aud" as Audience;
    /// Something that moved in the calendar.
    CalendarChangeId = "cal" as CalendarChange;
    /// A collection of trainings.
    CollectionId = "col" as Collection;
    /// A category of the library.
    DocumentCategoryId = "cat" as DocumentCategory;
    /// A document of the library.
    DocumentId = "doc" as Document;
    /// An entry of the event log.
    EventId = "evt" as Event;
    /// A file that a member sent.
    FileId = "fil" as File;
    /// A forum of a space.
    ForumId = "for" as Forum;
    /// A job.
    JobId = "job" as Job;
    /// A row of the mail ledger.
    MailId = "mai" as Mail;
    /// A member.
    MemberId = "mem" as Member;
    /// Something a member is told.
    NotificationId = "not" as Notification;
    /// An organisation or a unit of one.
    OrganisationId = "org" as Organisation;
    /// A post of a thread.
    PostId = "pos" as Post;
    /// What became of a report.
    ReportChangeId = "rpc" as ReportChange;
    /// A malfunction report; the same UUID as its thread's.
    ReportId = "rep" as Report;
    /// A role held by a member.
    RoleGrantId = "rol" as RoleGrant;
    /// A session.
    SessionId = "ses" as Session;
    /// A one-time sign-in link.
    SignInLinkId = "lnk" as SignInLink;
    /// A space.
    SpaceId = "spa" as Space;
    /// Expressions that mean the same when something is searched.
    SynonymGroupId = "syn" as SynonymGroup;
    /// A thread of a forum.
    ThreadId = "thr" as Thread;
    /// A training of a collection.
    TrainingId = "tra" as Training;
    /// An import of trainings.
    TrainingImportId = "imp" as TrainingImport;
    /// A session of a training.
    TrainingSessionId = "tse" as TrainingSession;
    /// A change of a training's state.
    TrainingStateChangeId = "tsc" as TrainingStateChange;
}

/// Exactly 32 lower-case hexadecimal digits after `prefix`: one text for one id.
fn digits(text: &str, prefix: &str) -> Result<Uuid, WrongId> {
    let digits = text.strip_prefix(prefix).ok_or(WrongId)?;
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(WrongId);
    }
    Uuid::try_parse(digits).map_err(|_| WrongId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_the_wrong_kind_is_refused() {
        let id = ThreadId::new(&Clock::system());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse(), Ok(AnyId::Thread(id)));
        assert_eq!(id.to_string().parse::<PostId>(), Err(WrongId));
        for wrong in ["", "thr_", "thr", "thr_zz", "THR_0", &id.to_string().to_uppercase(), &format!("{id}0")] {
            assert_eq!(wrong.parse::<ThreadId>(), Err(WrongId), "{wrong}");
        }
    }
}
