-- Intervals, one-off schedules, and the other forms without fields.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_scheduler;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- every spelling and its normal form
SELECT s AS schedule, scheduler.normalize_schedule(s) AS normal_form
FROM unnest(ARRAY[
    '30 seconds', '1 second', 'every 1 day', 'every day', 'Every Hour', '@every 90s',
    '@every 1h30m', 'PT15M', 'pt1h', 'P1D', 'P2W', 'P1Y2M3DT4H5M6.5S', 'PT0.25S',
    '1 hour 30 minutes', '1 hour, 30 minutes', '1 hour and 30 minutes', '500 ms',
    '1 ms', '1500 us', '1.5 hours', '0.5 days', '1.5 weeks', '1.5 years', '90 min',
    '2 w', '1 mon', '3 mons', '1 month 2 hours', '01:30:00', '1 day 02:00:00.5',
    '0:00:30', '24 hours', '1 h 30 m 10 s', '5 H', '1 year 6 months',
    '86400 s', '0 hours 5 minutes', '007 days', 'CRON_TZ=Europe/Berlin 1 day',
    'TZ=Europe/Berlin 6 hours', 'every 10000000 ms', 'every PT90S',
    '@every P1D', '@after pt5m']) s;

-- H is a field when fields follow
SELECT s AS schedule, scheduler.normalize_schedule(s) AS normal_form
FROM unnest(ARRAY['30 h', '30 H * * *', '30 H 1 1 *', '30 H 1 H *']) s;

-- anchored: anchor + n * interval, strictly after, without drift
CREATE FUNCTION pg_temp.show(schedule text, after timestamptz, count int DEFAULT 4,
                             zone text DEFAULT 'UTC')
RETURNS SETOF text LANGUAGE sql AS $$
    SELECT pg_catalog.to_char(r AT TIME ZONE zone, 'Dy YYYY-MM-DD HH24:MI:SS.US')
    FROM scheduler.next_runs(schedule, count, after, zone) r ORDER BY r
$$;
SELECT pg_temp.show('90 seconds', '2026-01-01 00:00:00.25Z');
SELECT pg_temp.show('1 ms', '2026-01-01 00:00:00.0005Z');
SELECT pg_temp.show('1500 us', '2026-01-01Z');
SELECT pg_temp.show('1 week', '2026-01-01 10:00Z');

-- months end at month ends and do not drift
SELECT pg_temp.show('1 month', '2026-01-31 12:00Z', 14);
SELECT pg_temp.show('1 year', '2024-02-29Z', 5);
SELECT pg_temp.show('1 month', '2027-12-30 08:00Z', 3);
SELECT pg_temp.show('1 month 2 hours', '2026-01-31 22:00Z', 4);
SELECT pg_temp.show('1 month 1 day', '2026-01-30Z', 4);

-- days and months in local time, smaller units elapsed
SELECT pg_temp.show('1 day', '2026-03-27 02:30 Europe/Berlin', 4, 'Europe/Berlin');
SELECT pg_temp.show('24 hours', '2026-03-27 02:30 Europe/Berlin', 4, 'Europe/Berlin');
SELECT pg_temp.show('1 day', '2026-10-23 02:30 Europe/Berlin', 4, 'Europe/Berlin');
SELECT pg_temp.show('24 hours', '2026-10-23 02:30 Europe/Berlin', 4, 'Europe/Berlin');
SELECT pg_temp.show('1 day', '2011-12-28 12:00 Pacific/Apia', 4, 'Pacific/Apia');
SELECT pg_temp.show('1 day 12 hours', '2026-03-27 02:30 Europe/Berlin', 4, 'Europe/Berlin');

-- years are too long for a second
SELECT pg_temp.show('8000 years', '1990-01-01Z');
SELECT pg_temp.show('8000 years', '2026-01-01Z');
SELECT pg_temp.show('1 us 1 ms', '9999-12-31 23:59:59.9985Z');

-- infinite times have no next one
SELECT count(*) FROM scheduler.next_runs('1 hour', 5, 'infinity');
SELECT count(*) FROM scheduler.next_runs('1 hour', 5, '-infinity');
SELECT count(*) FROM scheduler.next_runs('1 month', 5, '-infinity');
SELECT count(*) FROM scheduler.next_runs('now', 5, 'infinity');

-- @after: a preview counts each run's length as nothing
SELECT pg_temp.show('@after 10 minutes', '2026-01-01Z', 3);
SELECT pg_temp.show('@after 1 month', '2026-01-31Z', 3);

-- now and @at
SELECT pg_temp.show('now', '2026-01-01 00:00:00.5Z');
SELECT pg_temp.show(' NOW ', '2026-01-01Z');
SELECT s AS schedule, scheduler.normalize_schedule(s) AS normal_form, r AS next_run
FROM unnest(ARRAY[
    '@at 2026-12-24 18:00 Europe/Berlin', '@at 2026-12-24', '@at 2026-12-24 18:00',
    '@at 2026-12-24 18:00:30', '@at 2026-12-24 18:00:30.25', '@at 2026-12-24T18:00Z',
    '@at 2026-12-24t18:00:00+02:00', '@at 2026-12-24 18:00 -0330', '@at 2026-12-24 18:00 +2',
    '@at 2026-12-24 america/new_york', '@AT   2028-02-29   12:00   utc',
    'CRON_TZ=Asia/Tokyo @at 2026-12-24 18:00', 'CRON_TZ=Asia/Tokyo @at 2026-12-24 18:00 UTC',
    '@at 2026-03-29 02:30 Europe/Berlin', '@at 2026-10-25 02:30 Europe/Berlin',
    '@at 2011-12-30 12:00 Pacific/Apia', '@at 2026-10-04 02:15 Australia/Lord_Howe']) s
LEFT JOIN LATERAL scheduler.next_runs(s, 2, '2000-01-01Z', 'UTC') r ON true;
SELECT count(*) AS over FROM scheduler.next_runs('@at 2026-01-01', 5, '2026-01-01Z', 'UTC');
SELECT pg_temp.show('@at 2026-01-01', '2025-12-31 23:59:59.999999Z');

-- zones in the text, in any case, by name or offset
SELECT s AS schedule, scheduler.normalize_schedule(s) AS normal_form, r AS next_run
FROM unnest(ARRAY[
    'CRON_TZ=Europe/Berlin 30 2 * * *', 'cron_tz=europe/berlin 30 2 * * *',
    'TZ=America/New_York 30 2 * * *', 'TZ=+05:45 30 2 * * *', 'TZ=-3 30 2 * * *',
    'TZ=z 30 2 * * *', 'TZ=+00:00 30 2 * * *', 'TZ=Asia/Kathmandu @daily', 'TZ=UTC now', 'TZ=est5edt @daily',
    'TZ=Etc/GMT-5 @daily', 'TZ=gmt0 @daily']) s,
LATERAL scheduler.next_runs(s, 1, '2026-06-01Z', 'Asia/Tokyo') r;
