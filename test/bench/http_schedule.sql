-- Schedule :count requests to :url for one instant, and print that instant |
-- requests scheduled per second.

SELECT date_trunc('second', now() + (:count / :per_second::float8 * 1.2 + 1.5) * interval '1 second') AS due,
	   now() AS began \gset
SELECT to_char(:'due'::timestamptz AT TIME ZONE 'UTC', '"@at "YYYY-MM-DD HH24:MI:SS" UTC"') AS schedule \gset

SELECT count(scheduler.schedule_http_job('http_' || i, :'schedule', :'url', method => 'GET'))
FROM generate_series(1, :count) AS i \gset scheduled_

SELECT :'due', :count / extract(epoch FROM clock_timestamp() - :'began');
