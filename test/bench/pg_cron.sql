-- Wait for the next minute's runs of pg_cron to end, and report:
-- runs per second | succeeded | rows written.

TRUNCATE cron.job_run_details, bench.target;
SELECT date_trunc('minute', now()) + interval '1 minute' AS due \gset

CREATE OR REPLACE PROCEDURE bench.await_cron(wanted bigint, until timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	WHILE (SELECT count(*) FROM cron.job_run_details WHERE end_time IS NOT NULL) < wanted
		AND clock_timestamp() < until
	LOOP
		COMMIT;
		PERFORM pg_sleep(0.5);
	END LOOP;
END $$;

-- What is not over by then is not counted: the next minute's runs begin.
CALL bench.await_cron(:count, :'due'::timestamptz + interval '59 seconds');

SELECT (count(*) / extract(epoch FROM max(end_time) - min(start_time)))::float8,
	   count(*) FILTER (WHERE status = 'succeeded'),
	   (SELECT count(*) FROM bench.target)
FROM cron.job_run_details
WHERE start_time >= :'due' AND end_time IS NOT NULL;
