# HTTP jobs end to end: what is sent, what is kept, retries, signatures,
# secrets, the guard, one-off requests.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use SchedulerNode qw(begin_session);
use Test::More;

my $node = http_node('http');
my ($base) = start_hostile('127.0.0.1', '127.0.0.2');
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

#
# What is sent
#

my $secret_key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
$sql->("SELECT scheduler.set_secret('token', 'Bearer sesame-open-wide');
	SELECT scheduler.set_secret('key', 'whsec_$secret_key plainkey')");
$sql->(
	qq(SELECT scheduler.schedule_http_job('echo', 'now', '$base/echo/{{job_name}}?id={{args.id}}',
		headers => '{"X-Tag": ["a", "b"], "Authorization": {"secret": "token"}, "X-Run": "{{run_id}}-{{attempt}}"}',
		body => '{"name": "{{args.name}}", "data": {{args.data}}}',
		args => '{"id": "a/b c", "name": "say \\"hi\\"", "data": [1, true]}',
		signing_secret => 'key')));
ok( wait_for($node,
		"SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'echo' AND status = 'succeeded'",
		'the request is answered'),
	'a scheduled request succeeds');

my $request = $sql->("SELECT replace(body_text, E'\\r', '') FROM scheduler.http_responses");
my ($head, $body) = split /\n\n/, $request, 2;
my $header = sub { my ($name) = @_; $head =~ /^\Q$name\E: (.*)$/m ? $1 : undef };
like($head, qr{^POST /echo/echo\?id=a%2Fb%20c HTTP/1\.1\n}, 'URL template is expanded and escaped');
is($body, '{"name": "say \"hi\"", "data": [1, true]}', 'body template is expanded as JSON');
like($head, qr/^X-Tag: a\nX-Tag: b$/m, 'repeated header');
like($header->('X-Run'), qr/^\d+-1$/, 'header template');
is($header->('User-Agent'), 'pg_scheduler/1.0', 'user agent');
is($header->('Content-Type'), 'application/json', 'content type is found from the body');
is($header->('Idempotency-Key'), $header->('webhook-id'), 'one key under two names');
is( $header->('webhook-id'),
	$sql->("SELECT idempotency_key FROM scheduler.http_responses"),
	'the key is on record');

my $signed = join '.', $header->('webhook-id'), $header->('webhook-timestamp'), $body;
my $signatures = join ' ',
  map { 'v1,' . encode_base64(hmac_sha256($signed, $_), '') } decode_base64($secret_key), 'plainkey';
is($header->('webhook-signature'), $signatures, 'signature, with both keys');

is( $sql->(q(SELECT status, attempt, http_status, rows_affected IS NULL, error_message IS NULL, worker_pid > 0
			FROM scheduler.runs WHERE job_name = 'echo')),
	'succeeded|1|200|t|t|t',
	'the run is on record');
is($sql->(q(SELECT job_name, owner = current_user::regrole, attempt FROM scheduler.http_responses)), 'echo|t|1', 'the answer says whose it is');
is( $sql->(q(SELECT http_status, http_version, truncated, total_size = length(body), failure IS NULL,
		redirects, remote_address, total > 0, first_byte > 0, content_type FROM scheduler.http_responses)),
	'200|11|f|t|t|0|127.0.0.1|t|t|text/plain',
	'so is the answer');

# the secret was sent, and is nowhere to be seen
unlike($request, qr/sesame/, 'a secret that comes back is masked');
like($header->('Authorization'), qr/^\*+$/, 'with stars');
my $dump = $sql->(q(SELECT string_agg(t, E'\n') FROM (
	SELECT j::text FROM scheduler.jobs j UNION ALL SELECT r::text FROM scheduler.runs r
	UNION ALL SELECT h::text || convert_from(body, 'UTF8') FROM scheduler.http_responses h
	UNION ALL SELECT s::text FROM scheduler.secrets s
	UNION ALL SELECT a::text FROM pg_stat_activity a) x (t)));
unlike($dump, qr/sesame|$secret_key|plainkey/, 'no view shows a secret');
is(call($node, "$base/echo", q(r.status || ' ' || r.http_status), method => q('HEAD')), 'succeeded 200', 'HEAD');
is(call($node, "$base/echo", q(split_part(body_text, ' ', 1)), method => q('PATCH')), 'PATCH', 'PATCH');
$node->psql('postgres', "SELECT scheduler.set_secret('token', E'sesame\\nopen')");
unlike(slurp_file($node->logfile), qr/sesame|$secret_key/, 'the server log does not show a secret');

# with each statement in the log, there is a way to set one that is not seen
$sql->("SET log_statement = 'all'; SET log_min_duration_statement = 0;
COPY scheduler.secret_values FROM STDIN;
token\tBearer sesame-copied-in
\\.
");
like(slurp_file($node->logfile), qr/COPY scheduler\.secret_values/, 'COPY is logged');
unlike(slurp_file($node->logfile), qr/sesame|$secret_key/, 'what it copies is not');
like(
	call($node, "$base/echo", 'body_text', headers => q('{"Authorization": {"secret": "token"}}')),
	qr/^Authorization: \*+\r$/m, 'and is used');

#
# What is kept
#

is(call($node, "$base/dup-headers", q(headers)),
	'[["X-Repeated", "one"], ["X-Repeated", "two"], ["X-Repeated", "three"], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Content-Length", "2"]]',
	'headers in order and with repeats');
is(call($node, "$base/nul", q(r.status, body_text IS NULL, body)), 'succeeded|t|\x610062', 'a body that is no text');
is(call($node, "$base/invalid-utf8", q(r.status, body_text IS NULL, body)), 'succeeded|t|\xfffe80', 'nor UTF-8');

#
# Success and failure
#

is(call($node, "$base/status/204", 'r.status'), 'succeeded', '204 is a success');
is(call($node, "$base/status/304", 'r.status, r.http_status, r.sqlstate IS NULL, r.error_message'),
	'failed|304|t|the server answered with status 304', '304 is none');
is(call($node, "$base/status/304", 'r.status', success_codes => q('200,304')), 'succeeded', 'unless it is told so');
is(call($node, "$base/delay?ms=60000", 'r.status, r.sqlstate, h.failure', timeout => q('100 ms')),
	'timed_out|57014|timeout', 'timeout');
configure($node, http_timeout => '10 ms');
is(call_until($node, 'timed_out', "$base/delay?ms=1000", 'r.status'), 'timed_out', 'the timeout of the setting');
is(call($node, "$base/delay?ms=100", 'r.status', timeout => q('1 minute')), 'succeeded', 'gives way to that of the job');
configure($node, http_timeout => 0);
is(call_until($node, 'succeeded', "$base/redirect-to?u=/delay%3Fms=100", 'r.status', follow_redirects => 'true'), 'succeeded',
	'0 is no limit');
configure($node, http_timeout => undef);
is(call($node, 'http://127.0.0.1:1/', 'r.status, r.sqlstate, h.failure'), 'failed|08001|connect', 'nobody listens');
is(call($node, 'http://no-such-name.invalid/', 'r.status, r.sqlstate, h.failure'), 'failed|08001|resolve', 'no such name');

#
# Retries
#

my %fast = (max_retries => 2, retry_delay => q('1 ms'));
is(call($node, "$base/status/$_", 'r.attempt', %fast), 3, "$_ is tried again") foreach 408, 425, 429, 500, 503;
is(call($node, "$base/status/$_", 'r.attempt', %fast), 1, "$_ is not") foreach 400, 404, 410, 301;
is(call($node, "$base/reset-body", 'r.attempt', %fast), 3, 'a reset is tried again');
is(call($node, 'http://10.0.0.1/', 'r.attempt', %fast), 1, 'a refused address is not');
is(call($node, "$base/delay?ms=60000", 'r.attempt', %fast, timeout => q('50 ms')), 3, 'a timeout is tried again');
is(call($node, "$base/count/retry", 'r.attempt', %fast), 1, 'a success is not');

# the key is that of the occurrence
call($node, "$base/status/500", 'r.status', %fast);
is( $sql->(q(SELECT count(*), count(DISTINCT idempotency_key) FROM scheduler.http_responses
			WHERE run_id = (SELECT max(run_id) FROM scheduler.runs))),
	'3|1', 'all attempts have the same key');

# Retry-After takes the place of the backoff, up to max_retry_delay
my $wait = q(SELECT round(extract(epoch FROM next_attempt_at - finished_at)) FROM scheduler.runs
	WHERE run_id = %s AND attempt = 1);
my $retry_after = sub {
	my ($value, $more) = @_;
	my $run = $sql->("SELECT scheduler.http_request('$base/retry-after?v=$value', max_retries => 1,
		retry_delay => '30 seconds', backoff => 'fixed'$more)");
	wait_for($node, "SELECT count(*) > 0 FROM scheduler.run_history WHERE run_id = $run", 'the first attempt is over');
	my $result = $sql->(sprintf $wait, $run);
	$sql->("SELECT scheduler.cancel_run($run)");
	return $result;
};
is($retry_after->('120', ''), 120, 'Retry-After in seconds');
is($retry_after->('31536000', q(, max_retry_delay => '10 minutes')), 600, 'a year is cut');
is($retry_after->('Fri,%2031%20Dec%201999%2023:59:59%20GMT', ''), 0, 'a date that has passed');
cmp_ok($retry_after->('-5', ''), '<=', 30, 'a negative one is ignored');
cmp_ok($retry_after->('soon', ''), '<=', 30, 'so are words');

# exhausted: a dead letter, that can be redriven with the same key
$sql->("SELECT scheduler.schedule_http_job('dead', '0 0 1 1 *', '$base/status/500', max_retries => 1, retry_delay => '1 ms')");
my $run = $sql->("SELECT scheduler.run_job('dead')");
is($sql->("SELECT scheduler.wait_for_run($run)"), 'failed', 'out of attempts');
$sql->("SELECT scheduler.alter_http_job('dead', url => '$base/echo')");
my $again = $sql->("SELECT scheduler.redrive_dead_letter(dead_letter_id) FROM scheduler.dead_letters WHERE run_id = $run");
is($sql->("SELECT scheduler.wait_for_run($again)"), 'succeeded', 'a dead letter is redriven');
is($sql->("SELECT count(DISTINCT idempotency_key) FROM scheduler.http_responses WHERE run_id IN ($run, $again)"),
	1, 'with the same key');

#
# Redirects, and the guard
#

is(call($node, "$base/redirects/2", 'r.status, r.http_status', success_codes => q('302')), 'succeeded|302', 'a redirect is an answer');
is(call($node, "$base/redirects/2", 'r.http_status, h.redirects', follow_redirects => 'true'), '200|2', 'or followed');
is(call($node, "$base/redirect-loop", 'r.sqlstate, h.failure', follow_redirects => 'true'), '08P01|redirect', 'a loop ends');
is(call($node, "$base/redirect-to?u=http://10.0.0.1/", 'r.sqlstate, h.failure', follow_redirects => 'true'),
	'42501|refused_address', 'a redirect to a private address is refused');
(my $other = $base) =~ s/127\.0\.0\.1/127.0.0.2/;
unlike(
	call($node, "$base/redirect-to?u=$other/echo", 'body_text', follow_redirects => 'true',
		headers => q('{"Authorization": {"secret": "token"}}')),
	qr/Authorization/i, 'a secret does not cross hosts');

# what was allowed a moment ago, on a connection that is open
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'loopback is allowed here');
$sql->($_) foreach "ALTER SYSTEM SET pg_scheduler.http_allowed_networks = '127.0.0.2'", 'SELECT pg_reload_conf()';
my $refused = '';
for (1 .. 600)
{
	$refused = call($node, "$base/echo", 'h.failure');
	last if $refused eq 'refused_address';
}
is($refused, 'refused_address', 'a connection that is open is not used once its address is refused');
is(call($node, "$other/echo", 'r.status'), 'succeeded', 'another address is');
my ($status, $out, $err) = $node->psql('postgres', "ALTER SYSTEM SET pg_scheduler.http_allowed_networks = '10.0.0.0/99'");
isnt($status, 0, 'a bad network is refused');
$sql->($_) foreach 'ALTER SYSTEM RESET pg_scheduler.http_allowed_networks', 'SELECT pg_reload_conf()';
for (1 .. 600)
{
	last if call($node, "$base/echo", 'r.status') eq 'succeeded';
}

#
# One-off requests
#

$sql->("BEGIN; SELECT scheduler.http_request('$base/count/outbox'); ROLLBACK");
$sql->("BEGIN; SELECT scheduler.http_request('$base/count/outbox'); COMMIT");
ok( wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'all is sent'), 'all requests are over');
is(counted($node, $base, 'outbox'), '1 1', 'only what was committed was sent');
is( $sql->(q(SELECT count(*) FROM scheduler.http_jobs j WHERE one_off
		AND NOT EXISTS (SELECT FROM scheduler.dead_letters d WHERE d.job_id = j.job_id))),
	0, 'jobs of one-off requests go with them, unless they became dead letters');
$sql->("SELECT scheduler.discard_dead_letter(dead_letter_id) FROM scheduler.dead_letters WHERE job_name LIKE 'http\\_request\\_%'");
is($sql->('SELECT count(*) FROM scheduler.http_jobs WHERE one_off'), 0, 'or until these are discarded');

#
# Cancelling, overlap, replacing by another kind
#

$sql->("SELECT scheduler.schedule_http_job('hang', '0 0 1 1 *', '$base/hang')");
$run = $sql->("SELECT scheduler.run_job('hang')");
ok(wait_for($node, "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $run", 'it runs'), 'a hanging request is running');
is($sql->("SELECT scheduler.run_job('hang') > 0"), 't', 'a second run of it');
is($sql->("SELECT count(*) FROM scheduler.runs WHERE job_name = 'hang' AND status = 'running'"), 1, 'waits');
is($sql->("SELECT scheduler.cancel_run($run)"), 't', 'it can be cancelled');
is($sql->("SELECT scheduler.wait_for_run($run)"), 'cancelled', 'and is');
ok(wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'hang' AND status = 'running'", 'the second runs'), 'then the second runs');
$sql->("SELECT scheduler.schedule_job('hang', '0 0 1 1 *', 'SELECT 1')");
$sql->("SELECT scheduler.cancel_run(run_id) FROM scheduler.runs WHERE job_name = 'hang' AND status = 'running'");
ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'it is over'), 'a job may become one of SQL meanwhile');
$run = $sql->("SELECT scheduler.run_job('hang')");
is($sql->("SELECT scheduler.wait_for_run($run)"), 'succeeded', 'which runs');
$sql->("SELECT scheduler.schedule_http_job('hang', '0 0 1 1 *', '$base/hang')");
$run = $sql->("SELECT scheduler.run_job('hang')");
ok(wait_for($node, "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $run", 'it runs'), 'and back');
$sql->("SELECT scheduler.unschedule_job('hang', cancel => true)");
ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'it is over'), 'dropping a job cancels its request');

# When a failure is being put on record, it is the next attempt that is cancelled
my $http = q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_scheduler http worker');
my $locker = begin_session($node, 'postgres');
$sql->("SELECT scheduler.schedule_http_job('late', '0 0 1 1 *', '$base/status/500', max_retries => 1, retry_delay => '1 day')");
$locker->query_safe('BEGIN; LOCK TABLE scheduler.run_history IN SHARE MODE');
$run = $sql->("SELECT scheduler.run_job('late')");
ok(wait_for($node, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid IN ($http)", 'it waits'),
	'a failure is put on record');
is($sql->("SELECT pg_cancel_backend(pid) FROM ($http) w"), 't', 'a cancellation of the process comes');
is($sql->("SELECT scheduler.cancel_run($run)"), 't', 'and one of the run');
$locker->query_safe('COMMIT');
$locker->quit;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'cancelled', 'the run is');
is($sql->("SELECT string_agg(attempt || ' ' || status, ', ' ORDER BY attempt) FROM scheduler.runs WHERE run_id = $run"),
	'1 failed, 2 cancelled', 'in its next attempt');

# One that is not committed keeps nobody else waiting
$locker = begin_session($node, 'postgres');
$sql->("SELECT scheduler.create_queue('closed', enabled => false)");
$sql->("SELECT scheduler.schedule_http_job('undecided', '0 0 1 1 *', '$base/count/undecided', queue => 'closed')");
$run = $sql->("SELECT scheduler.run_job('undecided')");
$locker->query_safe("BEGIN; SELECT scheduler.cancel_run($run)");
$sql->("SELECT scheduler.start_queue('closed')");
foreach (1 .. 5)
{
	my $other = $sql->("SELECT scheduler.http_request('$base/count/decided')");

	is($sql->("SELECT scheduler.wait_for_run($other, '1 minute')"), 'succeeded', 'other requests go on');
}
$locker->query_safe('COMMIT');
$locker->quit;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'cancelled', 'a run that somebody was about to cancel');
is(counted($node, $base, 'undecided'), '0 0', 'was not begun meanwhile');

# Nor does one who has locked the job of a request
$locker = begin_session($node, 'postgres');
my $pid = http_worker_pid($node);
kill 'STOP', $pid;
$run = $sql->("SELECT scheduler.http_request('$base/count/locked')");
$locker->query_safe("BEGIN; SELECT scheduler.alter_http_job(job_id, url => '$base/count/locked')
	FROM scheduler.runs WHERE run_id = $run");
kill 'CONT', $pid;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'succeeded', 'a request whose job is locked is recorded');
$locker->query_safe('COMMIT');
$locker->quit;

# Who dies before it sees to a cancellation leaves it behind
$sql->("SELECT scheduler.schedule_http_job('hang', '0 0 1 1 *', '$base/hang')");
$run = $sql->("SELECT scheduler.run_job('hang')");
ok(wait_for($node, "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $run", 'it runs'), 'a request is under way');
$pid = http_worker_pid($node);
kill 'STOP', $pid;
is($sql->("SELECT scheduler.cancel_run($run)"), 't', 'it is cancelled');
kill 'TERM', $pid;
kill 'CONT', $pid;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'cancelled', 'and does not begin again when the process goes');

unlike(slurp_file($node->logfile), qr/(ERROR|PANIC|FATAL|WARNING):  (?!invalid value|parameter|secret|terminating)/,
	'nothing went wrong on the way');
$node->stop('fast');
done_testing();
