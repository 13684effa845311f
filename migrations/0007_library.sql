-- The library: documents in nine categories, their versions, who found them useful.

create table document_categories (
  id         uuid        primary key not null,
  slug       text        not null unique,
  name       text        not null,
  position   bigint      not null,
  created_at timestamptz not null
);

create table document_licences (code text primary key not null);
insert into document_licences (code) values
  ('OUVERTE'), ('CC_BY'), ('CC_BY_SA'), ('CC_BY_ND'), ('CC_BY_NC'), ('CC_BY_NC_SA'), ('CC_BY_NC_ND'), ('DOMAINE_PUBLIC'),
  ('TOUS_DROITS_RESERVES');

-- The owner is a member, an organisation, or neither: then it is the programme's. `latest` is the number of the latest version,
-- 0 while there is none and its address is to be confirmed. `post_id` is the post that it was made of.
create table documents (
  id              uuid        primary key not null,
  category_id     uuid        not null references document_categories (id),
  title           text        not null,
  summary         text        not null,
  language        text        not null,
  member_id       uuid        references members (id),
  organisation_id uuid        references organisations (id),
  audience_id     uuid        not null references audiences (id),
  licence         text        references document_licences (code),
  review_by       timestamptz,
  accessible      boolean     not null,
  latest          bigint      not null default 0,
  useful_count    bigint      not null default 0,
  download_count  bigint      not null default 0,
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  archived_at     timestamptz,
  post_id         uuid        unique references posts (id)
);
create index documents_title on documents (title, id);
create index documents_updated on documents (updated_at, id);
create index documents_category on documents (category_id, title, id);
create index documents_member on documents (member_id, title, id);
create index documents_organisation on documents (organisation_id, title, id);
create index documents_review on documents (review_by) where review_by is not null;

create table document_tags (
  document_id uuid not null references documents (id),
  tag         text not null,
  primary key (document_id, tag)
);
create index document_tags_tag on document_tags (tag, document_id);

-- Either a file or a link. No author: laid with the foundation.
create table document_versions (
  document_id uuid        not null references documents (id),
  number      bigint      not null,
  file_id     uuid        references files (id),
  link        text,
  note        text        not null,
  author_id   uuid        references members (id),
  created_at  timestamptz not null,
  primary key (document_id, number)
);
create index document_versions_file on document_versions (file_id);

-- What was attached to the post that a version was made of.
create table version_attachments (
  document_id uuid   not null references documents (id),
  number      bigint not null,
  file_id     uuid   not null references files (id),
  position    bigint not null,
  primary key (document_id, number, file_id)
);
create index version_attachments_file on version_attachments (file_id);

create table document_votes (
  document_id uuid not null references documents (id),
  member_id   uuid not null references members (id),
  primary key (document_id, member_id)
);

-- The remarks on a document: a thread of its own, in a forum of its audience.
alter table threads add column document_id uuid references documents (id);
create unique index threads_document on threads (document_id) where document_id is not null;
alter table forums add column remarks boolean not null default false;
create unique index forums_remarks on forums (audience_id) where remarks;
