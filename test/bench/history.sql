-- Fill run_history with :rows records of the jobs that have run already,
-- over the last 28 days: copies of real records with other ids and times.
-- This makes the partitions for the past, which a server that has just begun
-- lacks, and bench.fill_history(), which copies a part.

SET bench.rows = :rows;

CREATE TABLE bench.sample AS
	SELECT row_number() OVER () - 1 AS n, h.* FROM scheduler.run_history AS h;

DO $$
DECLARE
	total bigint := current_setting('bench.rows')::bigint;
	span CONSTANT interval := interval '28 days';
	columns text;
	source text;
	lowest timestamptz;
	day timestamptz;
BEGIN
	SELECT min((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)'))[1]::timestamptz)
		INTO lowest
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'scheduler.run_history'::regclass;
	day := lowest;
	WHILE day > now() - span LOOP
		EXECUTE format('CREATE TABLE scheduler.run_history_bench_%s
						PARTITION OF scheduler.run_history FOR VALUES FROM (%L) TO (%L)',
					   to_char(day - interval '1 day', 'YYYYMMDD'), day - interval '1 day', day);
		day := day - interval '1 day';
	END LOOP;

	-- Ids go below those in use and rise with time, as real ones do.
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
		   string_agg(CASE
				WHEN attname = 'run_id' THEN 'g.i - ' || total
				WHEN atttypid = 'timestamptz'::regtype
					THEN format('t.%I - now() + g.at', attname)
				ELSE format('t.%I', attname) END, ', ' ORDER BY attnum)
		INTO columns, source
		FROM pg_attribute
		WHERE attrelid = 'scheduler.run_history'::regclass
			AND attnum > 0 AND NOT attisdropped AND attgenerated = '';

	EXECUTE format($f$
		CREATE PROCEDURE bench.fill_history(first bigint, last bigint) LANGUAGE sql AS $p$
		INSERT INTO scheduler.run_history (%s) OVERRIDING SYSTEM VALUE
		SELECT %s FROM (
			SELECT i, now() - %L::interval * ((%s - i + 1) / %s::float8) AS at
			FROM generate_series(first, last) AS i) AS g
		JOIN bench.sample AS t ON t.n = g.i %% (SELECT count(*) FROM bench.sample)
		$p$ $f$,
		columns, source, span, total, total);
END $$;
