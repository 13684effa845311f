-- Acts done under a key, for a day: whoever asks again gets the same objects, and nothing is done twice.

-- `owner` is the member, or who has no account yet: a link, or the hash of an address. `result` holds ids, never a secret; it is
-- null only inside the act's own transaction.
create table idempotency_keys (
  owner      text        not null,
  mutation   text        not null,
  key        text        not null,
  input_hash bytea       not null,
  result     jsonb,
  created_at timestamptz not null,
  primary key (owner, mutation, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);
