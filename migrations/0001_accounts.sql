-- Organisations (a tree), members, what they hold there, and how they sign in.

create table organisation_kinds (code text primary key not null);
insert into organisation_kinds (code) values
  ('MINISTERE'), ('DIRECTION_INTERMINISTERIELLE'), ('ECOLE_DE_SERVICE_PUBLIC'), ('PFRH'), ('OPERATEUR_DE_FORMATION');

-- Mentor's functional roles are held for an organisation (the first one for the whole programme); community roles are
-- held for the whole community, the moderator's for one space too.
create table roles (code text primary key not null, family text not null);
insert into roles (code, family) values
  ('ADMINISTRATEUR_PILOTE', 'MENTOR'), ('ADMINISTRATEUR_ESPACE_DEDIE', 'MENTOR'),
  ('RESPONSABLE_FORMATION_CENTRAL', 'MENTOR'), ('REFERENT_LOCAL', 'MENTOR'),
  ('CONCEPTEUR', 'MENTOR'), ('FORMATEUR', 'MENTOR'),
  ('ORGANISATEUR', 'COMMUNAUTE'), ('EDITEUR', 'COMMUNAUTE'), ('MODERATEUR', 'COMMUNAUTE'), ('ADMINISTRATEUR', 'COMMUNAUTE');

create table organisations (
  id          uuid        primary key not null,
  slug        text        not null unique,
  kind        text        not null references organisation_kinds (code),
  name        text        not null,
  short_name  text        not null,
  parent_id   uuid        references organisations (id),
  created_at  timestamptz not null
);
create index organisations_parent on organisations (parent_id, id);

-- Every organisation with each organisation it stands under, itself included (distance 0).
create table organisation_ancestors (
  organisation_id uuid   not null references organisations (id),
  ancestor_id     uuid   not null references organisations (id),
  distance        bigint not null,
  primary key (organisation_id, ancestor_id)
);
create index organisation_ancestors_ancestor on organisation_ancestors (ancestor_id, organisation_id);

-- The three spaces of the community; here because a moderator's role may be held for one of them.
create table spaces (
  id          uuid        primary key not null,
  slug        text        not null unique,
  name        text        not null,
  description text        not null,
  position    bigint      not null,
  created_at  timestamptz not null
);

create table members (
  id              uuid        primary key not null,
  address         text        not null,
  address_key     text        not null unique,
  handle          text        not null unique,
  name            text        not null,
  organisation_id uuid        references organisations (id),
  created_at      timestamptz not null,
  suspended_at    timestamptz,
  suspended_until timestamptz,
  suspension_reason text
);
create index members_name on members (name, id);
create index members_organisation on members (organisation_id, id);

create table affiliation_states (code text primary key not null);
insert into affiliation_states (code) values ('DEMANDEE'), ('APPROUVEE'), ('REFUSEE'), ('RETIREE'), ('TERMINEE');

-- The history of a member's home organisation; members.organisation_id is the approved one.
create table affiliations (
  id              uuid        primary key not null,
  member_id       uuid        not null references members (id),
  organisation_id uuid        not null references organisations (id),
  state           text        not null references affiliation_states (code),
  requested_at    timestamptz not null,
  decided_at      timestamptz,
  decided_by      uuid        references members (id),
  reason          text,
  ended_at        timestamptz
);
create unique index affiliations_one_request on affiliations (member_id) where state = 'DEMANDEE';
create index affiliations_member on affiliations (member_id, requested_at, id);
create index affiliations_state on affiliations (organisation_id, state, requested_at, id);

create table role_grants (
  id              uuid        primary key not null,
  member_id       uuid        not null references members (id),
  role            text        not null references roles (code),
  organisation_id uuid        references organisations (id),
  space_id        uuid        references spaces (id),
  granted_by      uuid        references members (id),
  starts_at       timestamptz not null,
  ends_at         timestamptz,
  ended_at        timestamptz,
  ended_by        uuid        references members (id),
  created_at      timestamptz not null
);
create index role_grants_member on role_grants (member_id, starts_at, id);
create index role_grants_organisation on role_grants (organisation_id, starts_at, id);

-- One-time links. The secret is made when the mail is written and only its SHA-256 is kept.
create table sign_in_links (
  id          uuid        primary key not null,
  address     text        not null,
  address_key text        not null,
  member_id   uuid        references members (id),
  secret_hash bytea,
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  used_at     timestamptz
);
create index sign_in_links_address on sign_in_links (address_key, created_at);
create index sign_in_links_expires on sign_in_links (expires_at);

create table sessions (
  id           uuid        primary key not null,
  member_id    uuid        not null references members (id),
  secret_hash  bytea       not null,
  kind         text        not null,
  label        text        not null,
  created_at   timestamptz not null,
  used_at      timestamptz not null,
  expires_at   timestamptz not null,
  revoked_at   timestamptz
);
create index sessions_member on sessions (member_id, created_at, id);
create index sessions_expires on sessions (expires_at);

create table access_tokens (
  id           uuid        primary key not null,
  member_id    uuid        not null references members (id),
  secret_hash  bytea       not null,
  name         text        not null,
  scopes       text        not null,
  created_at   timestamptz not null,
  used_at      timestamptz,
  expires_at   timestamptz not null,
  revoked_at   timestamptz
);
create index access_tokens_member on access_tokens (member_id, created_at, id);
