# A cancellation that a worker does not live to see is that of the next attempt.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('late_cancel');
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

$sql->(q(SELECT scheduler.schedule_job('sleeps', '@at 2199-12-31', 'SELECT pg_sleep(3600)',
	max_retries => 1, retry_delay => '0')));
my $run = $sql->(q(SELECT scheduler.run_job('sleeps')));
wait_for_running($node, 'sleeps');
my ($worker) = scheduler_processes($node, 'worker');
kill 'STOP', $worker;
is($sql->("SELECT scheduler.cancel_run($run)"), 't', 'a run is cancelled');
kill 'TERM', $worker;
kill 'CONT', $worker;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'cancelled', 'it is when its worker has died of something else');
is( $sql->("SELECT string_agg(attempt || ' ' || status, ', ' ORDER BY attempt) FROM scheduler.runs WHERE run_id = $run"),
	'1 failed, 2 cancelled', 'in its next attempt');
wait_for_quiet($node);

$node->stop('fast');
done_testing();
