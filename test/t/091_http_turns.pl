#
# Roles share the HTTP worker: one whose requests are never answered leaves
# places, in all and at each host, to the others, and memory too.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use HttpNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = http_node('http_turns', q(
pg_scheduler.log_runs = none
pg_scheduler.http_max_in_flight = 20
pg_scheduler.http_max_in_flight_per_host = 10
pg_scheduler.http_max_memory = '8MB'
pg_scheduler.http_timeout = '10min'
));
my ($base, $server) = start_hostile('127.0.0.1', '127.0.0.2');
(my $other = $base) =~ s/127\.0\.0\.1/127.0.0.2/;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for_answers
{
	my ($role, $more, $what) = @_;
	my $query = "SELECT count(*) FROM scheduler.runs r JOIN scheduler.jobs j USING (job_id)
		WHERE j.owner = '$role'::regrole AND status = 'succeeded'";
	my $now = sql($query);

	ok(wait_until(sub { (try_sql($node, $query) // 0) >= $now + $more }, $what), $what)
	  or diag(sql('SELECT j.owner, status, count(*) FROM scheduler.runs r JOIN scheduler.jobs j USING (job_id) GROUP BY 1, 2'));
}

sub greedy_requests
{
	my ($role, $count, $url, $options) = @_;

	$options //= '';
	sql("SET ROLE $role; SELECT scheduler.schedule_http_job('$role ' || i || ' $url', 'now', '$url',
		timeout => '10 minutes' $options) FROM generate_series(1, $count) i");
}

sub in_flight
{
	my ($role) = @_;

	return "SELECT count(*) FROM scheduler.runs r JOIN scheduler.jobs j USING (job_id)
		WHERE j.owner = '$role'::regrole AND status = 'running'";
}

sql("CREATE ROLE victim LOGIN; CREATE ROLE greedy LOGIN; CREATE ROLE hungry LOGIN;
	SET ROLE victim; SELECT scheduler.schedule_http_job('victim', 'every 200 milliseconds', '$base/echo')");
wait_for_answers('victim', 1, 'requests are answered');

# 10 places at this host, of which one role does not get the last.
greedy_requests('greedy', 100, "$base/delay?ms=600000");
ok(wait_until(sub { try_sql($node, in_flight('greedy')) >= 8 }, 'greedy'), 'requests that are never answered');
wait_for_answers('victim', 3, 'one role leaves places at its host to others');

# 20 in all.
greedy_requests('greedy', 100, "$other/delay?ms=600000");
greedy_requests('hungry', 100, "$other/delay?ms=600000");
wait_for_answers('victim', 3, 'and of all places');
sql(q(SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs WHERE owner <> 'victim'::regrole));
ok(wait_until(sub { try_sql($node, "SELECT count(*) FROM scheduler.runs WHERE status IN ('queued', 'running')") < 3 },
		'gone'), 'they are gone');
wait_for_answers('victim', 3, 'which is true without them');

# Bodies, answers and all: together they would be more than there is memory.
greedy_requests('greedy', 30, "$base/delay?ms=600000", ", method => 'POST', body => repeat('x', 1000000)");
wait_for_answers('victim', 3, 'and memory');
is(sql("SELECT count(*) FROM scheduler.runs WHERE job_name LIKE 'greedy%' AND status = 'failed'"), 0,
	'nothing has failed for it');

stop_hostile($server);
$node->stop;
done_testing();
