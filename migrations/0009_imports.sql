-- Imports of trainings from a file that a member sent.

create table training_import_states (code text primary key not null);
insert into training_import_states (code) values
  ('EN_ATTENTE'), ('VERIFICATION'), ('ECRITURE'), ('TERMINEE'), ('REFUSEE'), ('INTERROMPUE');

-- `running_member_id` is the member until it has ended, so that each has one at a time; `file_id` is null once it has. `scopes` is
-- what its request was let pass. `next_byte` and `next_line` are where the writing goes on, told with each batch in its own
-- transaction; the counts are those of the check until it begins, then those of what is written.
create table training_imports (
  id                uuid        primary key not null,
  member_id         uuid        not null references members (id),
  running_member_id uuid        unique references members (id),
  scopes            text        not null,
  file_id           uuid        references files (id),
  file_name         text        not null,
  dry_run           boolean     not null,
  state             text        not null references training_import_states (code),
  next_byte         bigint      not null,
  next_line         bigint      not null,
  lines             bigint      not null,
  made              bigint      not null,
  changed           bigint      not null,
  unchanged         bigint      not null,
  refused           bigint      not null,
  fault_count       bigint      not null,
  created_at        timestamptz not null,
  ended_at          timestamptz
);
create index training_imports_member on training_imports (member_id, created_at, id);
create index training_imports_file on training_imports (file_id) where file_id is not null;
create index training_imports_ended on training_imports (ended_at) where ended_at is not null;

-- The first faults of an import. `field` is a column of the table; none for a whole line.
create table training_import_faults (
  import_id uuid   not null references training_imports (id),
  position  bigint not null,
  line      bigint not null,
  field     text,
  message   text   not null,
  primary key (import_id, position)
);
