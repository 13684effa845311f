-- The catalogue: collections hold trainings, trainings hold sessions; what is planned, and what moved.

create table collections (
  id          uuid        primary key not null,
  slug        text        not null unique,
  name        text        not null,
  colour      text        not null,
  description text        not null,
  position    bigint      not null,
  created_at  timestamptz not null
);

-- A chef de file is a member, or a name and an address.
create table collection_chefs (
  collection_id uuid   not null references collections (id),
  position      bigint not null,
  member_id     uuid   references members (id),
  name          text,
  address       text,
  primary key (collection_id, position)
);
create index collection_chefs_member on collection_chefs (member_id, collection_id);

create table training_states (code text primary key not null);
insert into training_states (code) values ('BROUILLON'), ('GABARIT'), ('ELABORATION_TERMINEE'), ('PUBLIEE'), ('ARCHIVEE');

create table training_openings (code text primary key not null);
insert into training_openings (code) values ('TOUS_PUBLICS'), ('INTERMINISTERIEL'), ('CIBLE_RESTREINTE'), ('NON_VISIBLE');

create table training_modalities (code text primary key not null);
insert into training_modalities (code) values ('PRESENTIEL'), ('MIXTE'), ('EN_LIGNE');

-- `short_name_key` is the short name in lower case. `planned_on` and `calendar_on` are days (2026-11-25); `calendar_on` is the
-- day under which the calendar lists the training: of its first publication, else the planned one. `published_at` is the first
-- publication. What was merged keeps its row, and names where it went.
create table trainings (
  id               uuid        primary key not null,
  title            text        not null,
  short_name       text        not null,
  short_name_key   text        not null unique,
  collection_id    uuid        not null references collections (id),
  organisation_id  uuid        not null references organisations (id),
  state            text        not null references training_states (code),
  opening          text        not null references training_openings (code),
  audience_id      uuid        not null references audiences (id),
  catch_phrase     text,
  certifying       boolean     not null,
  licence          text        not null,
  modality         text        references training_modalities (code),
  presence_minutes bigint,
  remote_minutes   bigint,
  contact          text,
  thumbnail_url    text,
  sirh_id          text,
  planned_on       text,
  calendar_on      text,
  published_at     timestamptz,
  framed_at        timestamptz,
  framed_by        uuid        references members (id),
  framing_note     text,
  merged_into_id   uuid        references trainings (id),
  revision         bigint      not null,
  created_at       timestamptz not null,
  updated_at       timestamptz not null
);
create index trainings_title on trainings (title, id) where merged_into_id is null;
create index trainings_date on trainings (updated_at, id) where merged_into_id is null;
create index trainings_publication on trainings (published_at, id) where published_at is not null;
create index trainings_collection on trainings (collection_id, title, id);
create index trainings_organisation on trainings (organisation_id, title, id);
create index trainings_calendar on trainings (calendar_on, id) where calendar_on is not null;
create index trainings_merged on trainings (merged_into_id) where merged_into_id is not null;

-- The long texts, Markdown as written and the safe HTML made of it.
create table training_parts (code text primary key not null);
insert into training_parts (code) values ('OBJECTIFS'), ('CONTENU'), ('PREREQUIS'), ('COMPETENCES'), ('METIERS');
create table training_texts (
  training_id uuid not null references trainings (id),
  part        text not null references training_parts (code),
  body        text not null,
  html        text not null,
  primary key (training_id, part)
);

-- Who designs it: a member, or a name.
create table training_designers (
  training_id uuid   not null references trainings (id),
  position    bigint not null,
  member_id   uuid   references members (id),
  name        text,
  primary key (training_id, position)
);
create index training_designers_member on training_designers (member_id, training_id);

-- The organisations a restricted training is for.
create table training_targets (
  training_id     uuid   not null references trainings (id),
  position        bigint not null,
  organisation_id uuid   not null references organisations (id),
  primary key (training_id, position)
);

-- Its addresses on Mentor. `address` is the shape and the number, so that one address is one training's.
create table mentor_shapes (code text primary key not null);
insert into mentor_shapes (code) values ('FICHE'), ('CATALOGUE'), ('COURS');
create table training_addresses (
  address     text   not null unique,
  training_id uuid   not null references trainings (id),
  position    bigint not null,
  shape       text   not null references mentor_shapes (code),
  number      bigint not null,
  primary key (training_id, position)
);

create table training_modules (
  training_id uuid   not null references trainings (id),
  position    bigint not null,
  title       text   not null,
  primary key (training_id, position)
);
create table training_module_competences (
  training_id uuid   not null references trainings (id),
  module      bigint not null,
  position    bigint not null,
  competence  text   not null,
  primary key (training_id, module, position)
);

create table training_state_changes (
  id          uuid        primary key not null,
  training_id uuid        not null references trainings (id),
  from_state  text        references training_states (code),
  to_state    text        not null references training_states (code),
  changed_at  timestamptz not null,
  changed_by  uuid        references members (id)
);
create index training_state_changes_training on training_state_changes (training_id, changed_at, id);

-- What moved in the calendar: a date was planned, changed or taken back; a training was published or left the calendar.
create table calendar_change_kinds (code text primary key not null);
insert into calendar_change_kinds (code) values ('PLANIFICATION'), ('PUBLICATION'), ('RETRAIT');
create table calendar_changes (
  id          uuid        primary key not null,
  training_id uuid        not null references trainings (id),
  kind        text        not null references calendar_change_kinds (code),
  from_on     text,
  to_on       text,
  reason      text,
  changed_at  timestamptz not null,
  changed_by  uuid        references members (id)
);
create index calendar_changes_date on calendar_changes (changed_at, id);
create index calendar_changes_training on calendar_changes (training_id, changed_at, id);

create table training_session_states (code text primary key not null);
insert into training_session_states (code) values
  ('EN_PREPARATION'), ('INSCRIPTIONS_OUVERTES'), ('EN_COURS'), ('TERMINEE'), ('ARCHIVEE'), ('REPORTEE'), ('ANNULEE');

-- Times are universal; `time_zone` (IANA) is where the session is held. No number of seats: as many as come.
create table training_sessions (
  id                     uuid        primary key not null,
  training_id            uuid        not null references trainings (id),
  audience_id            uuid        not null references audiences (id),
  state                  text        not null references training_session_states (code),
  starts_at              timestamptz not null,
  ends_at                timestamptz not null,
  registration_opens_at  timestamptz,
  registration_closes_at timestamptz,
  time_zone              text        not null,
  seats                  bigint,
  remote                 boolean     not null,
  place                  text,
  revision               bigint      not null,
  created_at             timestamptz not null,
  updated_at             timestamptz not null
);
create index training_sessions_training on training_sessions (training_id, starts_at, id);

create table training_session_formateurs (
  session_id uuid   not null references training_sessions (id),
  position   bigint not null,
  member_id  uuid   not null references members (id),
  primary key (session_id, position)
);
create index training_session_formateurs_member on training_session_formateurs (member_id, session_id);

-- More ways into an audience: the chefs de file of a collection, those who make a training (without a foreign key: the
-- training's row names the audience that names it). And what a member holds is found by what they are, not by looking at every
-- grant.
alter table audience_grants add column collection_id uuid references collections (id);
alter table audience_grants add column training_id uuid;
create index audience_grants_organisation on audience_grants (organisation_id, kind, role);
create index audience_grants_kind on audience_grants (kind, audience_id);
create index audience_grants_member on audience_grants (member_id) where member_id is not null;
create index audience_grants_collection on audience_grants (collection_id) where collection_id is not null;
create index audience_grants_training on audience_grants (training_id) where training_id is not null;
