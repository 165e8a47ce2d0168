# shellcheck shell=bash
#
# HTTP requests per second with complete records, and CPU per request, beside
# wrk against the same nginx on the loopback interface.

if [ "$QUICK" ]; then jobs=5000 seconds=1; else jobs=20000 seconds=2; fi

command -v nginx >/dev/null && command -v wrk >/dev/null || {
	note "$part: needs nginx and wrk"
	exit 0
}

start_nginx()
{
	mkdir "$TMP/nginx"
	for ((port = 18080; port < 18180; port++)); do
		cat >"$TMP/nginx/nginx.conf" <<-END
			daemon off;
			worker_processes 1;
			pid $TMP/nginx/pid;
			error_log $TMP/nginx/error.log;
			events { worker_connections 4096; }
			http {
				access_log off;
				keepalive_requests 100000000;
				server { listen 127.0.0.1:$port backlog=4096; return 200 'ok'; }
			}
		END
		nginx -p "$TMP/nginx" -e "$TMP/nginx/error.log" -c "$TMP/nginx/nginx.conf" &
		nginx_pid=$!
		for ((try = 0; try < 20; try++)); do
			kill -0 $nginx_pid 2>/dev/null || break
			! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
			sleep 0.1
		done
	done
	return 1
}

# wrk_round AT_ONCE: "requests per second, CPU seconds per 1,000 requests"
wrk_round()
{
	local TIMEFORMAT='cpu %U %S'

	{ time wrk -t1 -c"$1" -d${seconds}s "http://127.0.0.1:$port/"; } 2>&1 |
		awk '/requests in/ { n = $1 } /^Requests\/sec/ { rate = $2 } /^cpu/ { cpu = $2 + $3 }
			END { print rate, 1000 * cpu / n }'
}

# http_round AT_ONCE [COUNT]: the same of ours, the whole server's CPU
http_round()
{
	local count=${2:-$jobs} due per_second before after rate succeeded

	configure pg_scheduler.http_max_in_flight="$1" pg_scheduler.http_max_in_flight_per_host="$1"
	per_second=$(cat "$TMP/http_schedule_rate" 2>/dev/null || echo 1000)
	IFS='|' read -r due per_second < <(sql -v count="$count" -v url="http://127.0.0.1:$port/" \
		-v per_second="$per_second" -f "$BENCH/http_schedule.sql")
	echo "$per_second" >"$TMP/http_schedule_rate"
	# shellcheck disable=SC2046
	before=$(cpu_seconds $(server_pids))
	IFS='|' read -r rate succeeded < <(sql -v count="$count" -v due="$due" -f "$BENCH/http_await.sql")
	# shellcheck disable=SC2046
	after=$(cpu_seconds $(server_pids))
	[ "$succeeded" = "$count" ] || note "$part: $1 at once: $succeeded of $count requests succeeded"
	echo "$rate $(calc "1000 * ($after - $before) / $count")"
}

start_scheduler http pg_scheduler.max_workers=4 pg_scheduler.http_allowed_networks=127.0.0.0/8 \
	pg_scheduler.http_max_in_flight=1 pg_scheduler.http_max_in_flight_per_host=1
HTTP=
if [ "$OURS" ] && [ "$(sql -c "SELECT count(*) FROM pg_proc WHERE proname = 'schedule_http_job'")" != 0 ]; then
	HTTP=1
else
	note "$part: scheduler.schedule_http_job does not exist; wrk only"
fi

start_nginx
trap 'kill $nginx_pid; wait $nginx_pid || true; stop_servers' EXIT

[ ! "$HTTP" ] || http_round 1 1000 >/dev/null	# how fast they are scheduled
for at_once in 1 64 1000; do
	theirs=() ours=()
	for ((round = 1; round <= ROUNDS; round++)); do
		theirs+=("$(wrk_round $at_once)")
		[ ! "$HTTP" ] || ours+=("$(http_round $at_once)")
	done
	say "$at_once at once: wrk ${theirs[*]}; ours ${ours[*]}"
	aim=
	[ $at_once = 1 ] || aim="ours >= 5000"
	row "HTTP, $at_once at once" \
		"$(column 1 "${ours[@]}")" \
		"$(column 1 "${theirs[@]}")" requests/s wrk "$aim"
	row "HTTP, $at_once at once" \
		"$(column 2 "${ours[@]}")" \
		"$(column 2 "${theirs[@]}")" "CPU s/1000" wrk
done
