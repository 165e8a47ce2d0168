#
# status() tells what is so: a start that does not end, a restore that keeps the
# database quiet, commits that nobody confirms, a server without room.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('states', conf => q(
wal_level = replica
max_wal_senders = 2
pg_scheduler.max_workers = 2
pg_scheduler.monitor_interval = '100ms'
pg_scheduler.alert_reopen_window = 0
));

sub sql
{
	return $node->safe_psql($_[1] // 'postgres', $_[0]);
}

sub state_is
{
	my ($state, $reason, $what, $database) = @_;

	ok( wait_until(
			sub { sql('SELECT state, reason FROM scheduler._scheduler_health()', $database) =~ /^\Q$state\E\|$reason/ },
			$what),
		$what)
	  or diag(sql('SELECT state, reason FROM scheduler._scheduler_health()', $database));
}

# Just after CREATE EXTENSION, also before that is committed.
sql('CREATE DATABASE fresh');
is(sql(q(BEGIN; CREATE EXTENSION pg_scheduler;
	SELECT scheduler.status() ->> 'state'; COMMIT), 'fresh'), 'starting', 'a scheduler that is yet to come is starting');
state_is('healthy', 'runs as planned', 'and healthy when it has come', 'fresh');

# An error that repeats at the start
my $session = $node->background_psql('postgres');

$session->query_safe('BEGIN; LOCK TABLE scheduler.queue IN ACCESS EXCLUSIVE MODE');
sql('SELECT scheduler.restart()');
state_is('unhealthy', '.*lock timeout', 'a start has an end: the error is the reason');
is(sql(q(CREATE ROLE somebody LOGIN; SET ROLE somebody; SELECT reason FROM scheduler._scheduler_health())),
	'the scheduler meets errors: see the server log', 'which is not for everybody');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.alerts
	WHERE kind = 'scheduler_unhealthy' AND message LIKE '%lock timeout%' AND resolved_at IS NULL)), 'with an alert');
like(slurp_file($node->logfile), qr/The scheduler meets an error time after time: .*lock timeout/, 'and a line in the log');
$session->query_safe('COMMIT');
state_is('healthy', 'runs as planned', 'healthy when the cause has gone');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM scheduler.alerts
	WHERE kind = 'scheduler_unhealthy' AND resolved_at IS NULL)), 'and the alert is resolved');

# Not even an alert can be written.
$session->query_safe('BEGIN; LOCK TABLE scheduler.alert, scheduler.queue IN ACCESS EXCLUSIVE MODE');
sql('SELECT scheduler.restart()');
state_is('unhealthy', '.*lock timeout', 'it says so without any alert');
$session->query_safe('COMMIT');
state_is('healthy', 'runs as planned', 'and is healthy again');

# A synchronous standby that has gone
sql(q(SELECT scheduler.schedule_job('confirmed', 'every 200 milliseconds', 'SELECT 1', timeout => '1 second',
	overlap => 'skip')));
$node->append_conf('postgresql.conf', q(synchronous_standby_names = 'gone'));
$node->reload;
state_is('unhealthy', '1 process waits for a synchronous standby that is not there',
	'who waits for a standby that has gone is not healthy');
is(sql(q(SELECT wait_event FROM scheduler.workers WHERE job_name = 'confirmed')), 'SyncRep', 'workers says what they wait for');
sql(q(SET synchronous_commit = local; SELECT scheduler.schedule_job('other ' || i, 'now', 'SELECT 1')
	FROM generate_series(1, 300) AS i;
	SELECT scheduler.alter_alert_rule('workers_exhausted', "interval" => '1 second')));
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.alerts
	WHERE kind = 'scheduler_unhealthy' AND resolved_at IS NULL)), 'an alert says so');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.alerts
	WHERE kind = 'workers_exhausted' AND message LIKE '%wait for IPC: SyncRep')), 'and when all wait, what for');
$node->append_conf('postgresql.conf', q(synchronous_standby_names = ''));
$node->reload;
state_is('healthy', 'runs as planned', 'healthy when nobody waits');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM scheduler.alerts
	WHERE kind = 'scheduler_unhealthy' AND resolved_at IS NULL)), 'the alert is resolved');
is(sql(q(SELECT count(*) FROM scheduler.run_history WHERE job_name = 'confirmed' AND status NOT IN ('succeeded', 'skipped'))),
	'0', 'a run that waited had committed, and has succeeded');

# A restore is over when its session says so, ...
my $restore = "COPY scheduler.job FROM '/dev/null'";
my $restorer = $node->background_psql('postgres');
my $pid = $restorer->query_safe('SELECT pg_backend_pid()');

sub restoring
{
	my ($statements, $what) = @_;

	$restorer->query_safe($statements);
	state_is('stopped', "process $pid restores jobs", "$what: the reason names the process");
}

restoring($restore, 'DISCARD ALL');
$restorer->query_safe('DISCARD ALL');
state_is('healthy', '', 'and ends it');

# ... by its transaction, ...
restoring("BEGIN; $restore", 'a transaction');
$restorer->query_safe('COMMIT');
state_is('healthy', '', 'and ends it');

# ... by somebody's start(), ...
restoring("$restore; BEGIN", 'start()');
sql('SELECT scheduler.start()');
state_is('healthy', '', 'and ends it');
$restorer->query_safe('ROLLBACK');

# ... or when it has nothing to do for a while.
restoring("$restore; BEGIN", 'idle');
my $since = sql('SELECT clock_timestamp()');
$restorer->query_safe('COMMIT');
state_is('healthy', '', 'and ends it');
is(sql(qq(SELECT clock_timestamp() - '$since' > '5 seconds')), 't', 'after some seconds');

# Through a pooler, which keeps its connections
SKIP:
{
	skip 'no pgbouncer', 2 unless -x '/usr/sbin/pgbouncer';
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($host, $user) = ($node->host, scalar getpwuid($<));

	append_to_file("$dir/users", qq("$user" ""\n));
	append_to_file("$dir/ini", qq([databases]
* = host=$host port=@{[$node->port]} user=$user
[pgbouncer]
listen_port = $port
listen_addr =
unix_socket_dir = $dir
auth_type = any
auth_file = $dir/users
pidfile = $dir/pid
logfile = $dir/log
pool_mode = session
server_reset_query =
ignore_startup_parameters = extra_float_digits
));
	system_or_bail('/usr/sbin/pgbouncer', '-d', '-q', "$dir/ini");
	sql('CREATE DATABASE pooled');
	$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", 'postgres' ], 'a dump');
	$node->command_ok([ 'psql', '-X', '-q', '-d', "host=$dir port=$port user=$user dbname=pooled", '-f', "$dir/dump.sql" ],
		'is restored through a pooler');
	ok($node->poll_query_until('pooled', q(SELECT scheduler.status() ->> 'reason' LIKE 'this is a copy%')),
		'and the database has a scheduler');
	kill 'INT', slurp_file("$dir/pid");
}

$session->quit;
$restorer->quit;
$node->stop;
done_testing();
