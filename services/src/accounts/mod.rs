//! Members: who they are, and the profile they show.

mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::App;
use crate::caller::{Caller, Scope};
use crate::db::{Cx, duplicate};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{MemberId, OrganisationId};
use crate::idempotency::act;
use crate::page::{NameKey, Page, Paging, Slice};
use crate::text;

pub(crate) use store::{homes, insert_member, lock_member, member_by_address, set_home, set_suspension};

/// A member.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Member {
    pub id: MemberId,
    /// Shown to the member and to administrators only.
    pub address: String,
    pub handle: String,
    pub name: String,
    pub organisation_id: Option<OrganisationId>,
    pub created_at: DateTime<Utc>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub suspended_until: Option<DateTime<Utc>>,
    pub suspension_reason: Option<String>,
}

/// Changes one's own name and handle; what is none stays.
///
/// # Errors
/// [`Error::Invalid`] on `name` or `handle`.
pub async fn update_profile(app: &App, caller: &Caller, name: Option<String>, handle: Option<String>) -> Result<MemberId> {
    let mut problems = Problems::default();
    let name = name.and_then(|name| problems.take(member_name(&name)));
    let handle = handle.and_then(|handle| problems.take(text::handle("handle", &handle)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let member = store::lock_member(tx, actor.id).await?.ok_or(Error::Unauthenticated)?;
            let (name, handle) = (name.unwrap_or(member.name), handle.unwrap_or(member.handle));
            store::update_profile(tx, actor.id, &name, &handle).await.map_err(duplicate("members.handle", handle_taken))?;
            tell(tx, &clock, Some(actor.id), &Event::MemberChanged { member: actor.id }).await?;
            Ok(actor.id)
        })
    })
    .await
}

pub(crate) fn member_name(name: &str) -> Result<String, Problem> {
    text::line("name", name, 2, 80)
}

pub(crate) fn handle_taken() -> Problem {
    Problem::new("handle", Code::Taken, "Cet identifiant est déjà pris.")
}

/// The member with this handle.
///
/// # Errors
/// When the database fails.
pub async fn member_by_handle(cx: &mut Cx, handle: &str) -> Result<Option<Member>> {
    let Ok(handle) = text::handle("handle", handle) else { return Ok(None) };
    store::member_by_handle(cx, &handle).await
}

/// The member with this mail address; for the operator alone, since an address is not told to others.
///
/// # Errors
/// When the database fails.
pub async fn member_by_mail(cx: &mut Cx, address: &str) -> Result<Option<Member>> {
    let Ok((_, key)) = text::address("address", address) else { return Ok(None) };
    store::member_by_address(cx, &key).await
}

/// These members; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn members_by_id(cx: &mut Cx, ids: &[MemberId]) -> Result<HashMap<MemberId, Member>> {
    Ok(store::members_by_id(cx, ids).await?.into_iter().map(|member| (member.id, member)).collect())
}

/// The members whose handles these are; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn ids_by_handle(cx: &mut Cx, handles: &[String]) -> Result<HashMap<String, MemberId>> {
    store::ids_by_handle(cx, handles).await
}

/// The directory, by name, for those signed in; of one organisation (and its units) when given.
///
/// # Errors
/// [`Error::Unauthenticated`] for nobody.
pub async fn members(
    cx: &mut Cx,
    caller: &Caller,
    organisation: Option<OrganisationId>,
    paging: &Paging,
) -> Result<Page<Member>> {
    caller.signed_in()?;
    let slice = Slice::<NameKey>::new(paging)?;
    Ok(slice.page(store::members(cx, organisation, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_members(cx: &mut Cx, organisation: Option<OrganisationId>) -> Result<i64> {
    store::count_members(cx, organisation).await
}
