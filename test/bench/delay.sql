-- Make :rate runs per second for :seconds, evenly spread, and print the start
-- delay of each in milliseconds.

SELECT date_trunc('second', clock_timestamp()) + interval '1.5 seconds' AS first,
	   CASE :rate WHEN 1 THEN 1 ELSE :rate / 10 END AS jobs,
	   CASE :rate WHEN 1 THEN 1000 ELSE 100 END AS period \gset
SELECT :'first'::timestamptz + :seconds * interval '1 second' AS last \gset

SELECT count(scheduler.schedule_job('delay_' || i, :'period' || ' milliseconds',
									'INSERT INTO bench.target VALUES (1)',
									starts_at => :'first'::timestamptz
										+ i * (:period / :jobs::float8) * interval '1 millisecond',
									ends_at => :'last'))
FROM generate_series(0, :jobs - 1) AS i \gset scheduled_

\ir delay_end.sql
