-- Cron fields: what they mean, their normal form, their next times.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_scheduler;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- Golden tables: the first times after Saturday 2026-02-28 12:34:56.789.
CREATE FUNCTION pg_temp.golden(schedules text[], count int DEFAULT 4,
                               after timestamptz DEFAULT '2026-02-28 12:34:56.789Z')
RETURNS TABLE (schedule text, normal_form text, next_runs text)
LANGUAGE sql AS $$
    SELECT s, pg_catalog.replace(scheduler.normalize_schedule(s), 'CRON_TZ=UTC ', ''),
           (SELECT pg_catalog.string_agg(pg_catalog.to_char(r, 'Dy YYYY-MM-DD HH24:MI:SS'), E'\n' ORDER BY r)
            FROM scheduler.next_runs(s, golden.count, golden.after, 'UTC') r)
    FROM pg_catalog.unnest(schedules) WITH ORDINALITY AS u(s, n) ORDER BY n
$$;

-- values, lists, ranges, steps
SELECT * FROM pg_temp.golden(ARRAY[
    '* * * * *', '*/5 * * * *', '0 * * * *', '5,35 * * * *', '10-12 * * * *',
    '10-30/10 * * * *', '50/5 * * * *', '7 3 * * *', '0 0 1 * *',
    '0 0 1 1 *', '0,30 8-10 * * 1-5', '1-1 0-0 * * *', '  5	4   * * *  ']);

-- wrapping ranges
SELECT * FROM pg_temp.golden(ARRAY[
    '0 22-2 * * *', '0 22-2/2 * * *', '58-1 0 * * *', '0 0 30-2 * *',
    '0 0 1 nov-feb *', '0 12 * * fri-mon', '0 12 * * sat-sun', '0 12 * * 5-7']);

-- names, in any case; 0 and 7 are Sunday
SELECT * FROM pg_temp.golden(ARRAY[
    '0 0 1 JAN,jul *', '0 0 1 february *', '0 0 * * MON', '0 0 * * Wednesday',
    '0 0 * * 0', '0 0 * * 7', '0 0 * * sun', '0 0 * * 0,7', '0 0 * * 7-1',
    '0 0 * * 0-7', '0 0 * * 7/3'], 3);

-- seconds and years
SELECT * FROM pg_temp.golden(ARRAY[
    '*/10 * * * * *', '0 30 2 * * *', '59 59 23 * * *', '30 * * * * *',
    '57,58 * * * * *', '0 0 0 1 1 ? 2028', '0 0 0 1 1 * 2027-2029',
    '0 0 0 29 2 ? 2028/4', '15 0 0 1 6 * 2026,2030-2040/5', '* * * * * * *']);

-- day of month and day of week: either when both are restricted ...
SELECT * FROM pg_temp.golden(ARRAY[
    '0 0 13 * 5', '0 0 1,15 * mon', '0 0 L * sun', '0 0 1-31 * mon', '0 0 10 * 0-6'], 5);
-- ... both when a field starts with a star, or is a question mark
SELECT * FROM pg_temp.golden(ARRAY[
    '0 0 */2 * mon', '0 0 1-7 * */7', '0 0 1-7 * */3', '0 0 */10,5 * mon,fri', '0 0 ? * mon',
    '0 0 13 * ?', '0 0 29 2 */7', '0 0 */31 * 0', '0 0 *,5 * mon']);

-- last days, nearest weekdays, n-th weekdays at the borders of months
SELECT * FROM pg_temp.golden(ARRAY[
    '0 0 L * *', '0 0 L-1 * *', '0 0 L-3 * *', '0 0 L-28 2 *', '0 0 L-30 * *',
    '0 0 LW * *', '0 0 1W * *', '0 0 15W * *', '0 0 31W * *', '0 0 30W * *',
    '0 0 L,15 * *', '0 0 1W,LW * *', '0 0 28W 2 *', '0 0 29W 2 *']);
SELECT * FROM pg_temp.golden(ARRAY[
    '0 0 * * friL', '0 0 * * 5L', '0 0 * * 7L', '0 0 * * sundayL', '0 0 * * fri#1',
    '0 0 * * fri#2', '0 0 * * fri#5', '0 0 * * 0#5', '0 0 * * mon#1,wed#3,fri',
    '0 0 * 2 sun#5', '0 0 1 * fri#2', '0 0 */31 * sun#1']);

-- the nearest weekday, month by month: the first, the fifteenth, the last
SELECT to_char(d, 'YYYY-MM Dy') AS first,
       to_char(f, 'DD Dy') AS "1W", to_char(m, 'DD Dy') AS "15W", to_char(l, 'DD Dy') AS "LW"
FROM generate_series(timestamptz '2026-01-01Z', '2026-12-01Z', '1 month') d,
     LATERAL scheduler.next_runs('0 0 1W * *', 1, d - interval '1 s', 'UTC') f,
     LATERAL scheduler.next_runs('0 0 15W * *', 1, d - interval '1 s', 'UTC') m,
     LATERAL scheduler.next_runs('0 0 LW * *', 1, d - interval '1 s', 'UTC') l;

-- leap days up to 2100 and behind it
SELECT string_agg(to_char(r, 'YYYY'), ' ' ORDER BY r) AS leap_years
FROM scheduler.next_runs('0 0 29 2 *', 20, '2026-01-01Z', 'UTC') r;
SELECT string_agg(to_char(r, 'YYYY'), ' ' ORDER BY r) AS leap_day_is_sunday
FROM scheduler.next_runs('0 0 29 2 */7', 6, '2026-01-01Z', 'UTC') r;
SELECT string_agg(to_char(r, 'YYYY-MM-DD'), ' ' ORDER BY r) AS last_of_february
FROM scheduler.next_runs('0 0 L 2 *', 8, '2096-01-01Z', 'UTC') r;

-- macros
SELECT * FROM pg_temp.golden(ARRAY[
    '@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight',
    '@hourly', '@every_minute', '@every_second', '@Daily'], 3);
SELECT * FROM pg_temp.golden(ARRAY['@reboot']);

-- H is one value per text without a job, inside its range, and stays the same
SELECT scheduler.normalize_schedule('H H * * *') = scheduler.normalize_schedule('h H * * *') AS stable;
SELECT count(*) AS in_range
FROM scheduler.next_runs('H(10-19) H(0-5) H H(1-6) *', 50, '2026-01-01Z', 'UTC') r
WHERE extract(minute FROM r) BETWEEN 10 AND 19 AND extract(hour FROM r) BETWEEN 0 AND 5
  AND extract(day FROM r) <= 28 AND extract(month FROM r) <= 6;
SELECT count(*) AS quarters, count(DISTINCT extract(minute FROM r)::int % 15) AS offsets
FROM scheduler.next_runs('H/15 * * * *', 96, '2026-01-01Z', 'UTC') r;
SELECT count(DISTINCT extract(minute FROM r)) AS minutes, min(extract(minute FROM r)) >= 0 AND max(extract(minute FROM r)) < 30 AS in_range
FROM scheduler.next_runs('H(0-29)/10 * * * *', 48, '2026-01-01Z', 'UTC') r;

-- strictly after, to the microsecond
SELECT r FROM scheduler.next_runs('0 0 * * *', 1, '2026-01-01 00:00Z', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 * * *', 1, '2025-12-31 23:59:59.999999Z', 'UTC') r;

-- far away
SELECT r FROM scheduler.next_runs('0 0 1 1 *', 1, '-infinity', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 1 1 *', 1, 'infinity', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 1 1 *', 3, '9997-06-01Z', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 0 1 1 * 2027', 5, '2026-01-01Z', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 0 1 1 * 2027', 5, '-infinity', 'Europe/Berlin') r;
SELECT r FROM scheduler.next_runs('0 0 0 1 1 * 2027', 5, '1200-01-01Z', 'UTC') r;
SELECT r FROM scheduler.next_runs('@at 2027-01-01', 5, '-infinity', 'UTC') r;
SELECT r FROM scheduler.next_runs('0 0 0 1 1 * 2020', 5, '2026-01-01Z', 'UTC') r;

-- arguments of next_runs
SELECT count(*) FROM scheduler.next_runs('* * * * *');
SELECT count(*) FROM scheduler.next_runs('* * * * *', 0);
SELECT count(*) FROM scheduler.next_runs('* * * * *', 10000);
SELECT count(*) FROM scheduler.next_runs(NULL);
SELECT bool_and(r > now()) FROM scheduler.next_runs('* * * * *') r;
SELECT count(*) FROM scheduler.next_runs('* * * * *', -1);
SELECT r FROM scheduler.next_runs('0 0 * * *', 1, '2026-06-01Z', 'Nowhere/Land') r;
SELECT r FROM scheduler.next_runs('CRON_TZ=Asia/Tokyo 0 0 * * *', 1, '2026-06-01Z', 'America/New_York') r;
