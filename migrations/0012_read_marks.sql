-- How far members have read. `ordinal` is that of the last post read, and only grows.

create table thread_reads (
  member_id uuid   not null references members (id),
  thread_id uuid   not null references threads (id),
  ordinal   bigint not null,
  primary key (member_id, thread_id)
);

-- What was in the forum by then counts as read.
create table forum_reads (
  member_id uuid        not null references members (id),
  forum_id  uuid        not null references forums (id),
  read_at   timestamptz not null,
  primary key (member_id, forum_id)
);
