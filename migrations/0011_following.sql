-- How much a member wants to be told of something. No row: the default, which rules tell.

create table follow_levels (code text primary key not null);
insert into follow_levels (code) values ('TOUT'), ('PREMIERS_MESSAGES'), ('MENTIONS'), ('MUET');

-- `target_id` is the one column of the kinds of targets that is filled.
create table follows (
  member_id     uuid        not null references members (id),
  target_id     uuid        not null,
  forum_id      uuid        references forums (id),
  thread_id     uuid        references threads (id),
  training_id   uuid        references trainings (id),
  collection_id uuid        references collections (id),
  level         text        not null references follow_levels (code),
  followed_at   timestamptz not null,
  primary key (member_id, target_id),
  check (target_id = coalesce(forum_id, thread_id, training_id, collection_id))
);
create index follows_target on follows (target_id, member_id);
create index follows_date on follows (member_id, followed_at, target_id);
