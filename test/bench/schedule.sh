# shellcheck shell=bash
#
# Schedules: the time to parse one and to find its next time, of common ones
# and of the worst that are accepted, the slowest of each.

common=() worst=()
for ((round = 1; round <= ROUNDS; round++)); do
	PG_CONFIG=$PG_CONFIG test/bench/schedule >"$TMP/schedule"
	# the third figure of a line is both together, in nanoseconds
	read -r slowest_common slowest_worst < <(awk '
		/common schedules/ { kind = 1 }
		/worst schedules/ { kind = 2 }
		$1 + 0 > 0 && $3 + 0 > max[kind] { max[kind] = $3 }
		END { print max[1] / 1000, max[2] / 1000 }' "$TMP/schedule")
	common+=("$slowest_common")
	worst+=("$slowest_worst")
done
row "parse and next time, common schedule" "${common[*]}" - us - "ours <= 5"
row "parse and next time, worst schedule" "${worst[*]}" - us - "ours <= 50"
