-- The tables of a store in Postgres, format 1. Must hold the same as
-- ../sqlite/schema.sql, but that a journal needs no links: its key finds it.
create table meta (
    one bigint primary key check (one = 1),
    format bigint not null,
    seen bigint not null,
    processes bigint not null,
    messages bigint not null,
    letters bigint not null,
    turns bigint not null,
    mark bigint not null
);
create table lease (
    shard bigint primary key,
    epoch bigint not null,
    owner text not null
);
-- Room in each page, so that a row moves on within it and no index is touched.
create table process (
    no bigint primary key,
    id text not null,
    kind text not null,
    version bigint not null,
    shard bigint not null,
    parent text,
    parent_op bigint,
    detached bigint not null,
    root text not null,
    hops bigint not null,
    started_at bigint not null,
    seal bigint not null,
    seq bigint not null,
    sum bigint not null,
    segment bigint not null,
    status bigint not null,
    wake_at bigint,
    mark bigint not null,
    head bigint not null,
    changed_at bigint not null,
    exit text,
    exit_seal bigint
) with (fillfactor = 50);
create unique index process_id on process (id);
create index process_parent on process (parent, no) where parent is not null;
create index process_root on process (root, no);
create index process_wake on process (wake_at, no) where wake_at is not null;
create index process_running on process (no) where status = 0;
create index process_blocked on process (no) where status = 7;
create table turn (
    process bigint not null,
    seq bigint not null,
    count bigint not null,
    at bigint not null,
    sum bigint not null,
    body text not null,
    primary key (process, seq)
);
create table mailbox (
    process bigint not null,
    no bigint not null,
    lane bigint not null,
    sender text not null,
    content text not null,
    root text not null,
    hops bigint not null,
    at bigint not null,
    sum bigint not null,
    primary key (process, no)
);
create table watch (
    target bigint not null,
    watcher bigint not null,
    op bigint not null,
    sum bigint not null,
    primary key (target, watcher, op)
);
create index watch_watcher on watch (watcher);
-- Who is found where: names, groups, topics, as keys such as `name:pricing`.
create table place (
    key text collate "C" not null,
    process bigint not null,
    sum bigint not null,
    primary key (key, process)
);
create index place_process on place (process);
-- Turns in which something goes back to another root than the process's own;
-- all others are found by the process's. Ordinary turns have no row here.
create table trace (
    root text collate "C" not null,
    at bigint not null,
    process bigint not null,
    seq bigint not null,
    turn bigint not null,
    sum bigint not null,
    primary key (root, at, process, seq)
);
-- How much those may use up that were given a budget. `body` is JSON.
create table account (
    id text primary key,
    body text not null,
    sum bigint not null
);
create table ask (
    process bigint not null,
    op bigint not null,
    spec text not null,
    at bigint not null,
    sum bigint not null,
    primary key (process, op)
);
create table state (
    process bigint not null,
    key text collate "C" not null,
    value text not null,
    sum bigint not null,
    primary key (process, key)
);
create table request (
    key text primary key,
    asks bigint not null,
    note text not null,
    outcome text not null,
    kept_until bigint not null,
    sum bigint not null
);
create index request_kept_until on request (kept_until);
create table dead (
    no bigint primary key,
    target text not null,
    sender text not null,
    content text not null,
    root text not null,
    at bigint not null,
    reason text not null,
    hops bigint not null,
    crashes text not null,
    sum bigint not null
);
