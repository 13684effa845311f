-- Who may see what; forums hold threads, threads hold posts.

-- An audience is a set of grants; equal sets share one row (`grants_key` is the sorted set as text).
create table audiences (
  id         uuid        primary key not null,
  grants_key text        not null unique,
  created_at timestamptz not null
);
create table audience_grants (
  audience_id     uuid   not null references audiences (id),
  position        bigint not null,
  kind            text   not null,
  organisation_id uuid   references organisations (id),
  role            text   references roles (code),
  space_id        uuid   references spaces (id),
  member_id       uuid   references members (id),
  primary key (audience_id, position)
);

create table thread_kinds (code text primary key not null);
insert into thread_kinds (code) values ('QUESTION'), ('DISCUSSION'), ('BONNE_PRATIQUE'), ('SIGNALEMENT'), ('ACTUALITE');

create table forums (
  id                  uuid        primary key not null,
  space_id            uuid        not null references spaces (id),
  slug                text        not null,
  name                text        not null,
  description         text        not null,
  position            bigint      not null,
  audience_id         uuid        not null references audiences (id),
  opening_audience_id uuid        not null references audiences (id),
  thread_count        bigint      not null default 0,
  created_at          timestamptz not null
);
create unique index forums_slug on forums (space_id, slug);
create index forums_audience on forums (audience_id);

create table forum_kinds (
  forum_id uuid not null references forums (id),
  kind     text not null references thread_kinds (code),
  position bigint not null,
  primary key (forum_id, kind)
);

-- `post_count` counts the opening post and the answers that everybody who sees the thread sees: neither deleted nor hidden.
create table threads (
  id               uuid        primary key not null,
  forum_id         uuid        not null references forums (id),
  kind             text        not null references thread_kinds (code),
  title            text        not null,
  author_id        uuid        not null references members (id),
  created_at       timestamptz not null,
  last_activity_at timestamptz not null,
  post_count       bigint      not null,
  next_ordinal     bigint      not null,
  accepted_post_id uuid,
  solved_at        timestamptz,
  locked_at        timestamptz,
  pinned_at        timestamptz,
  hidden_at        timestamptz
);
create index threads_activity on threads (last_activity_at, id);
create index threads_date on threads (created_at, id);
create index threads_forum_activity on threads (forum_id, last_activity_at, id);
create index threads_forum_date on threads (forum_id, created_at, id);
create index threads_author on threads (author_id, last_activity_at, id);
create index threads_author_date on threads (author_id, created_at, id);
-- Few among many: without these, their lists would read every thread.
create index threads_pinned on threads (forum_id, pinned_at, id) where pinned_at is not null;
create index threads_hidden on threads (last_activity_at, id) where hidden_at is not null;

-- `parent_id` is the truth. `path` gives the reading order: three bytes an ordinal, capped at 64 levels plus one;
-- the opening post's is empty. `ordinal` is the order of arrival.
create table posts (
  id         uuid        primary key not null,
  thread_id  uuid        not null references threads (id),
  parent_id  uuid        references posts (id),
  ordinal    bigint      not null,
  path       bytea       not null,
  depth      bigint      not null,
  author_id  uuid        not null references members (id),
  body       text        not null,
  html       text        not null,
  excerpt    text        not null,
  revision   bigint      not null,
  created_at timestamptz not null,
  edited_at  timestamptz,
  deleted_at timestamptz,
  deleted_by uuid        references members (id),
  hidden_at  timestamptz,
  hidden_by  uuid        references members (id),
  hidden_reason text
);
create unique index posts_path on posts (thread_id, path);
create unique index posts_ordinal on posts (thread_id, ordinal);
create index posts_parent on posts (parent_id, ordinal);
create index posts_author on posts (author_id, created_at, id);

-- Former versions of a post.
create table post_revisions (
  post_id    uuid        not null references posts (id),
  revision   bigint      not null,
  body       text        not null,
  html       text        not null,
  editor_id  uuid        not null references members (id),
  written_at timestamptz not null,
  primary key (post_id, revision)
);

create table mentions (
  post_id   uuid not null references posts (id),
  member_id uuid not null references members (id),
  primary key (post_id, member_id)
);
create index mentions_member on mentions (member_id, post_id);
