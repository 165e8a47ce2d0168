#
# Jobs run on time, in all three modes, in two databases at once, and go on
# after a restart of the server.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('basic', extension => 0, conf => "shared_preload_libraries = ''\n");
my ($err, $out);

# Without the preload, definitions can be made, and a warning says the rest.
$node->psql('postgres', 'CREATE EXTENSION pg_scheduler', stderr => \$err);
like($err, qr/WARNING:  pg_scheduler is not loaded by the server: no job will run/,
	'CREATE EXTENSION without the preload warns');
like($err, qr/HINT:  Add pg_scheduler to shared_preload_libraries/, 'and says what to do');
add_log_table($node);
$node->psql('postgres', q(SELECT scheduler.schedule_job('tx_early', 'now', 'SELECT note_run()')),
	stderr => \$err);
like($err, qr/no job will run/, 'schedule_job without the preload warns');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_scheduler'");
$node->restart;
wait_for_status($node, 'tx_early', 'succeeded');
pass('what was scheduled without the preload runs with it');

# Every second, in two databases.
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->psql('second', 'CREATE EXTENSION pg_scheduler', stderr => \$err);
is($err, '', 'CREATE EXTENSION with the preload does not warn');
add_log_table($node, 'second');
foreach my $database (qw(postgres second))
{
	$node->safe_psql($database, q(
		SELECT scheduler.schedule_job('tx_second', 'every 1 second', 'SELECT note_run()')));
}

# Meanwhile: procedures that commit, and statements that refuse a transaction.
$node->safe_psql(
	'postgres', q(
	CREATE TABLE step (n int);
	CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..3 LOOP
			INSERT INTO step VALUES (i);
			COMMIT;
		END LOOP;
		INSERT INTO step VALUES (1 / 0);
	END $$;
	SELECT scheduler.schedule_job('procedure', 'now', 'CALL steps()');
	SELECT scheduler.schedule_job('vacuum', 'now', 'VACUUM step');
	SELECT scheduler.schedule_job('create_database', 'now', 'CREATE DATABASE third');
	SELECT scheduler.schedule_job('index', 'now', 'CREATE INDEX CONCURRENTLY ON step (n)');
	SELECT scheduler.schedule_job('both', 'now', 'INSERT INTO step VALUES (100); INSERT INTO step VALUES (1 / 0)');
));
wait_for_status($node, 'procedure', 'failed');
wait_for_status($node, 'vacuum', 'succeeded');
wait_for_status($node, 'create_database', 'succeeded');
wait_for_status($node, 'index', 'succeeded');
wait_for_status($node, 'both', 'failed');
is($node->safe_psql('postgres', 'SELECT array_agg(n ORDER BY n) FROM step'),
	'{1,2,3}', 'a procedure keeps what it has committed, a transaction nothing');
is($node->safe_psql('third', 'SELECT 1'), '1', 'CREATE DATABASE as a job');

my $anchor = "SELECT min(scheduled_at) FROM scheduler.run_history WHERE job_name = 'tx_second'";

sub wait_for_seconds
{
	my ($database, $count) = @_;

	$node->poll_query_until($database, "SELECT count(*) >= $count
		FROM scheduler.run_history WHERE job_name = 'tx_second'")
	  or die "the job does not run every second";
}

wait_for_seconds($_, 8) foreach qw(postgres second);
$node->restart;
wait_for_seconds($_, 16) foreach qw(postgres second);

foreach my $database (qw(postgres second))
{
	$node->safe_psql($database, q(SELECT scheduler.unschedule_job('tx_early'))) if $database eq 'postgres';
	$node->safe_psql($database, q(SELECT scheduler.pause_job('tx_second')));
	wait_for_quiet($node, $database);

	# A row of missed occurrences stands for as many of them.
	is( $node->safe_psql($database, "
			SELECT bool_and(extract(epoch FROM scheduled_at - ($anchor)) = before)
			  FROM (SELECT scheduled_at, sum(occurrences) OVER (ORDER BY scheduled_at) - occurrences AS before
					  FROM scheduler.run_history WHERE job_name = 'tx_second') s"),
		't',
		"$database: the n-th occurrence is due n seconds after the first, exactly");
	is( $node->safe_psql($database, "SELECT count(*) FROM scheduler.run_history
			WHERE job_name = 'tx_second' AND started_at < scheduled_at"),
		'0',
		"$database: no run starts before it is due");
	check_records($node, $database, $database);
}

# A job sees who and when it is.
is( $node->safe_psql('postgres', q(
		SELECT count(*) FROM effect e JOIN scheduler.run_history h USING (run_id)
		 WHERE (e.job_name, e.attempt, e.scheduled_at) IS DISTINCT FROM
			(h.job_name, h.attempt, h.scheduled_at))),
	'0',
	'what a job is told is what is recorded');

$node->stop;
done_testing();
