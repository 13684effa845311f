use chrono::{DateTime, Utc};

use super::File;
use super::disk::Sha256;
use crate::db::{Cx, all, exec, in_list, lock, one};
use crate::error::Result;
use crate::id::{FileId, MemberId};

/// The content first: a sweep that is about to delete it waits, or is waited for.
pub(super) async fn insert_file(cx: &mut Cx, file: &File) -> Result<()> {
    exec!(
        cx,
        "insert into contents (sha256, size, created_at) values ($1, $2, $3)
         on conflict (sha256) do update set size = excluded.size",
        &file.sha256,
        file.size,
        file.created_at
    )?;
    exec!(
        cx,
        "insert into files (id, sha256, name, media_type, size, uploader_id, created_at, unused_since)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        file.id,
        &file.sha256,
        &file.name,
        &file.media_type,
        file.size,
        file.uploader_id,
        file.created_at,
        file.unused_since
    )?;
    Ok(())
}

/// Bytes that a member sent since then; once for what serves twice.
pub(super) async fn sent(cx: &mut Cx, member: MemberId, since: DateTime<Utc>) -> Result<i64> {
    let sql = "select cast(coalesce(sum(size), 0) as bigint)
               from (select distinct sha256, created_at, size from files where uploader_id = $1 and created_at > $2) s";
    Ok(one!(cx, (i64,), sql, member, since)?.0)
}

pub(super) async fn files_by_id(cx: &mut Cx, ids: &[FileId]) -> Result<Vec<File>> {
    Ok(in_list!(
        cx,
        File,
        "select id, sha256, name, media_type, size, uploader_id, created_at, unused_since from files where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn lock_file(cx: &mut Cx, id: FileId) -> Result<Option<File>> {
    Ok(lock!(
        cx,
        File,
        "select id, sha256, name, media_type, size, uploader_id, created_at, unused_since from files where id = $1",
        id
    )?)
}

pub(super) async fn hold(cx: &mut Cx, id: FileId) -> Result<()> {
    exec!(cx, "update files set unused_since = null where id = $1", id)?;
    Ok(())
}

pub(super) async fn let_go(cx: &mut Cx, id: FileId, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update files set unused_since = $2 where id = $1", id, now)?;
    Ok(())
}

/// Forgets files that nothing has referred to since before `until`, and the contents that are no file's any more; at most
/// [`crate::jobs::SWEPT_AT_ONCE`] of them. How many.
pub(super) async fn sweep(cx: &mut Cx, until: DateTime<Utc>) -> Result<u64> {
    // Told twice, so that one which is taken into use meanwhile stays.
    let swept = all!(
        cx,
        (Vec<u8>,),
        "delete from files where id in (select id from files where unused_since < $1 limit 500) and unused_since < $1
         returning sha256",
        until
    )?;
    let count = u64::try_from(swept.len()).unwrap_or(0);
    let mut contents: Vec<_> = swept.into_iter().map(|row| row.0).collect();
    contents.sort_unstable();
    contents.dedup();
    // Locked first: whoever is about to add a file of the same content is seen by the next statement, or waits for it.
    if matches!(cx, Cx::Postgres(_)) {
        in_list!(cx, (Vec<u8>,), "select sha256 from contents where sha256 in (", &contents, ") order by sha256 for update")?;
    }
    in_list!(
        cx,
        (Vec<u8>,),
        "delete from contents where sha256 in (",
        &contents,
        ") and not exists (select 1 from files where files.sha256 = contents.sha256) returning sha256"
    )?;
    Ok(count)
}

/// Those of these contents that are some file's.
pub(super) async fn known(cx: &mut Cx, contents: &[Sha256]) -> Result<Vec<Vec<u8>>> {
    let contents: Vec<_> = contents.iter().map(|content| content.to_vec()).collect();
    let rows = in_list!(cx, (Vec<u8>,), "select sha256 from contents where sha256 in (", &contents, ")")?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
