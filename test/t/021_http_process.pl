# The HTTP worker as a process: crash, termination, stop, shutdown, many
# requests at once, and commands that need it gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Utils;
use SchedulerNode qw(kill_server start_again wait_for_processes_gone);
use Test::More;
use Time::HiRes 'time';

my $node = http_node('http');
my ($base) = start_hostile();
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

sub wait_for_running
{
	my ($n, $database) = @_;

	ok( wait_for($node, "SELECT count(*) = $n FROM scheduler.runs WHERE status = 'running'",
			"$n requests are under way", $database),
		"$n requests are under way");
}

sub wait_for_quiet
{
	my ($database) = @_;

	ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'all is over', $database),
		'all requests are over');
}

# A server that has 500 requests and answers none of them is stopped; its
# successor answers all that are sent again.
my ($silent, $silent_pid) = start_hostile();

sub requests_under_way
{
	my ($n, $name) = @_;

	request_all($node, $n, "$silent/hang/" . ($name // ''));
	wait_for_running($n);
}

# The keys that a server was sent under a name
sub keys_of
{
	my ($server, $name) = @_;
	my ($head, @keys) = split /\n/, call($node, "$server/counts/$name", 'body_text');

	return join ' ', @keys;
}

# From here on the same requests are answered.  They go to the URL that their
# jobs have, which is changed while they are under way.
sub answer_from_now_on
{
	my ($name) = @_;

	$sql->("UPDATE scheduler.job SET request = jsonb_set(request, '{url}', to_jsonb('$base/count/$name'::text))
			 WHERE request ? 'one_off'");
}

#
# kill -9: the server restarts, and every occurrence is sent again
#

requests_under_way(500, 'killed');
my $sent_keys = '';
for (1 .. 600)
{
	$sent_keys = keys_of($silent, 'killed');
	last if split(/ /, $sent_keys) == 500;
}
is(scalar(split / /, $sent_keys), 500, 'all have arrived at the server');
my $ids = $sql->('SELECT md5(string_agg(run_id::text, \',\' ORDER BY run_id)) FROM scheduler.pending_run');
answer_from_now_on('killed');
kill 'KILL', http_worker_pid($node);
ok(wait_for($node, "SELECT pg_postmaster_start_time() < now()", 'the server is back'), 'the server comes back');
wait_for_quiet();
is($sql->('SELECT database, role IS NULL, state, runs > 0 FROM scheduler.workers WHERE pid = ' . http_worker_pid($node)),
	'postgres|t|idle|t', 'the process is among the workers');
is( $sql->("SELECT status, count(*) FROM scheduler.runs JOIN scheduler.http_responses USING (run_id)
	 WHERE final_url LIKE '%/count/killed' GROUP BY status"),
	'succeeded|500', 'kill -9: all were sent again');
is(counted($node, $base, 'killed'), '500 500', 'once each');
is(keys_of($base, 'killed'), $sent_keys, 'with the keys of the first time');
is( $sql->(q(SELECT md5(string_agg(run_id::text, ',' ORDER BY run_id)) FROM scheduler.runs
			  WHERE job_name LIKE 'http\_request\_%' AND run_id IN (SELECT run_id FROM scheduler.http_responses WHERE final_url LIKE '%/count/%'))),
	$ids, 'the same runs');

#
# Terminated: the same, and nobody else notices
#

requests_under_way(500);
answer_from_now_on('terminated');
my $backends = $sql->("SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity
	WHERE backend_type IN ('pg_scheduler scheduler', 'pg_scheduler launcher')");
my $pid = http_worker_pid($node);
$sql->("SELECT pg_terminate_backend($pid)");
wait_for_quiet();
is(counted($node, $base, 'terminated'), '500 500', 'pg_terminate_backend(): all were sent again');
isnt(http_worker_pid($node), $pid, 'by another process');
is( $sql->("SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity
	WHERE backend_type IN ('pg_scheduler scheduler', 'pg_scheduler launcher')"),
	$backends, 'while the others went on');

#
# The scheduler is restarted while requests are under way
#

requests_under_way(100);
$pid = $sql->("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_scheduler scheduler'");
$sql->('SELECT scheduler.restart()');
ok( wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity
	 WHERE backend_type = 'pg_scheduler scheduler' AND pid <> $pid", 'there is another scheduler'),
	'another scheduler takes over');
wait_for_running(100);
$sql->("SELECT scheduler.cancel_run(run_id) FROM scheduler.pending_run");
wait_for_quiet();
like(statuses($node), qr/^cancelled 100, /, 'it learns of their end');

#
# scheduler.stop(): what is not answered in time is done again
#

requests_under_way(100);
answer_from_now_on('stopped');
$sql->("SELECT scheduler.stop('0 seconds')");
ok( wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_scheduler http worker'", 'it has gone'),
	'stop: the process leaves');
is($sql->("SELECT status, count(*) FROM scheduler.runs JOIN scheduler.pending_run USING (run_id) GROUP BY 1"),
	'queued|100', 'the requests are still to be done');
$sql->('SELECT scheduler.start()');
wait_for_quiet();
is(counted($node, $base, 'stopped'), '100 100', 'start: they are');

#
# 2,000 at once, answered after 10 seconds, in memory that does not grow
#

# Bytes of memory of its own that a process has, or undef where nobody tells.
sub memory_of
{
	my ($process) = @_;

	return if defined $ENV{SERVER_WRAPPER} || !-r "/proc/$process/status";
	return slurp_file("/proc/$process/status") =~ /^RssAnon:\s*(\d+) kB/m ? $1 * 1024 : undef;
}

# Connections that are kept open get their buffers one after the other, as they
# are used again; 4 kB for each request of 10,000 would be a leak.
sub is_flat
{
	my ($before, $after, $name) = @_;

  SKIP:
	{
		skip 'the size of a process is not to be had', 1 unless defined $before && defined $after;
		note(sprintf '%s: %.1f MB before, %.1f MB now', $name, $before / 1e6, $after / 1e6);
		cmp_ok($after - $before, '<', 10_000 * 4096, $name);
	}
}

my $answered = 'count(*) FILTER (WHERE http_status = 200)';
my $slow = "FROM scheduler.http_responses WHERE final_url LIKE '%/delay?ms=10000'";
my $work = sub {
	for (1 .. $_[0])
	{
		request_all($node, 2000, "$base/echo");
		wait_for_quiet();
	}
};
$pid = http_worker_pid($node);
request_all($node, 2000, "$base/delay?ms=10000");
wait_for_running(2000);
wait_for_quiet();
my $used = memory_of($pid);
is($sql->("SELECT count(*), $answered, min(total) >= 10000000 $slow"), '2000|2000|t',
	'2,000 at once are answered, after 10 seconds');
SKIP:
{
	skip 'the size of a process is not to be had', 1 unless defined $used;
	cmp_ok($used, '<', 2000 * 50_000, 'which takes a few kilobytes for each');
}

# the process that has done this does it again
$work->(4);
is_flat($used, memory_of($pid), 'memory after 8,000 more');
requests_under_way(2000);
is_flat($used, memory_of($pid), 'memory with 2,000 in flight again');
is(http_worker_pid($node), $pid, 'in the same process');

#
# Shutdown with these under way: nobody waits for answers that never come
#

my $since = time;
$node->stop('fast');
note(sprintf 'the server stopped in %.0f ms', 1000 * (time - $since));
$node->start;
wait_for_running(2000);
is($sql->("SELECT count(*), min(attempt), max(attempt) FROM scheduler.runs WHERE status = 'running'"),
	'2000|1|1', 'none was lost, nor counted as tried');
answer_from_now_on('shutdown');
$since = time;
$node->stop('fast');
$node->start;
note(sprintf 'it restarted in %.0f ms', 1000 * (time - $since));
wait_for_quiet();
is(counted($node, $base, 'shutdown'), '2000 2000', 'each is sent again');

#
# The postmaster dies, and an immediate shutdown: no process stays behind, for
# answers that may never come
#

foreach my $how ('kill -9 of the postmaster', 'immediate shutdown')
{
	my $name = $how =~ /kill/ ? 'headless' : 'immediate';

	requests_under_way(500, $name);
	answer_from_now_on($name);
	$name eq 'headless' ? kill_server($node) : $node->stop('immediate');
	ok(wait_for_processes_gone($node), "$how: all processes have gone");
	start_again($node);
	wait_for_quiet();
	is(counted($node, $base, $name), '500 500', "$how: all were sent again");
}

#
# on_lost => 'fail'
#

$sql->("SELECT scheduler.schedule_http_job('once', '0 0 1 1 *', '$base/hang', on_lost => 'fail', max_retries => 3)");
my $run = $sql->("SELECT scheduler.run_job('once')");
wait_for_running(1);
$sql->('SELECT pg_terminate_backend(' . http_worker_pid($node) . ')');
is($sql->("SELECT scheduler.wait_for_run($run)"), 'lost', 'a job that must not be sent twice is not');

#
# It leaves when there is nothing to do
#

$sql->("ALTER SYSTEM SET pg_scheduler.worker_idle_timeout = '100 ms'");
$sql->("SELECT pg_reload_conf()");
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'a request');
ok( wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_scheduler http worker'", 'it has gone'),
	'an idle process leaves');
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'and is started again');
$sql->("ALTER SYSTEM RESET pg_scheduler.worker_idle_timeout");
$sql->("SELECT pg_reload_conf()");

#
# Commands that need it gone
#

$sql->('CREATE ROLE owner LOGIN');
$sql->("SET ROLE owner; SELECT scheduler.schedule_http_job('mine', '0 0 1 1 *', '$base/hang'); SELECT scheduler.run_job('mine')");
wait_for_running(1);
my ($status, $out, $err) = $node->psql('postgres', 'DROP ROLE owner');
like($err, qr/owns scheduled jobs/, 'DROP ROLE is refused while a request of it is under way');
$sql->('DROP OWNED BY owner');
$node->psql('postgres', 'DROP ROLE owner');
$sql->("SELECT scheduler.cancel_run(run_id) FROM scheduler.pending_run");
wait_for_quiet();

#
# Owners that may not run jobs any more
#

$sql->('CREATE ROLE owner LOGIN');
my $job = $sql->("SET ROLE owner; SELECT scheduler.schedule_http_job('orphan', '0 0 1 1 *', '$base/echo', max_retries => 3);
	SELECT scheduler.set_secret('lonely', 'value')");
($job) = $job =~ /(\d+)/;
$sql->('ALTER ROLE owner NOLOGIN');
$run = $sql->("SELECT scheduler.run_job($job)");
$sql->("SELECT scheduler.wait_for_run($run)");
is( $sql->("SELECT attempt, status, error_message FROM scheduler.runs WHERE run_id = $run"),
	$node->pg_version < 17 ? '1|failed|role "owner" is not permitted to log in' : '1|succeeded|',
	'an owner without LOGIN is treated as for SQL jobs');
is($sql->("SELECT state FROM scheduler.jobs WHERE job_id = $job"), 'active', 'its jobs stay on');

$node->safe_psql('template1', 'DROP ROLE owner');
$sql->("SELECT count(scheduler.run_job($job)) FROM generate_series(1, 3)");
wait_for_quiet();
like( $sql->("SELECT DISTINCT attempt, status, sqlstate, error_message FROM scheduler.runs WHERE job_id = $job AND run_id > $run"),
	qr/^1\|failed\|42704\|the owner of the job, the role with OID \d+, does not exist$/,
	'requests of a role that was dropped elsewhere fail, and say why');
ok( wait_for($node, "SELECT state = 'paused' AND paused_reason = 'its owner does not exist any more'
	   FROM scheduler.jobs WHERE job_id = $job", 'the job is paused'),
	'its jobs are turned off');
ok( wait_for($node, "SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'owner_dropped' AND resolved_at IS NULL", 'there is an alert'),
	'with an alert');
$sql->('SELECT scheduler.restart()');
ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.secrets', 'its secrets have gone'), 'its secrets go');
$sql->("SELECT scheduler.unschedule_job($job)");

#
# A job that changes hands while requests of it are under way and queued
#

$sql->('CREATE ROLE giver LOGIN; CREATE ROLE taker LOGIN');
$sql->("SET ROLE giver; SELECT scheduler.schedule_http_job('given', '0 0 1 1 *', '$silent/hang')");
$sql->("SET ROLE giver; SELECT scheduler.run_job('given'), scheduler.run_job('given')");
wait_for_running(1);
$sql->('REASSIGN OWNED BY giver TO taker; DROP ROLE giver');
ok( wait_for($node, "SELECT string_agg(owner || ' ' || status, ', ' ORDER BY run_id) ~ '^[0-9]+ running, taker queued\$'
	   FROM scheduler.runs WHERE job_name = 'given'", 'the queued run has gone with the job'),
	'a run that waits goes with its job to another owner, one that is under way does not');
$sql->("SET ROLE taker; SELECT scheduler.alter_http_job('given', url => '$base/echo')");
$sql->('SELECT pg_terminate_backend(' . http_worker_pid($node) . ')');
wait_for_quiet();
is( $sql->("SELECT string_agg(CASE WHEN owner::text = 'taker' THEN 'taker ' ELSE '' END || status, ', ' ORDER BY run_id)
	  FROM scheduler.runs WHERE job_name = 'given'"),
	'taker succeeded, taker succeeded', 'unless it has to be sent again');
$sql->('DROP OWNED BY taker; DROP ROLE taker');

requests_under_way(50);
$sql->('DROP EXTENSION pg_scheduler');
ok( wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_scheduler http worker'", 'it has gone'),
	'DROP EXTENSION with requests under way');
$sql->('CREATE EXTENSION pg_scheduler');
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'a new one works');

$sql->('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION pg_scheduler');
request_all($node, 50, "$silent/hang", 'other');
wait_for_running(50, 'other');
$sql->('DROP DATABASE other');
is($sql->("SELECT count(*) FROM pg_database WHERE datname = 'other'"), 0, 'DROP DATABASE with requests under way');
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'the database beside it works');

# There is no key file: of that each secret warns.
unlike(slurp_file($node->logfile), qr/(PANIC|TRAP|WARNING):  (?!secret ".*" is not encrypted)|ERROR:  (?!role)/,
	'nothing went wrong on the way');
$node->stop('fast');
done_testing();
