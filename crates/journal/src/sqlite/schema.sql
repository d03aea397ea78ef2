-- The tables of a store in SQLite, format 1. Must hold the same as
-- ../postgres/schema.sql. `application_id` says that the file is Greenroom's.
create table meta (
    one integer primary key check (one = 1),
    format integer not null,
    seen integer not null,
    processes integer not null,
    messages integer not null,
    letters integer not null,
    turns integer not null,
    mark integer not null
);
create table lease (
    shard integer primary key,
    epoch integer not null,
    owner text not null
);
create table process (
    no integer primary key,
    id text not null,
    kind text not null,
    version integer not null,
    shard integer not null,
    parent text,
    parent_op integer,
    detached integer not null,
    root text not null,
    hops integer not null,
    started_at integer not null,
    seal integer not null,
    seq integer not null,
    sum integer not null,
    segment integer not null,
    status integer not null,
    wake_at integer,
    mark integer not null,
    head integer not null,
    changed_at integer not null,
    exit text,
    exit_seal integer
);
create unique index process_id on process (id);
create index process_parent on process (parent, no) where parent is not null;
create index process_root on process (root, no);
create index process_wake on process (wake_at, no) where wake_at is not null;
create index process_running on process (no) where status = 0;
create index process_blocked on process (no) where status = 7;
-- Append-only, each turn with the number of the one before; nothing else
-- finds them, which is what makes appending cheap.
create table turn (
    no integer primary key,
    process integer not null,
    prev integer not null,
    seq integer not null,
    count integer not null,
    at integer not null,
    sum integer not null,
    body text not null
);
-- In the order of arrival, so that many senders write one page; what is old
-- is consumed soon, and its pages are used again.
create table mailbox (
    no integer primary key,
    process integer not null,
    lane integer not null,
    sender text not null,
    content text not null,
    root text not null,
    hops integer not null,
    at integer not null,
    sum integer not null
);
create index mailbox_process on mailbox (process, no);
create table watch (
    target integer not null,
    watcher integer not null,
    op integer not null,
    sum integer not null,
    primary key (target, watcher, op)
) without rowid;
create index watch_watcher on watch (watcher);
-- Who is found where: names, groups, topics, as keys such as `name:pricing`.
create table place (
    key text not null,
    process integer not null,
    sum integer not null,
    primary key (key, process)
) without rowid;
create index place_process on place (process);
-- Turns in which something goes back to another root than the process's own;
-- all others are found by the process's. Ordinary turns have no row here.
create table trace (
    root text not null,
    at integer not null,
    process integer not null,
    seq integer not null,
    turn integer not null,
    sum integer not null,
    primary key (root, at, process, seq)
) without rowid;
-- How much those may use up that were given a budget. `body` is JSON.
create table account (
    id text primary key,
    body text not null,
    sum integer not null
) without rowid;
create table ask (
    process integer not null,
    op integer not null,
    spec text not null,
    at integer not null,
    sum integer not null,
    primary key (process, op)
) without rowid;
create table state (
    process integer not null,
    key text not null,
    value text not null,
    sum integer not null,
    primary key (process, key)
) without rowid;
create table request (
    key text primary key,
    asks integer not null,
    note text not null,
    outcome text not null,
    kept_until integer not null,
    sum integer not null
) without rowid;
create index request_kept_until on request (kept_until);
create table dead (
    no integer primary key,
    target text not null,
    sender text not null,
    content text not null,
    root text not null,
    at integer not null,
    reason text not null,
    hops integer not null,
    crashes text not null,
    sum integer not null
);
