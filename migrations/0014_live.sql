-- What an entry of the log is about, so that who follows one thing reads its entries alone. Entries from before have none: no
-- client has a cursor that old.
alter table events add column subject_id uuid;
create index events_by_subject on events (subject_id, seq);
