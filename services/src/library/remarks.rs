//! Remarks on documents. Their thread is [`crate::forum`]'s; here is who may write one.

use super::writing::seen;
use super::{Document, rules, space};
use crate::App;
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::Result;
use crate::forum::{self, About, Remark};
use crate::id::{DocumentId, FileId, PostId, SpaceId};
use crate::idempotency::act;

/// Writes a remark on a document: any member who sees it. The first one opens the thread that holds them all.
///
/// # Errors
/// [`crate::Error::NotFound`]; [`crate::Error::Invalid`] on `body` or `attachments`; [`crate::Error::Conflict`] when the document is
/// archived, a moderator closed its remarks, or organisations were addressed too often.
pub async fn remark_document(app: &App, caller: &Caller, id: DocumentId, body: &str, files: Vec<FileId>) -> Result<PostId> {
    caller.signed_in()?;
    let space = space(&mut *app.db.reader().await?).await?;
    let remark = Remark::new(app, caller, space, body, files).await?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let document = seen(tx, &actor, id).await?;
            rules::takes_remarks(&document)?;
            put_remark(tx, &clock, &actor, &document, &remark).await
        })
    })
    .await
}

/// Writes a remark on a document, locked.
pub(crate) async fn put_remark(
    tx: &mut Tx,
    clock: &Clock,
    actor: &Actor,
    document: &Document,
    remark: &Remark,
) -> Result<PostId> {
    let space = space(tx).await?;
    forum::put_remark(tx, clock, actor, &about(document, space), remark).await
}

/// What the thread of a document's remarks takes after.
pub(super) fn about(document: &Document, space: SpaceId) -> About<'_> {
    About { document: document.id, title: &document.title, audience: document.audience_id, space }
}
