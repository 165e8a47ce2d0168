# shellcheck shell=bash
#
# 20,000 jobs with the same INSERT in graphile-worker, 8 at once: as it comes,
# and with its batching on, as its documentation advises for throughput.
# It keeps no record of a finished job; ours are complete.

version=0.18.0
if [ "$QUICK" ]; then jobs=5000; else jobs=20000; fi

# worker_round batch|plain: prints jobs per second
worker_round()
{
	sql -c "TRUNCATE bench.target" \
		-c "SELECT count(graphile_worker.add_job('insert')) FROM generate_series(1, $jobs)" \
		-c "VACUUM ANALYZE graphile_worker._private_jobs" -c CHECKPOINT >/dev/null
	(cd "$TMP/npm" && node graphile_worker.mjs "$1" $jobs)
	[ "$(sql -c 'SELECT count(*) FROM bench.target')" = $jobs ] ||
		note "$part: not every job wrote its row"
}

mkdir "$TMP/npm"
cp "$BENCH/graphile_worker.mjs" "$TMP/npm/"
if ! (cd "$TMP/npm" && npm install --silent --no-audit --no-fund --ignore-scripts \
	"graphile-worker@$version") >"$TMP/npm.log" 2>&1; then
	note "$part: npm could not install graphile-worker $version"
	exit 0
fi

start_scheduler graphile pg_scheduler.max_workers=8
(cd "$TMP/npm" && node graphile_worker.mjs migrate)

plain=() batch=() ours=()
for ((round = 1; round <= ROUNDS; round++)); do
	plain+=("$(worker_round plain)")
	batch+=("$(worker_round batch)")
	[ ! "$OURS" ] || ours+=("$(burst $jobs)")
done
say "graphile-worker: plain ${plain[*]}; batching ${batch[*]}; ours ${ours[*]}"
row "$jobs jobs, 8 workers" "${ours[*]}" "${plain[*]}" runs/s "graphile-worker $version" "ratio >= 1.5"
row "$jobs jobs, 8 workers" "${ours[*]}" "${batch[*]}" runs/s "the same, batching" "ratio >= 1.5"
