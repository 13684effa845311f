-- A training is announced by the first day that is planned for it, and stays so.
alter table trainings add column announced_at timestamptz;
update trainings set announced_at = (
  select min(c.changed_at) from calendar_changes c
  where c.training_id = trainings.id and c.kind = 'PLANIFICATION' and c.to_on is not null
);

-- Those that were for who works on them alone are now seen by those whom they are open to. Everyone has an audience already, members
-- do where a training or a forum is for them. A restricted one gets an audience of its own, with the training's id, which its next
-- change replaces by the one that equals share.
insert into audiences (id, grants_key, created_at)
  select id, 'members', announced_at from trainings
  where announced_at is not null and opening = 'INTERMINISTERIEL'
    and not exists (select 1 from audiences where grants_key = 'members')
  order by id limit 1;
insert into audience_grants (audience_id, position, kind)
  select id, 0, 'MEMBERS' from audiences
  where grants_key = 'members' and not exists (select 1 from audience_grants g where g.audience_id = audiences.id);
insert into audiences (id, grants_key, created_at)
  select id, 'announced ' || short_name_key, announced_at from trainings
  where announced_at is not null and opening = 'CIBLE_RESTREINTE'
    and (state in ('BROUILLON', 'GABARIT') or state = 'ARCHIVEE' and published_at is null);
insert into audience_grants (audience_id, position, kind, organisation_id, role, space_id, member_id, collection_id, training_id)
  select a.id, g.position, g.kind, g.organisation_id, g.role, g.space_id, g.member_id, g.collection_id, g.training_id
  from audiences a join trainings t on t.id = a.id join audience_grants g on g.audience_id = t.audience_id
  where a.grants_key = 'announced ' || t.short_name_key;
insert into audience_grants (audience_id, position, kind, organisation_id)
  select a.id, 100 + o.position, 'ORGANISATION', o.organisation_id
  from audiences a join trainings t on t.id = a.id join training_targets o on o.training_id = t.id
  where a.grants_key = 'announced ' || t.short_name_key;
update trainings
  set audience_id = case opening
    when 'TOUS_PUBLICS' then (select id from audiences where grants_key = 'public')
    when 'INTERMINISTERIEL' then (select id from audiences where grants_key = 'members')
    else id
  end
  where announced_at is not null and opening <> 'NON_VISIBLE'
    and (state in ('BROUILLON', 'GABARIT') or state = 'ARCHIVEE' and published_at is null);
update training_sessions
  set audience_id = (select t.audience_id from trainings t where t.id = training_sessions.training_id)
  where state <> 'EN_PREPARATION';
