//! Organisations, members, what they hold, and the forum of one ministry: all in one transaction, so that the demo's people
//! are all there or none.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::content::{Content, MINISTRY, RESTRICTED, WrittenFollow, WrittenMember};
use super::{FOUNDED, NOW, refused};
use crate::audience::{self, Grant};
use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::events::{Event, tell};
use crate::following::Target;
use crate::forum::{self, Forum, ThreadKind};
use crate::id::{AffiliationId, DocumentCategoryId, ForumId, MemberId, OrganisationId, RoleGrantId, SpaceId};
use crate::organisations::{self, Organisation};
use crate::roles::{self, RoleGrant};
use crate::{App, accounts, catalogue, following, inbox, library, text};

/// What happened in the last month is told, once the log is read: of two years the inboxes would be full.
const TOLD: TimeDelta = TimeDelta::days(30);

/// Who and where, in the order of the content and of the plan.
pub(super) struct Places {
    /// With their handles.
    pub(super) members: Vec<(String, MemberId)>,
    pub(super) forums: Vec<ForumId>,
    /// By their slugs.
    pub(super) organisations: HashMap<String, OrganisationId>,
    /// Of the library, by their slugs.
    pub(super) categories: HashMap<String, DocumentCategoryId>,
    /// Who pins and locks.
    pub(super) moderator: MemberId,
}

/// Writes the people, and finds or makes `forums` (space and slug).
pub(super) async fn settle(
    app: &App,
    clock: &Clock,
    content: Content,
    forums: Vec<(&'static str, String)>,
) -> Result<(Places, Content)> {
    let clock = clock.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                refuse_a_community(tx, &content.members).await?;
                let spaces = forum::spaces(tx).await?.into_iter().map(|space| (space.slug, space.id)).collect();
                let mut settling = Settling { clock, spaces, organisations: HashMap::new(), administrator: None };
                settling.organisations(tx, &content).await?;
                let mut members = Vec::with_capacity(content.members.len());
                for (member, joined) in content.members.iter().zip(working_days()) {
                    members.push((member.handle.clone(), settling.member(tx, member, joined).await?));
                }
                settling.restricted_forum(tx).await?;
                let moderator = members[content.moderator()?].1;
                let categories = library::categories(tx).await?.into_iter().map(|one| (one.slug, one.id)).collect();
                let forums = settling.find(tx, &forums).await?;
                for (written, (_, member)) in content.members.iter().zip(&members) {
                    settling.follows(tx, *member, &written.follows).await?;
                }
                inbox::begin_at(tx, NOW - TOLD).await?;
                let places = Places { members, forums, organisations: settling.organisations, categories, moderator };
                Ok((places, content))
            })
        })
        .await
}

/// Nobody but the first administrator may be there, and nothing said.
async fn refuse_a_community(tx: &mut Tx, members: &[WrittenMember]) -> Result<()> {
    if let Some(first) = members.first()
        && accounts::member_by_handle(tx, &first.handle).await?.is_some()
    {
        return Err(refused(
            "La communauté de démonstration est déjà là. Si son chargement avait été interrompu, ou pour la charger autrement, \
             repartez d'un dossier de données neuf (ou d'une base vide).",
        ));
    }
    let everybody = Caller::anonymous(tx).await?;
    let said = forum::forums_of(tx, &everybody).await?.values().flatten().any(|forum| forum.thread_count > 0);
    if said
        || organisations::count_organisations(tx, &[None]).await?.values().any(|many| *many > 0)
        || accounts::count_members(tx, None).await? > 1
    {
        return Err(refused(
            "Cette base contient déjà une communauté : la démonstration n'y est pas mêlée. Indiquez un dossier de données neuf \
             (ou une base vide).",
        ));
    }
    Ok(())
}

/// A day of the first seven weeks for each of those who join.
fn working_days() -> impl Iterator<Item = DateTime<Utc>> {
    (0_i64..).map(|n| NOW - FOUNDED + TimeDelta::days(1 + n) + TimeDelta::minutes(13 * (n % 37)))
}

struct Settling {
    clock: Clock,
    spaces: HashMap<String, SpaceId>,
    organisations: HashMap<String, OrganisationId>,
    /// The first member, who approves the others and gives them their roles.
    administrator: Option<MemberId>,
}

impl Settling {
    async fn organisations(&mut self, tx: &mut Tx, content: &Content) -> Result<()> {
        self.clock.set(NOW - FOUNDED + TimeDelta::hours(1));
        for new in &content.organisations {
            let organisation = Organisation {
                id: OrganisationId::new(&self.clock),
                slug: new.slug.clone(),
                kind: new.kind,
                name: new.name.clone(),
                short_name: new.short_name.clone(),
                parent_id: new.parent.as_deref().map(|slug| self.organisation(slug)).transpose()?,
                created_at: self.clock.now(),
            };
            organisations::insert_organisation(tx, &organisation).await?;
            let event = Event::OrganisationCreated { organisation: organisation.id, parent: organisation.parent_id };
            tell(tx, &self.clock, None, &event).await?;
            self.organisations.insert(organisation.slug, organisation.id);
        }
        Ok(())
    }

    async fn member(&mut self, tx: &mut Tx, new: &WrittenMember, joined: DateTime<Utc>) -> Result<MemberId> {
        self.clock.set(joined);
        let clock = &self.clock;
        let organisation = self.organisation(&new.organisation)?;
        let member = MemberId::new(clock);
        let (address, key) = text::address("address", &format!("{}@{}.example", new.handle, new.organisation))
            .map_err(|problem| Error::Invalid(vec![problem]))?;
        accounts::insert_member(tx, member, (&address, &key), &new.handle, &new.name, joined).await?;
        tell(tx, clock, Some(member), &Event::MemberJoined { member }).await?;

        let affiliation = AffiliationId::new(clock);
        tell(tx, clock, Some(member), &Event::AffiliationRequested { affiliation, member, organisation }).await?;
        clock.advance(TimeDelta::hours(2));
        let (decided, by) = (clock.now(), self.administrator);
        organisations::insert_home(tx, affiliation, member, organisation, (joined, decided), by).await?;
        accounts::set_home(tx, member, Some(organisation)).await?;
        let event = Event::AffiliationDecided { affiliation, member, organisation, approved: true };
        tell(tx, clock, by, &event).await?;

        for role in &new.roles {
            clock.advance(TimeDelta::minutes(5));
            let grant = RoleGrant {
                id: RoleGrantId::new(clock),
                member_id: member,
                role: role.role,
                organisation_id: role.organisation.as_deref().map(|slug| self.organisation(slug)).transpose()?,
                space_id: role.space.as_deref().map(|slug| self.space(slug)).transpose()?,
                granted_by: by,
                starts_at: clock.now(),
                ends_at: None,
                ended_at: None,
                ended_by: None,
                created_at: clock.now(),
            };
            roles::insert_grant(tx, &grant).await?;
            tell(tx, clock, by, &Event::RoleGranted { grant: grant.id, member }).await?;
        }
        self.administrator.get_or_insert(member);
        Ok(member)
    }

    /// The forum that only one ministry sees, with the moderators.
    async fn restricted_forum(&self, tx: &mut Tx) -> Result<()> {
        let clock = &self.clock;
        clock.advance(TimeDelta::hours(1));
        let space_id = self.space(RESTRICTED.0)?;
        let grants = forum::with_moderators(vec![Grant::Organisation(self.organisation(MINISTRY)?)], space_id);
        let audience_id = audience::ensure(tx, clock, &grants).await?;
        let forum = Forum {
            id: ForumId::new(clock),
            space_id,
            slug: RESTRICTED.1.into(),
            name: "Atelier du ministère de l'Intérieur".into(),
            description:
                "Entre agents et partenaires du ministère de l'Intérieur : l'espace dédié, ses formations, ses sessions.".into(),
            position: 100,
            audience_id,
            opening_audience_id: audience_id,
            thread_count: 0,
            created_at: clock.now(),
            remarks: false,
        };
        forum::insert_forum(tx, &forum).await?;
        forum::insert_forum_kinds(tx, forum.id, &[ThreadKind::Question, ThreadKind::Discussion]).await?;
        tell(tx, clock, self.administrator, &Event::ForumCreated { forum: forum.id, space: space_id }).await
    }

    async fn follows(&self, tx: &mut Tx, member: MemberId, follows: &[WrittenFollow]) -> Result<()> {
        for follow in follows {
            let target = match (&follow.forum, &follow.collection) {
                (Some((space, slug)), _) => forum::forum_by_slug(tx, self.space(space)?, slug).await?.map(Target::Forum),
                (None, Some(slug)) => catalogue::collection_by_slug(tx, slug).await?.map(|found| Target::Collection(found.id)),
                (None, None) => None,
            };
            let target = target.ok_or_else(|| Error::internal("the demo follows what there is not"))?;
            following::set_level(tx, member, target, follow.level, self.clock.now()).await?;
        }
        Ok(())
    }

    /// An operator may have changed the forums before: then the written threads would have no place.
    async fn find(&self, tx: &mut Tx, wanted: &[(&'static str, String)]) -> Result<Vec<ForumId>> {
        let mut found = Vec::with_capacity(wanted.len());
        for (space, slug) in wanted {
            found.push(forum::forum_by_slug(tx, self.space(space)?, slug).await?.ok_or_else(|| {
                refused(format!(
                    "Le forum « {slug} » de l'espace « {space} » n'existe plus : chargez la démonstration dans un dossier de \
                     données neuf (ou une base vide)."
                ))
            })?);
        }
        Ok(found)
    }

    fn organisation(&self, slug: &str) -> Result<OrganisationId> {
        let found = self.organisations.get(slug).copied();
        found.ok_or_else(|| Error::internal(format!("the demo has no organisation {slug} so far")))
    }

    fn space(&self, slug: &str) -> Result<SpaceId> {
        self.spaces.get(slug).copied().ok_or_else(|| Error::internal(format!("there is no space {slug}")))
    }
}
