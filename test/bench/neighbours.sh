# shellcheck shell=bash
#
# What the extension costs others: pgbench's TPC-B on a server without it,
# with it idle, and with 100 runs per second; beside the latter, a server
# where a client does those 100 INSERTs per second.

if [ "$QUICK" ]; then seconds=3; else seconds=4; fi

tpcb() { pgbench -n -c 4 -j 2 -T $seconds 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }

# TPC-B while a client of its own inserts 100 rows per second
tpcb_beside_client()
{
	pgbench -n -M prepared -c 1 -R 100 -T $((seconds + 1)) -f "$BENCH/insert.pgbench" >/dev/null 2>&1 &
	tpcb
	wait $!
}

# TPC-B while jobs make 100 runs per second
tpcb_beside_jobs()
{
	start_delays 100 $((seconds + 2)) >"$TMP/beside" &
	sleep 2
	tpcb
	wait $!
}

start_server plain
sql -f "$BENCH/objects.sql"
pgbench -i -q -s 10 >/dev/null 2>&1
start_scheduler loaded pg_scheduler.max_workers=4
[ ! "$OURS" ] || pgbench -i -q -s 10 >/dev/null 2>&1

# The first seconds pay for full-page images and cold caches: not counted.
for server in plain ${OURS:+loaded}; do
	use_server "$TMP/$server"
	sql -c CHECKPOINT
	tpcb >/dev/null
done

plain=() client=() idle=() busy=()
for ((round = 1; round <= ROUNDS; round++)); do
	use_server "$TMP/plain"
	plain+=("$(tpcb)")
	client+=("$(tpcb_beside_client)")
	[ "$OURS" ] || continue
	use_server "$TMP/loaded"
	idle+=("$(tpcb)")
	busy+=("$(tpcb_beside_jobs)")
done
say "TPC-B: plain ${plain[*]}; beside a client ${client[*]}; loaded ${idle[*]}; beside jobs ${busy[*]}"
row "TPC-B, pg_scheduler idle" "${idle[*]}" "${plain[*]}" tps "not loaded" "ratio >= 0.98"
row "TPC-B beside 100 runs/s" "${busy[*]}" "${client[*]}" tps "beside a client's 100 INSERT/s" "ratio >= 0.95"
