-- A report that comes to another state is told.
insert into notification_reasons (code, strength) values ('SIGNALEMENT', 40);
-- The first post that is folded into an entry, where `ordinal` is the last one; none in entries from before.
alter table notifications add column first_ordinal bigint;
