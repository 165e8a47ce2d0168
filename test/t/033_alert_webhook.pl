# Alerts that are told to a URL: what is sent, when, to whom, and what becomes
# of handlers that fail.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = http_node('webhook', q(
pg_scheduler.monitor_interval = '10ms'
pg_scheduler.metrics_interval = '1s'
pg_scheduler.alert_reopen_window = '1h'
));
my ($base) = start_hostile('127.0.0.1');
my $sql    = sub { $node->safe_psql('postgres', $_[0]) };
my $key    = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

sub run_job
{
	my ($job, $times) = @_;

	for (1 .. $times // 1)
	{
		my $run = $sql->("SELECT scheduler.run_job('$job')");
		$sql->("SELECT scheduler.wait_for_run($run, '3 minutes')");
	}
}

# What the server has echoed: a row for each alert that a handler has told of
$sql->(q(
	CREATE VIEW told_url AS
	SELECT handler_name, run_id, head, alert, alert ->> 'event' AS event, alert ->> 'kind' AS kind,
		alert ->> 'job_name' AS job_name
	FROM scheduler.alert_handlers JOIN scheduler.http_responses USING (job_id)
	CROSS JOIN LATERAL (SELECT replace(body_text, E'\r', '') AS message) m
	CROSS JOIN LATERAL (SELECT split_part(message, E'\n\n', 1) AS head,
		split_part(message, E'\n\n', 2)::jsonb -> 'data' -> 'alerts' AS alerts) p
	CROSS JOIN LATERAL jsonb_array_elements(alerts) AS alert));

# Wait until a handler has told of that and nothing else, in whatever order.
sub told
{
	my ($handler, $events, $name) = @_;
	my $expected = join ', ', sort split /, /, $events;
	my $query = "SELECT string_agg(event || ' ' || kind || ' ' || job_name, ', '
		ORDER BY (event || ' ' || kind || ' ' || job_name) COLLATE \"C\")
		FROM told_url WHERE handler_name = '$handler'";

	wait_for($node, "SELECT ($query) = '$expected'", $expected);
	is($sql->($query), $expected, $name);
}

$sql->(qq(
	SELECT scheduler.alter_alert_rule(kind, enabled => false) FROM unnest('{failure_rate,job_failed}'::text[]) kind;
	SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
	SELECT scheduler.set_secret('alert_key', 'whsec_$key');
	CREATE TABLE switch (fails boolean);
	INSERT INTO switch VALUES (true);
	CREATE TABLE told (alerts jsonb);
	CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
	\$\$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it "fails"'; END IF; END\$\$;
	CREATE FUNCTION hear(alerts jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO told VALUES (alerts)';
	SELECT scheduler.create_alert_webhook('hook', '$base/echo', signing_secret => 'alert_key',
		headers => '{"X-Team": "night shift"}');
	SELECT scheduler.create_alert_webhook('gone', 'http://127.0.0.1:1/', max_retries => 1, retry_delay => '1 ms',
		kinds => '{job_failing}');
	SELECT scheduler.create_alert_webhook('raised', '$base/echo', resolved => false, kinds => '{job_failing}');
	SELECT scheduler.create_alert_webhook('chat', '$base/echo', kinds => '{job_failing}', resolved => false,
		body => '{"text": "{{args.0.severity}}: {{args.0.job_name}}"}');
	SELECT scheduler.create_alert_handler('function', 'hear', kinds => '{job_failing}', resolved => true);
	SELECT scheduler.schedule_job('work', '\@yearly', 'SELECT work()')));

# A job fails
run_job('work');
ok( wait_for($node, q(SELECT count(*) = 1 FROM told_url WHERE handler_name = 'hook' AND job_name = 'work'),
		'the alert is told'),
	'an alert makes a request');
my ($head, $body) = split /\n\n/, $sql->(
	q(SELECT replace(body_text, E'\r', '') FROM scheduler.http_responses
		WHERE run_id = (SELECT run_id FROM told_url WHERE handler_name = 'hook' AND job_name = 'work'))), 2;
my $header  = sub { my ($name) = @_; $head =~ /^\Q$name\E: (.*)$/m ? $1 : undef };
my $message = decode_json($body);
like($head, qr{^POST /echo HTTP/1\.1\n}, 'it is a POST');
is($header->('Content-Type'), 'application/json', 'of JSON');
is($header->('X-Team'), 'night shift', 'with the headers that were asked for');
is( $header->('webhook-signature'),
	'v1,' . encode_base64(hmac_sha256(
		join('.', $header->('webhook-id'), $header->('webhook-timestamp'), $body),
		decode_base64($key)), ''),
	'and the signature');
is(join(' ', sort keys %$message), 'data timestamp type', 'keys of the message');
is($message->{type}, 'alerts', 'its type');
is(scalar @{ $message->{data}{alerts} }, 1, 'one alert');
my $alert = $message->{data}{alerts}[0];
is( join(' ', sort keys %$alert),
	'alert_id count database event first_seen job_id job_name kind last_seen message resolved_at resolved_by severity subject',
	'its keys');
is_deeply(
	[ @$alert{qw(event kind severity job_name database message resolved_at)} ],
	[ 'raised', 'job_failing', 'error', 'work', 'postgres', 'job "work" failed 1 times in a row: it "fails"', undef ],
	'and what they say');
is("$alert->{alert_id}",
	$sql->(q(SELECT alert_id FROM scheduler.alerts a JOIN scheduler.jobs USING (job_id)
		WHERE job_name = 'work')), 'it is the one in the view');

# One that cannot be reached
ok( wait_for($node,
		q(SELECT consecutive_failures >= 2 AND last_status = 'failed' AND url = 'http://127.0.0.1:1/'
			FROM scheduler.alert_handlers WHERE handler_name = 'gone'), 'the handler has failed'),
	'a handler that fails is seen to');
ok( wait_for($node,
		q(SELECT count(*) = 1 FROM scheduler.alerts a JOIN scheduler.jobs j USING (job_id)
			WHERE j.job_name = 'alert handler gone' AND a.kind = 'job_failing' AND resolved_at IS NULL),
		'its alert is there'),
	'and makes an alert of its own');
ok(wait_for($node, q(SELECT count(*) = 1 FROM scheduler.dead_letters WHERE job_name = 'alert handler gone'), 'it is out of attempts'),
	'with a dead letter in the end');
my $before = 'raised job_failing work, raised dead_letter alert handler gone, raised job_failing alert handler gone';
told('hook', $before, 'others are told of that');
told('raised', 'raised job_failing work, raised job_failing alert handler gone', 'if they want to hear of such');
ok(wait_for($node, q(SELECT count(*) = 2 FROM told), 'the function was called'),
	'it stops neither a webhook nor a function');

# The end is told when it is sure to be one.
$sql->('UPDATE switch SET fails = false');
run_job('work');
ok( wait_for($node,
		q(SELECT resolved_at IS NOT NULL FROM scheduler.alerts a JOIN scheduler.jobs USING (job_id)
			WHERE job_name = 'work'), 'the alert is resolved'),
	'a success resolves the alert');
$sql->('UPDATE switch SET fails = true');
run_job('work');
ok( wait_for($node,
		q(SELECT resolved_at IS NULL FROM scheduler.alerts a JOIN scheduler.jobs USING (job_id)
			WHERE job_name = 'work' AND a.kind = 'job_failing'), 'the alert is back'),
	'it comes back');
$sql->('UPDATE switch SET fails = false');
run_job('work');
ok( wait_for($node,
		q(SELECT resolved_at IS NOT NULL AND count = 2 FROM scheduler.alerts a JOIN scheduler.jobs USING (job_id)
			WHERE job_name = 'work' AND a.kind = 'job_failing'), 'the alert is resolved again'),
	'and goes again');
told('hook', $before, 'nobody is told of that');
$node->append_conf('postgresql.conf', "pg_scheduler.alert_reopen_window = 0\n");
$node->reload;
$before .= ', resolved job_failing work';
told('hook', $before, 'but of its end');
is($sql->(q(SELECT alert -> 'resolved_by', (alert ->> 'resolved_at')::timestamptz =
			(SELECT resolved_at FROM scheduler.alerts WHERE alert_id = (alert ->> 'alert_id')::bigint)
		FROM told_url WHERE handler_name = 'hook' AND event = 'resolved')),
	'null|t', 'with the time of it');
ok(wait_for($node, q(SELECT count(*) = 3 FROM told), 'the function was called'), 'a function hears it too');
is($sql->(q(SELECT count(*) FROM told WHERE alerts -> 0 ->> 'event' = 'resolved')), '1', 'once');
told('raised', 'raised job_failing work, raised job_failing alert handler gone',
	'one that did not ask for ends hears none');

# By hand
$sql->(q(SELECT scheduler.resolve_alerts('job_failing')));
$before .= ', resolved job_failing alert handler gone';
told('hook', $before, 'what is resolved by hand is told');
is($sql->(q(SELECT alert ->> 'resolved_by' = current_user FROM told_url
		WHERE handler_name = 'hook' AND event = 'resolved' AND job_name <> 'work')), 't', 'with who did it');

is($sql->(q(SELECT DISTINCT regexp_replace(body_text, '.*\r\n\r\n', '') FROM scheduler.http_responses h
		JOIN scheduler.runs r USING (run_id) WHERE r.job_name = 'alert handler chat' ORDER BY 1)),
	qq({"text": "error: alert handler gone"}\n{"text": "error: work"}), 'a webhook with a form of its own');

# A function that could not be called
$sql->(q(
	CREATE ROLE caller LOGIN;
	CREATE SCHEMA closed;
	CREATE FUNCTION closed.hear(alerts jsonb) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION hear_text(alerts text) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION hear_two(alerts jsonb, b int) RETURNS void LANGUAGE sql AS '';
	CREATE PROCEDURE hear_call(alerts jsonb) LANGUAGE sql AS '';
	CREATE FUNCTION hear_nobody(alerts jsonb, b int DEFAULT 1) RETURNS void LANGUAGE sql AS '';
	REVOKE EXECUTE ON FUNCTION hear_nobody FROM PUBLIC;
	GRANT USAGE ON SCHEMA closed TO caller;));
foreach my $case (['hear_text', '42P13'], ['hear_two', '42P13'], ['hear_call', '42P13'], ['hear_nobody', '42501'])
{
	my ($function, $code) = @$case;
	my ($ret, $out, $err) = $node->psql('postgres', qq(SET ROLE caller;
		SELECT scheduler.create_alert_handler('caller', '$function');), extra_params => ['-v', 'VERBOSITY=sqlstate']);
	like($err, qr/ERROR:  $code$/m, "$function: is no handler");
}
$sql->(q(SET ROLE caller; SELECT scheduler.create_alert_handler('caller', 'closed.hear')));
$sql->(q(SET ROLE caller; SELECT scheduler.drop_alert_handler('caller')));

# Others' alerts.  A handler that fails goes on to raise alerts of its own.
$sql->(q(SELECT scheduler.drop_alert_handler('gone')));
$sql->(qq(
	CREATE ROLE stranger LOGIN;
	SET ROLE stranger;
	SELECT scheduler.create_alert_webhook('nosy', '$base/echo');
	RESET ROLE;
	UPDATE switch SET fails = true));
run_job('work');
$before .= ', raised job_failing work';
told('hook', $before, 'the job fails again');
$sql->(q(SELECT scheduler.resolve_alerts('job_failing')));
told('hook', "$before, resolved job_failing work", 'and that is over');
is($sql->(q(SELECT count(*) FROM scheduler.runs WHERE owner = 'stranger'::regrole)),
	'0', 'nothing of that is told to a role that may not see it');

my $run;

# Bad input, and the end of handlers
my ($ret, $out, $err) = $node->psql('postgres', q(SELECT scheduler.create_alert_webhook('x', 'ftp://127.0.0.1/')));
like($err, qr/scheme|http/, 'only http and https');
($ret, $out, $err) = $node->psql('postgres',
	qq(SELECT scheduler.create_alert_webhook('x', '$base/echo', min_severity => 'loud')));
like($err, qr/invalid severity "loud"/, 'a severity that does not exist');
is($sql->(q(SELECT count(*) FROM scheduler.jobs WHERE job_name = 'alert handler x')), '0', 'leave no job');
$sql->(q(SELECT scheduler.create_alert_listener('gone', 'channel')));
is($sql->(q(SELECT h.kind, j.job_id FROM scheduler.alert_handlers h
		LEFT JOIN scheduler.jobs j ON j.job_name = 'alert handler gone' WHERE handler_name = 'gone')),
	'notify|', 'a webhook that becomes a listener leaves no job');
$sql->(q(SELECT scheduler.drop_alert_handler(handler_name) FROM scheduler.alert_handlers
	WHERE owner = current_user::regrole));
is($sql->(q(SELECT count(*) FROM scheduler.jobs WHERE job_name LIKE 'alert handler%' AND owner = current_user::regrole)),
	'0', 'dropped handlers leave none');

# What metrics say of requests, also of those whose job has gone
my $counts = q(
	SELECT count(*) FILTER (WHERE http_status / 100 = 2), count(*) FILTER (WHERE http_status / 100 = 5),
		count(*) FILTER (WHERE failure IS NOT NULL), count(*) FILTER (WHERE reused_connection),
		sum(GREATEST(total_size, 0)) FROM scheduler.http_responses);
request_all($node, 20, "$base/echo");
request_all($node, 10, "$base/status/503");
ok( wait_for($node, q(SELECT (http_2xx, http_5xx, http_errors, http_reused, http_bytes) = c FROM
		(SELECT sum(http_2xx)::bigint AS http_2xx, sum(http_5xx)::bigint AS http_5xx,
			sum(http_errors)::bigint AS http_errors, sum(http_reused)::bigint AS http_reused,
			sum(http_bytes)::bigint AS http_bytes FROM scheduler.metrics) m,
		LATERAL (SELECT t FROM (SELECT count(*) FILTER (WHERE http_status / 100 = 2),
			count(*) FILTER (WHERE http_status / 100 = 5), count(*) FILTER (WHERE failure IS NOT NULL),
			count(*) FILTER (WHERE reused_connection), sum(GREATEST(total_size, 0))::bigint
			FROM scheduler.http_responses) t) r (c)
		WHERE (SELECT count(*) FROM scheduler.http_responses WHERE http_status = 503) = 10),
		'all requests are in the metrics'),
	'metrics count all answers, failures, connections and bytes')
  or diag $sql->($counts) . ' and ' . $sql->(q(SELECT sum(http_2xx), sum(http_5xx), sum(http_errors),
		sum(http_reused), sum(http_bytes) FROM scheduler.metrics));
my ($answers) = split /\|/, $sql->($counts);
my $exposition = $sql->('SELECT scheduler.prometheus_metrics()');
like($exposition, qr/^pg_scheduler_http_responses_total\{database="postgres",queue="default",class="2xx"\} $answers$/m, 'so do those for Prometheus');
like($exposition, qr/^pg_scheduler_http_responses_total\{database="postgres",queue="default",class="5xx"\} 10$/m, 'with the errors of servers');
$run = $sql->("SELECT scheduler.http_request('$base/hang', max_retries => 0)");
ok( wait_for($node, q(SELECT scheduler.status() -> 'http' ->> 'in_flight' = '1'), 'one is under way'),
	'what is under way is shown');
ok( wait_for($node, q(SELECT count(*) > 0 FROM scheduler.scheduler_metrics WHERE http_in_flight = 1), 'a minute says so'),
	'and kept by the minute');
$sql->("SELECT scheduler.cancel_run($run)");
ok( wait_for($node, q(SELECT scheduler.status() -> 'http' ->> 'in_flight' = '0'), 'none is under way'), 'until it is over');

$node->stop;
done_testing();
