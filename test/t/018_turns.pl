#
# Databases get workers in turns.  One that does not want its turn any more, or
# cannot use it, keeps no other waiting.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('turns', conf => "pg_scheduler.max_workers = 2\n");

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('postgres', "CREATE ROLE role_$_ LOGIN") foreach 1 .. 4;
$node->safe_psql('other', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'other');

sub schedule
{
	my ($database, $job, $role, $command) = @_;

	$node->safe_psql($database,
		"SELECT scheduler.schedule_job('$job', 'now', '$command', run_as => 'role_$role')");
}

# Schedule a job whose run lasts until the session that is returned ends.
sub hold_worker
{
	my ($database, $job, $role, $lock) = @_;
	my $holder = begin_session($node, $database);

	$holder->query_safe("SELECT pg_advisory_lock($lock)");
	schedule($database, $job, $role, "SELECT pg_advisory_xact_lock($lock)");
	wait_for_running($node, $job, $database);
	return $holder;
}

# Both workers are busy; the database "postgres" is the first to want one more.
my $busy = hold_worker('postgres', 'busy', 1, 1);
my $held = hold_worker('other', 'held', 2, 1);
schedule('postgres', 'second', 1, 'SELECT 1');
wait_for_runs($node, 2, 'postgres');

# It does not want it any more.
$node->safe_psql('postgres',
	"SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs WHERE job_name = 'second'");
wait_for_runs($node, 1, 'postgres');
schedule('other', 'wanted', 3, 'SELECT 1');
wait_for_runs($node, 2, 'other');
$held->quit;
wait_for_status($node, 'wanted', 'succeeded', 'other');
pass('a worker that nobody else wants any more');

# It cannot use it: it is stopping.
$held = hold_worker('other', 'held again', 3, 1);
schedule('postgres', 'third', 1, 'SELECT 1');
wait_for_runs($node, 2, 'postgres');
$node->safe_psql('postgres', "SELECT scheduler.stop('1 hour')");
schedule('other', 'wanted again', 4, 'SELECT 1');
wait_for_runs($node, 2, 'other');
$held->quit;
wait_for_status($node, 'wanted again', 'succeeded', 'other');
pass('a worker that a database that stops has wanted');

$node->safe_psql('postgres', 'SELECT scheduler.start()');
$busy->quit;
wait_for_status($node, $_, 'succeeded') foreach 'busy', 'third';
pass('the database goes on when it is started');

$node->stop('fast');

# The server has room for four processes: the launcher, a scheduler for each of
# two databases, and one more.
$node = new_node('processes', conf => qq(
max_worker_processes = 4
max_logical_replication_workers = 0
pg_scheduler.worker_idle_timeout = '1h'
));
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach 'other', 'third';
$node->safe_psql('other', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'other');

# It fails, for nothing may be sent there; but only who can start says so.
sub request
{
	my ($database) = @_;

	my $run = $node->safe_psql($database,
		"SELECT scheduler.http_request('http://127.0.0.1:1/', max_retries => 0)");
	return $node->safe_psql($database, "SELECT scheduler.wait_for_run($run, '3 minutes')");
}

is(request('postgres'), 'failed', 'a request has the last process');
is(request('other'), 'failed', 'an idle HTTP worker makes way for another');
$node->safe_psql('third', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'third');
pass('an idle HTTP worker makes way for a scheduler');

$node->stop('fast');
done_testing();
