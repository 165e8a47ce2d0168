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

\ir delay_end.sql
