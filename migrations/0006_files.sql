-- Files that members send. What a file holds stands in the data folder, once for equal contents, under its SHA-256.

create table contents (
  sha256     bytea       primary key not null,
  size       bigint      not null,
  created_at timestamptz not null
);

-- `unused_since` is null once something refers to the file.
create table files (
  id           uuid        primary key not null,
  sha256       bytea       not null references contents (sha256),
  name         text        not null,
  media_type   text        not null,
  size         bigint      not null,
  uploader_id  uuid        not null references members (id),
  created_at   timestamptz not null,
  unused_since timestamptz
);
create index files_content on files (sha256);
create index files_uploader on files (uploader_id, created_at);
create index files_unused on files (unused_since) where unused_since is not null;

-- What is attached to a post, from one of its revisions to another; `until_revision` is null while it is attached.
create table post_attachments (
  post_id        uuid   not null references posts (id),
  file_id        uuid   not null references files (id),
  position       bigint not null,
  from_revision  bigint not null,
  until_revision bigint,
  primary key (post_id, file_id, from_revision)
);
create index post_attachments_file on post_attachments (file_id);

-- The thumbnail of a training is an address or a file, never both.
alter table trainings add column thumbnail_id uuid references files (id);
create index trainings_thumbnail on trainings (thumbnail_id) where thumbnail_id is not null;
