-- The ordered event log, the jobs and the mail ledger.

-- `seq` is given in the transaction on SQLite; on PostgreSQL one sequencer numbers committed rows, so that no reader
-- ever passes over one that commits late.
create table events (
  id        uuid        primary key not null,
  seq       bigint      unique,
  kind      text        not null,
  actor_id  uuid,
  data      jsonb       not null,
  at        timestamptz not null
);
create index events_unnumbered on events (at, id) where seq is null;

create table jobs (
  id           uuid        primary key not null,
  kind         text        not null,
  payload      jsonb       not null,
  run_at       timestamptz not null,
  attempts     bigint      not null default 0,
  leased_by    uuid,
  leased_until timestamptz,
  last_error   text,
  dead_at      timestamptz,
  created_at   timestamptz not null
);
create index jobs_due on jobs (run_at, id) where dead_at is null;

create table mail_states (code text primary key not null);
insert into mail_states (code) values ('pending'), ('sending'), ('sent'), ('failed'), ('uncertain');

-- One row per message and recipient. `data` holds ids; what the mail says is read when it is written.
create table mails (
  id         uuid        primary key not null,
  stream     text        not null,
  occasion   uuid        not null,
  recipient  text        not null,
  data       jsonb       not null,
  state      text        not null references mail_states (code),
  created_at timestamptz not null,
  settled_at timestamptz,
  last_error text
);
create unique index mails_once on mails (stream, occasion, recipient);
create index mails_state on mails (state, created_at, id);
