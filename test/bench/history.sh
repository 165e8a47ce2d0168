# shellcheck shell=bash
#
# Reading the records when there are 10 million of them, spread over 28 days.

if [ "$QUICK" ]; then rows=1000000; else rows=10000000; fi

# query_ms SQL: the planning and execution times of the rounds
query_ms()
{
	local times=() round

	for ((round = 1; round <= ROUNDS; round++)); do
		times+=("$(sql -c "EXPLAIN (ANALYZE, TIMING OFF) $1" |
			awk '/^(Planning|Execution) Time:/ { ms += $3 } END { print ms }')")
	done
	echo "${times[*]}"
}

start_scheduler history pg_scheduler.max_workers=4
[ "$OURS" ] || exit 0
burst 1000 >/dev/null
sql -v rows=$rows -f "$BENCH/history.sql"
sql -c "CALL bench.fill_history(1, $rows / 2)" &
sql -c "CALL bench.fill_history($rows / 2 + 1, $rows)"
wait $!
sql -c "VACUUM ANALYZE scheduler.run_history"

job=$(sql -c "SELECT job_id FROM scheduler.jobs WHERE job_name = 'burst_500'")
row "the 20 newest of $rows runs" \
	"$(query_ms "SELECT * FROM scheduler.runs ORDER BY run_id DESC LIMIT 20")" - ms - "ours <= 10"
row "one job's last 100 of $rows runs" \
	"$(query_ms "SELECT * FROM scheduler.runs WHERE job_id = $job ORDER BY run_id DESC LIMIT 100")" - ms - "ours <= 20"
row "the same, by the job's name" \
	"$(query_ms "SELECT * FROM scheduler.runs WHERE job_name = 'burst_500' ORDER BY run_id DESC LIMIT 100")" - ms -
if [ "$(sql -c "SELECT to_regclass('scheduler.job_stats') IS NOT NULL")" = t ]; then
	row "job_stats, $rows runs" "$(query_ms "SELECT * FROM scheduler.job_stats")" - ms -
else
	note "$part: scheduler.job_stats does not exist"
fi
