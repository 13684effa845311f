//! What a member is told, as they are told it.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, SimpleObject, Union};
use services::live::{Next, Topic};
use services::{Result, inbox, live};

use super::{Gap, StreamStart, open};
use crate::context::{ContextExt, Request};
use crate::inbox::{Notification, count_unread};
use crate::turns::Turn;

/// Vous êtes prévenu de quelque chose, ou de quelque chose de plus.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct NotificationReceived {
    /// À donner à after pour reprendre ici.
    cursor: String,
    /// De quoi ; ce qui est arrivé au même fil ou à la même formation y est réuni, sous le même identifiant.
    notification: Notification,
}

#[ComplexObject]
impl NotificationReceived {
    /// Combien d'avertissements vous n'avez pas lus, 1 000 au plus.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<i64> {
        count_unread(ctx.request()).await
    }
}

/// Ce dont vous êtes prévenu.
#[derive(Union)]
pub(crate) enum NotificationEvent {
    StreamStart(StreamStart),
    Gap(Gap),
    NotificationReceived(NotificationReceived),
}

/// What one turn tells.
pub(super) async fn turn(request: &Request, turn: &Turn, after: Option<&str>) -> Result<Vec<NotificationEvent>> {
    let caller = request.caller();
    let topics = vec![Topic::Inbox(caller.signed_in()?)];
    let Some(from) = turn.from() else {
        let mut start = live::start(&request.app, &mut *request.cx().await?, after).await?;
        if start.gap || after.is_none() {
            // People are told a moment after what happened: what comes after this entry is still to be told.
            start.position = inbox::told_up_to(&mut *request.cx().await?).await?;
        }
        return Ok(open(turn, start, after.is_some(), topics));
    };
    let (told, position, more) = inbox::told_after(&mut *request.cx().await?, &caller, from).await?;
    turn.goes_on(Next { position, topics, more });
    let received = told.into_iter().map(|(seq, notification)| {
        let notification = Notification(Arc::new(notification));
        NotificationEvent::NotificationReceived(NotificationReceived { cursor: live::cursor(seq), notification })
    });
    Ok(received.collect())
}
