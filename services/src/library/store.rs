use chrono::{DateTime, Utc};

use super::{Document, DocumentCategory, DocumentFilter, Version};
use crate::Caller;
use crate::db::{Cx, all, each, exec, in_list, keyset, lists, lock, numbered, opt, sight};
use crate::error::Result;
use crate::id::{AudienceId, DocumentCategoryId, DocumentId, FileId, MemberId, PostId};
use crate::page::{NameKey, Slice, TimeKey};

/// Documents with all their columns, for `concat!`; what follows begins with `where`.
macro_rules! selected {
    () => {
        "select d.id, d.category_id, d.title, d.summary, d.language, d.member_id, d.organisation_id, d.audience_id, d.licence,
                d.review_by, d.accessible, d.latest, d.useful_count, d.download_count, d.created_at, d.updated_at, d.archived_at,
                d.post_id
         from documents d"
    };
}

// Categories.

pub(super) async fn insert_category(cx: &mut Cx, new: &DocumentCategory, at: DateTime<Utc>) -> Result<()> {
    exec!(
        cx,
        "insert into document_categories (id, slug, name, position, created_at) values ($1, $2, $3, $4, $5)",
        new.id,
        &new.slug,
        &new.name,
        new.position,
        at
    )?;
    Ok(())
}

/// There are nine.
pub(super) async fn categories(cx: &mut Cx) -> Result<Vec<DocumentCategory>> {
    Ok(all!(cx, DocumentCategory, "select id, slug, name, position from document_categories order by position, id")?)
}

pub(super) async fn category_exists(cx: &mut Cx, id: DocumentCategoryId) -> Result<bool> {
    Ok(opt!(cx, (DocumentCategoryId,), "select id from document_categories where id = $1", id)?.is_some())
}

// Documents.

pub(super) async fn insert_document(cx: &mut Cx, new: &Document) -> Result<()> {
    exec!(
        cx,
        "insert into documents (id, category_id, title, summary, language, member_id, organisation_id, audience_id, licence,
                                review_by, accessible, created_at, updated_at, post_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
        new.id,
        new.category_id,
        &new.title,
        &new.summary,
        &new.language,
        new.member_id,
        new.organisation_id,
        new.audience_id,
        new.licence,
        new.review_by,
        new.accessible,
        new.created_at,
        new.post_id
    )?;
    Ok(())
}

pub(super) async fn set_document(cx: &mut Cx, document: &Document) -> Result<()> {
    exec!(
        cx,
        "update documents set category_id = $2, title = $3, summary = $4, language = $5, audience_id = $6, licence = $7,
                review_by = $8, accessible = $9, updated_at = $10, member_id = $11, organisation_id = $12
         where id = $1",
        document.id,
        document.category_id,
        &document.title,
        &document.summary,
        &document.language,
        document.audience_id,
        document.licence,
        document.review_by,
        document.accessible,
        document.updated_at,
        document.member_id,
        document.organisation_id
    )?;
    Ok(())
}

pub(super) async fn set_archived(cx: &mut Cx, id: DocumentId, at: Option<DateTime<Utc>>) -> Result<()> {
    exec!(cx, "update documents set archived_at = $2 where id = $1", id, at)?;
    Ok(())
}

pub(super) async fn set_tags(cx: &mut Cx, id: DocumentId, tags: &[String]) -> Result<()> {
    exec!(cx, "delete from document_tags where document_id = $1", id)?;
    for tag in tags {
        exec!(cx, "insert into document_tags (document_id, tag) values ($1, $2)", id, tag)?;
    }
    Ok(())
}

pub(super) async fn add_download(cx: &mut Cx, id: DocumentId) -> Result<()> {
    exec!(cx, "update documents set download_count = download_count + 1 where id = $1", id)?;
    Ok(())
}

pub(super) async fn lock_document(cx: &mut Cx, id: DocumentId) -> Result<Option<Document>> {
    Ok(lock!(cx, Document, concat!(selected!(), " where d.id = $1"), id)?)
}

pub(super) async fn documents_by_id(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<Document>> {
    Ok(in_list!(cx, Document, concat!(selected!(), " where d.id in ("), ids, ")")?)
}

/// The documents that were made of these posts.
pub(super) async fn documents_of_posts(cx: &mut Cx, posts: &[PostId]) -> Result<Vec<Document>> {
    Ok(in_list!(cx, Document, concat!(selected!(), " where d.post_id in ("), posts, ")")?)
}

/// What a list of documents leaves out, pushed to a query on `documents d`.
macro_rules! only {
    ($query:expr, $caller:expr, $filter:expr) => {{
        let (caller, filter): (&Caller, &DocumentFilter) = ($caller, $filter);
        $query.push(" where");
        sight!($query, caller, "d.audience_id");
        $query.push(if filter.archived { " and d.archived_at is not null" } else { " and d.archived_at is null" });
        if let Some(category) = filter.category {
            $query.push(" and d.category_id = ").push_bind(category);
        }
        if let Some(tag) = &filter.tag {
            $query.push(" and d.id in (select t.document_id from document_tags t where t.tag = ").push_bind(tag.clone());
            $query.push(")");
        }
        if let Some(language) = &filter.language {
            $query.push(" and d.language = ").push_bind(language.clone());
        }
        if let Some(member) = filter.member {
            $query.push(" and d.member_id = ").push_bind(member);
        }
        if let Some(organisation) = filter.organisation {
            $query.push(" and d.organisation_id = ").push_bind(organisation);
        }
        if filter.to_confirm {
            $query.push(" and d.latest = 0");
        }
        if let Some(now) = filter.review_due {
            $query.push(" and d.review_by <= ").push_bind(now);
        }
    }};
}

pub(super) async fn documents_by_title(
    cx: &mut Cx,
    caller: &Caller,
    filter: &DocumentFilter,
    slice: &Slice<NameKey>,
) -> Result<Vec<Document>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(selected!());
        only!(query, caller, filter);
        keyset!(query, slice, "d.title", "d.id", false);
        query.build_query_as::<Document>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn documents_by_date(
    cx: &mut Cx,
    caller: &Caller,
    filter: &DocumentFilter,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Document>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(selected!());
        only!(query, caller, filter);
        keyset!(query, slice, "d.updated_at", "d.id", true);
        query.build_query_as::<Document>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_documents(cx: &mut Cx, caller: &Caller, filter: &DocumentFilter) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from documents d");
        only!(query, caller, filter);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

pub(super) async fn tags(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<(DocumentId, String)>> {
    Ok(in_list!(
        cx,
        (DocumentId, String),
        "select document_id, tag from document_tags where document_id in (",
        ids,
        ") order by document_id, tag"
    )?)
}

// Versions.

/// A version, which is the latest from now on.
pub(super) async fn insert_version(cx: &mut Cx, new: &Version) -> Result<()> {
    exec!(
        cx,
        "insert into document_versions (document_id, number, file_id, link, note, author_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.document_id,
        new.number,
        new.file_id,
        &new.link,
        &new.note,
        new.author_id,
        new.created_at
    )?;
    exec!(cx, "update documents set latest = $2, updated_at = $3 where id = $1", new.document_id, new.number, new.created_at)?;
    Ok(())
}

pub(super) async fn version(cx: &mut Cx, id: DocumentId, number: i64) -> Result<Option<Version>> {
    Ok(opt!(
        cx,
        Version,
        "select document_id, number, file_id, link, note, author_id, created_at
         from document_versions where document_id = $1 and number = $2",
        id,
        number
    )?)
}

pub(super) async fn latest_versions(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<Version>> {
    Ok(in_list!(
        cx,
        Version,
        "select v.document_id, v.number, v.file_id, v.link, v.note, v.author_id, v.created_at
         from document_versions v join documents d on d.id = v.document_id and d.latest = v.number
         where v.document_id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn versions(cx: &mut Cx, ids: &[DocumentId], slice: &Slice<i64>) -> Result<Vec<Vec<Version>>> {
    Ok(lists!(cx, Version, ids, |query, id| {
        query.push(
            "select document_id, number, file_id, link, note, author_id, created_at from document_versions where document_id = ",
        );
        query.push_bind(*id);
        numbered!(query, slice, "number");
    }))
}

pub(super) async fn insert_attachments(cx: &mut Cx, document: DocumentId, number: i64, files: &[FileId]) -> Result<()> {
    for (position, file) in (0_i64..).zip(files) {
        exec!(
            cx,
            "insert into version_attachments (document_id, number, file_id, position) values ($1, $2, $3, $4)",
            document,
            number,
            *file,
            position
        )?;
    }
    Ok(())
}

/// What is attached to the versions of these documents, in order: of which document and version.
pub(super) async fn attachments(cx: &mut Cx, documents: &[DocumentId]) -> Result<Vec<(DocumentId, i64, FileId)>> {
    Ok(in_list!(
        cx,
        (DocumentId, i64, FileId),
        "select document_id, number, file_id from version_attachments where document_id in (",
        documents,
        ") order by document_id, number, position"
    )?)
}

/// Whether a document that this caller sees has this file in one of its versions.
pub(crate) async fn shows_file(cx: &mut Cx, caller: &Caller, file: FileId) -> Result<bool> {
    let rows = all!(
        cx,
        (AudienceId,),
        "select d.audience_id from document_versions v join documents d on d.id = v.document_id where v.file_id = $1
         union
         select d.audience_id from version_attachments a join documents d on d.id = a.document_id where a.file_id = $1",
        file
    )?;
    Ok(rows.iter().any(|row| caller.sees(row.0)))
}

// Votes.

/// True when it changed something.
pub(super) async fn set_vote(cx: &mut Cx, id: DocumentId, member: MemberId, useful: bool) -> Result<bool> {
    let changed = if useful {
        exec!(
            cx,
            "insert into document_votes (document_id, member_id) values ($1, $2) on conflict (document_id, member_id) do nothing",
            id,
            member
        )?
    } else {
        exec!(cx, "delete from document_votes where document_id = $1 and member_id = $2", id, member)?
    };
    if changed == 0 {
        return Ok(false);
    }
    exec!(cx, "update documents set useful_count = useful_count + $2 where id = $1", id, if useful { 1_i64 } else { -1 })?;
    Ok(true)
}

pub(super) async fn found_useful(cx: &mut Cx, member: MemberId, ids: &[DocumentId]) -> Result<Vec<DocumentId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select document_id from document_votes where member_id = ");
        query.push_bind(member).push(" and document_id in (");
        let mut list = query.separated(",");
        for i in 0..ids.len().next_power_of_two() {
            list.push_bind(ids[i.min(ids.len() - 1)]);
        }
        query.push(")");
        query.build_query_as::<(DocumentId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
