-- Groups that a post addresses: the moderators of its space (the nil id) or an organisation. What an edit takes out keeps its row,
-- since a post counts among those of a day that address an organisation whatever becomes of it.
create table group_mentions (
  post_id         uuid        not null references posts (id),
  group_id        uuid        not null,
  organisation_id uuid        references organisations (id),
  author_id       uuid        not null references members (id),
  addressed_at    timestamptz not null,
  ended_at        timestamptz,
  primary key (post_id, group_id),
  check (organisation_id is null or organisation_id = group_id)
);
create index group_mentions_author on group_mentions (author_id, addressed_at) where organisation_id is not null;

-- Few among many: who moderates.
create index role_grants_moderators on role_grants (member_id) where role = 'MODERATEUR';
