# shellcheck shell=bash
#
# 2,000 jobs due in the same minute: pg_cron, then ours within that minute.
# pg_cron is measured as it reports itself, first start to last end.  It begins
# at full minutes only: meanwhile another part can go on measuring, which
# sources this file and calls cron_at_minute before each of its rounds.

cron_jobs=2000
cron_rounds=()					# those to come
declare -A cron_rates=([connections]= [workers]=)
cron_ours=()

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

cron_round()
{
	local mode=$1 rate succeeded rows

	use_server "$TMP/cron-$mode"
	sql -c "UPDATE cron.job SET active = true"
	IFS='|' read -r rate succeeded rows < <(sql -v count=$cron_jobs -f "$BENCH/pg_cron.sql")
	sql -c "UPDATE cron.job SET active = false"
	[ "$succeeded" = $cron_jobs ] ||
		note "pg_cron, $mode: $succeeded of $cron_jobs succeeded, $rows rows written"
	cron_rates[$mode]+=" $rate"
	if [ "$OURS" ]; then
		use_server "$TMP/cron-ours"
		cron_ours+=("$(burst $cron_jobs)")
	fi
}

# When a minute is about to begin and a round is owed: measure it.
cron_at_minute()
{
	local server=$SERVER part=pg_cron

	[ ${#cron_rounds[@]} -gt 0 ] && [ "$(date +%-S)" -ge 45 ] || return 0
	cron_round "${cron_rounds[0]}"
	cron_rounds=("${cron_rounds[@]:1}")
	use_server "$server"
}

# Measure what is owed, and report.
cron_finish()
{
	local part=pg_cron mode

	[ "$cron_begun" ] || return 0
	while [ ${#cron_rounds[@]} -gt 0 ]; do
		sleep $((60 - 10#$(date +%S) > 15 ? 60 - 10#$(date +%S) - 15 : 0))
		cron_at_minute
	done
	say "pg_cron with connections: ${cron_rates[connections]}; with workers: ${cron_rates[workers]}; ours ${cron_ours[*]}"
	row "$cron_jobs jobs in one minute, 8 workers" "${cron_ours[*]}" "${cron_rates[connections]}" \
		runs/s "pg_cron, connections" "ratio >= 40"
	row "$cron_jobs jobs in one minute, 8 workers" "${cron_ours[*]}" "${cron_rates[workers]}" \
		runs/s "pg_cron, workers" "ratio >= 40"
}

cron_begun=
if have_file pg_cron; then
	start_scheduler cron-ours pg_scheduler.max_workers=8
	start_cron connections
	start_cron workers
	for ((round = 1; round <= ROUNDS; round++)); do cron_rounds+=(connections); done
	cron_rounds+=(workers)
	cron_begun=yes
else
	note "pg_cron is not installed in $SHARE (Debian: postgresql-$PG_VERSION-cron)"
fi
[ "$part" != pg_cron ] || cron_finish
