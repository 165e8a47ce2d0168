#
# Big values: they are refused when they are given, and those that came in
# otherwise cost nobody else's process memory, time or a start.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('size_limits', conf => q(
pg_scheduler.max_workers = 3
pg_scheduler.log_runs = none
pg_scheduler.http_allowed_networks = '127.0.0.0/8'
pg_scheduler.http_max_memory = '64MB'
log_error_verbosity = terse
log_min_error_statement = panic
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
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT scheduler.$call");

	return $err =~ s/\n(LOCATION|CONTEXT).*//sr;
}

# kB of memory that is its own, of a process of the scheduler
sub memory
{
	my ($type) = @_;
	my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_scheduler $type'");
	my $status = slurp_file("/proc/$pid/status");

	return ($status =~ /RssAnon:\s+(\d+)/)[0];
}

# A job of somebody else goes on.
sub wait_for_victim
{
	my ($what) = @_;
	my $runs = sql("SELECT count(*) FROM scheduler.runs WHERE job_name = 'victim' AND status = 'succeeded'");

	wait_for("SELECT count(*) > $runs + 1 FROM scheduler.runs
		WHERE job_name = 'victim' AND status = 'succeeded'", "$what: jobs of others run");
}

sql(q[
	CREATE ROLE victim LOGIN;
	SELECT scheduler.schedule_job('victim', 'every 200 milliseconds', 'SELECT 1', run_as => 'victim');
	SELECT scheduler.schedule_job('small', '@yearly', 'SELECT 1');]);

# Refused: whatever it is, with the limit and the setting
my $big = q(repeat('x', 1048577));
my $text = qr/has 1048577 bytes; the limit is 1048576.*max_value_size/s;
for ([qq(schedule_job('j', '\@yearly', $big)), $text],
	[qq(schedule_job('j', '\@yearly', 'SELECT 1', args => to_jsonb($big))), qr/max_value_size/],
	[qq(schedule_job('j', '\@yearly', 'SELECT 1', settings => jsonb_build_object('a', $big))), qr/max_value_size/],
	[qq(schedule_job('j', '\@yearly', 'SELECT 1', description => $big)), $text],
	[qq(schedule_job('j', $big, 'SELECT 1')), $text],
	[qq(schedule_job($big, '\@yearly', 'SELECT 1')), $text],
	[qq(alter_job('small', command => $big)), $text],
	[qq(run_job('small', to_jsonb($big))), qr/max_value_size/],
	[qq(pause_job('small', repeat('x', 10241))), qr/max_message_size/],
	[qq(set_hook('small', 'start', $big)), $text],
	[qq(set_health_check('small', $big)), qr/max_value_size/],
	[qq(create_alert_check('c', $big)), qr/max_value_size/],
	[qq(create_alert_check('c', 'true', message => repeat('x', 10241))), qr/max_message_size/],
	[qq(create_queue('q', description => $big)), $text],
	[qq(create_calendar('c', description => $big)), $text],
	[qq(set_secret('s', $big)), $text],
	[qq(http_request('http://127.0.0.1/' || $big)), qr/max_value_size/],
	[qq(http_request('http://127.0.0.1/', headers => jsonb_build_object('a', $big))), qr/max_value_size/],
	[qq(http_request('http://127.0.0.1/', 'POST', body => repeat('x', 16777217))), qr/limit is 16777216.*max_body_size/s])
{
	my ($call, $pattern) = @$_;
	my $error = error_of($call);

	like($error, qr/54000.*is too long.*$pattern/s, "refused: " . substr($call, 0, 40));
}
sql(q[SELECT scheduler.schedule_job('fits', '@yearly', repeat(' ', 1048567) || 'SELECT 1')]);
pass('what is as long as the limit is accepted');

# Those that are there: of jobs, of runs, with the limit raised
my $before = memory('scheduler');
sql(q[
	SET pg_scheduler.max_value_size = '1GB';
	CREATE TABLE big AS SELECT (SELECT to_jsonb(string_agg(md5(i::text), '')) FROM generate_series(1, 1000000) i) AS args;
	SELECT scheduler.schedule_job('big ' || i, 'every 300 milliseconds', 'SELECT 1', args => args,
		overlap => 'queue', max_retries => 1) FROM big, generate_series(1, 6) i;
	SELECT scheduler.schedule_job('sleeper', '@yearly', 'SELECT pg_sleep(600)', overlap => 'queue');
	SELECT scheduler.run_job('sleeper', args) FROM big, generate_series(1, 6) i;
	SELECT scheduler.schedule_job('big command ' || i, 'every second', 'SELECT 1 -- ' || (args #>> '{}'))
		FROM big, generate_series(1, 3) i;]);
wait_for("SELECT count(*) = 6 FROM scheduler.jobs WHERE job_name LIKE 'big _' AND runs > 2", 'jobs with big arguments run');
wait_for_victim('big arguments');
my $after = memory('scheduler');
note("scheduler: $before kB before, $after kB with big values");
cmp_ok($after, '<', $before + 30_000, 'the scheduler does not read them');

# Started with little memory: the scheduler comes up.
$node->stop;
{
	local $ENV{PATH} = $ENV{PATH};
	my $data = $node->data_dir;
	my $log = $node->logfile;

	# a process may take 32 MB more than the server does at its start
	system('bash', '-c', "ulimit -v 450000; exec pg_ctl -w -D '$data' -l '$log' start >/dev/null 2>&1");
}
$node->_update_pid(1);
wait_for_scheduler($node);
wait_for_victim('little memory');
$after = memory('scheduler');
note("scheduler: $after kB after a start");
cmp_ok($after, '<', $before + 30_000, 'nor does it at its start');
$node->restart;
wait_for_scheduler($node);

# HTTP: bodies of 20 MB and of 5 MB, where there are 64 MB
my $server = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die;
my $port = $server->sockport;
my $child = fork() // die;
if ($child == 0)
{
	my $select = IO::Select->new($server);
	my (%got, %want);

	while (my @ready = $select->can_read(120))
	{
		for my $socket (@ready)
		{
			if ($socket == $server)
			{
				$select->add($server->accept);
				next;
			}
			my $n = sysread($socket, my $data, 1 << 20);
			if (!$n)
			{
				$select->remove($socket);
				close $socket;
				next;
			}
			$got{$socket} .= $data if length($got{$socket} // '') < 4096;
			$want{$socket} //= 0;
			my $total = ($want{$socket} += $n);
			my ($length) = $got{$socket} =~ /content-length: (\d+)/i;
			my $head = index($got{$socket}, "\r\n\r\n");
			if ($head >= 0 && $total >= $head + 4 + ($length // 0))
			{
				syswrite($socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
				delete $got{$socket};
				delete $want{$socket};
			}
			elsif (($got{$socket} // '') =~ /expect: 100/i && $head >= 0 && $total == $head + 4)
			{
				syswrite($socket, "HTTP/1.1 100 Continue\r\n\r\n");
			}
		}
	}
	POSIX::_exit(0);
}
END { kill 'KILL', $child if $child; }
sql(qq[SET ROLE victim;
	SELECT scheduler.schedule_http_job('victim http', 'every 500 milliseconds', 'http://127.0.0.1:$port/')]);
wait_for("SELECT count(*) > 1 FROM scheduler.runs WHERE job_name = 'victim http' AND status = 'succeeded'", 'HTTP works');
$before = memory('http worker');
sql(qq[
	SET pg_scheduler.max_value_size = '1GB';
	SET pg_scheduler.max_body_size = '1GB';
	SELECT scheduler.schedule_http_job('too big ' || i, '\@yearly', 'http://127.0.0.1:$port/', 'POST',
		body => repeat('x', 25000000)) FROM generate_series(1, 4) i;
	SELECT scheduler.schedule_http_job('fits ' || i, '\@yearly', 'http://127.0.0.1:$port/', 'POST',
		body => repeat('x', 8000000)) FROM generate_series(1, 14) i;
	SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name ~ '^(too big|fits) [0-9]+'
		ORDER BY job_name DESC;]);
wait_for("SELECT count(*) = 4 FROM scheduler.runs WHERE job_name LIKE 'too big%' AND status = 'failed'
	AND sqlstate = '54000' AND error_hint LIKE '%http_max_memory%'", 'a request that does not fit fails');
wait_for("SELECT count(*) = 14 FROM scheduler.runs WHERE job_name LIKE 'fits %' AND status = 'succeeded'",
	'those that fit are sent, one after the other');
my $runs = sql("SELECT count(*) FROM scheduler.runs WHERE job_name = 'victim http' AND status = 'succeeded'");
wait_for("SELECT count(*) > $runs + 1 FROM scheduler.runs WHERE job_name = 'victim http' AND status = 'succeeded'",
	'and requests of others');
my $pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_scheduler http worker'");
my ($peak) = slurp_file("/proc/$pid/status") =~ /VmHWM:\s+(\d+)/;
note("HTTP worker: $before kB before, $peak kB at most");
cmp_ok($peak, '<', $before + 200_000, 'the HTTP worker stays small');
$node->stop('fast');
done_testing();
