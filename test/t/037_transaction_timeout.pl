#
# The limit that a server has for all transactions (transaction_timeout) is none for
# those of the scheduler and the HTTP worker.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

local $ENV{PGOPTIONS} = '-c transaction_timeout=0';
my $node = PostgreSQL::Test::Cluster->new('timeout');

$node->init;
plan skip_all => 'transactions have no limit before PostgreSQL 17' if $node->pg_version < 17;
configure_node($node, "transaction_timeout = '2s'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node);

# Lock a table, and wait until a process has waited for it for longer than that.
sub hold_up
{
	my ($table, $process, $start) = @_;
	my $holder = begin_session($node, 'postgres');

	$holder->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
	my $result = $node->safe_psql('postgres', $start);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity
		  WHERE backend_type = '$process' AND clock_timestamp() - xact_start > '3 s'");
	$holder->quit;
	return $result;
}

my $run = hold_up('scheduler.run_history', 'pg_scheduler http worker',
	"SELECT scheduler.http_request('http://127.0.0.1:1/', max_retries => 0)");
is($node->safe_psql('postgres', "SELECT scheduler.wait_for_run($run, '1 minute')"),
	'failed', 'a request is recorded');
hold_up('scheduler.job_state', 'pg_scheduler scheduler',
	"SELECT scheduler.schedule_job('job', 'now', 'SELECT 1')");
wait_for_status($node, 'job', 'succeeded');
unlike(slurp_file($node->logfile), qr/due to transaction timeout/, 'no process has met the limit');

$node->stop('fast');
done_testing();
