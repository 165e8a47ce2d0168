-- Wait for the :count requests due at :due, and report:
-- requests per second | succeeded.

CALL bench.await_runs('http\_%', :'due', :count);

SELECT (count(*) / extract(epoch FROM max(finished_at) - :'due'))::float8,
	   count(*) FILTER (WHERE status = 'succeeded')
FROM scheduler.runs
WHERE job_name LIKE 'http\_%' AND scheduled_at = :'due';
