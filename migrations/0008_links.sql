-- Threads linked both ways with trainings and documents; malfunction reports; questions that wait.

-- Addresses of Mentor found in posts, as `training_addresses.address` has them: a training that declares one later finds them.
create table post_addresses (
  post_id   uuid not null references posts (id),
  address   text not null,
  thread_id uuid not null references threads (id),
  primary key (post_id, address)
);
create index post_addresses_address on post_addresses (address, thread_id);
create index post_addresses_thread on post_addresses (thread_id, address);

-- Documents whose address on this service a post holds.
create table post_documents (
  post_id     uuid not null references posts (id),
  document_id uuid not null references documents (id),
  thread_id   uuid not null references threads (id),
  primary key (post_id, document_id)
);
create index post_documents_thread on post_documents (thread_id, document_id);

-- How a link came about: somebody chose it, or a post holds an address of what it leads to. How it ended: somebody took it away,
-- no post holds the address any more (or the training has it no more), the training was merged into another one.
create table link_origins (code text primary key not null);
insert into link_origins (code) values ('CHOIX'), ('ADRESSE');
create table link_ends (code text primary key not null);
insert into link_ends (code) values ('RETRAIT'), ('DISPARITION'), ('FUSION');

-- A link that ended keeps its row. `target_id` is the one column of the kinds of targets that is filled.
create table thread_links (
  thread_id   uuid        not null references threads (id),
  target_id   uuid        not null,
  training_id uuid        references trainings (id),
  document_id uuid        references documents (id),
  origin      text        not null references link_origins (code),
  linked_at   timestamptz not null,
  linked_by   uuid        references members (id),
  ended_at    timestamptz,
  ended_by    uuid        references members (id),
  ended_how   text        references link_ends (code),
  primary key (thread_id, target_id, linked_at),
  check (target_id = coalesce(training_id, document_id))
);
create unique index thread_links_open on thread_links (thread_id, target_id) where ended_at is null;
create index thread_links_target on thread_links (target_id, thread_id);

create table report_states (code text primary key not null);
insert into report_states (code) values ('NOUVEAU'), ('CONFIRME'), ('PRIS_EN_CHARGE'), ('CORRIGE'), ('DOUBLON'), ('SANS_SUITE');

-- A report has the id of its thread, and counts while that is of the kind SIGNALEMENT. `component_key` is the component in lower
-- case. `duplicate_of_id` is always a report that is no duplicate itself. `fixed_seconds` is how long after it was reported.
create table reports (
  id              uuid        primary key not null references threads (id),
  component       text,
  component_key   text,
  browser         text,
  steps           text,
  expected        text,
  observed        text,
  state           text        not null references report_states (code),
  fixed_in        text,
  fixed_at        timestamptz,
  fixed_seconds   bigint,
  duplicate_of_id uuid        references reports (id),
  revision        bigint      not null,
  reported_at     timestamptz not null,
  changed_at      timestamptz not null
);
create index reports_date on reports (reported_at, id);
create index reports_change on reports (changed_at, id);
create index reports_state on reports (state, reported_at, id);
create index reports_duplicates on reports (duplicate_of_id, reported_at, id) where duplicate_of_id is not null;
insert into reports (id, state, revision, reported_at, changed_at)
  select id, 'NOUVEAU', 1, created_at, created_at from threads where kind = 'SIGNALEMENT';

-- What became of a report; a note alone has its state on both sides.
create table report_changes (
  id              uuid        primary key not null,
  report_id       uuid        not null references reports (id),
  from_state      text        not null references report_states (code),
  to_state        text        not null references report_states (code),
  note            text,
  fixed_in        text,
  duplicate_of_id uuid        references reports (id),
  changed_at      timestamptz not null,
  changed_by      uuid        not null references members (id)
);
create index report_changes_report on report_changes (report_id, changed_at, id);

-- Few among many.
create index threads_unanswered on threads (created_at, id)
  where kind = 'QUESTION' and post_count = 1 and hidden_at is null and locked_at is null;
