# What the scheduler has to tell itself has no end: a job with more runs than
# there is room for changes is dropped, and nothing else is read again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('own_changes');
my $sql = sub { $node->safe_psql('postgres', $_[0]) };
my $runs = 3000;

$sql->(q(
	SELECT scheduler.create_queue('held');
	SELECT scheduler.stop_queue('held');
	SELECT scheduler.schedule_job('many', '@at 2199-12-31', 'SELECT 1', queue => 'held')));
$sql->("SELECT scheduler.run_job('many') FROM generate_series(1, $runs)");
wait_for_runs($node, $runs);

my $since = $sql->(q(SELECT scheduler.status() ->> 'since'));

# Not unschedule_job(): it would cancel the runs that it sees.
$sql->("DELETE FROM scheduler.job WHERE job_name = 'many'");
wait_for_runs($node, 0);
is($sql->('SELECT count(*) FROM scheduler.pending_run'), '0', 'no run is left');
is($sql->(q(SELECT status, count(*) FROM scheduler.run_history GROUP BY status)),
	"cancelled|$runs", 'all are on record');
is($sql->(q(SELECT scheduler.status() ->> 'since')), $since, 'jobs were not read again');

$node->stop('fast');
done_testing();
