#
# Nothing is lost on the way down: every mode of shutdown with runs in hand
# and runs in the queue, and stop(), start(), restart() and reload().
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('shutdown', conf => qq(
pg_scheduler.max_workers = 2
pg_scheduler.shutdown_grace = '1s'
));

add_log_table($node);

# A gate keeps runs from ending until it is opened.
$node->safe_psql(
	'postgres', q(
	CREATE TABLE gate (open boolean);
	INSERT INTO gate VALUES (false);
	CREATE PROCEDURE wait_for_gate() LANGUAGE plpgsql AS $$
	BEGIN
		WHILE NOT (SELECT open FROM gate) LOOP
			PERFORM pg_sleep(0.01);
		END LOOP;
	END $$;
	CREATE FUNCTION set_gate(boolean) RETURNS void LANGUAGE sql AS 'UPDATE gate SET open = $1';
));

# Two runs in hand, twenty in the queue.
sub make_runs
{
	my ($name) = @_;

	$node->safe_psql(
		'postgres', qq(
		SELECT set_gate(false);
		SELECT scheduler.schedule_job('tx_${name}_held_' || i, 'now',
				'DO \$\$BEGIN CALL wait_for_gate(); PERFORM note_run(); END\$\$')
		  FROM generate_series(1, 2) i;
		SELECT scheduler.schedule_job('tx_${name}_' || i, 'now', 'SELECT note_run()', priority => -1)
		  FROM generate_series(1, 20) i;
	));
	wait_for_running($node, "tx_${name}_held_$_") foreach 1 .. 2;
}

sub check_runs
{
	my ($name) = @_;

	is( $node->safe_psql('postgres', "
			SELECT count(*), count(DISTINCT job_name), string_agg(DISTINCT status, ' '), max(attempt)
			  FROM scheduler.run_history WHERE job_name LIKE 'tx\\_$name\\_%'"),
		'22|22|succeeded|1',
		"$name: all have run, and no interruption counts as a failure");
	is( $node->safe_psql('postgres', "
			SELECT sum(s.failed + s.lost + s.consecutive_failures) FROM scheduler.job_state s
			  JOIN scheduler.job j USING (job_id) WHERE job_name LIKE 'tx\\_$name\\_%'"),
		'0',
		"$name: no job has a failure counted");
}

foreach my $mode (qw(fast immediate smart))
{
	make_runs($mode);
	$node->stop($mode);
	ok(wait_for_processes_gone($node), "$mode: no process is left");
	$node->start;
	$node->safe_psql('postgres', 'SELECT set_gate(true)');
	wait_for_quiet($node);
	check_runs($mode);
	check_records($node, $mode);
}

# stop() waits for what runs, and holds the queue.
sub wait_until_stopped
{
	return wait_until(
		sub {
			$node->safe_psql('postgres', q(
				SELECT count(*) = 0 FROM scheduler.workers WHERE database = 'postgres')) eq 't';
		},
		'the scheduler has stopped');
}

make_runs('stop');
$node->safe_psql('postgres', "SELECT scheduler.stop('1 hour')");
ok( $node->poll_query_until('postgres', q(SELECT scheduler.status() ->> 'state' = 'stopping')),
	'stop() is noticed');
$node->safe_psql('postgres', 'SELECT set_gate(true)');
ok(wait_until_stopped(), 'stop() lets runs end');
is( $node->safe_psql('postgres', q(
		SELECT count(*) FILTER (WHERE job_name LIKE '%held%'), count(*)
		  FROM scheduler.run_history WHERE job_name LIKE 'tx\_stop\_%')),
	'2|2',
	'stop() starts no more runs');

# It outlives a restart of the server, and of processes.
$node->restart;
wait_for_scheduler($node);
my $run = $node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_later', '@yearly', 'SELECT note_run()');
	SELECT scheduler.run_job('tx_later')));
$run =~ s/.*\n//s;
$node->safe_psql('postgres', 'SELECT scheduler.restart()');
wait_for_scheduler($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.pending_run'),
	'21', 'stopped survives a restart of the server');
is($node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.workers'),
	'0', 'no worker runs while stopped');
$node->safe_psql('postgres', 'SELECT scheduler.start()');
wait_for_quiet($node);
check_runs('stop');
is($node->safe_psql('postgres', "SELECT scheduler.wait_for_run($run, '1 minute')"),
	'succeeded', 'what was asked for while stopped runs after start()');

# stop(0) interrupts, and start() runs again what it has interrupted.
make_runs('stop0');
$node->safe_psql('postgres', "SELECT scheduler.stop('0')");
ok(wait_until_stopped(), 'stop(0) does not wait for runs');
is( $node->safe_psql('postgres', "SELECT count(*) FROM scheduler.run_history
		WHERE job_name LIKE 'tx\\_stop0\\_%'"),
	'0',
	'stop(0) records nothing of what it interrupts');
$node->safe_psql('postgres', 'SELECT set_gate(true), scheduler.start()');
wait_for_quiet($node);
check_runs('stop0');

# restart() replaces the scheduler and leaves runs alone.
make_runs('restart');
my ($old) = scheduler_processes($node, 'scheduler');
my $workers = join ' ', scheduler_processes($node, 'worker');
$node->safe_psql('postgres', 'SELECT scheduler.restart()');
ok( wait_until(
		sub {
			my ($new) = scheduler_processes($node, 'scheduler');
			return defined $new && $new != $old;
		},
		'there is another scheduler'),
	'restart() replaces the scheduler');
is(join(' ', scheduler_processes($node, 'worker')), $workers, 'restart() leaves workers alone');
$node->safe_psql('postgres', 'SELECT set_gate(true)');
wait_for_quiet($node);
check_runs('restart');

# reload() has everything read again; a job inserted behind its back is found.
make_runs('reload');
$node->safe_psql('postgres', 'SELECT scheduler.reload()');
$node->safe_psql('postgres', 'SELECT set_gate(true)');
wait_for_quiet($node);
check_runs('reload');

# Terminating a worker is no shutdown: the run has failed.
make_runs('terminate');
$node->safe_psql('postgres', q(
	SELECT pg_terminate_backend(worker_pid) FROM scheduler.runs
	 WHERE job_name = 'tx_terminate_held_1'));
wait_for_status($node, 'tx_terminate_held_1', 'failed');
$node->safe_psql('postgres', 'SELECT set_gate(true)');
wait_for_quiet($node);
is( $node->safe_psql('postgres', q(
		SELECT status, sqlstate FROM scheduler.runs WHERE job_name = 'tx_terminate_held_1')),
	'failed|57P01',
	'a run whose worker is terminated has failed');
check_records($node, 'in the end');

$node->stop;
ok(wait_for_processes_gone($node), 'no process is left');
done_testing();
