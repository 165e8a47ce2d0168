--
-- Working days, weekdays from the end, both day fields, lists, weeks, "in"
--
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE FUNCTION show(schedule text, count int DEFAULT 4, after timestamptz DEFAULT '2026-01-01',
	OUT normal text, OUT described text, OUT next text) LANGUAGE sql AS $$
	SELECT scheduler.normalize_schedule(schedule), scheduler.describe_schedule(schedule),
		(SELECT string_agg(to_char(r, 'Dy YYYY-MM-DD HH24:MI'), ', ' ORDER BY r)
		 FROM scheduler.next_runs(schedule, count, after) r)
$$;
CREATE FUNCTION fails(schedule text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scheduler.next_runs(schedule);
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
\x on
-- working days from either end
SELECT * FROM show('0 9 LW * *');
SELECT * FROM show('0 9 LW-1 * *');
SELECT * FROM show('0 9 W#1,lw-2,W#3 * *');
SELECT * FROM show('0 9 W#23 * *');
-- weekdays from the end
SELECT * FROM show('0 0 * * monL-1');
SELECT * FROM show('0 0 * * 5L,5L-4');
-- both day fields: a "&" before the weekdays
SELECT * FROM show('0 0 13 * fri');
SELECT * FROM show('0 0 13 * &fri');
SELECT * FROM show('0 0 1-7 * &mon,tue');
SELECT * FROM show('0 0 */2 * &mon');
SELECT * FROM show('0 0 * * &mon');
-- several
SELECT * FROM show('0 9 * * mon ; CRON_TZ=Europe/Berlin 0 18 * * fri; 30 12 1 * *', 5);
SELECT * FROM show('0 9 * * *;0 9 * * *');
SELECT * FROM show('every 5 hours; @at 2026-01-01 07:00', 4);
-- weeks
SELECT * FROM show('every 2 weeks on mon,wed at 09:00');
SELECT * FROM show('every week on sat-sun');
SELECT * FROM show('TZ=Europe/Berlin @every 3 weeks on thu at 02:30:15', 3, '2026-03-05');
-- once, counted from the anchor
SELECT * FROM show('in 10 minutes');
SELECT * FROM show('in 1 month 2 days', after => '2026-01-31 10:00');
-- what is wrong
SELECT * FROM fails('0 0 LW-23 * *');
SELECT * FROM fails('0 0 W#0 * *');
SELECT * FROM fails('0 0 W * *');
SELECT * FROM fails('0 0 * * friL-5');
SELECT * FROM fails('0 0 &13 * fri');
SELECT * FROM fails('0 0 31 feb &fri');
SELECT * FROM fails('0 0 5 * &monL');
SELECT * FROM fails('0 9 * * *;');
SELECT * FROM fails('0 9 * * *; @reboot');
SELECT * FROM fails('now; in 5 minutes');
SELECT * FROM fails('0 9 * * *; 0 25 * * *');
SELECT * FROM fails(repeat('@daily;', 20) || '@daily');
SELECT * FROM fails('every 0 weeks on mon');
SELECT * FROM fails('every 2 weeks on mon at 9');
SELECT * FROM fails('every 2 weeks on someday');
SELECT * FROM fails('every 2 weeks on mon at 09:00 and more');
SELECT * FROM fails('in');
SELECT * FROM fails('in a while');
\x off
-- intervals as they are for a job with another anchor
SELECT scheduler.next_runs('every 1 day', 2, '2026-06-01 12:00', anchor => '2026-01-01 09:00');
SELECT scheduler.next_runs('every 2 weeks on mon', 2, '2026-06-01 12:00', anchor => '2026-01-05');
SELECT scheduler.next_runs('in 1 hour', 2, '2026-06-01 12:00', anchor => '2026-07-01');
-- properties
SELECT schedule, string_agg(property, ', ' ORDER BY property)
FROM unnest('{@daily,every 5 minutes,every 2 weeks on mon,@after 1 s,@reboot,now,in 1 s,@at 2030-01-01,@daily;every 1 h,@daily;0 0 LW * *}'::text[])
	WITH ORDINALITY s (schedule, n),
	unnest('{recurs,once,fixed,from_now,from_end,at_boot,anchored,workdays}'::text[]) property
WHERE scheduler.schedule_is(schedule, property) GROUP BY schedule, n ORDER BY n;
SELECT scheduler.schedule_is('no schedule', 'recurs') IS NULL AS no_answer;
SELECT scheduler.schedule_is('@daily', 'daily');

-- jobs: the holidays of the calendar are no working days
SELECT scheduler.create_calendar('holidays', timezone => 'UTC');
SELECT scheduler.add_calendar_dates('holidays', ARRAY[
	date_trunc('month', now() AT TIME ZONE 'UTC' + interval '2 months')::date,
	date_trunc('month', now() AT TIME ZONE 'UTC' + interval '2 months')::date + 1]);
SELECT scheduler.schedule_job('workday', '0 9 W#1 * *', 'SELECT 1', timezone => 'UTC', calendar => 'holidays') > 0 AS made;
SELECT bool_and(extract(day FROM r AT TIME ZONE 'UTC') > 2) AS after_holidays
FROM scheduler.next_job_runs('workday', 3) r
WHERE date_trunc('month', r AT TIME ZONE 'UTC') = date_trunc('month', now() AT TIME ZONE 'UTC' + interval '2 months');
-- a day that becomes a holiday is no working day any more
SELECT scheduler.add_calendar_dates('holidays', ARRAY[(next_run_at AT TIME ZONE 'UTC')::date])
FROM scheduler.jobs WHERE job_name = 'workday';
DO $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM scheduler.jobs j
			WHERE job_name = 'workday' AND (next_run_at AT TIME ZONE 'UTC')::date IN
				(SELECT first_date FROM scheduler.calendar_windows WHERE calendar_name = 'holidays'));
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT count(*) AS on_a_holiday FROM scheduler.jobs j
WHERE job_name = 'workday' AND (next_run_at AT TIME ZONE 'UTC')::date IN
	(SELECT first_date FROM scheduler.calendar_windows WHERE calendar_name = 'holidays');
-- starts_at together with now, in and @at
SELECT scheduler.schedule_job('starts', 'now', 'SELECT 1', starts_at => '2100-01-01') > 0 AS made;
SELECT next_run_at FROM scheduler.jobs WHERE job_name = 'starts';
SELECT scheduler.schedule_job('starts', 'in 1 hour', 'SELECT 1', starts_at => '2100-01-01') > 0 AS made;
SELECT next_run_at FROM scheduler.jobs WHERE job_name = 'starts';
SELECT scheduler.schedule_job('starts', '@at 2100-02-01', 'SELECT 1', starts_at => '2100-01-01') > 0 AS made;
SELECT next_run_at FROM scheduler.jobs WHERE job_name = 'starts';
SELECT scheduler.schedule_job('starts', '@at 2099-02-01', 'SELECT 1', starts_at => '2100-01-01');
-- a list with an interval begins with starts_at
SELECT scheduler.schedule_job('starts', '0 12 31 12 *; every 1 day', 'SELECT 1', timezone => 'UTC', starts_at => '2100-01-01 08:00') > 0 AS made;
SELECT scheduler.next_job_runs('starts', 2);
SELECT scheduler.unschedule_job('starts'), scheduler.unschedule_job('workday');
SELECT scheduler.drop_calendar('holidays');
DROP FUNCTION show;
DROP FUNCTION fails(text);
