# A look at everything goes on when the clock is set back in the middle of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('set_back');
my $locker = $node->background_psql('postgres', on_error_stop => 1);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

# A scheduler that has just started looks for what is old, and waits in its
# first slice.
sql(q(
	INSERT INTO scheduler.recovery_event (at, subject, action, reason, outcome)
	SELECT now() - interval '1 year', 'test', 'reset', '', 'failed'));
$locker->query_safe('BEGIN; LOCK TABLE scheduler.dead_letter IN ACCESS EXCLUSIVE MODE');
sql('SELECT scheduler.restart()');
await(q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'scheduler.dead_letter'::regclass),
	'the scheduler looks for old dead letters');
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '-1h'));
$node->reload;
await(q(SELECT current_setting('pg_scheduler.clock_offset') <> '0'), 'the clock is set back');
$locker->query_safe('COMMIT');
$locker->quit;
await(q(SELECT count(*) = 0 FROM scheduler.recovery_event WHERE subject = 'test'),
	'it goes on with old events, an hour earlier');

$node->stop('fast');
done_testing();
