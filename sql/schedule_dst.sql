-- Daylight saving: what schedules do when clocks change.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_scheduler;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE FUNCTION pg_temp.show(zone text, schedule text, after timestamp, count int DEFAULT 3)
RETURNS TABLE (utc text, local text) LANGUAGE sql AS $$
    SELECT pg_catalog.to_char(r AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
           pg_catalog.to_char(r AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS')
    FROM scheduler.next_runs(schedule, count, after AT TIME ZONE zone, zone) r ORDER BY r
$$;

-- Europe/Berlin, 2026-03-29: 02:00 becomes 03:00
SELECT * FROM pg_temp.show('Europe/Berlin', '30 2 * * *', '2026-03-28 00:00');
SELECT * FROM pg_temp.show('Europe/Berlin', '30 2,3 * * *', '2026-03-28 12:00', 4);
SELECT * FROM pg_temp.show('Europe/Berlin', '*/20 2 * * *', '2026-03-28 12:00', 4);
SELECT * FROM pg_temp.show('Europe/Berlin', '*/20 1-3 * * *', '2026-03-28 12:00', 7);
SELECT * FROM pg_temp.show('Europe/Berlin', '15 3 * * *', '2026-03-28 12:00', 2);
SELECT * FROM pg_temp.show('Europe/Berlin', '30 2 29 3 *', '2026-01-01 00:00', 2);
SELECT * FROM pg_temp.show('Europe/Berlin', '30 2 * * 0', '2026-03-28 00:00', 2);
SELECT * FROM pg_temp.show('Europe/Berlin', '0 2 * * *', '2026-03-28 12:00', 2);
SELECT * FROM pg_temp.show('Europe/Berlin', '59 59 2 * * *', '2026-03-28 12:00', 2);
-- hours that cover the day: every real minute
SELECT * FROM pg_temp.show('Europe/Berlin', '30 * * * *', '2026-03-29 00:00', 4);
SELECT * FROM pg_temp.show('Europe/Berlin', '30 0-23 * * *', '2026-03-29 00:00', 4);
SELECT * FROM pg_temp.show('Europe/Berlin', '*/30 * * * *', '2026-03-29 01:00', 4);
-- Europe/Berlin, 2026-10-25: 03:00 becomes 02:00
SELECT * FROM pg_temp.show('Europe/Berlin', '30 2 * * *', '2026-10-24 00:00');
SELECT * FROM pg_temp.show('Europe/Berlin', '*/20 2 * * *', '2026-10-24 12:00', 4);
SELECT * FROM pg_temp.show('Europe/Berlin', '*/30 1-3 * * *', '2026-10-24 12:00', 7);
SELECT * FROM pg_temp.show('Europe/Berlin', '30 * * * *', '2026-10-25 00:00', 5);
SELECT * FROM pg_temp.show('Europe/Berlin', '*/30 */1 * * *', '2026-10-25 01:00', 7);
SELECT * FROM pg_temp.show('Europe/Berlin', '0 0 25 10 *', '2026-01-01 00:00', 1);
-- from inside the repeated hour, first and second time
SELECT r FROM scheduler.next_runs('30 2 * * *', 1, '2026-10-25 00:29:59Z', 'Europe/Berlin') r;
SELECT r FROM scheduler.next_runs('30 2 * * *', 1, '2026-10-25 00:30:00Z', 'Europe/Berlin') r;
SELECT r FROM scheduler.next_runs('30 2 * * *', 1, '2026-10-25 01:10:00Z', 'Europe/Berlin') r;
SELECT r FROM scheduler.next_runs('*/20 2,3 * * *', 1, '2026-10-25 00:50:00Z', 'Europe/Berlin') r;

-- America/New_York, 2026-03-08 and 2026-11-01
SELECT * FROM pg_temp.show('America/New_York', '30 2 * * *', '2026-03-07 00:00');
SELECT * FROM pg_temp.show('America/New_York', '30 1 * * *', '2026-10-31 00:00');
SELECT * FROM pg_temp.show('America/New_York', '0 */2 * * *', '2026-03-08 00:30', 3);
SELECT * FROM pg_temp.show('America/New_York', '0 */2 * * *', '2026-11-01 00:30', 3);
SELECT * FROM pg_temp.show('America/New_York', '*/30 * * * *', '2026-11-01 00:45', 6);

-- Australia/Lord_Howe moves by 30 minutes: 2026-10-04 02:00 and 2026-04-05 02:00
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '15 2 * * *', '2026-10-03 00:00');
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '15,45 2 * * *', '2026-10-03 12:00', 3);
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '*/10 2 * * *', '2026-10-03 12:00', 7);
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '*/15 * * * *', '2026-10-04 01:30', 4);
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '45 1 * * *', '2026-04-04 00:00');
SELECT * FROM pg_temp.show('Australia/Lord_Howe', '*/15 * * * *', '2026-04-05 01:15', 6);

-- Pacific/Apia skips 2011-12-30
SELECT * FROM pg_temp.show('Pacific/Apia', '0 12 * * *', '2011-12-28 00:00', 4);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 12 30 12 *', '2011-12-01 00:00', 2);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 0 12 30 12 * 2011', '2011-12-01 00:00', 2);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 12 * * fri', '2011-12-20 00:00', 3);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 8,16 30,31 12 *', '2011-12-01 00:00', 3);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 * * * *', '2011-12-29 22:00', 3);
SELECT * FROM pg_temp.show('Pacific/Apia', '0 * 30 12 *', '2011-12-01 00:00', 1);

-- Africa/Casablanca leaves and rejoins daylight saving around Ramadan
SELECT * FROM pg_temp.show('Africa/Casablanca', '30 2 * * *', '2024-03-09 00:00');
SELECT * FROM pg_temp.show('Africa/Casablanca', '30 2 * * *', '2024-04-13 00:00');

-- America/Sao_Paulo skipped midnight; America/Havana still does
SELECT * FROM pg_temp.show('America/Sao_Paulo', '0 0 * * *', '2018-11-02 12:00');
SELECT * FROM pg_temp.show('America/Sao_Paulo', '30 23 * * *', '2018-02-16 12:00');
-- from the first 23:55, the second 23:50 is still to come
SELECT r FROM scheduler.next_runs('50 * 17 2 *', 1, '2018-02-18 01:55Z', 'America/Sao_Paulo') r;
SELECT r FROM scheduler.next_runs('0 50 * 17 2 * 2018', 1, '2018-02-18 01:55Z', 'America/Sao_Paulo') r;
SELECT r FROM scheduler.next_runs('50 23 17 2 *', 1, '2018-02-18 01:45Z', 'America/Sao_Paulo') r;
SELECT r FROM scheduler.next_runs('50 23 17 2 *', 1, '2018-02-18 01:55Z', 'America/Sao_Paulo') r;
SELECT * FROM pg_temp.show('America/Havana', '@daily', '2024-03-08 12:00');

-- UTC never changes
SELECT * FROM pg_temp.show('UTC', '30 2 * * *', '2026-03-28 00:00');

-- What the server says about local time agrees, minute by minute: around
-- every change of a clock from 2009 to 2030, a schedule that names minutes of
-- some hours fires at the first minute that shows each, or at the minute that
-- would show it if the clock had not been changed.
WITH zone(zone) AS (
    VALUES ('Europe/Berlin'), ('America/New_York'), ('Australia/Lord_Howe'),
           ('Pacific/Apia'), ('Africa/Casablanca'), ('America/Havana')
), hour AS (
    SELECT zone, h, (h AT TIME ZONE zone) - (h AT TIME ZONE 'UTC') AS utc_offset
    FROM zone, generate_series(timestamptz '2009-01-01Z', '2030-12-31Z', '1 hour') h
), change AS (
    SELECT zone, h, before, utc_offset
    FROM (SELECT zone, h, utc_offset, lag(utc_offset) OVER (PARTITION BY zone ORDER BY h) AS before
          FROM hour) c
    WHERE before <> utc_offset
), minute AS (
    -- the change is in the hour before h, as sampled
    SELECT c.zone, c.h AS change, m, m AT TIME ZONE c.zone AS local,
           (m AT TIME ZONE 'UTC') + c.before AS old_local
    FROM change c, generate_series(c.h - interval '25 hours', c.h + interval '25 hours', '5 minutes') m
), shown AS (
    SELECT *, row_number() OVER (PARTITION BY zone, change, local ORDER BY m) AS time_shown,
           min(local) OVER (PARTITION BY zone, change) AS first_local
    FROM minute
), expected AS (
    SELECT zone, change, m FROM shown
    WHERE time_shown = 1 AND extract(hour FROM local) < 5 AND extract(minute FROM local)::int % 10 = 0
    UNION
    SELECT zone, change, m FROM shown s
    WHERE local > old_local AND old_local > first_local AND extract(hour FROM old_local) < 5
      AND extract(minute FROM old_local)::int % 10 = 0
      AND NOT EXISTS (SELECT FROM shown t
                      WHERE t.zone = s.zone AND t.change = s.change AND t.local = s.old_local)
), found AS (
    SELECT zone, h AS change, r AS m
    FROM change c, LATERAL scheduler.next_runs('*/10 0-4 * * *', 100, c.h - interval '24 hours', c.zone) r
    WHERE r <= c.h + interval '24 hours'
), wanted AS (
    SELECT * FROM expected
    WHERE m > change - interval '24 hours' AND m <= change + interval '24 hours'
)
SELECT (SELECT count(DISTINCT (zone, change)) FROM wanted) > 200 AS changes_seen,
       (SELECT count(*) FROM (SELECT * FROM wanted EXCEPT SELECT * FROM found) d) AS missing,
       (SELECT count(*) FROM (SELECT * FROM found EXCEPT SELECT * FROM wanted) d) AS wrong,
       (SELECT count(*) - count(DISTINCT (zone, change, m)) FROM found) AS twice;
