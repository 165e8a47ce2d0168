# shellcheck shell=bash
#
# 2,000 jobs due in the same minute.  pg_cron is measured as it reports itself,
# first start to last end.  Its rounds: see cron_rounds.sh.

while cron_owed; do
	sleep 1
	cron_at_minute
done
for mode in connections workers; do
	[ -f "$TMP/cron_$mode" ] || continue
	mapfile -t rounds <"$TMP/cron_$mode"
	say "ours and pg_cron with $mode:$(printf ' %s,' "${rounds[@]}")"
	row "$cron_jobs jobs in one minute, 8 workers" "$(column 1 "${rounds[@]}")" "$(column 2 "${rounds[@]}")" \
		runs/s "pg_cron, $mode" "ratio >= 40"
done
