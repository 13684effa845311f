use crate::catalogue::{Chef, Collection};
use crate::db::{Cx, all, exec, in_list, lock, opt};
use crate::error::Result;
use crate::id::CollectionId;

pub(crate) async fn insert_collection(cx: &mut Cx, new: &Collection) -> sqlx::Result<()> {
    exec!(
        cx,
        "insert into collections (id, slug, name, colour, description, position, created_at) values ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        &new.slug,
        &new.name,
        &new.colour,
        &new.description,
        new.position,
        new.created_at
    )?;
    Ok(())
}

pub(crate) async fn set_collection(cx: &mut Cx, collection: &Collection) -> Result<()> {
    exec!(
        cx,
        "update collections set name = $2, colour = $3, description = $4, position = $5 where id = $1",
        collection.id,
        &collection.name,
        &collection.colour,
        &collection.description,
        collection.position
    )?;
    Ok(())
}

pub(crate) async fn lock_collection(cx: &mut Cx, id: CollectionId) -> Result<Option<Collection>> {
    Ok(lock!(
        cx,
        Collection,
        "select id, slug, name, colour, description, position, created_at from collections where id = $1",
        id
    )?)
}

pub(crate) async fn collection_by_slug(cx: &mut Cx, slug: &str) -> Result<Option<Collection>> {
    Ok(opt!(
        cx,
        Collection,
        "select id, slug, name, colour, description, position, created_at from collections where slug = $1",
        slug
    )?)
}

/// All of them: they are few.
pub(crate) async fn collections(cx: &mut Cx) -> Result<Vec<Collection>> {
    Ok(all!(
        cx,
        Collection,
        "select id, slug, name, colour, description, position, created_at from collections order by position, id"
    )?)
}

pub(crate) async fn collections_by_id(cx: &mut Cx, ids: &[CollectionId]) -> Result<Vec<Collection>> {
    Ok(in_list!(
        cx,
        Collection,
        "select id, slug, name, colour, description, position, created_at from collections where id in (",
        ids,
        ")"
    )?)
}

pub(crate) async fn chefs(cx: &mut Cx, ids: &[CollectionId]) -> Result<Vec<Chef>> {
    Ok(in_list!(
        cx,
        Chef,
        "select collection_id, member_id, name, address from collection_chefs where collection_id in (",
        ids,
        ") order by collection_id, position"
    )?)
}

pub(crate) async fn set_chefs(cx: &mut Cx, id: CollectionId, chefs: &[Chef]) -> Result<()> {
    exec!(cx, "delete from collection_chefs where collection_id = $1", id)?;
    for (position, chef) in (0_i64..).zip(chefs) {
        exec!(
            cx,
            "insert into collection_chefs (collection_id, position, member_id, name, address) values ($1, $2, $3, $4, $5)",
            id,
            position,
            chef.member_id,
            &chef.name,
            &chef.address
        )?;
    }
    Ok(())
}
