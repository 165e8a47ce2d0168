#
# A worker that is slow to wake up does not keep another from the runs that
# come after it was woken.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('wake', conf => "pg_scheduler.max_workers = 2\n");

# Two workers, both idle
$node->safe_psql('postgres', q(
	SELECT count(scheduler.schedule_job(name, '@at 2199-12-31', 'SELECT pg_sleep(0.5)'))
	FROM unnest('{a,b}'::text[]) name));
$node->safe_psql('postgres', q(SELECT scheduler.run_job('a'), scheduler.run_job('b')));
wait_for_quiet($node);
ok( $node->poll_query_until('postgres',
		q(SELECT count(*) = 2 FROM scheduler._workers() WHERE state = 'idle')),
	'two workers are idle');

# The first one is woken for the first run, and does not move.
my $pid = $node->safe_psql('postgres', 'SELECT pid FROM scheduler._workers() LIMIT 1');
kill('STOP', $pid);
$node->safe_psql('postgres', q(SELECT scheduler.run_job('a')));
$node->safe_psql('postgres', q(SELECT scheduler.run_job('b')));
ok( wait_until(
		sub { $node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.run_history') eq '4' },
		'the other worker has done the runs'),
	'the other worker does what waits');
kill('CONT', $pid);

$node->stop;
done_testing();
