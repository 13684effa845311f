use std::collections::HashMap;

use crate::catalogue::{Designer, Details, MentorAddress, Module, Text};
use crate::db::{Cx, exec, in_list};
use crate::error::Result;
use crate::id::{OrganisationId, TrainingId};

pub(crate) async fn texts(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<Text>> {
    Ok(in_list!(
        cx,
        Text,
        "select training_id, part, body, html from training_texts where training_id in (",
        ids,
        ") order by training_id, part"
    )?)
}

#[derive(sqlx::FromRow)]
pub(crate) struct DesignerRow {
    pub(crate) training_id: TrainingId,
    #[sqlx(flatten)]
    pub(crate) designer: Designer,
}

pub(crate) async fn designers(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<DesignerRow>> {
    Ok(in_list!(
        cx,
        DesignerRow,
        "select training_id, member_id, name from training_designers where training_id in (",
        ids,
        ") order by training_id, position"
    )?)
}

pub(crate) async fn targets(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<(TrainingId, OrganisationId)>> {
    Ok(in_list!(
        cx,
        (TrainingId, OrganisationId),
        "select training_id, organisation_id from training_targets where training_id in (",
        ids,
        ") order by training_id, position"
    )?)
}

#[derive(sqlx::FromRow)]
pub(crate) struct AddressRow {
    pub(crate) training_id: TrainingId,
    #[sqlx(flatten)]
    pub(crate) address: MentorAddress,
}

pub(crate) async fn addresses(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<AddressRow>> {
    Ok(in_list!(
        cx,
        AddressRow,
        "select training_id, shape, number from training_addresses where training_id in (",
        ids,
        ") order by training_id, position"
    )?)
}

/// A module and one of its competences, if it has any.
pub(crate) type ModuleRow = (TrainingId, i64, String, Option<String>);

pub(crate) async fn modules(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<ModuleRow>> {
    Ok(in_list!(
        cx,
        ModuleRow,
        "select m.training_id, m.position, m.title, c.competence from training_modules m
         left join training_module_competences c on c.training_id = m.training_id and c.module = m.position
         where m.training_id in (",
        ids,
        ") order by m.training_id, m.position, c.position"
    )?)
}

pub(crate) async fn set_texts(cx: &mut Cx, id: TrainingId, texts: &[Text]) -> Result<()> {
    exec!(cx, "delete from training_texts where training_id = $1", id)?;
    for text in texts {
        exec!(
            cx,
            "insert into training_texts (training_id, part, body, html) values ($1, $2, $3, $4)",
            id,
            text.part,
            &text.body,
            &text.html
        )?;
    }
    Ok(())
}

pub(crate) async fn set_designers(cx: &mut Cx, id: TrainingId, designers: &[Designer]) -> Result<()> {
    exec!(cx, "delete from training_designers where training_id = $1", id)?;
    for (position, designer) in (0_i64..).zip(designers) {
        exec!(
            cx,
            "insert into training_designers (training_id, position, member_id, name) values ($1, $2, $3, $4)",
            id,
            position,
            designer.member_id,
            &designer.name
        )?;
    }
    Ok(())
}

pub(crate) async fn set_targets(cx: &mut Cx, id: TrainingId, targets: &[OrganisationId]) -> Result<()> {
    exec!(cx, "delete from training_targets where training_id = $1", id)?;
    for (position, target) in (0_i64..).zip(targets) {
        exec!(
            cx,
            "insert into training_targets (training_id, position, organisation_id) values ($1, $2, $3)",
            id,
            position,
            *target
        )?;
    }
    Ok(())
}

/// The address that another training has already, with the error that says so.
pub(crate) async fn set_addresses(
    cx: &mut Cx,
    id: TrainingId,
    addresses: &[MentorAddress],
) -> Result<(), (Option<MentorAddress>, sqlx::Error)> {
    exec!(cx, "delete from training_addresses where training_id = $1", id).map_err(|error| (None, error))?;
    for (position, address) in (0_i64..).zip(addresses) {
        exec!(
            cx,
            "insert into training_addresses (training_id, position, address, shape, number) values ($1, $2, $3, $4, $5)",
            id,
            position,
            address.key(),
            address.shape,
            address.number
        )
        .map_err(|error| (Some(*address), error))?;
    }
    Ok(())
}

pub(crate) async fn set_modules(cx: &mut Cx, id: TrainingId, modules: &[Module]) -> Result<()> {
    exec!(cx, "delete from training_module_competences where training_id = $1", id)?;
    exec!(cx, "delete from training_modules where training_id = $1", id)?;
    for (place, module) in (0_i64..).zip(modules) {
        exec!(cx, "insert into training_modules (training_id, position, title) values ($1, $2, $3)", id, place, &module.title)?;
        for (position, competence) in (0_i64..).zip(&module.competences) {
            exec!(
                cx,
                "insert into training_module_competences (training_id, module, position, competence) values ($1, $2, $3, $4)",
                id,
                place,
                position,
                competence
            )?;
        }
    }
    Ok(())
}

/// All that hangs on a training.
pub(crate) async fn details(cx: &mut Cx, id: TrainingId) -> Result<Details> {
    Ok(details_by_id(cx, &[id]).await?.remove(&id).unwrap_or_default())
}

/// All that hangs on each of these trainings.
pub(crate) async fn details_by_id(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Details>> {
    let mut found: HashMap<TrainingId, Details> = HashMap::new();
    for text in texts(cx, ids).await? {
        found.entry(text.training_id).or_default().texts.push(text);
    }
    for row in designers(cx, ids).await? {
        found.entry(row.training_id).or_default().designers.push(row.designer);
    }
    for (id, target) in targets(cx, ids).await? {
        found.entry(id).or_default().targets.push(target);
    }
    for row in addresses(cx, ids).await? {
        found.entry(row.training_id).or_default().addresses.push(row.address);
    }
    for (id, module) in assembled(modules(cx, ids).await?) {
        found.entry(id).or_default().modules.push(module);
    }
    Ok(found)
}

/// Rows of competences as modules, each with its training.
pub(crate) fn assembled(rows: Vec<ModuleRow>) -> Vec<(TrainingId, Module)> {
    let mut modules: Vec<((TrainingId, i64), Module)> = Vec::new();
    for (training, position, title, competence) in rows {
        if modules.last().is_none_or(|(last, _)| *last != (training, position)) {
            modules.push(((training, position), Module { title, competences: Vec::new() }));
        }
        if let (Some((_, module)), Some(competence)) = (modules.last_mut(), competence) {
            module.competences.push(competence);
        }
    }
    modules.into_iter().map(|((training, _), module)| (training, module)).collect()
}
