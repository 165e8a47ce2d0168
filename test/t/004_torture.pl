#
# Mixed jobs of several roles run while processes are killed and the server is
# stopped, killed and started at random.  In the end every occurrence has one
# final state, effects equal successes, and nothing is left over.
#
# TORTURE_SECONDS says how long, TORTURE_SEED repeats a sequence of actions.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;
use Time::HiRes qw(time usleep);

my $seconds = $ENV{TORTURE_SECONDS} || 30;
my $seed = $ENV{TORTURE_SEED} || int(rand(1_000_000_000)) + 1;
my $workers = 4;
my @roles = map { "torture_$_" } 1 .. 3;

srand($seed);
note("TORTURE_SEED=$seed TORTURE_SECONDS=$seconds");

# Processes are killed all the time through no fault of the jobs.
my $node = new_node(
	'torture', conf => qq(
pg_scheduler.max_workers = $workers
pg_scheduler.crash_limit = 1000000
pg_scheduler.kill_after = '1s'
pg_scheduler.repair_interval = '2s'
));

add_log_table($node);
$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") foreach @roles;
$node->safe_psql(
	'postgres', q(
	CREATE TABLE part (run_id bigint, step int);
	GRANT INSERT ON part TO PUBLIC;
	CREATE PROCEDURE commit_twice() LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..2 LOOP
			INSERT INTO part VALUES (current_setting('pg_scheduler.run_id')::bigint, i);
			COMMIT;
			PERFORM pg_sleep(0.05);
		END LOOP;
	END $$;
));

# Name, schedule, command, further options.
my @jobs = (
	[ 'tx_fast', 'every 100 milliseconds', 'SELECT note_run()', "overlap => 'allow', max_instances => 3" ],
	[ 'tx_all', 'every 200 milliseconds', 'SELECT note_run()', "misfire => 'run_all', overlap => 'queue'" ],
	[ 'tx_once', 'every 1 second', 'SELECT note_run()', "misfire => 'run_once'" ],
	[ 'tx_retry', 'every 300 milliseconds',
		"SELECT note_run(), 1 / (current_setting('pg_scheduler.attempt')::int / 3)",
		"max_retries => 3, retry_delay => '40 milliseconds', backoff => 'linear'" ],
	[ 'tx_long', 'every 1500 milliseconds', 'SELECT note_run(), pg_sleep(1.2)', "overlap => 'skip'" ],
	[ 'tx_cancel', 'every 700 milliseconds', 'SELECT note_run(), pg_sleep(0.6)', "overlap => 'cancel'" ],
	[ 'tx_timeout', 'every 1 second', 'SELECT note_run(), pg_sleep(30)',
		"timeout => '100 milliseconds', max_retries => 1, retry_delay => '50 milliseconds'" ],
	[ 'failing', 'every 400 milliseconds', 'SELECT 1 / 0', "max_retries => 2, retry_delay => '20 milliseconds'" ],
	[ 'procedure_retry', 'every 500 milliseconds', 'CALL commit_twice()', "on_lost => 'retry'" ],
	[ 'procedure_fail', 'every 500 milliseconds', 'CALL commit_twice()', "on_lost => 'fail'" ],
	[ 'top_level', 'every 1 second', 'CREATE TEMP TABLE t (a int); VACUUM t', '' ],
);

my $n = 0;
my $ends_at = $node->safe_psql('postgres', "SELECT now() + '$seconds seconds'");
foreach my $job (@jobs)
{
	my ($name, $schedule, $command, $options) = @$job;
	my $role = $roles[ $n++ % @roles ];

	$node->safe_psql(
		'postgres', "SELECT scheduler.schedule_job('$name', '$schedule',
			\$\$$command\$\$, run_as => '$role', ends_at => '$ends_at'"
		  . ($options ? ", $options" : '') . ')');
}
$node->safe_psql('postgres',
	"SELECT scheduler.schedule_job('tx_manual', '\@yearly', 'SELECT note_run()')");

# What is done to the server, and how often.
my (@manual, $once);
my %did;

my %actions = (
	'kill worker' => [ 4, sub { signal_some($node, 'KILL', 'worker') } ],
	'kill scheduler' => [ 2, sub { signal_some($node, 'KILL', 'scheduler') } ],
	'kill launcher' => [ 2, sub { signal_some($node, 'KILL', 'launcher') } ],
	'terminate worker' => [ 4, sub { signal_some($node, 'TERM', 'worker') } ],
	'terminate scheduler' => [ 4, sub { signal_some($node, 'TERM', 'scheduler') } ],
	'terminate launcher' => [ 2, sub { signal_some($node, 'TERM', 'launcher') } ],
	'interrupt worker' => [ 2, sub { signal_some($node, 'INT', 'worker') } ],
	'kill postmaster' => [ 2, sub { kill_server($node); start_again($node) } ],
	'stop fast' => [ 1, sub { stop_and_start($node, 'fast') } ],
	'stop smart' => [ 1, sub { stop_and_start($node, 'smart') } ],
	'stop immediate' => [ 2, sub { stop_and_start($node, 'immediate') } ],
	'restart()' => [ 2, sub { try_sql($node, 'SELECT scheduler.restart()') } ],
	'reload()' => [ 3, sub { try_sql($node, 'SELECT scheduler.reload()') } ],
	'stop()' => [
		2, sub {
			try_sql($node, "SELECT scheduler.stop('@{[int(rand(2)) * 100]} milliseconds')");
			wait_until(sub { defined try_sql($node, 'SELECT scheduler.start()') }, 'start()');
		}
	],
	'run_job' => [
		6, sub {
			my $id = try_sql($node, "SELECT scheduler.run_job('tx_manual')");
			push @manual, $id if defined $id;
		}
	],
	'now' => [
		4, sub {
			$once++;
			push @{ $did{created} }, "tx_now_$once"
			  if defined try_sql($node,
				"SELECT scheduler.schedule_job('tx_now_$once', 'now', 'SELECT note_run()')");
		}
	],
	'cancel_run' => [
		6, sub {
			try_sql($node, "SELECT scheduler.cancel_run(run_id) FROM scheduler.runs
				WHERE status IN ('queued', 'running') AND job_name ~ 'long|fast|retry|procedure'
				ORDER BY random() LIMIT 1");
		}
	],
	'pause and resume' => [
		3, sub {
			try_sql($node, "SELECT scheduler.pause_job(job_id, 'torture', true)
				FROM scheduler.jobs WHERE job_name = 'tx_all'");
			wait_until(sub { defined try_sql($node, "SELECT scheduler.resume_job(job_id)
				FROM scheduler.jobs WHERE job_name = 'tx_all'") }, 'resume_job');
		}
	],
);
my $end = time + $seconds;
while (time < $end)
{
	my $name = choose_action(\%actions);

	$did{$name}++;
	$actions{$name}[1]->();
	usleep(int(rand(300_000)));
}
my $created = delete $did{created} // [];
note(join(', ', map { "$did{$_} x $_" } sort keys %did));

wait_for_server($node);
wait_for_scheduler($node);
ok( wait_until(
		sub {
			(try_sql($node, "SELECT count(*) = 0 FROM scheduler.jobs
				WHERE job_name <> 'tx_manual' AND state <> 'finished'") // '') eq 't';
		},
		'all jobs are finished'),
	'all jobs come to their end')
  or diag($node->safe_psql('postgres', "SELECT job_name, state, next_run_at, last_status
	FROM scheduler.jobs WHERE state <> 'finished'"));
wait_for_quiet($node);

check_records($node, "seed $seed");

is( $node->safe_psql('postgres', "
		SELECT h.job_name, max(scheduled_at) FROM scheduler.run_history h
		  JOIN scheduler.job j USING (job_id) WHERE j.schedule ~ '^every '
		 GROUP BY h.job_name, j.schedule
		HAVING max(h.scheduled_at + (h.occurrences - 1) * substr(j.schedule, 7)::interval) +
			substr(j.schedule, 7)::interval < '$ends_at'"),
	'',
	"seed $seed: occurrences go on to the end");

# A request that was answered is never lost, whatever happened after it.
is( $node->safe_psql('postgres', "SELECT count(DISTINCT run_id) FROM scheduler.run_history
		WHERE next_attempt_at IS NULL AND run_id = ANY ('{" . join(',', @manual) . "}')"),
	scalar(@manual),
	"seed $seed: all runs asked for have been run");
is( $node->safe_psql('postgres', "SELECT count(DISTINCT job_name) FROM scheduler.run_history
		WHERE next_attempt_at IS NULL AND job_name = ANY ('{" . join(',', @$created) . "}')"),
	scalar(@$created),
	"seed $seed: all one-off jobs have been run");

# A procedure that succeeded has done all its steps.
is( $node->safe_psql('postgres', "
		SELECT run_id FROM scheduler.run_history h WHERE job_name LIKE 'procedure%'
		   AND status = 'succeeded' AND (SELECT count(DISTINCT step) FROM part p
			WHERE p.run_id = h.run_id) <> 2"),
	'',
	"seed $seed: procedures that succeeded are complete");

check_counters($node, "seed $seed");
check_workers_usable($node, "seed $seed", $workers);

unlike(slurp_file($node->logfile), qr/pg_scheduler repair/, "seed $seed: nothing had to be repaired");

$node->stop('fast');
my %left = processes($node);
is(join(', ', values %left), '', "seed $seed: no process is left after a stop");

done_testing();
