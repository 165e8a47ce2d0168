-- Schedule :count requests to :url for one instant and print that instant.

SELECT date_trunc('second', now()) + (3 + :count / 2000) * interval '1 second' AS due \gset
SELECT to_char(:'due'::timestamptz AT TIME ZONE 'UTC', '"@at "YYYY-MM-DD HH24:MI:SS" UTC"') AS schedule \gset

SELECT count(scheduler.schedule_http_job('http_' || i, :'schedule', :'url', method => 'GET'))
FROM generate_series(1, :count) AS i \gset scheduled_

SELECT :'due';
