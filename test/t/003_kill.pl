#
# Processes are killed and the server is stopped at once while thousands of
# runs are due: each is done once.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $jobs = 3000;
my $node = new_node('kill', conf => qq(
pg_scheduler.max_workers = 4
pg_scheduler.crash_limit = 1000000
));

add_log_table($node);
$node->safe_psql('postgres', 'CREATE ROLE kill_1 LOGIN; CREATE ROLE kill_2 LOGIN');
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_steady', 'every 20 milliseconds', 'SELECT note_run()')));

my @rounds = (
	sub { kill_process($node, 'worker') },
	sub { kill_process($node, 'scheduler') },
	sub { kill_process($node, 'launcher') },
	sub { $node->stop('immediate'); wait_for_processes_gone($node); start_again($node) },
	sub { kill_server($node); start_again($node) });

my $created = 0;
foreach my $round (0 .. 9)
{
	my $before = count_effects($node);

	# due now, for three roles
	$node->safe_psql('postgres', "
		SELECT count(scheduler.schedule_job('tx_${round}_' || i, 'now',
				'SELECT note_run(), pg_sleep(0.01)',
				run_as => (ARRAY[current_user, 'kill_1', 'kill_2'])[i % 3 + 1]::regrole))
		  FROM generate_series(1, $jobs / 10) i");
	$created += $jobs / 10;
	wait_for_progress($node, $before);
	$rounds[ $round % @rounds ]->();
	wait_for_server($node);
	wait_for_progress($node, count_effects($node));
}

ok( wait_until(
		sub {
			(try_sql($node, q(SELECT count(*) = 0 FROM scheduler.jobs
				WHERE state <> 'finished' AND job_name <> 'tx_steady')) // '') eq 't';
		},
		'all jobs are finished'),
	'all jobs are finished');
finish_jobs($node, "job_name = 'tx_steady'");
wait_for_quiet($node);
is($node->safe_psql('postgres', q(SELECT count(*), count(DISTINCT job_name), string_agg(DISTINCT status, ' ')
	FROM scheduler.run_history WHERE job_name ~ '^tx_[0-9]')),
	"$created|$created|succeeded", "each of $created jobs has succeeded once");
check_records($node, 'kill');
like(slurp_file($node->logfile), qr/terminated by signal 9/, 'processes were killed');

$node->stop;
ok(wait_for_processes_gone($node), 'no process is left');
done_testing();
