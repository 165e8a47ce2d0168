-- Wait until the runs between :first and :last are over, print the start delay of
-- each in milliseconds, and remove their jobs.

SELECT pg_sleep(extract(epoch FROM :'last'::timestamptz - clock_timestamp()) + 0.5) \gset slept_

SELECT 1000 * extract(epoch FROM started_at - scheduled_at)::float8
FROM scheduler.runs
WHERE job_name LIKE 'delay\_%' AND status = 'succeeded'
	AND scheduled_at >= :'first' AND scheduled_at < :'last';

SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE job_name LIKE 'delay\_%' \gset removed_
