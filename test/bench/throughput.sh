# shellcheck shell=bash
#
# Runs per second of jobs due at one instant, by number of workers, beside
# the ceiling (a procedure doing the same writes in as many sessions), the
# half of it that empties a queue, and pgbench running the bare INSERT.

seconds=1
if [ "$QUICK" ]; then counts=8; else counts="1 2 4 8 16"; fi
jobs=20000
CEILING_QUEUE=$((seconds * 150000))

start_scheduler throughput pg_scheduler.max_workers=1

for n in $counts; do
	set_workers "$n"
	rounds=$ROUNDS
	# what has an aim is to be dependable
	[ "$n" != 8 ] || [ "$QUICK" ] || rounds=$((ROUNDS + 2))
	for commit in on off; do
		configure synchronous_commit=$commit
		ceilings=() halves=() inserts=() ours=() roles=()
		for ((round = 1; round <= rounds; round++)); do
			ceilings+=("$(ceiling "$n" $seconds)")
			[ "$n" != 8 ] || halves+=("$(ceiling "$n" $seconds true)")
			inserts+=("$(bare_insert "$n" $seconds)")
			if [ "$OURS" ]; then
				ours+=("$(burst $jobs)")
				[ "$n" != 8 ] || roles+=("$(burst $jobs 50)")
			fi
		done
		say "$n sessions, synchronous_commit $commit: ceiling ${ceilings[*]}; queue filled before ${halves[*]}; pgbench ${inserts[*]}; ours ${ours[*]}; 50 roles ${roles[*]}"

		aim=
		[ "$n" != 8 ] || aim="ratio >= 0.9"
		row "$n workers, synchronous_commit $commit" "${ours[*]}" "${ceilings[*]}" runs/s "procedure, same writes, $n sessions" "$aim"
		[ "$n" != 8 ] ||
			row "$n workers, synchronous_commit $commit" "${ours[*]}" "${halves[*]}" runs/s "procedure, queue filled before"
		row "$n workers, synchronous_commit $commit" "${ours[*]}" "${inserts[*]}" runs/s "pgbench INSERT, $n clients"
		[ "$n" != 8 ] ||
			row "8 workers, synchronous_commit $commit, 50 roles" "${roles[*]}" "${ours[*]}" \
				runs/s "the same, 1 role" "ratio >= 0.7"
	done
done
