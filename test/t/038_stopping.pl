#
# 038_stopping.pl
#	  Runs that are ended: at once or after a while, by whom, and what is left of them.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerNode;
use Test::More;

my $node = new_node('stopping');
wait_for_scheduler($node);

sub sql { return $node->safe_psql('postgres', join(";\n", @_)); }

# status, SQLSTATE and why of the last run of a job that is over
sub last_end
{
	my ($job) = @_;

	return sql("SELECT concat_ws(', ', status, sqlstate, error_detail) FROM scheduler.runs
		WHERE job_name = '$job' AND status NOT IN ('queued', 'running') ORDER BY run_id DESC LIMIT 1");
}

sub start
{
	my ($job, $command, $options) = @_;

	$options = $options ? ", $options" : '';
	sql("SELECT scheduler.schedule_job('$job', '\@at 2199-12-31', \$j\$$command\$j\$$options)");
	my $run = sql("SELECT scheduler.run_job('$job')");
	wait_for_running($node, $job);
	return $run;
}

sub ends_as
{
	my ($run, $status, $what) = @_;

	is(sql("SELECT scheduler.wait_for_run($run, '3 minutes')"), $status, $what);
}

sql('CREATE TABLE effect (what text)',
	q(CREATE FUNCTION swallow() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO effect VALUES ('begun');
		BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
		INSERT INTO effect VALUES ('ended'); END $$),
	q(CREATE FUNCTION translate() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_sleep(600);
	EXCEPTION WHEN query_canceled THEN RAISE EXCEPTION 'cleaning up failed'; END $$),
	q(CREATE PROCEDURE swallow_call() LANGUAGE plpgsql AS $$ BEGIN PERFORM swallow(); END $$));

# A cancellation that is swallowed, by a statement and by a procedure
foreach my $command ('SELECT swallow()', 'CALL swallow_call()')
{
	my $run = start('swallows', $command);
	sql("SELECT scheduler.cancel_run($run)");
	ends_as($run, 'cancelled', "$command: a cancellation that is swallowed counts");
	is(sql('SELECT count(*) FROM effect'), '0', '... and its effects are undone');
}
my $run = start('translates', 'SELECT translate()', 'max_retries => 3');
sql("SELECT scheduler.cancel_run($run)");
ends_as($run, 'cancelled', 'one that is turned into another error counts');
like(last_end('translates'), qr/^cancelled, 57014, Role ".*" cancelled it with cancel_run\(\)\. Its end was the error: cleaning up failed$/,
	'... which says who and what');

# Who, and why
sql('CREATE ROLE boss SUPERUSER');
sub as_boss { return sql('SET ROLE boss', @_); }

$run = start('cancelled', 'SELECT pg_sleep(600)');
as_boss("SELECT scheduler.cancel_run($run)");
ends_as($run, 'cancelled', 'a run is cancelled');
is(last_end('cancelled'), 'cancelled, 57014, Role "boss" cancelled it with cancel_run().', '... by whom');

$run = start('paused', 'SELECT pg_sleep(600)');
as_boss("SELECT scheduler.pause_job(job_id, cancel => true) FROM scheduler.jobs WHERE job_name = 'paused'");
ends_as($run, 'cancelled', 'a run of a job that is paused');
is(last_end('paused'), 'cancelled, 57014, Role "boss" paused the job.', '... says so');

sql(q(SELECT scheduler.create_queue('mail')));
$run = start('queued', 'SELECT pg_sleep(600)', "queue => 'mail'");
as_boss("SELECT scheduler.stop_queue('mail', '0')");
ends_as($run, 'cancelled', 'a run of a queue that is stopped');
is(last_end('queued'), 'cancelled, 57014, Its queue "mail" was stopped by role "boss".', '... says so');
is(sql("SELECT stopped_by FROM scheduler.queues WHERE queue_name = 'mail'"), 'boss', 'so does the queue');
sql("SELECT scheduler.start_queue('mail')");
is(sql("SELECT stopped_by IS NULL FROM scheduler.queues WHERE queue_name = 'mail'"), 't',
	'nobody has stopped it when it is started');

sql("SELECT scheduler.pause_job('cancelled')");
my $waits = sql("SELECT scheduler.stop_queue('mail')", "SELECT scheduler.run_job('queued')");
$waits =~ s/\s//g;
as_boss("SELECT scheduler.cancel_run($waits)");
is(last_end('queued'), 'cancelled, Role "boss" cancelled it with cancel_run().',
	'a run that has not begun says who, too');
sql("SELECT scheduler.start_queue('mail')");

# stop_job() and restart_job()
$run = start('stops', 'SELECT pg_sleep(600)');
is(as_boss("SELECT scheduler.stop_job(job_id, '0') FROM scheduler.jobs WHERE job_name = 'stops'"), '1',
	'stop_job() says how many runs it ends');
ends_as($run, 'cancelled', 'stop_job() ends what runs');
is(last_end('stops'), 'cancelled, 57014, Role "boss" stopped the job with stop_job().', '... and it says so');
is(sql("SELECT state, paused_reason FROM scheduler.jobs WHERE job_name = 'stops'"),
	'paused|stopped by stop_job()', 'the job is paused');
is(sql("SELECT scheduler.stop_job('stops', '0')"), '0', 'there is nothing left to stop');
sql("SELECT scheduler.resume_job('stops')");

$run = start('grace', 'SELECT pg_sleep(600)');
is(sql("SELECT scheduler.stop_job('grace', '2 s')"), '1', 'stop_job() with a timeout');
is(sql("SELECT status FROM scheduler.runs WHERE run_id = $run"), 'running', 'what runs goes on');
ends_as($run, 'cancelled', '... until the timeout');

$run = start('finishes', 'SELECT pg_sleep(1)');
sql("SELECT scheduler.stop_job('finishes', '10 minutes')");
ends_as($run, 'succeeded', 'what ends before the timeout succeeds');

$run = start('again', 'SELECT pg_sleep(600)');
my $next = sql("SELECT scheduler.restart_job('again', '0')");
ends_as($run, 'cancelled', 'restart_job() ends what runs');
like(last_end('again'), qr/^cancelled, 57014, Role ".*" restarted the job with restart_job\(\)\.$/, '... and it says so');
$node->poll_query_until('postgres', "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $next");
pass('the job runs anew');
sql("SELECT scheduler.stop_job('again', '0')");
ends_as($next, 'cancelled', 'and is stopped');

my ($status, $out, $error) = $node->psql('postgres', "SELECT scheduler.stop_job('again', '-1 s')");
like($error, qr/"timeout" must not be negative/, 'a timeout is not negative');
($status, $out, $error) = $node->psql('postgres', "SELECT scheduler.stop_job('none')");
like($error, qr/job "none" does not exist/, 'a job must exist');

# A soft timeout
sql('DELETE FROM effect');
$run = start('soft', 'SELECT swallow()', "soft_timeout => '1 s', timeout => '1 hour', max_retries => 2");
ends_as($run, 'timed_out', 'a job that catches its soft timeout');
is(last_end('soft'), 'timed_out, 57014, It ended in good order; what it has done is kept.', '... and ends in good order');
is(sql("SELECT string_agg(what, ' ') FROM effect"), 'begun ended', 'what it has done is kept');
is(sql("SELECT count(*), max(attempt) FROM scheduler.runs WHERE run_id = $run"), '1|1', 'and it is not retried');
sql('DELETE FROM effect');
$run = start('soft_call', 'CALL swallow_call()', "soft_timeout => '1 s'");
ends_as($run, 'timed_out', 'so of a procedure');
is(sql("SELECT string_agg(what, ' ') FROM effect"), 'begun ended', 'what it has done is kept');
$run = start('soft_only', 'SELECT pg_sleep(600)', "soft_timeout => '1 s'");
ends_as($run, 'timed_out', 'a job that does not catch it');
is(sql("SELECT error_message FROM scheduler.runs WHERE run_id = $run"), 'the run exceeded its soft timeout of 1000 ms',
	'... says which timeout');
sql(q(CREATE FUNCTION stubborn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LOOP
	BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$));
$run = start('stubborn', 'SELECT stubborn()', "soft_timeout => '100 ms', timeout => '1 s', kill_after => '0'");
ends_as($run, 'timed_out', 'a job that goes on after both');
is(sql("SELECT error_message FROM scheduler.runs WHERE run_id = $run"),
	'the run exceeded its timeout; it did not stop, and its worker was terminated', 'kill_after of a job');
my ($status1, $out1, $error1) = $node->psql('postgres', "SELECT scheduler.alter_job('soft', timeout => '1 s')");
like($error1, qr/It must be shorter than timeout/, 'a soft timeout is the shorter one');
is(sql("SELECT kill_after, soft_timeout FROM scheduler.jobs WHERE job_name = 'stubborn'"), '00:00:00|00:00:00.1',
	'both are options');

# The server log says whose words they are
my $offset = -s $node->logfile;
sql(q(SELECT scheduler.schedule_job('talks', '@at 2199-12-31', $j$DO $d$ BEGIN RAISE WARNING 'loud'; END $d$$j$)),
	q(SELECT scheduler.schedule_job('too_long', '@at 2199-12-31', 'SELECT pg_sleep(600)', timeout => '1 ms')),
	q(SELECT scheduler.schedule_job('breaks', '@at 2199-12-31', 'SELECT 1/0')));
ends_as(sql("SELECT scheduler.run_job('talks')"), 'succeeded', 'a job that warns');
$node->wait_for_log(qr/WARNING:  loud\n.*CONTEXT:  (?:PL.*\n\s+)?job "talks", run \d+, attempt 1\n/, $offset);
pass('the log names the job');
ends_as(sql("SELECT scheduler.run_job('too_long')"), 'timed_out', 'a job that takes too long');
$node->wait_for_log(qr/job "too_long" run .*\n.*DETAIL:  the run exceeded its timeout of 1 ms\n/, $offset);
pass('the log says so');
ends_as(sql("SELECT scheduler.run_job('breaks')"), 'failed', 'a job with an error');
is(sql("SELECT error_context FROM scheduler.runs WHERE job_name = 'breaks'"), 'SQL statement "SELECT 1/0"',
	'the record of which has the job in another column');

# stop_and_wait()
$run = start('goes_on', 'SELECT pg_sleep(600)');
sql("CALL scheduler.stop_and_wait('1 s')");
is(sql('SELECT scheduler.status() ->> $$state$$'), 'stopped', 'stop_and_wait() returns when it has stopped');
is(sql("SELECT count(*) FROM scheduler.runs WHERE status = 'running'"), '0', 'and nothing runs');
sql('CALL scheduler.stop_and_wait()');
pass('it has stopped: nothing to wait for');
($status, $out, $error) = $node->psql('postgres', 'BEGIN; CALL scheduler.stop_and_wait();');
like($error, qr/stop_and_wait\(\) cannot run inside a transaction block/, 'not inside a transaction');
sql('CREATE ROLE nobody LOGIN');
($status, $out, $error) = $node->psql('postgres', 'SET ROLE nobody; CALL scheduler.stop_and_wait();');
like($error, qr/permission denied/, 'for admins only');
sql('SELECT scheduler.start()');
$node->poll_query_until('postgres', "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $run");
pass('what was stopped is done again after start()');
sql("SELECT scheduler.stop_job('goes_on', '0')");
ends_as($run, 'cancelled', 'to the end');

done_testing();
