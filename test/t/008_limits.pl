#
# What is at its limit, or held up, waits or fails with a clear record, and
# everything else goes on.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

# The launchers of logical replication and of pg_scheduler, the scheduler, and
# one more process, for a pool of two.
my $node = new_node('limits', conf => qq(
max_worker_processes = 4
max_prepared_transactions = 2
pg_scheduler.max_workers = 2
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Run a job of any role, and return its run.
sub run_again
{
	my ($name) = @_;

	return sql("SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = '$name'");
}

# The same with a new job.
sub run_now
{
	my ($name, $command, $options) = @_;

	$options = $options ? ", $options" : '';
	sql("SELECT scheduler.schedule_job('$name', '\@yearly', \$\$$command\$\$$options)");
	return run_again($name);
}

sub wait_for_run
{
	my ($run, $status, $what) = @_;

	is(sql("SELECT scheduler.wait_for_run($run, '2 minutes')"), $status, $what)
	  or diag(run_error($run));
}

sub run_error
{
	my ($run) = @_;

	return sql("SELECT sqlstate, error_message FROM scheduler.runs
		WHERE run_id = $run ORDER BY attempt DESC LIMIT 1");
}

add_log_table($node);
sql('CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN');

# No process for another worker.  The first role keeps the only one busy.
my $offset = -s $node->logfile;
my $long = run_now('long', 'SELECT pg_sleep(3600)');
wait_for_running($node, 'long');
my $other = run_now('other', 'SELECT 1', "run_as => 'alice'");
$node->wait_for_log(qr/WARNING: .*pg_scheduler could not start a worker/, $offset);
$node->wait_for_log(qr/HINT: .*Increase max_worker_processes/, $offset);
pass('without a free process, a warning says what to do');
ok( $node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.alerts
		WHERE kind = 'worker_slots_exhausted' AND resolved_at IS NULL)),
	'with an alert');
# The next try is an hour off, should nothing happen.
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '-1h'));
$node->reload;
$node->poll_query_until('postgres', q(SELECT current_setting('pg_scheduler.clock_offset') <> '0'));
sql("SELECT scheduler.cancel_run($long)");
wait_for_run($other, 'succeeded', 'a worker of another role makes room, and it is taken at once');
wait_for_run($long, 'cancelled', 'and what was cancelled is');
ok( $node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM scheduler.alerts
		WHERE kind = 'worker_slots_exhausted' AND resolved_at IS NULL)),
	'the alert is resolved');

sql(q(ALTER SYSTEM RESET pg_scheduler.clock_offset));
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->restart;

# Roles that may not connect.
my $bob = run_now('bob', 'SELECT 1', "run_as => 'bob'");
wait_for_run($bob, 'succeeded', 'a role that may connect');
SKIP:
{
	skip 'background workers do not need LOGIN', 2 if $node->pg_version >= 17;

	sql('ALTER ROLE bob NOLOGIN');
	$bob = run_again('bob');
	wait_for_run($bob, 'failed', 'a role without LOGIN');
	like(run_error($bob), qr/^28000\|role "bob" is not permitted to log in$/, 'says so');
	sql('ALTER ROLE bob LOGIN');
}
sql('REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
$bob = run_again('bob');
wait_for_run($bob, 'failed', 'a role without CONNECT');
like(run_error($bob), qr/^42501\|role "bob" may not connect to database "postgres"$/, 'says so');
sql('GRANT CONNECT ON DATABASE postgres TO PUBLIC');
$bob = run_again('bob');
wait_for_run($bob, 'succeeded', 'a role that may connect again');

# Limits of connections, which clients have used up.  Whether background workers
# have to keep to them depends on the minor release; a run that may not connect
# has failed, and says why.
sub retire_workers
{
	sql(q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'pg_scheduler worker'));
	wait_until(sub { sql(q(SELECT count(*) FROM scheduler.workers)) eq '0' }, 'workers have left');
}

sub check_limit
{
	my ($run, $what) = @_;
	my $status = sql("SELECT scheduler.wait_for_run($run, '2 minutes')");

	like("$status: " . run_error($run), qr/^succeeded: |^failed: 53300\|.*too many connections for /,
		$what);
}

my @clients = map {
	begin_session($node, 'postgres', extra_params => [ '-U', 'bob' ])
} 1 .. 2;
retire_workers();
sql('ALTER ROLE bob CONNECTION LIMIT 1');
$bob = run_again('bob');
check_limit($bob, 'a role at its limit of connections');
sql('ALTER ROLE bob CONNECTION LIMIT -1');

retire_workers();
sql('ALTER DATABASE postgres CONNECTION LIMIT 1');
$bob = run_again('bob');
check_limit($bob, 'a database at its limit of connections');
wait_for_run(run_now('super', 'SELECT 1'), 'succeeded', 'others go on');
sql('ALTER DATABASE postgres CONNECTION LIMIT -1');
$bob = run_again('bob');
wait_for_run($bob, 'succeeded', 'when there is room, it runs');
$_->quit foreach @clients;

# A lock on the job's table, held by a prepared transaction.
sql('CREATE TABLE locked (a int); GRANT INSERT ON locked TO alice');
sql(q(BEGIN; LOCK TABLE locked; PREPARE TRANSACTION 'lock'));
my $locked = run_now('locked', 'INSERT INTO locked VALUES (1)', "run_as => 'alice'");
wait_for_running($node, 'locked');
wait_for_run(run_now('free', 'SELECT 1', "run_as => 'bob'"), 'succeeded',
	'others go on while a run waits for a prepared transaction');
is(sql("SELECT status FROM scheduler.runs WHERE run_id = $locked"), 'running', 'which it still does');
sql(q(COMMIT PREPARED 'lock'));
wait_for_run($locked, 'succeeded', 'when the lock is gone, it ends');

# Definitions cannot be left half done.
my $err;
$node->psql('postgres', q(BEGIN; SELECT scheduler.schedule_job('prepared', 'now', 'SELECT 1');
	PREPARE TRANSACTION 'job'), stderr => \$err);
like($err, qr/cannot PREPARE a transaction that has changed scheduled jobs/,
	'a change of jobs cannot be prepared');
sql('CREATE DATABASE prepared');
foreach my $command ('CREATE', 'DROP')
{
	$node->psql('prepared', "BEGIN; $command EXTENSION pg_scheduler; PREPARE TRANSACTION 'extension'",
		stderr => \$err);
	like($err, qr/cannot PREPARE a transaction that has created or dropped extension "pg_scheduler"/,
		"nor can $command EXTENSION");
	$node->safe_psql('prepared', "$command EXTENSION pg_scheduler");
}

# Who locks the tables of the scheduler holds up jobs, but no shutdown.
sql(q(BEGIN; LOCK TABLE scheduler.pending_run; PREPARE TRANSACTION 'tables'));
$node->safe_psql('postgres', 'SELECT scheduler.restart()');
$node->stop('fast');
pass('a shutdown while the tables of the scheduler are locked');
$node->start;
sql(q(ROLLBACK PREPARED 'tables'));
wait_for_run(run_now('after', 'SELECT 1'), 'succeeded', 'and when they are not, jobs run');

# All workers are taken by a role with a long queue.
sql(q(SELECT count(scheduler.schedule_job('tx_queue_' || i, 'now', 'SELECT note_run(), pg_sleep(0.2)',
	run_as => 'alice')) FROM generate_series(1, 100) i));
wait_for_status($node, 'tx_queue_1', 'succeeded');
wait_for_run(run_now('between', 'SELECT 1', "run_as => 'bob'"), 'succeeded',
	'a role with a long queue does not keep others out');
cmp_ok(sql(q(SELECT count(*) FROM scheduler.runs WHERE job_name LIKE 'tx\_queue%' AND status = 'queued')),
	'>', 0, 'its queue is still there');
sql(q(SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs WHERE job_name LIKE 'tx\_queue%'));
wait_for_quiet($node);

# No room for records: no file of the server may grow above 20 MB, and errors
# are as long as they can be.
SKIP:
{
	my $limit = 20 * 1024 * 1024;
	my $set_limit = sub {
		my ($value) = @_;
		my %all = processes($node);

		return system('prlimit', "--fsize=$value:", '--pid', $node->{_pid}) == 0 &&
		  !grep { system("prlimit --fsize=$value: --pid $_ 2>/dev/null") != 0 && kill(0, $_) } keys %all;
	};

	skip 'no prlimit', 5 unless $set_limit->($limit);

	my $message = q(DO $do$ BEGIN RAISE EXCEPTION '%',
		(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 60000)); END $do$);

	sql("SELECT scheduler.schedule_job('loud', 'every 20 milliseconds', \$message\$$message\$message\$)");
	sql(q(SELECT scheduler.schedule_job('tx_quiet', 'every 20 milliseconds', 'SELECT note_run()')));
	ok( $node->poll_query_until('postgres', q(SELECT count(*) > 0 FROM scheduler.run_history
			WHERE job_name = 'loud' AND error_detail LIKE 'The whole of it could not be recorded:%')),
		'when a record cannot be written, a small one is');
	my $last = sql('SELECT max(run_id) FROM effect');
	ok($node->poll_query_until('postgres', "SELECT count(*) > 2 FROM effect WHERE run_id > $last"),
		'jobs whose records find room go on');

	$set_limit->('unlimited');
	my $loud = sql('SELECT max(run_id) FROM scheduler.run_history');
	ok( $node->poll_query_until('postgres', "SELECT count(*) > 0 FROM scheduler.run_history
			WHERE job_name = 'loud' AND run_id > $loud AND error_detail IS NULL"),
		'when there is room again, all of it is recorded');
	ok( $node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM scheduler.alerts
			WHERE kind = 'recording_failed' AND resolved_at IS NULL)),
		'and the alert is resolved');
	finish_jobs($node, "job_name IN ('loud', 'tx_quiet')");
	wait_for_quiet($node);
}
unlike(slurp_file($node->logfile), qr/PANIC|reinitializing/, 'the server has not crashed');

check_records($node, 'in the end');
# A cancellation that a worker does not live to see is that of the next attempt.
sql(q(SELECT scheduler.schedule_job('sleeps', '@at 2199-12-31', 'SELECT pg_sleep(3600)',
	max_retries => 1, retry_delay => '0')));
my $late = sql(q(SELECT scheduler.run_job('sleeps')));
wait_for_running($node, 'sleeps');
my $pid = sql(q(SELECT worker_pid FROM scheduler.runs WHERE job_name = 'sleeps' AND status = 'running'));
kill 'STOP', $pid;
is(sql("SELECT scheduler.cancel_run($late)"), 't', 'a run is cancelled');
kill 'TERM', $pid;
kill 'CONT', $pid;
is(sql("SELECT scheduler.wait_for_run($late, '3 minutes')"), 'cancelled',
	'it is when its worker has died of something else');
is(sql("SELECT string_agg(attempt || ' ' || status, ', ' ORDER BY attempt) FROM scheduler.runs WHERE run_id = $late"),
	'1 failed, 2 cancelled', 'in its next attempt');

# Bytes that the scheduler keeps in no context of their own, which nothing frees
sub memory_for_ever
{
	my $offset = -s $node->logfile;

	sql(q(SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity
		WHERE backend_type = 'pg_scheduler scheduler'));
	$node->wait_for_log(qr/Grand total/, $offset);
	slurp_file($node->logfile, $offset) =~ /TopMemoryContext: .* (\d+) used/
		or die 'no memory contexts in the log';
	return $1;
}

# Jobs that come and go, one by one
sub change_jobs
{
	my ($n) = @_;

	sql(join('', map {
		"SELECT scheduler.schedule_job('$_', '\@at 2199-12-31', 'SELECT 1');
		SELECT scheduler.unschedule_job('$_');\n" } 1 .. $n));
	wait_for_quiet($node);
}

change_jobs(100);
my $kept = memory_for_ever();
change_jobs(500);
my $grown = memory_for_ever() - $kept;
cmp_ok($grown, '<', 20_000, 'a cycle of the scheduler leaves no memory behind');

$node->stop;
done_testing();
