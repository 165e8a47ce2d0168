#
# Greedy roles: they leave a worker to the others, and have no more runs, jobs and
# bytes than they may have.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('role_limits', conf => q(
pg_scheduler.max_workers = 4
pg_scheduler.max_workers_per_role = -1
pg_scheduler.log_runs = none
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_true($node, @_);
}

sub error_of
{
	my ($call) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");

	return $err;
}

# Long runs of one role leave a worker.
sql(q[
	CREATE ROLE greedy LOGIN; CREATE ROLE victim LOGIN;
	SET ROLE greedy;
	SELECT scheduler.schedule_job('long ' || i, '@yearly', 'SELECT pg_sleep(1000)') FROM generate_series(1, 6) i;
	SELECT scheduler.run_job('long ' || i) FROM generate_series(1, 6) i;
	RESET ROLE;]);
wait_for("SELECT count(*) = 3 FROM scheduler.workers WHERE role = 'greedy'::regrole AND state = 'running'",
	'a role has all workers but one');
sql("SELECT scheduler.schedule_job('victim', 'every 200 milliseconds', 'SELECT 1', run_as => 'victim')");
wait_for("SELECT count(*) > 2 FROM scheduler.runs WHERE job_name = 'victim' AND status = 'succeeded'",
	'which is there for others');
is(sql("SELECT max_workers, workers, max_jobs, waiting_runs, jobs, bytes > 0 FROM scheduler.role_limits
		WHERE role = 'greedy'::regrole"), '3|3||6|6|t', 'the view shows limits and what is used');

# Limits of a role
like(error_of("SET ROLE greedy; SELECT scheduler.set_role_limits('greedy', 4)"), qr/42501/, 'for admins');
like(error_of("SELECT scheduler.set_role_limits('greedy', -1)"), qr/22023.*max_workers/s, 'none is negative');
sql("SELECT scheduler.set_role_limits('greedy', max_workers => 2, max_waiting_runs => 10, max_jobs => 8, max_bytes => 100000)");
is(sql("SET ROLE greedy; SELECT role, max_workers, max_waiting_runs, max_jobs, max_bytes FROM scheduler.role_limits"),
	'greedy|2|10|8|100000', 'a role sees its own');
sql("SET ROLE greedy; SELECT scheduler.run_job('long 1') FROM generate_series(1, 4)");
my $error = error_of("SET ROLE greedy; SELECT scheduler.run_job('long 1')");
like($error, qr/53400.*max_waiting_runs.*would have 11 runs.*limit is 10.*set_role_limits/s, 'no more runs');
$error = error_of("SET ROLE greedy; SELECT scheduler.schedule_job('more ' || i, '\@yearly', 'SELECT 1') FROM generate_series(1, 3) i");
like($error, qr/53400.*max_jobs.*would have 9 jobs.*limit is 8/s, 'no more jobs');
$error = error_of("SET ROLE greedy; SELECT scheduler.schedule_job('long 1', '\@yearly', 'SELECT 1',
	args => (SELECT to_jsonb(string_agg(md5(i::text), '')) FROM generate_series(1, 8000) i))");
like($error, qr/53400.*max_bytes.*limit is 100000/s, 'no more bytes');
sql("SET ROLE greedy; SELECT scheduler.schedule_job('often', 'every 200 milliseconds', 'SELECT 1')");
wait_for("SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'often' AND status = 'skipped'
	AND error_message LIKE '%role_limits%'", 'what is due by a schedule is skipped, with the reason');
sql("SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = 'victim'");
pass('others have no such limit');

# They are in dumps, and can be taken away.
my $dump = $node->basedir . '/limits.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'dump');
like(slurp_file($dump), qr/greedy\t2\t10\t8\t100000/, 'a dump has the limits');
is(sql("SELECT scheduler.reset_role_limits('greedy'), scheduler.reset_role_limits('greedy')"), 't|f', 'taken away');
sql("SET ROLE greedy; SELECT scheduler.run_job('long 2')");
wait_for("SELECT count(*) > 0 FROM scheduler.pending_run p JOIN scheduler.jobs USING (job_id) WHERE job_name = 'often'",
	'runs are added again');

# Limits of all roles, as settings
$node->append_conf('postgresql.conf', "pg_scheduler.max_jobs_per_role = 5\npg_scheduler.max_waiting_runs_per_role = 3");
$node->reload;
ok(wait_until(sub { error_of("SET ROLE greedy; SELECT scheduler.run_job('long 3')") =~ /53400.*limit is 3/s }, 'a setting'),
	'settings hold for all roles');
like(error_of("SET ROLE greedy; SELECT scheduler.schedule_job('x', '\@yearly', 'SELECT 1')"), qr/53400.*limit is 5/s, 'of jobs, too');

$node->stop('fast');
done_testing();
