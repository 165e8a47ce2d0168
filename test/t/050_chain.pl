#
# Jobs that run after others: each end of a leader has its effect once,
# whatever is killed; HTTP jobs lead and follow.
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

my $diamonds = 30;    # a round
my $node = new_node('chain', conf => qq(
pg_scheduler.max_workers = 4
pg_scheduler.crash_limit = 1000000
pg_scheduler.repair_interval = 3600
pg_scheduler.http_allowed_networks = '127.0.0.0/8'
));
my ($base) = start_hostile('127.0.0.1');
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

add_log_table($node);

#
# Diamonds, and a leader whose ends come fast, while processes are killed
#

# The follower of the fast one takes all that it gets.
$sql->(q(
	BEGIN;
	SELECT scheduler.schedule_job('tx_fast', 'every 10 milliseconds', 'SELECT note_run()',
		overlap => 'allow', max_instances => 3);
	SELECT scheduler.schedule_job('tx_after_fast', NULL, 'SELECT note_run()', after => 'tx_fast',
		overlap => 'allow', max_instances => 1000000);
	COMMIT));

my @rounds = (
	sub { kill_process($node, 'worker') },
	sub { kill_process($node, 'scheduler') },
	sub { try_sql($node, 'SELECT scheduler.restart()') },
	sub { kill_process($node, 'launcher') },
	sub { $node->stop('immediate'); wait_for_processes_gone($node); start_again($node) },
	sub { kill_server($node); start_again($node) },
	sub { $node->restart });

foreach my $round (0 .. 13)
{
	my $before = count_effects($node);

	$sql->("
		SELECT count(scheduler.schedule_job('tx_start_${round}_' || i, 'now', 'SELECT note_run()')),
			count(scheduler.schedule_job('tx_left_${round}_' || i, NULL, 'SELECT note_run()',
				after => 'tx_start_${round}_' || i)),
			count(scheduler.schedule_job('tx_right_${round}_' || i, NULL, 'SELECT note_run()',
				after => 'tx_start_${round}_' || i)),
			count(scheduler.schedule_job('tx_end_${round}_' || i, NULL, 'SELECT note_run()',
				after => format('tx_left_%s, tx_right_%1\$s', '${round}_' || i)))
		  FROM generate_series(1, $diamonds) i");
	wait_for_progress($node, $before);
	$rounds[ $round % @rounds ]->();
	wait_for_server($node);
	wait_for_progress($node, count_effects($node));
}

sub wait_for_chains
{
	return wait_until(sub {
			(try_sql($node, q(SELECT NOT EXISTS (SELECT FROM scheduler.pending_run)
				AND NOT EXISTS (SELECT FROM scheduler.leader_end))) // '') eq 't';
		},
		'all ends are taken up, and no run is pending');
}

$sql->(q(SELECT scheduler.pause_job('tx_fast')));
finish_jobs($node, "job_name = 'tx_fast'");
ok(wait_for_chains(), 'all chains come to an end');
my $all = $diamonds * 14;
is( $sql->(q(SELECT split_part(job_name, '_', 2) AS part, count(*), count(DISTINCT job_name), string_agg(DISTINCT status, ' ')
		FROM scheduler.run_history WHERE job_name ~ '^tx_(start|left|right|end)_' GROUP BY 1 ORDER BY 1)),
	join("\n", map { "$_|$all|$all|succeeded" } qw(end left right start)),
	'each job of each diamond has succeeded once');
is( $sql->(q(SELECT r.job_name, r.trigger_run_ids, array_agg(t.run_id)
		FROM scheduler.runs r
		LEFT JOIN scheduler.chains c ON c.job_id = r.job_id
		LEFT JOIN scheduler.runs t ON t.job_id = c.leader_id AND t.run_id = ANY (r.trigger_run_ids)
			AND t.finished_at <= r.started_at
		WHERE r.job_name ~ '^tx_(left|right|end)_'
		GROUP BY r.job_name, r.run_id, r.trigger_run_ids
		HAVING count(t.run_id) <> CASE WHEN r.job_name ~ '_end_' THEN 2 ELSE 1 END
			OR cardinality(r.trigger_run_ids) <> count(t.run_id))),
	'',
	'each was triggered by its leaders, after their end');

# What was over when the server was killed had all its effects.
is( $sql->(q(SELECT f.run_id, count(t.run_id)
		FROM scheduler.run_history f
		LEFT JOIN scheduler.run_trigger t ON t.trigger_run_id = f.run_id
		WHERE f.job_name = 'tx_fast' AND f.status = 'succeeded'
		GROUP BY f.run_id HAVING count(t.run_id) <> 1 LIMIT 10)),
	'',
	'each success of the fast leader has triggered one run');
is( $sql->(q(SELECT string_agg(DISTINCT status, ' ') FROM scheduler.run_history WHERE job_name = 'tx_after_fast')),
	'succeeded', 'which has succeeded');
check_records($node, 'chain');

#
# A run that is lost is a failure
#
$sql->(q(
	SELECT scheduler.schedule_job('loses', '@at 2199-12-31', 'DO $x$ BEGIN COMMIT; PERFORM pg_sleep(1000); END $x$');
	SELECT scheduler.schedule_job('after_loss', NULL, 'SELECT 1', after => 'loses', after_on => 'failure');
	SELECT scheduler.schedule_job('after_success', NULL, 'SELECT 1', after => 'loses')));
$sql->(q(SELECT scheduler.run_job('loses')));
ok( wait_until(
		sub {
			$sql->(q(SELECT count(*) FROM scheduler.pending_run p JOIN scheduler.jobs USING (job_id)
				WHERE job_name = 'loses' AND p.started_at IS NOT NULL)) eq '1';
		},
		'the run has committed'),
	'a procedure has committed');
kill_process($node, 'worker');
wait_for_server($node);
ok(wait_for_chains(), 'its loss is recorded');
is( $sql->(q(SELECT job_name, status, triggered_by FROM scheduler.run_history WHERE job_name IN ('loses', 'after_loss', 'after_success') ORDER BY run_id)),
	"loses|lost|manual\nafter_loss|succeeded|after", 'and has triggered its follower');
# the same, when the scheduler is there to see the worker go
$sql->(q(SELECT scheduler.run_job('loses')));
wait_until(
	sub {
		$sql->(q(SELECT count(*) FROM scheduler.pending_run p JOIN scheduler.jobs USING (job_id)
			WHERE job_name = 'loses' AND p.started_at IS NOT NULL)) eq '1';
	},
	'the run has committed');
$sql->(q(SELECT pg_terminate_backend(worker_pid) FROM scheduler.runs WHERE job_name = 'loses' AND status = 'running'));
ok( wait_until(
		sub { $sql->(q(SELECT count(*) FROM scheduler.run_history WHERE job_name = 'after_loss')) eq '2' },
		'the follower has run again'),
	'a worker that is terminated loses its run too');

#
# HTTP
#
$sql->(qq(
	SELECT scheduler.schedule_http_job('call', '\@at 2199-12-31', '$base/echo?id={{args.id}}', args => '{"id": 1}');
	SELECT scheduler.schedule_http_job('call_again', NULL, '$base/echo?id={{args.id}}&own={{args.own}}',
		after => 'call', args => '{"id": 0, "own": "mine"}');
	SELECT scheduler.schedule_http_job('broken', NULL, '$base/status/500', after => 'call_again');
	SELECT scheduler.schedule_job('store', NULL, 'SELECT 1 / (\$1->>''id'')::int', after => 'call, call_again');
	SELECT scheduler.schedule_job('complain', NULL, 'SELECT 1', after => 'broken', after_on => 'failure');
	SELECT scheduler.alter_http_job('call', url => '$base/echo?id={{args.id}}')));
$sql->(q(SELECT scheduler.run_job('call', '{"id": 7}')));
ok( wait_until(
		sub {
			$sql->(q(SELECT count(DISTINCT job_name) FROM scheduler.run_history WHERE job_name IN ('complain', 'store'))) eq '2';
		},
		'the chain is over'),
	'a chain of HTTP and SQL jobs comes to its end');
is( $sql->(q(SELECT job_name, status, triggered_by, trigger_run_ids <@ (SELECT array_agg(run_id) FROM scheduler.runs)
		FROM scheduler.runs WHERE job_name IN ('call', 'call_again', 'broken', 'store', 'complain') ORDER BY job_id)),
	"call|succeeded|manual|\ncall_again|succeeded|after|t\nbroken|failed|after|t\nstore|succeeded|after|t\ncomplain|succeeded|after|t",
	'with each run on record');
like( $sql->(q(SELECT body_text FROM scheduler.http_responses WHERE job_name = 'call_again')),
	qr{\?id=7&own=mine }, 'arguments are passed on');
is( $sql->(q(SELECT depth, job_name FROM scheduler.run_chain((SELECT max(run_id) FROM scheduler.runs WHERE job_name = 'complain'))
		ORDER BY depth, job_name)),
	"0|call\n1|call_again\n2|broken\n2|store\n3|complain", 'the chain can be seen');

#
# A job that is left with neither a schedule nor a leader is said to be so
#
$sql->(q(SELECT scheduler.unschedule_job('broken', cascade => true)));
$sql->(q(SELECT scheduler.restart()));
ok( wait_until(
		sub {
			(try_sql($node, q(SELECT EXISTS (SELECT FROM scheduler.alerts
				WHERE kind = 'job_without_next_time' AND message ~ '^1 active job has'))) // '') eq 't';
		},
		'there is an alert'),
	'a job without a leader raises an alert, and no other does');

$node->stop;
ok(wait_for_processes_gone($node), 'no process is left');
done_testing();
