//! Making and changing collections: the community's administrators.

use super::{Chef, Collection, rules, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::{Tx, duplicate};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{CollectionId, MemberId};
use crate::idempotency::act;
use crate::{accounts, text};

/// A chef de file as given: a member, or a name and an address.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct NewChef {
    pub member: Option<MemberId>,
    pub name: Option<String>,
    pub address: Option<String>,
}

/// What is needed to make a collection.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct CreateCollection {
    pub name: String,
    pub colour: String,
    pub description: String,
    pub chefs: Vec<NewChef>,
    pub position: Option<i64>,
}

/// Makes a collection; its address (slug) is made of its name, and stays.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on the input.
pub async fn create_collection(app: &App, caller: &Caller, new: CreateCollection) -> Result<CollectionId> {
    caller.signed_in()?;
    let id = CollectionId::new(&app.clock);
    let mut problems = Problems::default();
    let name = problems.take(rules::collection_name(&new.name)).unwrap_or_default();
    let colour = problems.take(rules::colour(&new.colour)).unwrap_or_default();
    let description = problems.take(rules::collection_description(&new.description)).unwrap_or_default();
    let chefs = problems.take(rules::chefs(id, new.chefs)).unwrap_or_default();
    let slug = text::slug(&name);
    if slug.is_empty() && !name.is_empty() {
        problems.add(Problem::new("name", Code::Malformed, "Ce nom n'a ni lettre ni chiffre."));
    }
    problems.refuse()?;
    let clock = app.clock.clone();
    let collection =
        Collection { id, slug, name, colour, description, position: new.position.unwrap_or(1000), created_at: clock.now() };
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            rules::must_administer(&actor)?;
            must_exist(tx, &chefs).await?;
            insert(tx, &clock, Some(actor.id), &collection, &chefs).await?;
            Ok(id)
        })
    })
    .await
}

/// Writes a collection and tells it.
pub(crate) async fn insert(
    tx: &mut Tx,
    clock: &Clock,
    actor: Option<MemberId>,
    collection: &Collection,
    chefs: &[Chef],
) -> Result<()> {
    let taken = || Problem::new("name", Code::Taken, "Une collection de ce nom existe déjà.");
    store::insert_collection(tx, collection).await.map_err(duplicate("collections.slug", taken))?;
    store::set_chefs(tx, collection.id, chefs).await?;
    tell(tx, clock, actor, &Event::CollectionCreated { collection: collection.id }).await
}

/// What changes in a collection; what is none stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct UpdateCollection {
    pub name: Option<String>,
    pub colour: Option<String>,
    pub description: Option<String>,
    /// All of them, in their order.
    pub chefs: Option<Vec<NewChef>>,
    pub position: Option<i64>,
}

/// Changes a collection. A new chef de file sees at once what is being made in it, a former one no longer does.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] on the input.
pub async fn update_collection(app: &App, caller: &Caller, id: CollectionId, change: UpdateCollection) -> Result<CollectionId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let name = change.name.and_then(|name| problems.take(rules::collection_name(&name)));
    let colour = change.colour.and_then(|colour| problems.take(rules::colour(&colour)));
    let description = change.description.and_then(|text| problems.take(rules::collection_description(&text)));
    let chefs = change.chefs.and_then(|chefs| problems.take(rules::chefs(id, chefs)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            rules::must_administer(&actor)?;
            let before = store::lock_collection(tx, id).await?.ok_or(Error::NotFound)?;
            let chefs_before = store::chefs(tx, &[id]).await?;
            let chefs = chefs.unwrap_or_else(|| chefs_before.clone());
            must_exist(tx, &chefs).await?;
            let mut after = before.clone();
            after.name = name.unwrap_or(after.name);
            after.colour = colour.unwrap_or(after.colour);
            after.description = description.unwrap_or(after.description);
            after.position = change.position.unwrap_or(after.position);
            if (&after, &chefs) == (&before, &chefs_before) {
                return Ok(id);
            }
            store::set_collection(tx, &after).await?;
            store::set_chefs(tx, id, &chefs).await?;
            tell(tx, &clock, Some(actor.id), &Event::CollectionChanged { collection: id }).await?;
            Ok(id)
        })
    })
    .await
}

async fn must_exist(tx: &mut Tx, chefs: &[Chef]) -> Result<()> {
    let ids: Vec<_> = chefs.iter().filter_map(|chef| chef.member_id).collect();
    if accounts::members_by_id(tx, &ids).await?.len() == ids.len() {
        return Ok(());
    }
    Err(Error::invalid("chefs", Code::Unknown, "Membre inconnu."))
}

/// Gives a collection its chefs de file, and tells it; for the demo.
pub(crate) async fn name_chefs(
    tx: &mut Tx,
    clock: &Clock,
    by: Option<MemberId>,
    collection: CollectionId,
    chefs: Vec<NewChef>,
) -> Result<()> {
    let chefs = rules::chefs(collection, chefs).map_err(|problem| Error::Invalid(vec![problem]))?;
    store::set_chefs(tx, collection, &chefs).await?;
    tell(tx, clock, by, &Event::CollectionChanged { collection }).await
}
