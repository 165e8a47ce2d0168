# shellcheck shell=bash
#
# The cost of registered jobs of which none is due for a year: scheduling
# them, the scheduler's start, the start delay of one due job among them, the
# scheduler's CPU and memory.

if [ "$QUICK" ]; then counts="10000 100000" seconds=3; else counts="10000 100000 1000000" seconds=5; fi

scheduler_pid()
{
	sql -c "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
			AND backend_type ~ 'scheduler' AND backend_type !~ 'worker|launcher'"
}

# memory_mb PID: its share of what it maps (PSS), shared memory left out
memory_mb()
{
	awk '/^Pss_(Anon|File):/ { kb += $2 } END { printf "%.2f", kb / 1024 }' "/proc/$1/smaps_rollup"
}

idle_cpu_percent()
{
	local pid=$1 before after

	before=$(cpu_seconds "$pid")
	sleep $seconds
	after=$(cpu_seconds "$pid")
	calc "100 * ($after - $before) / $seconds"
}

# After a start, the scheduler looks at all jobs once, in slices.  Wait until it
# has nothing to do, and print the CPU seconds it has taken up to then.
await_idle()
{
	local pid=$1 quiet=0 before after

	after=$(cpu_seconds "$pid")
	while [ $quiet -lt 2 ]; do
		before=$after
		sleep 1
		after=$(cpu_seconds "$pid")
		if [ "$(calc "$after - $before < 0.002")" = 1 ]; then quiet=$((quiet + 1)); else quiet=0; fi
	done
	echo "$after"
}

# Each count on a server of its own, so that they can be left to idle together.
for count in $counts; do
	start_scheduler idle_$count pg_scheduler.max_workers=4
	[ "$OURS" ] || exit 0
	rates=()
	for ((round = 0; round < ROUNDS; round++)); do
		first=$((count * round / ROUNDS + 1)) last=$((count * (round + 1) / ROUNDS))
		took=$(printf 'SELECT clock_timestamp() AS began \\gset\n%s\n' "
			SELECT count(scheduler.schedule_job('idle_' || i, '365 days', 'SELECT 1'))
			FROM generate_series($first, $last) AS i \\gset scheduled_
			SELECT extract(epoch FROM clock_timestamp() - :'began')::float8;" | sql)
		rates+=("$(calc "($last - $first + 1) / $took")")
	done
	row "schedule $count jobs, in $ROUNDS parts" "${rates[*]}" - jobs/s -
done

# start COUNT: seconds from the server's start to the first run
start()
{
	local ready

	use_server "$TMP/idle_$1"
	control_server restart
	ready=$(sql -c "CALL bench.await_scheduler(NULL)")
	sql -c "SELECT extract(epoch FROM '$ready'::timestamptz - pg_postmaster_start_time())::float8"
}

# look_on COUNT: start delay p50 and max, CPU of the start and the first look,
# CPU when idle, memory of the scheduler and of the autovacuum launcher
look_on()
{
	local pid launcher p50 max

	use_server "$TMP/idle_$1"
	pid=$(scheduler_pid)
	[ "$pid" ] || { note "$part: found no scheduler process in pg_stat_activity"; return 1; }
	launcher=$(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher'")
	read -r p50 _ _ max < <(start_delays 1 5 | percentiles)
	echo "$p50 $max $(await_idle "$pid") $(idle_cpu_percent "$pid")" \
		"$(memory_mb "$pid") $(memory_mb "$launcher")"
}

for ((round = 1; round <= ROUNDS; round++)); do
	for count in $counts; do start $count >>"$TMP/idle_starts_$count"; done
	looks=()
	for count in $counts; do
		look_on $count >>"$TMP/idle_looks_$count" &
		looks+=($!)
	done
	for look in "${looks[@]}"; do wait "$look"; done
done

for count in $counts; do
	mapfile -t looks <"$TMP/idle_looks_$count"
	figure() { column "$1" "${looks[@]}"; }
	row "server start to first run, $count jobs" "$(tr '\n' ' ' <"$TMP/idle_starts_$count")" - s -
	row "start delay p50 of one job among $count" "$(figure 1)" - ms - "ours <= 2"
	row "start delay max of one job among $count" "$(figure 2)" - ms - "ours <= 10"
	row "scheduler CPU, start and first look at $count jobs" "$(figure 3)" - s -
	row "scheduler CPU, $count jobs, none due" "$(figure 4)" - "% of a core" - "ours <= 0.1"
	row "scheduler memory, $count jobs" "$(figure 5)" "$(figure 6)" MB "autovacuum launcher" "ours <= 64"
done
