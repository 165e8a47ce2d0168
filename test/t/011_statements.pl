#
# A job's statement shows where a client's would: in pg_stat_activity while it
# runs, and in pg_stat_statements afterwards.  What other languages than
# PL/pgSQL can do in it.
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

# A commit can fail after its last look at constraints, and PL/Python can catch
# that.  The mark that the run has begun goes with what commits first.
SKIP:
{
	skip 'no PL/Python', 2 if $node->safe_psql('postgres',
		q(SELECT count(*) FROM pg_available_extensions WHERE name = 'plpython3u')) eq '0';
	$node->safe_psql('postgres', q(
		CREATE EXTENSION plpython3u;
		CREATE TABLE step (what text);
		CREATE PROCEDURE stumble() LANGUAGE plpython3u AS $$
plpy.execute("CREATE TEMP TABLE emptied (a int PRIMARY KEY) ON COMMIT DELETE ROWS")
plpy.execute("CREATE TEMP TABLE kept (a int REFERENCES emptied)")
try:
    plpy.commit()
except Exception:
    plpy.execute("INSERT INTO step VALUES ('caught')")
plpy.commit()
plpy.execute("""INSERT INTO step SELECT CASE WHEN started_at IS NULL THEN 'no mark' ELSE 'mark' END
    FROM scheduler.pending_run""")
$$;
		SELECT scheduler.schedule_job('stumble', 'now', 'CALL stumble()')));
	wait_for_status($node, 'stumble', 'succeeded');
	is($node->safe_psql('postgres', 'SELECT what FROM step'), "caught\nmark",
		'a run whose first commit failed is marked by the next');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.pending_run'), '0', 'until it is over');
}

$node->stop;
done_testing();
