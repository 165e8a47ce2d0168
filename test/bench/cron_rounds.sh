# shellcheck shell=bash
#
# The rounds of pg_cron: 2,000 jobs due in the same minute, then as many of
# ours.  pg_cron begins at full minutes only, so its servers are there from the
# beginning, and its rounds are taken among those of other parts: burst() looks
# whether a minute is about to begin, and so does who makes none for long.  What
# is owed in the end is left to the part pg_cron, which reports.  Sourced by run and kept in files, as parts run in
# subshells.

cron_jobs=2000

# start_cron MODE: a server where pg_cron runs jobs through connections, or in
# background workers; none is active yet
start_cron()
{
	local background=off

	[ "$1" != workers ] || background=on
	start_server "cron-$1" shared_preload_libraries=pg_cron cron.database_name=postgres \
		cron.use_background_workers=$background cron.log_statement=off \
		cron.host="$TMP/cron-$1"
	sql -c "CREATE EXTENSION pg_cron" -f "$BENCH/objects.sql"
	sql -c "SELECT count(cron.schedule('burst_' || i, '* * * * *', 'INSERT INTO bench.target VALUES (1)'))
			FROM generate_series(1, $cron_jobs) AS i" \
		-c "UPDATE cron.job SET active = false" >/dev/null
}

cron_begin()
{
	local part=pg_cron round

	have_file pg_cron || {
		note "pg_cron is not installed in $SHARE (Debian: postgresql-$PG_VERSION-cron)"
		return
	}
	start_scheduler cron-ours pg_scheduler.max_workers=8
	start_cron connections
	start_cron workers
	keep_servers
	for ((round = 1; round <= ROUNDS; round++)); do printf 'connections\nworkers\n'; done >"$TMP/cron_owed"
}

cron_owed() { [ -s "$TMP/cron_owed" ]; }

# When a minute is about to begin and a round is owed: measure it.
cron_at_minute()
{
	local part=pg_cron mode rate succeeded rows ours=-

	if ! cron_owed || [ "$(date +%-S)" -lt 48 ]; then return; fi
	mode=$(sed 1q "$TMP/cron_owed")
	sed -i 1d "$TMP/cron_owed"
	use_server "$TMP/cron-$mode"
	sql -c "UPDATE cron.job SET active = true"
	IFS='|' read -r rate succeeded rows < <(sql -v count=$cron_jobs -f "$BENCH/pg_cron.sql")
	sql -c "UPDATE cron.job SET active = false"
	[ "$succeeded" = $cron_jobs ] ||
		note "pg_cron, $mode: $succeeded of $cron_jobs succeeded, $rows rows written"
	if [ "$OURS" ]; then
		use_server "$TMP/cron-ours"
		ours=$(burst $cron_jobs)
	fi
	echo "$ours $rate" >>"$TMP/cron_$mode"
}
