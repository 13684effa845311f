//! Expressions that mean the same: data that administrators edit, and that every index learns before it reads on in the log.

use chrono::{DateTime, Utc};
use search_index::{MOST_EXPRESSIONS, MOST_SYNONYMS, Synonyms};

use super::right::{Right, Write};
use super::store;
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx, alone};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::SynonymGroupId;
use crate::idempotency::act;
use crate::text;

/// The longest expression, in characters.
const LONGEST: usize = 100;

/// Expressions that mean the same: who searches for one finds the others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct SynonymGroup {
    pub id: SynonymGroupId,
    pub expressions: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

fn must_administer(caller: &Caller) -> Result<()> {
    if caller.is_administrator() {
        return Ok(());
    }
    Err(Error::forbidden("Réservé aux administrateurs de la communauté."))
}

/// All groups, in the alphabetical order of their first expressions.
///
/// # Errors
/// [`Error::Unauthenticated`], [`Error::Forbidden`]: they are of those who edit them. When the database fails.
pub async fn synonym_groups(cx: &mut Cx, caller: &Caller) -> Result<Vec<SynonymGroup>> {
    caller.signed_in()?;
    must_administer(caller)?;
    let mut groups = store::synonym_groups(cx).await?;
    groups.sort_by_cached_key(|group| group.expressions.first().map(|first| text::slug(first)));
    Ok(groups)
}

/// Those of these ids that this caller may read.
///
/// # Errors
/// When the database fails.
pub async fn synonym_groups_by_id(cx: &mut Cx, caller: &Caller, ids: &[SynonymGroupId]) -> Result<Vec<SynonymGroup>> {
    if !caller.is_administrator() {
        return Ok(Vec::new());
    }
    let groups = store::synonym_groups(cx).await?;
    Ok(groups.into_iter().filter(|group| ids.contains(&group.id)).collect())
}

/// Makes a group of 2 to 10 expressions.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on `expressions`; [`Error::Conflict`] when there are [`MOST_SYNONYMS`] already.
pub async fn create_synonyms(app: &App, caller: &Caller, expressions: Vec<String>) -> Result<SynonymGroupId> {
    caller.signed_in()?;
    let expressions = sound(expressions)?;
    let (id, clock) = (SynonymGroupId::new(&app.clock), app.clock.clone());
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            must_administer(&actor)?;
            let stamp = next_stamp(tx).await?;
            if store::count_synonym_groups(tx).await? >= MOST_SYNONYMS as i64 {
                let sentence = format!("Il y a déjà {MOST_SYNONYMS} groupes de synonymes.");
                return Err(Error::conflict("expressions", Code::Full, sentence));
            }
            store::insert_synonyms(tx, id, &expressions, stamp, clock.now()).await?;
            tell(tx, &clock, Some(actor.id), &Event::SynonymsChanged { group: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Gives a group other expressions.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] on `expressions`.
pub async fn update_synonyms(app: &App, caller: &Caller, id: SynonymGroupId, expressions: Vec<String>) -> Result<SynonymGroupId> {
    caller.signed_in()?;
    let expressions = sound(expressions)?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            must_administer(&actor)?;
            let stamp = next_stamp(tx).await?;
            let before = store::synonyms(tx, id).await?.ok_or(Error::NotFound)?;
            if before != expressions {
                store::set_synonyms(tx, id, &expressions, stamp, clock.now()).await?;
                tell(tx, &clock, Some(actor.id), &Event::SynonymsChanged { group: id }).await?;
            }
            Ok(id)
        })
    })
    .await
}

/// Removes a group.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`].
pub async fn remove_synonyms(app: &App, caller: &Caller, id: SynonymGroupId) -> Result<SynonymGroupId> {
    caller.signed_in()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            must_administer(&actor)?;
            let stamp = next_stamp(tx).await?;
            store::synonyms(tx, id).await?.ok_or(Error::NotFound)?;
            store::remove_synonyms(tx, id, stamp, clock.now()).await?;
            tell(tx, &clock, Some(actor.id), &Event::SynonymsChanged { group: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Changes follow each other, so that each has a stamp of its own and their number keeps its limit.
async fn next_stamp(tx: &mut Tx) -> Result<i64> {
    alone(tx, "synonyms").await?;
    Ok(store::last_synonyms(tx).await? + 1)
}

/// Expressions as they are kept.
fn sound(given: Vec<String>) -> Result<Vec<String>> {
    if !(2..=MOST_EXPRESSIONS).contains(&given.len()) {
        let code = if given.len() < 2 { Code::TooShort } else { Code::TooLong };
        return Err(Error::invalid("expressions", code, format!("Donnez de 2 à {MOST_EXPRESSIONS} expressions.")));
    }
    let mut problems = Problems::default();
    let mut expressions: Vec<String> = Vec::new();
    for expression in given {
        let Some(expression) = problems.take(text::line("expressions", &expression, 1, LONGEST)) else { continue };
        if expressions.iter().any(|other| text::slug(other) == text::slug(&expression)) {
            problems.add(Problem::new("expressions", Code::Taken, format!("« {expression} » est donné deux fois.")));
        }
        expressions.push(expression);
    }
    problems.refuse()?;
    Synonyms::new(vec![expressions.clone()]).map_err(|error| match error {
        search_index::Error::Invalid(_, sentence) => Error::invalid("expressions", Code::Malformed, sentence),
        other => other.into(),
    })?;
    Ok(expressions)
}

/// Whether there are synonyms, or were.
///
/// # Errors
/// When the database fails.
pub(crate) async fn are_laid(cx: &mut Cx) -> Result<bool> {
    Ok(store::last_synonyms(cx).await? > 0)
}

/// Gives a community those that the product brings, unless it has or had some.
///
/// # Errors
/// When the database fails.
pub(crate) async fn lay(tx: &mut Tx, clock: &Clock) -> Result<()> {
    if are_laid(tx).await? {
        return Ok(());
    }
    for (stamp, expressions) in (1..).zip(Synonyms::brought()?.groups()) {
        store::insert_synonyms(tx, SynonymGroupId::new(clock), expressions, stamp, clock.now()).await?;
    }
    Ok(())
}

/// Reads the community's synonyms when they changed since this process last did.
///
/// # Errors
/// When the database fails, or the server that has to know them is away.
pub(super) async fn learn(app: &App) -> Result<()> {
    let last = store::last_synonyms(&mut *app.db.reader().await?).await?;
    if last == app.search.synonyms_known() {
        return Ok(());
    }
    // Nobody puts another index in the place of the one that is told of them.
    let right = Right::wait(app, Write::Live).await?;
    learn_by(app, &right).await
}

/// The same, by whoever has the right to write the live index.
///
/// # Errors
/// As [`learn`].
pub(super) async fn learn_by(app: &App, _right: &Right) -> Result<()> {
    let mut cx = app.db.reader().await?;
    // Before the groups: what changes meanwhile is learnt the next time.
    let last = store::last_synonyms(&mut cx).await?;
    let groups = store::synonym_groups(&mut cx).await?;
    drop(cx);
    let synonyms = Synonyms::new(groups.into_iter().map(|group| group.expressions).collect())?;
    app.search.index.set_synonyms(&synonyms).await?;
    app.search.know_synonyms(last);
    Ok(())
}
