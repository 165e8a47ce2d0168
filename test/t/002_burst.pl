#
# Ten thousand jobs are due at one instant: they all run, once each, in as many
# processes as were configured, and without a client connection.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $workers = 4;
my $jobs = 10_000;

# As many connections as a server needs at least, all of them taken by clients
# but one.
my $node = new_node('burst', conf => qq(
max_connections = 10
superuser_reserved_connections = 0
pg_scheduler.max_workers = $workers
));

add_log_table($node);
$node->safe_psql('postgres', "CREATE ROLE burst_$_ LOGIN") foreach 1 .. 8;

# The jobs of eight roles, more than there are workers, are due at one instant.
$node->safe_psql(
	'postgres', qq(
	SELECT count(scheduler.schedule_job('tx_' || i, '\@at ' || now() + '10 seconds', 'SELECT note_run()',
			run_as => ('burst_' || i % 8 + 1)::regrole))
	  FROM generate_series(1, $jobs) i;
));

my @clients;
push @clients, begin_session($node, 'postgres') foreach 1 .. 9;

# Look at the processes all the while.
my ($most, $most_sql) = (0, 0);
ok( wait_until(
		sub {
			my $n = scheduler_processes($node, 'worker');
			my ($left, $sql) = split /\|/, $node->safe_psql('postgres', q(
				SELECT (SELECT count(*) FROM scheduler.pending_run) +
					(SELECT count(*) FROM scheduler.jobs WHERE state <> 'finished'),
					count(*) FROM pg_stat_activity WHERE backend_type = 'pg_scheduler worker'));

			$most = $n if $n > $most;
			$most_sql = $sql if $sql > $most_sql;
			return $left == 0;
		},
		'all runs are over'),
	"$jobs jobs run while all client connections are taken");
cmp_ok($most, '<=', $workers, 'never more processes than configured');
cmp_ok($most_sql, '<=', $workers, 'never more processes than configured in pg_stat_activity');

is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the last connection is free');
$_->quit foreach @clients;

is( $node->safe_psql('postgres', q(
		SELECT count(*), count(DISTINCT job_name), count(DISTINCT scheduled_at),
			count(*) FILTER (WHERE status = 'succeeded') FROM scheduler.run_history)),
	"$jobs|$jobs|1|$jobs",
	'each job has run once, at the same instant');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT job_name) FROM effect'),
	"$jobs|$jobs", 'each has done its work once');
check_records($node, 'burst');
is( $node->safe_psql('postgres', q(
		SELECT count(*) FROM scheduler.run_history h JOIN scheduler.jobs j USING (job_id)
		 WHERE h.owner <> j.owner::oid)),
	'0',
	'each has run as its owner');

$node->stop;
done_testing();
