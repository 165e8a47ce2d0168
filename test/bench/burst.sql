-- Schedule :count one-off jobs of :roles roles for one instant, wait for them,
-- and report: runs per second | succeeded | rows written | runs recorded |
-- jobs scheduled per second | "late" if the scheduler knew of them all only
-- after that instant, so that the figure includes the planning.

SELECT date_trunc('milliseconds', now() + (:count / :per_second::float8 * 1.3 + 0.7) * interval '1 second') AS due,
	   now() AS began \gset
SELECT to_char(:'due'::timestamptz AT TIME ZONE 'UTC', '"@at "YYYY-MM-DD HH24:MI:SS.MS" UTC"') AS schedule \gset

SELECT count(scheduler.schedule_job('burst_' || i, :'schedule', 'INSERT INTO bench.target VALUES (1)',
									run_as => CASE WHEN :roles > 1 THEN ('bench_' || i % :roles + 1)::regrole END))
FROM generate_series(1, :count) AS i \gset scheduled_

CALL bench.await_planned(:count, :'due');
SELECT :count / extract(epoch FROM clock_timestamp() - :'began') AS per_second,
	   clock_timestamp() > :'due' AS late \gset

CALL bench.await_rows(:count);

SELECT (count(*) / nullif(extract(epoch FROM max(finished_at) - :'due'), 0))::float8,
	   count(*) FILTER (WHERE status = 'succeeded'),
	   (SELECT count(*) FROM bench.target),
	   count(*),
	   :per_second,
	   CASE WHEN :'late' THEN 'late' END
FROM scheduler.runs
WHERE job_name LIKE 'burst\_%' AND scheduled_at = :'due';
