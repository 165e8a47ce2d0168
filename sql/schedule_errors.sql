-- Bad schedules are refused with a position, a detail and a hint.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_scheduler;
RESET client_min_messages;

-- as users see them
SELECT scheduler.normalize_schedule('60 * * * *');
SELECT scheduler.describe_schedule('* * * *');
SELECT * FROM scheduler.next_runs('0 0 30 2 *');
SELECT scheduler.normalize_schedule(repeat('*', 1048576));
SELECT scheduler.normalize_schedule('');

-- all of them as a table
CREATE FUNCTION pg_temp.refusal(schedule text,
                                OUT error text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM scheduler.normalize_schedule(schedule);
    error := 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
        error = RETURNED_SQLSTATE;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\n    '

-- the number of fields
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '   ', '*', '5', '* * * *', '* * * * ', '* * * * * * * *', '0 0 1 1 * 2026 7 8 9']) s;
-- out of range, each field, below and above
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '60 * * * *', '-1 * * * *', '* 24 * * *', '* * 0 * *', '* * 32 * *', '* * * 0 *',
    '* * * 13 *', '* * * * 8', '60 * * * * *', '* * * * * * 1969', '* * * * * * 2201',
    '0-60 * * * *', '1,2,99 * * * *', '99999999999999999999 * * * *', '* 5-24/2 * * *']) s;
-- steps
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '*/0 * * * *', '*/-5 * * * *', '*/61 * * * *', '*/x * * * *', '*/ * * * *',
    '* */25 * * *', '1-5/ * * * *', '1/2/3 * * * *', '*/5-10 * * * *', '*/90 * * * *']) s;
-- lists and ranges
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    ', * * * *', '1,,2 * * * *', '1, * * * *', ',1 * * * *', '1- * * * *', '1-2-3 * * * *',
    '*5 * * * *', '5* * * * *', '1..5 * * * *', '* * * * * * 2030-2028']) s;
-- names
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    'mon * * * *', '* * * foo *', '* * * * xyz', '* * * mon *', '* * * * jan', '* * * janu *',
    '* * * * mo', 'foo', 'daily', 'tomorrow at 5', 'L * * * *', '* * jan * *']) s;
-- the letters of the day fields
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '* * L-0 * *', '* * L-31 * *', '* * L- * *', '* * LL * *', '* * L3 * *', '* * 15WL * *',
    '* * 32W * *', '* * W * *', '* * 1-5W * *', '* * * * L', '* * * * fri#0', '* * * * fri#6',
    '* * * * fri#', '* * * * #2', '* * * * fri#2#3', '* * * * 1-5L', '* * * * friLL',
    '? * * * *', '* * * ? *', '* * ?/2 * *']) s;
-- H
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    'H( * * * *', 'H(0 * * * *', 'H(0-29 * * * *', 'H(30-10) * * * *', 'H(0-60) * * * *',
    'H() * * * *', 'H/0 * * * *', 'H-5 * * * *', '* * * * * * H', 'HH * * * *']) s;
-- never
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '0 0 30 2 *', '0 0 31 2,4,6,9,11 *', '0 0 0 29 2 * 2025,2026,2027', '0 0 0 29 2 ? */4', '0 0 31W 4 *',
    '0 0 L-30 2,4,6,9,11 *', '0 0 */31 * fri#2', 'CRON_TZ=Asia/Tokyo 0 0 30 2 *']) s;
-- intervals
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '0 seconds', '-5 minutes', '5 minutes -3 seconds', 'every', 'every 5', 'every fortnight',
    '5 parsecs', '5 minutes ago', '1 us', '999 us', '0.5 us', '1.5 months', '1.1234567 s',
    '1. s', '5 minutes 3', '99999999999999999 s', '9000 years', '1:60:00', '1.5:00', '1 day 1:2:3:4',
    '5 minutes,', '5 minutes, and', '@every', '@every -1s', '@after', '@after 0 s', '@after every 5 s',
    'P', 'PT', 'P1', 'PT5', 'P5X', 'P1DT', 'PT1M1H', 'PT5M x', 'P1M1Y', 'PT0S']) s;
-- one-off and the rest
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    '@at', '@at tomorrow', '@at 2026', '@at 2026-13-01', '@at 2026-02-29', '@at 2026-2-3',
    '@at 2026-12-24 25:00', '@at 2026-12-24 18:60', '@at 2026-12-24 18', '@at 2026-12-24 18:00:60',
    '@at 2026-12-24 18:00:00.', '@at 2026-12-24 18:00:00.1234567', '@at 2026-12-24 18:00 Europe/Nowhere',
    '@at 2026-12-24 18:00 UTC x', '@at 1969-12-31', '@at 2201-01-01', '@at 12/24/2026',
    '@at 2026-12-24 18:00 +25:00', '2026-12-24', '2026-12-24 18:00', 'now or never', '@reboot 5',
    '@daily *', '@fortnightly', '@', '@@daily', '@ daily']) s;
-- zones
SELECT s, (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    'CRON_TZ= * * * * *', 'CRON_TZ=Mars/Olympus 0 0 * * *', 'TZ=../../etc/passwd 0 0 * * *',
    'TZ=UTC', 'TZ=UTC TZ=UTC 0 0 * * *', 'CRON_TZ Europe/Berlin 0 0 * * *', 'TZ=+16 0 0 * * *', 'TZ=5 0 0 * * *', 'TZ=Europe/Berlin2 0 0 * * *', 'TZ=FOO5BAR 0 0 * * *',
    'TZ=<+02>-02 0 0 * * *', 'TZ=PST 0 0 * * *', 'TZ=right/UTC 0 0 * * *', 'TZ=+01:07 0 0 * * *',
    'CRON_TZ=Mars/Olympus_with_a_very_long_name_that_goes_on_and_on_and_on 0 0 * * *']) s;
-- characters
SELECT replace(replace(s, E'\n', '\n'), E'\x01', '\x01'), (pg_temp.refusal(s)).* FROM unnest(ARRAY[
    E'* * * * *\n', E'*\x01* * * *', '* * * * * x', '* * * * *;', '0 0 * * *' || repeat(' ', 1020)]) s
WHERE length(s) < 100;
SELECT (pg_temp.refusal('0 0 * * *' || repeat(' ', 1016))).*;
SELECT (pg_temp.refusal('0 0 * * *' || repeat(' ', 1015))).error;
SELECT (pg_temp.refusal(E'* * * * \u00e9')).*;
SELECT (pg_temp.refusal('* * * * ' || repeat('1,', 400))).*;
-- a normal form that could not be read again
SELECT (pg_temp.refusal('*/3,1/3 */3,1/3 */3,1/3 '
    || (SELECT string_agg(d || 'W', ',') FROM generate_series(1, 31) d)
    || (SELECT string_agg(',L-' || d, '') FROM generate_series(1, 30) d)
    || ' * * 1970/3,1971/3')).*;
\pset format aligned
\pset tuples_only off
