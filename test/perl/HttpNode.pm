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
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(http_node start_hostile stop_hostile start_nginx wait_for http_worker_pid
  request_all statuses call call_until counted configure use_names);

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
pg_scheduler.http_max_in_flight = 2400
pg_scheduler.http_max_in_flight_per_host = 2400
pg_scheduler.http_timeout = '60s'
);

my %children;    # pid => 1
my $names_dir;   # of use_names()

# A running server with the extension in database postgres.
sub http_node
{
	my ($name, $more) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', $conf . ($more // ''));
	local $ENV{LD_PRELOAD} = defined $names_dir ? "$names_dir/resolver.so" : $ENV{LD_PRELOAD} // '';
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

# Start nginx with servers as configuration text; a free port for each is in
# the text as $PORT, and is what comes back.  False: there is no nginx.
sub start_nginx
{
	my (@servers) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my ($nginx) = grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
	my @ports = map { PostgreSQL::Test::Cluster::get_free_port() } @servers;
	my $text = '';

	return unless defined $nginx;
	for my $i (0 .. $#servers)
	{
		(my $server = $servers[$i]) =~ s/\$PORT/$ports[$i]/g;
		$text .= "server { $server }\n";
	}
	PostgreSQL::Test::Utils::append_to_file(
		"$dir/nginx.conf", qq(
		daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
		events { worker_connections 4000; }
		http {
			access_log off; keepalive_requests 1000000;
			client_body_temp_path $dir/body; proxy_temp_path $dir/proxy;
			fastcgi_temp_path $dir/fastcgi; uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
			$text
		}
	));
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		exec $nginx, '-c', "$dir/nginx.conf", '-p', $dir, '-e', "$dir/error.log";
		die "exec: $!";
	}
	$children{$pid} = 1;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return @ports if -s "$dir/pid";
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		usleep(100_000);
	}
	die "nginx did not start: " . slurp_file("$dir/error.log");
}

# Nodes that are made from here on resolve the names of a hash, to the addresses
# that it has for them; call this again to change them at any time.  False: there
# is no compiler, or something else is preloaded into the server.
sub use_names
{
	my (%names) = @_;

	return 0 if ($ENV{SERVER_WRAPPER} // '') =~ /LD_PRELOAD/;
	if (!defined $names_dir)
	{
		my $dir    = PostgreSQL::Test::Utils::tempdir();
		my $source = dirname(abs_path(__FILE__)) . '/../http/resolver.c';
		my @cc     = split ' ', qx(pg_config --cc);

		return 0
		  if system(@cc, qw(-shared -fPIC -O -o), "$dir/resolver.so", $source, '-ldl') != 0;
		$names_dir = $dir;
		$ENV{HTTP_TEST_NAMES} = "$dir/names";
	}
	open(my $file, '>', "$names_dir/names.new") or die "$names_dir/names.new: $!";
	print $file "$_ $names{$_}\n" foreach sort keys %names;
	close($file) or die;
	rename("$names_dir/names.new", "$names_dir/names") or die;
	return 1;
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

# Change settings of the running server; undef resets.
sub configure
{
	my ($node, %settings) = @_;

	foreach my $name (sort keys %settings)
	{
		$node->safe_psql('postgres', defined $settings{$name}
			? "ALTER SYSTEM SET pg_scheduler.$name = '$settings{$name}'"
			: "ALTER SYSTEM RESET pg_scheduler.$name");
	}
	$node->reload;
}

# The same request again and again, until it has this result: the HTTP worker
# learns of a new setting when the server's signal has reached it.
sub call_until
{
	my ($node, $expected, $url, $columns, %options) = @_;
	my $got = '';

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$got = call($node, $url, $columns, %options);
		last if $got eq $expected;
	}
	return $got;
}

# How often /count/NAME of a hostile server was called, and with how many keys
sub counted
{
	my ($node, $base, $name) = @_;
	my $text = call($node, "$base/counts/$name", "body_text", method => q('GET'));

	return (split /\n/, $text)[0];
}

1;
