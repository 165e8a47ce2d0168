-- Run a job of each of 40 roles, 20 per second, and print the start delay of
-- each in milliseconds.

SELECT date_trunc('second', clock_timestamp()) + interval '1.5 seconds' AS first \gset
SELECT :'first'::timestamptz + interval '2 seconds' AS last \gset

SELECT count(scheduler.schedule_job('delay_' || i,
									to_char((:'first'::timestamptz + i * interval '50 milliseconds') AT TIME ZONE 'UTC',
											'"@at "YYYY-MM-DD HH24:MI:SS.MS" UTC"'),
									'INSERT INTO bench.target VALUES (1)',
									run_as => ('bench_' || i + 1)::regrole))
FROM generate_series(0, 39) AS i \gset scheduled_

SELECT pg_sleep(extract(epoch FROM :'last'::timestamptz - clock_timestamp()) + 0.5) \gset slept_

SELECT 1000 * extract(epoch FROM started_at - scheduled_at)::float8
FROM scheduler.runs
WHERE job_name LIKE 'delay\_%' AND status = 'succeeded'
	AND scheduled_at >= :'first' AND scheduled_at < :'last';

SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE job_name LIKE 'delay\_%' \gset removed_
