//! Relay: any object by its global id.

use async_graphql::{Context, ID, Interface, Object};
use futures_util::future::try_join_all;
use services::Result;
use services::error::{Code, Error};
use services::id::AnyId;

use crate::accounts::Member;
use crate::catalogue::{Collection, Training, TrainingImport, TrainingSession};
use crate::context::{ContextExt, Request};
use crate::files::File;
use crate::forum::{Forum, Post, Space, Thread};
use crate::inbox::Notification;
use crate::library::{Document, DocumentCategory};
use crate::organisations::{Affiliation, Organisation};
use crate::reports::Report;
use crate::roles::RoleGrant;
use crate::search::SynonymGroup;
use crate::sessions::{AccessToken, Session};

/// How many ids `nodes` takes.
const MOST: usize = 100;

/// Tout objet qui a un identifiant global.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Identifiant global."))]
pub(crate) enum Node {
    AccessToken(AccessToken),
    Affiliation(Affiliation),
    Collection(Collection),
    Document(Document),
    DocumentCategory(DocumentCategory),
    File(File),
    Forum(Forum),
    Member(Member),
    Notification(Notification),
    Organisation(Organisation),
    Post(Post),
    Report(Report),
    RoleGrant(RoleGrant),
    Session(Session),
    Space(Space),
    SynonymGroup(SynonymGroup),
    Thread(Thread),
    Training(Training),
    TrainingImport(TrainingImport),
    TrainingSession(TrainingSession),
}

#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// L'objet qui porte cet identifiant ; null s'il n'existe pas ou si vous ne le voyez pas.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global, rendu par un champ id.")] id: ID,
    ) -> Result<Option<Node>> {
        node(ctx.request(), &id).await
    }

    /// Les objets qui portent ces identifiants, dans le même ordre ; null à la place de ceux qui n'existent pas ou que vous ne
    /// voyez pas.
    #[graphql(complexity = "ids.len() * child_complexity")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiants globaux, 100 au plus.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST {
            return Err(Error::invalid("ids", Code::TooLong, format!("Au plus {MOST} identifiants à la fois.")));
        }
        // Together, so that those of one kind are loaded at once.
        try_join_all(ids.iter().map(|id| node(ctx.request(), id))).await
    }
}

/// The object of that id, as this caller sees it.
pub(crate) async fn node(request: &Request, id: &ID) -> Result<Option<Node>> {
    let Ok(id) = id.parse::<AnyId>() else { return Ok(None) };
    Ok(match id {
        AnyId::Member(id) => request.member(id).await?.map(|member| Node::Member(Member(member))),
        AnyId::Notification(id) => request.loads().load_one(id).await?.map(|found| Node::Notification(Notification(found))),
        AnyId::Organisation(id) => request.organisation(id).await?.map(|found| Node::Organisation(Organisation(found))),
        AnyId::Document(id) => request.document(id).await?.map(Node::Document),
        AnyId::DocumentCategory(id) => {
            request.loads().load_one(id).await?.map(|category| Node::DocumentCategory(DocumentCategory(category)))
        }
        AnyId::File(id) => request.file(id).await?.map(Node::File),
        AnyId::Forum(id) => request.forum(id).await?.map(Node::Forum),
        AnyId::Thread(id) => request.thread(id).await?.map(|thread| Node::Thread(Thread(thread))),
        AnyId::Post(id) => request.post(id).await?.map(Node::Post),
        AnyId::Space(id) => request.loads().load_one(id).await?.map(|space| Node::Space(Space(space))),
        AnyId::Affiliation(id) => request.loads().load_one(id).await?.map(|found| Node::Affiliation(Affiliation(found))),
        AnyId::RoleGrant(id) => request.loads().load_one(id).await?.map(|found| Node::RoleGrant(RoleGrant(found))),
        AnyId::Session(id) => request.loads().load_one(id).await?.map(|found| Node::Session(Session(found))),
        AnyId::SynonymGroup(id) => request.loads().load_one(id).await?.map(Node::SynonymGroup),
        AnyId::AccessToken(id) => request.loads().load_one(id).await?.map(|found| Node::AccessToken(AccessToken(found))),
        AnyId::Collection(id) => request.loads().load_one(id).await?.map(|found| Node::Collection(Collection(found))),
        AnyId::Training(id) => request.training(id).await?.map(|found| Node::Training(Training(found))),
        AnyId::TrainingImport(id) => request.training_import(id).await?.map(Node::TrainingImport),
        AnyId::TrainingSession(id) => request.training_session(id).await?.map(Node::TrainingSession),
        AnyId::Report(id) => request.report(id).await?.map(Node::Report),
        AnyId::Audience(_)
        | AnyId::CalendarChange(_)
        | AnyId::Event(_)
        | AnyId::Job(_)
        | AnyId::Mail(_)
        | AnyId::ReportChange(_)
        | AnyId::SignInLink(_)
        | AnyId::TrainingStateChange(_) => None,
    })
}
