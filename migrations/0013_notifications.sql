-- What members are told, and how far the log was read for it.

-- Of several reasons at once the strongest one tells.
create table notification_reasons (code text primary key not null, strength bigint not null);
insert into notification_reasons (code, strength) values
  ('NOUVEAU_MESSAGE', 10), ('NOUVEAU_FIL', 20), ('FORMATION', 30), ('REPONSE', 50), ('MENTION', 60),
  ('SIGNALEMENT_CORRIGE', 70), ('REPONSE_ACCEPTEE', 80), ('MODERATION', 90);

-- `subject_id` is the thread or the training. What happens while it is unread folds into one row of each `fold`: `many` counts,
-- `seq`, `ordinal` and `told_at` are the last event's, the last post's and its moment; the reason is the strongest one, with its
-- last post and its last three actors.
create table notifications (
  id              uuid        primary key not null,
  member_id       uuid        not null references members (id),
  reason          text        not null references notification_reasons (code),
  fold            text        not null,
  subject_id      uuid        not null,
  thread_id       uuid        references threads (id),
  training_id     uuid        references trainings (id),
  post_id         uuid        references posts (id),
  ordinal         bigint,
  seq             bigint      not null,
  many            bigint      not null,
  actor_id        uuid        references members (id),
  second_actor_id uuid        references members (id),
  third_actor_id  uuid        references members (id),
  created_at      timestamptz not null,
  told_at         timestamptz not null,
  read_at         timestamptz,
  check (subject_id = coalesce(thread_id, training_id))
);
create unique index notifications_fold on notifications (member_id, subject_id, fold) where read_at is null;
create index notifications_date on notifications (member_id, told_at, id);
create index notifications_unread on notifications (member_id, told_at, id) where read_at is null;
create index notifications_read on notifications (read_at) where read_at is not null;
create index notifications_old on notifications (told_at) where read_at is null;

-- Who reads the log: `seq` is the last entry dealt with, `member_id` how far among the people of the next one. What happened
-- before `since` is passed over.
create table event_readers (
  name      text        primary key not null,
  seq       bigint      not null,
  member_id uuid,
  since     timestamptz
);
-- Nobody is told of what happened before there were notifications.
insert into event_readers (name, seq) select 'notifications', coalesce(max(seq), 0) from events;
