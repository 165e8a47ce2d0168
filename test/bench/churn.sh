# shellcheck shell=bash
#
# No decay: throughput with a transaction held open throughout, beside another
# server without one; and after much churn, the last burst beside the first.

if [ "$QUICK" ]; then jobs=10000 churn_jobs=20000 churn=3; else jobs=20000 churn_jobs=100000 churn=4; fi
CEILING_QUEUE=160000

start_scheduler free pg_scheduler.max_workers=8
start_scheduler held pg_scheduler.max_workers=8

# One transaction with a snapshot and an id, for as long as the server lives
psql -XqAt -c "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id(); SELECT pg_sleep(3600)" \
	>/dev/null 2>&1 &
until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]; do sleep 0.1; done

free=() held=() ceilings_free=() ceilings_held=()
for ((round = 1; round <= ROUNDS; round++)); do
	use_server "$TMP/free"
	ceilings_free+=("$(ceiling 8 1)")
	[ ! "$OURS" ] || free+=("$(burst $jobs)")
	use_server "$TMP/held"
	ceilings_held+=("$(ceiling 8 1)")
	[ ! "$OURS" ] || held+=("$(burst $jobs)")
done
say "no transaction held: ${free[*]}, ceiling ${ceilings_free[*]}; held: ${held[*]}, ceiling ${ceilings_held[*]}"
row "8 workers, a transaction held open" "${held[*]}" "${free[*]}" \
	runs/s "without it" "ratio >= 0.9"
row "8 workers, a transaction held open" "${held[*]}" "${ceilings_held[*]}" \
	runs/s "procedure, the same transaction"
row "8 workers, no transaction held open" "${free[*]}" "${ceilings_free[*]}" \
	runs/s "procedure, 8 sessions"

if [ "$OURS" ]; then
	use_server "$TMP/held"
	control_server stop
	use_server "$TMP/free"
	rates=()
	for ((round = 1; round <= churn; round++)); do rates+=("$(burst $churn_jobs)"); done
	say "churn: ${rates[*]}"
	row "8 workers, $churn_jobs jobs due at one instant" "${rates[*]}" "${ceilings_free[*]}" \
		runs/s "procedure, 8 sessions" "ratio >= 0.9"
	row "$churn bursts of $churn_jobs runs, the last" "${rates[-1]}" "${rates[0]}" runs/s "the first" "ratio >= 0.9"
fi
