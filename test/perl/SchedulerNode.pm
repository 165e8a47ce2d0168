#
# SchedulerNode.pm
#	  What the TAP tests share: servers that run jobs, ways to wait for them
#	  and to kill them, and the proof that their records are right.
#
# Everything waits for a state.  What has to survive a server that is down or
# in recovery asks through try_sql(), which never dies.
#
package SchedulerNode;

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  new_node configure_node begin_session
  try_sql wait_until wait_for_true wait_for_server wait_for_scheduler wait_for_quiet
  wait_for_runs finish_jobs wait_for_running wait_for_status
  processes scheduler_processes wait_for_processes_gone
  kill_process signal_some kill_server start_again stop_and_start
  choose_action add_log_table check_records check_counters
  check_workers_usable count_effects wait_for_progress);

# Settings of every server of these tests.  The server must come back by
# itself from a crash, which those of PostgreSQL::Test::Cluster do not.
my $conf = q(
shared_preload_libraries = 'pg_scheduler'
restart_after_crash = on
max_worker_processes = 16
max_connections = 20
autovacuum = on
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%a '
log_min_duration_statement = -1
log_statement = none
# most tests have one role, whose runs may take all workers
pg_scheduler.max_workers_per_role = 0
# tests break our tables, which is refused else
allow_system_table_mods = on
);

sub configure_node
{
	my ($node, $more) = @_;

	$node->append_conf('postgresql.conf', $conf . ($more // ''));
}

# A running server with the extension.  Options: conf, more settings; init,
# arguments of Cluster::init; extension => 0 leaves the extension out.
sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%{ $options{init} // {} });
	configure_node($node, $options{conf});
	$node->start;
	if ($options{extension} // 1)
	{
		$node->safe_psql('postgres', 'CREATE EXTENSION pg_scheduler');
		wait_for_scheduler($node);
	}
	return $node;
}

# A client that stays.  Its time limit is that of a query, not of the session.
sub begin_session
{
	my ($node, $database, %options) = @_;
	my $session = $node->background_psql($database, %options);

	$session->set_query_timer_restart();
	return $session;
}

# The result of a query, or undef when there was none to be had.
sub try_sql
{
	my ($node, $sql, $database) = @_;
	my ($status, $out);

	eval {
		$status = $node->psql($database // 'postgres', $sql, stdout => \$out,
			stderr => \my $err, extra_params => ['-v', 'ON_ERROR_STOP=1']);
		1;
	} or return undef;
	return $status == 0 ? $out : undef;
}

# Call a function until it returns true.  False: it never did.
sub wait_until
{
	my ($condition, $what) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $condition->();
		usleep(100_000);
	}
	diag("gave up waiting until $what");
	return 0;
}

# A query becomes true; a test.
sub wait_for_true
{
	my ($node, $query, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(wait_until(sub { (try_sql($node, $query) // '') eq 't' }, $what), $what)
	  || diag(try_sql($node, 'SELECT run_id, job_name, attempt, status, "left"(error_message, 200), error_detail
		FROM scheduler.runs ORDER BY finished_at DESC LIMIT 20') // 'no server');
}

sub wait_for_server
{
	my ($node) = @_;

	wait_until(sub { defined try_sql($node, 'SELECT 1') }, 'the server answers')
	  or die "the server did not come back";
}

sub wait_for_query
{
	my ($node, $sql, $database, $what) = @_;

	wait_until(sub { (try_sql($node, $sql, $database) // '') eq 't' }, $what)
	  or die "gave up waiting until $what";
}

# There is a scheduler process in the database.
sub wait_for_scheduler
{
	my ($node, $database) = @_;

	$database //= 'postgres';
	wait_for_query($node,
		"SELECT count(*) = 1 FROM pg_stat_activity
		  WHERE backend_type = 'pg_scheduler scheduler' AND datname = '$database'",
		'postgres', "there is a scheduler in $database");
}

# No run is left to be done.
sub wait_for_quiet
{
	my ($node, $database) = @_;

	wait_for_query($node, 'SELECT count(*) = 0 FROM scheduler.pending_run',
		$database, 'no run is pending');
}

# The scheduler has so many runs, and has tried to find a worker for each.
sub wait_for_runs
{
	my ($node, $count, $database) = @_;

	wait_for_query($node, "SELECT scheduler.status() ->> 'pending_runs' = '$count'",
		$database, "there are $count runs");
}

# Pause the jobs that match, cancel what they have in the queue, and let the
# rest end: no run is left.
sub finish_jobs
{
	my ($node, $where, $database) = @_;

	$database //= 'postgres';
	$node->safe_psql($database, "SELECT scheduler.pause_job(job_id) FROM scheduler.jobs WHERE $where");
	wait_for_query($node,
		"SELECT count(CASE WHEN status = 'queued' THEN scheduler.cancel_run(run_id) END) = 0
			AND count(*) = 0 FROM scheduler.runs
		  WHERE status IN ('queued', 'running') AND job_id IN
			(SELECT job_id FROM scheduler.jobs WHERE $where)",
		$database, 'paused jobs have no run left');
}

sub wait_for_running
{
	my ($node, $job, $database) = @_;

	wait_for_query($node,
		"SELECT count(*) > 0 FROM scheduler.runs
		  WHERE job_name = '$job' AND status = 'running'",
		$database, "job $job is running");
}

# Some run of the job has ended an attempt with this status.
sub wait_for_status
{
	my ($node, $job, $status, $database) = @_;

	wait_for_query($node,
		"SELECT count(*) > 0 FROM scheduler.runs
		  WHERE job_name = '$job' AND status = '$status'",
		$database, "a run of $job is $status");
}

# Pids and titles of all processes of a server, whether it has a postmaster
# or not: they work in its data directory.
sub processes
{
	my ($node) = @_;
	my $data = abs_path($node->data_dir);
	my %result;

	foreach my $process (glob('/proc/[0-9]*'))
	{
		my ($pid) = $process =~ /(\d+)/;

		next if (readlink("$process/cwd") // '') ne $data;
		$result{$pid} = eval { slurp_file("$process/cmdline") } // '';
	}
	return %result;
}

# Pids of the processes of pg_scheduler: kind is launcher, scheduler, worker.
sub scheduler_processes
{
	my ($node, $kind) = @_;
	my %all = processes($node);
	my @pids = sort { $a <=> $b } grep { $all{$_} =~ /: pg_scheduler $kind/ } keys %all;

	return @pids;
}

# Kill one of them the hard way.
sub kill_process
{
	my ($node, $kind) = @_;
	my @pids;

	wait_until(sub { @pids = scheduler_processes($node, $kind); scalar @pids }, "there is a $kind");
	kill('KILL', $pids[0]);
}

# Send a signal to one of them by chance, if there is one; its pid.
sub signal_some
{
	my ($node, $signal, $kind) = @_;
	my @pids   = scheduler_processes($node, $kind);
	my $chance = rand(@pids);

	return unless @pids;
	kill($signal, $pids[ int($chance) ]);
	return $pids[ int($chance) ];
}

sub wait_for_processes_gone
{
	my ($node) = @_;

	return wait_until(sub { my %left = processes($node); !%left },
		'all processes of ' . $node->name . ' have gone');
}

# Kill the postmaster the hard way, and wait for its children to notice.  Until
# it is reaped, its pid would still be taken for a running server.
sub kill_server
{
	my ($node) = @_;
	my $pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];

	$node->kill9;
	wait_for_processes_gone($node)
	  or die 'processes outlive the postmaster: ' . join(', ', values %{ { processes($node) } });
	wait_until(sub { !kill(0, $pid) }, 'the postmaster is reaped');
}

sub start_again
{
	my ($node) = @_;

	$node->start;
	wait_for_server($node);
}

# Stop the server in one of its modes, and start it again.
sub stop_and_start
{
	my ($node, $mode) = @_;

	# A server that is told to stop, but not at once, while it recovers from
	# the crash of a process, may wait for ever for its own checkpointer.
	wait_for_server($node) unless $mode eq 'immediate';
	$node->stop($mode, fail_ok => 1);
	wait_for_processes_gone($node) or die "processes are left after a $mode shutdown";
	start_again($node);
}

# The name of an action by chance, from name => [weight, ...].
sub choose_action
{
	my ($actions) = @_;
	my @choice = map { my $name = $_; ($name) x $actions->{$name}[0] } sort keys %$actions;

	return $choice[ int(rand(@choice)) ];
}

# The table that jobs write to, and what they write.
sub add_log_table
{
	my ($node, $database) = @_;

	$node->safe_psql(
		$database // 'postgres', q(
		CREATE TABLE effect (run_id bigint NOT NULL, job_name text NOT NULL,
			attempt int NOT NULL, scheduled_at timestamptz NOT NULL);
		GRANT INSERT ON effect TO PUBLIC;
		CREATE FUNCTION note_run() RETURNS void LANGUAGE sql
			BEGIN ATOMIC
			INSERT INTO effect VALUES (
				current_setting('pg_scheduler.run_id')::bigint,
				current_setting('pg_scheduler.job_name'),
				current_setting('pg_scheduler.attempt')::int,
				current_setting('pg_scheduler.scheduled_at')::timestamptz);
			END));
}

# What has been written so far; none while there is no server.
sub count_effects
{
	my ($node) = @_;

	return try_sql($node, 'SELECT count(*) FROM effect') // 0;
}

# Some progress is made between one kill and the next.
sub wait_for_progress
{
	my ($node, $from) = @_;

	wait_until(sub { count_effects($node) > $from }, 'runs go on') or die 'runs do not go on';
}

# The proof.  Jobs whose names begin with "tx" write one row of effect in each
# run; those that begin with "every" are due at each multiple of an interval.
# No run may be left.
sub check_records
{
	my ($node, $what, $database) = @_;
	my $sql = sub { $node->safe_psql($database // 'postgres', $_[0]) };

	is( $sql->(
			q(SELECT run_id, count(*) FROM scheduler.run_history
			   WHERE next_attempt_at IS NULL GROUP BY run_id HAVING count(*) <> 1
			  UNION ALL
			  SELECT run_id, -count(*) FROM scheduler.run_history
			   GROUP BY run_id HAVING count(*) FILTER (WHERE next_attempt_at IS NULL) = 0
			  LIMIT 10)),
		'',
		"$what: each run has exactly one final state");
	is( $sql->(
			q(SELECT run_id, array_agg(attempt ORDER BY attempt) FROM scheduler.run_history
			   GROUP BY run_id HAVING count(DISTINCT attempt) <> count(*)
				OR max(attempt) <> count(*) LIMIT 10)),
		'',
		"$what: attempts are numbered without gap or double");
	is( $sql->(
			q(SELECT job_name, scheduled_at, count(*) FROM scheduler.run_history
			   WHERE next_attempt_at IS NULL AND triggered_by = 'schedule'
			   GROUP BY 1, 2 HAVING count(*) <> 1 LIMIT 10)),
		'',
		"$what: no occurrence has two runs");
	is( $sql->(
			q(SELECT COALESCE(h.job_name, e.job_name), COALESCE(h.run_id, e.run_id),
					 h.n, e.n
			   FROM (SELECT job_name, run_id, count(*) n FROM scheduler.run_history
					  WHERE status = 'succeeded' AND job_name LIKE 'tx%' GROUP BY 1, 2) h
			   FULL JOIN (SELECT job_name, run_id, count(*) n FROM effect
					  WHERE job_name LIKE 'tx%' GROUP BY 1, 2) e
				 ON e.run_id = h.run_id AND e.job_name = h.job_name
			  WHERE h.n IS DISTINCT FROM e.n OR h.n <> 1 LIMIT 10)),
		'',
		"$what: effects of transactional jobs are those of succeeded runs");

	# Each row stands for its occurrences, from scheduled_at on.
	is( $sql->(
			q(SELECT h.job_name, sum(occurrences), min(scheduled_at), max(scheduled_at)
			   FROM scheduler.run_history h JOIN scheduler.job j USING (job_id)
			  WHERE next_attempt_at IS NULL AND triggered_by = 'schedule'
				AND j.schedule ~ '^every '
			  GROUP BY h.job_name, j.schedule
			 HAVING sum(occurrences) <> 1 +
				round(extract(epoch FROM max(scheduled_at +
					(occurrences - 1) * substr(j.schedule, 7)::interval) - min(scheduled_at)) /
				extract(epoch FROM substr(j.schedule, 7)::interval)) LIMIT 10)),
		'',
		"$what: no occurrence is missing");
}

# What jobs have counted is what their history says.  After a crash, the end of
# a run that was cancelled in the queue just before may be missing (crashed => 1).
sub check_counters
{
	my ($node, $what, $database, %options) = @_;
	my @statuses = qw(succeeded failed timed_out lost cancelled);
	my $differs = join ' OR ', map {
		"s.$_ " . ($options{crashed} && $_ eq 'cancelled' ? '>' : '<>')
		  . " COALESCE(sum(h.occurrences) FILTER (WHERE h.status = '$_'), 0)"
	} @statuses;

	ok( wait_until(
			sub {
				(try_sql($node, "SELECT count(*) FROM (
					SELECT s.job_id FROM scheduler.job_state s LEFT JOIN scheduler.run_history h USING (job_id)
					 GROUP BY s.job_id HAVING $differs) d", $database) // '') eq '0';
			},
			'counters agree with history'),
		"$what: counters agree with history")
	  or diag($node->safe_psql($database // 'postgres',
			"SELECT s, array_agg(h ORDER BY finished_at) FROM scheduler.job_state s
			   LEFT JOIN scheduler.run_history h USING (job_id)
			  GROUP BY s.job_id HAVING $differs"));
}

# No slot is leaked: so many runs go at once, of databases in turns.
sub check_workers_usable
{
	my ($node, $what, $workers, @databases) = @_;
	my %fills;

	@databases = ('postgres') unless @databases;
	$fills{ $databases[ $_ % @databases ] }++ foreach 1 .. $workers;
	my $running = sub {
		my $sum = 0;

		$sum += try_sql($node, "SELECT count(*) FROM scheduler.runs
			WHERE status = 'running' AND job_name LIKE 'fill%'", $_) // 0
		  foreach keys %fills;
		return $sum;
	};

	$node->safe_psql($_, "SELECT scheduler.schedule_job('fill_' || i, 'now',
		'SELECT pg_sleep(3600)') FROM generate_series(1, $fills{$_}) i")
	  foreach keys %fills;
	ok(wait_until(sub { $running->() == $workers }, 'all workers are busy'),
		"$what: all $workers worker slots can be used")
	  or diag(map { $node->safe_psql($_, "SELECT * FROM scheduler.workers"),
			$node->safe_psql($_, "SELECT job_name, owner, status, attempt FROM scheduler.runs
				WHERE status IN ('queued', 'running')") } keys %fills);
	foreach my $database (keys %fills)
	{
		$node->safe_psql($database, "SELECT scheduler.cancel_run(run_id) FROM scheduler.runs
			WHERE job_name LIKE 'fill%' AND status = 'running'");
		wait_for_quiet($node, $database);
	}
}

1;
