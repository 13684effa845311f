-- Where an entry of the log happens, for who follows more than one thing: the forum of a thread at that moment, or the calendar
-- (the nil id). Entries from before have none: no client has a cursor of such a stream.
alter table events add column within_id uuid;
create index events_within on events (within_id, seq);

-- What a member was told after a place in the log, and whom the turns of the reader told after one of them.
alter table event_readers add column turn bigint not null default 0;
alter table notifications add column turn bigint not null default 0;
create index notifications_of_member on notifications (member_id, seq);
create index notifications_told on notifications (turn, member_id);
