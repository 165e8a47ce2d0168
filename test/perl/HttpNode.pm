#
# HttpNode.pm
#	  What the TAP tests of HTTP jobs share: a server that may call loopback
#	  addresses, and the hostile HTTP server to call.
#
package HttpNode;

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(http_node start_hostile stop_hostile wait_for http_worker_pid
  request_all statuses call counted);

my $conf = q(
shared_preload_libraries = 'pg_scheduler'
restart_after_crash = on
max_worker_processes = 16
max_connections = 20
fsync = off
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%a '
log_statement = none
pg_scheduler.log_runs = all
pg_scheduler.http_allowed_networks = '127.0.0.0/8'
pg_scheduler.http_max_in_flight = 2000
pg_scheduler.http_max_in_flight_per_host = 2000
pg_scheduler.http_timeout = '60s'
);

my %children;    # pid => 1

# A running server with the extension in database postgres.
sub http_node
{
	my ($name, $more) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', $conf . ($more // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_scheduler');
	return $node;
}

# Start the hostile server; "http://ADDRESS:PORT" of its first address.
sub start_hostile
{
	my (@addresses) = @_;
	my $dir       = PostgreSQL::Test::Utils::tempdir();
	my $port_file = "$dir/port";
	my $program   = dirname(abs_path(__FILE__)) . '/../http/hostile_server.pl';

	@addresses = ('127.0.0.1') unless @addresses;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		exec 'sh', '-c', 'ulimit -n $(ulimit -H -n); exec perl "$@"', 'sh', $program, '--port-file', $port_file, '--ports',
		  $ENV{HTTP_TEST_PORTS} // '18000-18999',
		  map { ('--address', $_) } @addresses;
		die "exec: $!";
	}
	$children{$pid} = 1;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if -s $port_file;
		usleep(100_000);
	}
	my $port = slurp_file($port_file);
	chomp $port;
	return ("http://$addresses[0]:$port", $pid);
}

sub stop_hostile
{
	my ($pid) = @_;

	kill 'TERM', $pid;
	waitpid $pid, 0;
	delete $children{$pid};
}

END
{
	my $status = $?;

	stop_hostile($_) foreach keys %children;
	$? = $status;
}

# Wait until a query returns t.  It may fail on the way.
sub wait_for
{
	my ($node, $sql, $what, $database) = @_;
	my $out;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $status = eval {
			$node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \my $err);
		};
		return 1 if defined $status && $status == 0 && ($out // '') eq 't';
		usleep(100_000);
	}
	diag("gave up waiting until $what; the last answer was: " . ($out // '(none)'));
	return 0;
}

sub http_worker_pid
{
	my ($node, $database) = @_;

	$database //= 'postgres';
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity
		  WHERE backend_type = 'pg_scheduler http worker' AND datname = '$database'");
}

# Send the same request n times in one transaction; without retries.
sub request_all
{
	my ($node, $n, $url, $database) = @_;

	$node->safe_psql($database // 'postgres',
		"SELECT count(scheduler.http_request('$url', max_retries => 0))
		   FROM generate_series(1, $n)");
}

# "status count, ..." of all runs of one-off requests
sub statuses
{
	my ($node, $database) = @_;

	return $node->safe_psql($database // 'postgres',
		q(SELECT string_agg(status || ' ' || n, ', ' ORDER BY status)
			FROM (SELECT status, count(*) n FROM scheduler.runs
				   WHERE job_name LIKE 'http\_request\_%' GROUP BY status) s));
}

# Send one request and wait for its end; the columns asked for of
# its last attempt, which is "r", and of the answer, "h", with | between.
sub call
{
	my ($node, $url, $columns, %options) = @_;
	my $more = join '', map { ", $_ => $options{$_}" } sort keys %options;

	$more .= ', max_retries => 0' unless exists $options{max_retries};
	my $run = $node->safe_psql('postgres', "SELECT scheduler.http_request('$url'$more)");
	$node->safe_psql('postgres', "SELECT scheduler.wait_for_run($run, '3 minutes')");
	return $node->safe_psql('postgres',
		"SELECT $columns FROM scheduler.runs r
		   LEFT JOIN scheduler.http_responses h USING (run_id, attempt)
		  WHERE run_id = $run ORDER BY attempt DESC LIMIT 1");
}

# How often /count/NAME of a hostile server was called, and with how many keys
sub counted
{
	my ($node, $base, $name) = @_;
	my $text = call($node, "$base/counts/$name", "body_text", method => q('GET'));

	return (split /\n/, $text)[0];
}

1;
