#
# SchedulerClock.pm
#	  Servers whose scheduler lives in another time.
#
# pg_scheduler.clock_offset puts the clock where a test wants it.  It goes on
# from there at its usual speed, so that schedules of tests are coarse: a few
# seconds, or minutes, must make no difference.
#
package SchedulerClock;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

our @EXPORT = qw(new_clock_node set_clock sql wait_for barrier runs_of is_eventually);

my $barriers = 0;

# The offset that makes the clock show a time, in UTC.
sub offset_to
{
	my ($time) = @_;
	my ($year, $month, $day, $hour, $minute, $second) =
	  $time =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)$/ or die "bad time $time";

	return timegm($second, $minute, $hour, $day, $month - 1, $year) - int(time());
}

# A running server with the extension, at a time.
sub new_clock_node
{
	my ($name, $time) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $offset = offset_to($time);

	$node->init;
	$node->append_conf('postgresql.conf', qq(
shared_preload_libraries = 'pg_scheduler'
max_worker_processes = 24
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%a '
log_min_duration_statement = -1
log_statement = none
pg_scheduler.max_workers = 10
pg_scheduler.history_retention = '3000d'
pg_scheduler.clock_offset = $offset
));
	$node->start;
	sql($node, 'CREATE EXTENSION pg_scheduler');
	sql($node, q(
		CREATE TABLE gate (opened boolean);
		INSERT INTO gate VALUES (false);
		CREATE FUNCTION pass_gate() RETURNS void LANGUAGE plpgsql AS
		$$BEGIN
			WHILE NOT (SELECT opened FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP;
		END$$));
	return $node;
}

# Set the clock, of a server that is running or stopped.
sub set_clock
{
	my ($node, $time) = @_;
	my $offset = offset_to($time);

	$node->adjust_conf('postgresql.conf', 'pg_scheduler.clock_offset', $offset);
	return unless defined $node->{_pid};
	$node->reload;
	wait_for($node, "SELECT extract(epoch FROM current_setting('pg_scheduler.clock_offset')::interval) = $offset");
}

sub sql
{
	my ($node, $query) = @_;

	return $node->safe_psql('postgres', $query);
}

sub wait_for
{
	my ($node, $query) = @_;

	$node->poll_query_until('postgres', $query) or die "gave up waiting for: $query";
}

# The scheduler has done all that is due now: a job scheduled for now has run.
sub barrier
{
	my ($node) = @_;
	my $name = 'barrier ' . ++$barriers;

	sql($node, "SELECT scheduler.schedule_job('$name', 'now', 'SELECT 1')");
	wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs
		WHERE job_name = '$name' AND status = 'succeeded'");
}

my $runs = q(
	SELECT coalesce(string_agg(to_char(scheduled_at, 'DD HH24:MI') || ' ' || status ||
		CASE WHEN occurrences > 1 THEN ' ' || occurrences ELSE '' END, ', '
		ORDER BY scheduled_at, run_id), '')
	FROM scheduler.runs WHERE job_name = '%s');

# What has become of a job's occurrences, such as "07 10:00 missed 2".
sub runs_of
{
	my ($node, $job) = @_;

	return sql($node, sprintf($runs, $job));
}

# That, once it is as expected, or is so no more.
sub is_eventually
{
	my ($node, $job, $expected, $name) = @_;
	my $query = sprintf($runs, $job);

	$node->poll_query_until('postgres', "SELECT ($query) = '$expected'")
	  or diag("gave up waiting for: $expected");
	is(runs_of($node, $job), $expected, $name);
}

1;
