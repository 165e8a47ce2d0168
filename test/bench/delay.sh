# shellcheck shell=bash
#
# Start delay: started_at - scheduled_at of interval jobs on an idle server,
# beside the latency of pgbench's INSERT at the same rate, which also counts
# from the instant at which the transaction was due.  And of runs that are each
# of another role, so that none finds its worker, beside pgbench with a new
# connection for each INSERT.

if [ "$QUICK" ]; then rates=100 seconds=2; else rates="1 100 1000" seconds=3; fi

# insert_latencies RATE SECONDS [option of pgbench]
insert_latencies()
{
	local rate=$1 duration=$2

	shift 2
	rm -f "$TMP"/latency.*
	pgbench -n -M prepared -c 8 -j 1 -R "$rate" -T "$duration" "$@" -f "$BENCH/insert.pgbench" \
		--log --log-prefix="$TMP/latency" >/dev/null 2>&1
	awk '{ print $3 / 1000 }' "$TMP"/latency.*
}

start_scheduler delay pg_scheduler.max_workers=8

for rate in $rates; do
	ours=() theirs=()
	for ((round = 1; round <= ROUNDS; round++)); do
		(cron_at_minute)
		theirs+=("$(insert_latencies $rate $seconds | percentiles)")
		[ "$OURS" ] || continue
		start_delays $rate $seconds >"$TMP/delays"
		started=$(wc -l <"$TMP/delays")
		[ "$started" = $((rate * seconds)) ] ||
			note "$part: $rate runs/s: $started of $((rate * seconds)) runs succeeded"
		ours+=("$(percentiles <"$TMP/delays")")
	done
	column=0
	for name in p50 p99 p99.9 max; do
		column=$((column + 1))
		aim=
		case $rate-$name in
			100-p50) aim="ours <= 2" ;;
			100-p99) aim="ours <= 10, ratio <= 3" ;;
		esac
		row "start delay $name at $rate runs/s" \
			"$(column $column "${ours[@]}")" \
			"$(column $column "${theirs[@]}")" \
			ms "pgbench INSERT, $rate/s" "$aim"
	done
done

[ "$OURS" ] || return 0
ours=() theirs=()
for ((round = 1; round <= ROUNDS; round++)); do
	theirs+=("$(insert_latencies 20 2 --connect | percentiles)")
	sql -f "$BENCH/delay_roles.sql" >"$TMP/delays"
	started=$(wc -l <"$TMP/delays")
	[ "$started" = 40 ] || note "$part: of 40 roles: $started of 40 runs succeeded"
	ours+=("$(percentiles <"$TMP/delays")")
done
row "start delay p50, each run of another role" "$(column 1 "${ours[@]}")" \
	"$(column 1 "${theirs[@]}")" ms "pgbench INSERT, each connected anew, 20/s"
row "start delay max, each run of another role" "$(column 4 "${ours[@]}")" \
	"$(column 4 "${theirs[@]}")" ms "pgbench INSERT, each connected anew, 20/s"
