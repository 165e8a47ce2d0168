-- Microseconds per parse and next time inside the server, the executor's
-- overhead per call included (the row "nothing" is that overhead).
\timing off
CREATE TEMP TABLE bench (schedule text);
INSERT INTO bench VALUES
    ('*/5 * * * *'), ('30 2 * * mon-fri'), ('*/10 * * * * *'), ('0 0 L * *'),
    ('@daily'), ('30 seconds'), ('every 1 day'), ('1 month'),
    ('0 0 29 2 */7'), ('0 0 29 2 fri#5'), ('59 59 23 29 2 */7 2100/4');
CREATE FUNCTION pg_temp.measure(schedule text, rounds int = 100000) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := clock_timestamp();
BEGIN
    IF schedule IS NULL THEN
        PERFORM count(*) FROM generate_series(1, rounds) n,
            LATERAL generate_series(n, n) r;
    ELSE
        PERFORM count(*) FROM generate_series(1, rounds) n,
            LATERAL scheduler.next_runs(schedule, 1, timestamptz '2026-03-28 12:34:56.789Z' + n * interval '1 s', 'Europe/Berlin') r;
    END IF;
    RETURN round(1e6 * extract(epoch FROM clock_timestamp() - start) / rounds, 2);
END
$$;
SELECT 'nothing' AS schedule, pg_temp.measure(NULL) AS microseconds
UNION ALL
SELECT schedule, pg_temp.measure(schedule) FROM bench;
