-- Expressions that mean the same when something is searched: data that administrators edit.
create table synonym_groups (
  id          uuid        primary key,
  -- One a line.
  expressions text        not null,
  -- The place of its last change among all changes: whoever knows the greatest one knows whether anything changed.
  stamp       bigint      not null,
  created_at  timestamptz not null,
  updated_at  timestamptz not null,
  removed_at  timestamptz
);
create index synonym_groups_stamp on synonym_groups (stamp);
