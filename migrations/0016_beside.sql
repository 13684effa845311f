-- How far among the threads beside an entry the people were told: `member_id` is one of that thread's then.
alter table event_readers add column thread_id uuid;
-- The duplicates of a report, in the order of their ids.
create index reports_duplicates_id on reports (duplicate_of_id, id) where duplicate_of_id is not null;
