-- A report that comes to another state is told.
insert into notification_reasons (code, strength) values ('SIGNALEMENT', 40);

-- What is left of an entry when the post it tells of is away: the first post that is folded into it, and between that and the last one
-- (`ordinal`) those that were told: all of them, if a post was told by the weakest reason (`told_all`), else those that answer or mention.
alter table notifications add column first_ordinal bigint;
alter table notifications add column told_all boolean not null default false;
update notifications set told_all = true where reason = 'NOUVEAU_MESSAGE';
