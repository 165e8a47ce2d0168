# shellcheck shell=bash
#
# 2,000 jobs due in the same minute: pg_cron, then ours within that minute.
# pg_cron is measured as it reports itself, first start to last end.

jobs=2000

# cron_rounds MODE ROUNDS
#
# Lets pg_cron run the jobs in MODE (connections, workers) for some minutes,
# ours after each; sets the arrays crons and ours.
cron_rounds()
{
	local mode=$1 rounds=$2 background=off round result

	[ "$mode" != workers ] || background=on
	start_server "cron-$mode" shared_preload_libraries=pg_cron cron.database_name=postgres \
		cron.use_background_workers=$background cron.log_statement=off \
		cron.host="$TMP/cron-$mode"
	sql -c "CREATE EXTENSION pg_cron" -f "$BENCH/objects.sql"
	sql -c "SELECT count(cron.schedule('burst_' || i, '* * * * *', 'INSERT INTO bench.target VALUES (1)'))
			FROM generate_series(1, $jobs) AS i" >/dev/null

	crons=() ours=()
	for ((round = 1; round <= rounds; round++)); do
		result=$(sql -v count=$jobs -f "$BENCH/pg_cron.sql")
		IFS='|' read -r rate succeeded rows <<<"$result"
		if [ "$succeeded" != $jobs ]; then
			note "$part, $mode: $succeeded of $jobs succeeded, $rows rows written"
		fi
		crons+=("$rate")
		if [ "$OURS" ]; then
			use_server "$TMP/ours"
			ours+=("$(burst $jobs)")
			use_server "$TMP/cron-$mode"
		fi
	done
	control_server stop
	say "pg_cron with $mode: ${crons[*]}; ours ${ours[*]}"
	row "$jobs jobs in one minute, 8 workers" "${ours[*]}" "${crons[*]}" \
		runs/s "pg_cron, $mode" "ratio >= 40"
}

if have_file pg_cron; then
	start_scheduler ours pg_scheduler.max_workers=8
	# Each round waits for a minute to begin.
	cron_rounds connections "$ROUNDS"
	cron_rounds workers 1
else
	note "$part: pg_cron is not installed in $SHARE (Debian: postgresql-$PG_VERSION-cron)"
fi
