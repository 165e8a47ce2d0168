#
# A job's statement shows where a client's would: in pg_stat_activity while it
# runs, and in pg_stat_statements afterwards.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('statements', conf => qq(
shared_preload_libraries = 'pg_stat_statements, pg_scheduler'
));

$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
$node->safe_psql('postgres', q(
	CREATE TABLE seen (query text, application_name text);
	SELECT scheduler.schedule_job('look', 'now',
		'INSERT INTO seen SELECT query, application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()')));
wait_for_status($node, 'look', 'succeeded');

is($node->safe_psql('postgres', q(SELECT query LIKE 'INSERT INTO seen%' FROM seen)),
	't', 'the command shows in pg_stat_activity');
is($node->safe_psql('postgres', 'SELECT application_name FROM seen'),
	'pg_scheduler: job 1', 'and so does the id of the job, whose name is not for all');
is($node->safe_psql('postgres', q(
	SELECT calls FROM pg_stat_statements WHERE query LIKE 'INSERT INTO seen%')),
	'1', 'the statement is counted in pg_stat_statements');
is($node->safe_psql('postgres', q(
	SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%pending_run%' AND query LIKE 'INSERT%')),
	'0', 'our own records are not');

$node->stop;
done_testing();
