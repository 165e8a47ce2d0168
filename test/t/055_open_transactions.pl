#
# Whatever a role leaves open, everybody else's jobs run on.
#
# Every function of the schema that a role may call is called in a transaction
# that is then left open, and once more prepared, where that is not refused.
# Meanwhile a job of another role keeps its rate, and that role can define,
# alter, chain, cancel and drop.  A function that is not in the table of calls
# fails the test: add it there.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use IO::Handle;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('open_transactions', conf => q(
max_connections = 400
max_prepared_transactions = 300
fsync = off
pg_scheduler.max_workers = 4
pg_scheduler.admin_role = 'boss'
pg_scheduler.monitor_interval = '500ms'
pg_scheduler.alert_reopen_window = 0
));
my $logs = PostgreSQL::Test::Utils::tempdir();

# What a transaction is left open with, by function.  {job}, {failing}, {http},
# {run}, {letter}, {alert}, {queue}, {calendar}, {check}, {handler} and so on
# stand for objects that the caller has for this call alone; {n} is a number
# that no other call has.  "!": refused to whom is no admin.
my %calls = (
	next_runs               => q(SELECT scheduler.next_runs('@daily')),
	retry_run               => q(SELECT scheduler.retry_run(run_id) FROM scheduler.dead_letters WHERE dead_letter_id = {letter}),
	import_crontab          => q(SELECT * FROM scheduler.import_crontab($$@daily psql -c 'SELECT 1'$$)),
	_import_job             => q(SELECT * FROM scheduler._import_job('from {n}', 'imported {n}', '@daily', 'SELECT 1', current_user, true, NULL, false)),
	_plain_command          => q(SELECT scheduler._plain_command('BEGIN; SELECT 1; COMMIT')),
	_cron_field             => q(SELECT scheduler._cron_field('{t,f}', 0)),
	_shell_words            => q(SELECT scheduler._shell_words('a b')),
	_read_psql              => q(SELECT scheduler._read_psql('{psql,-c,SELECT}')),
	schedule_is             => q(SELECT scheduler.schedule_is('@daily', 'recurs')),
	describe_schedule       => q(SELECT scheduler.describe_schedule('@daily')),
	normalize_schedule      => q(SELECT scheduler.normalize_schedule('@daily')),
	_visible                => q(SELECT scheduler._visible(10)),
	_next_run_at            => q(SELECT scheduler._next_run_at({job})),
	_running                => q(SELECT * FROM scheduler._running()),
	_workers                => q(SELECT * FROM scheduler._workers()),
	schedule_job            => q(SELECT scheduler.schedule_job('new {n}', '1 second', 'SELECT 1', after => 'job {n}', depends_on => '{"job_id:{job}"}')),
	alter_job               => q(SELECT scheduler.alter_job({job}, schedule => '1 minute', depends_on => '{"job_id:{failing}"}', after => 'failing {n}')),
	unschedule_job          => q(SELECT scheduler.unschedule_job({failing}, cancel => {run} > 0)),
	pause_job               => q(SELECT scheduler.pause_job({failing}, cancel => {run} > 0)),
	skip_next               => q(SELECT scheduler.skip_next({failing}, 0)),
	resume_job              => q(SELECT scheduler.resume_job({failing})),
	run_job                 => q(SELECT scheduler.run_job({job})),
	stop_job                => q(SELECT scheduler.stop_job({failing}, '0') FROM generate_series(1, {run} / {run})),
	restart_job             => q(SELECT scheduler.restart_job({failing}, '0') FROM generate_series(1, {run} / {run})),
	cancel_run              => q(SELECT scheduler.cancel_run({run})),
	wait_for_run            => q(SELECT scheduler.wait_for_run({run}, '10 milliseconds')),
	redrive_dead_letter     => q(SELECT scheduler.redrive_dead_letter({letter})),
	redrive_dead_letters    => q(SELECT scheduler.redrive_dead_letters({dying})),
	discard_dead_letter     => q(SELECT scheduler.discard_dead_letter({letter})),
	start                   => q(!SELECT scheduler.start()),
	stop                    => q(!SELECT scheduler.stop()),
	restart                 => q(!SELECT scheduler.restart()),
	reload                  => q(!SELECT scheduler.reload()),
	create_calendar         => q(SELECT scheduler.create_calendar('new {n}')),
	alter_calendar          => q(SELECT scheduler.alter_calendar('{calendar}', description => 'other')),
	drop_calendar           => q(SELECT scheduler.drop_calendar('{calendar}')),
	add_calendar_dates      => q(SELECT scheduler.add_calendar_dates('{calendar}', '{2030-01-01}')),
	remove_calendar_dates   => q(SELECT scheduler.remove_calendar_dates('{calendar}', '{2029-01-01}')),
	add_calendar_window     => q(SELECT scheduler.add_calendar_window('{calendar}', 'Sun')),
	remove_calendar_window  => q(SELECT scheduler.remove_calendar_window(min(window_id)) FROM scheduler.calendar_windows WHERE calendar_name = '{calendar}'),
	calendar_next_open      => q(SELECT scheduler.calendar_next_open('{calendar}')),
	_weekdays               => q(SELECT scheduler._weekdays(3)),
	forecast                => q(SELECT * FROM scheduler.forecast('1 minute')),
	next_job_runs           => q(SELECT scheduler.next_job_runs({job})),
	schedule_http_job       => q(SELECT scheduler.schedule_http_job('new {n}', '1 minute', 'http://localhost/', after => 'job {n}', depends_on => '{"job_id:{job}"}')),
	alter_http_job          => q(SELECT scheduler.alter_http_job({http}, url => 'http://localhost/other')),
	http_request            => q(SELECT scheduler.http_request('http://localhost/')),
	set_secret              => q(SELECT scheduler.set_secret('secret {n}', 'new')),
	drop_secret             => q(SELECT scheduler.drop_secret('{secret}')),
	_http_body_text         => q(SELECT scheduler._http_body_text('a', 'text/plain', false)),
	create_queue            => q(!SELECT scheduler.create_queue('new {n}', depends_on => '{default}')),
	alter_queue             => q(!SELECT scheduler.alter_queue('default', description => 'ours', depends_on => '{}')),
	drop_queue              => q(!SELECT scheduler.drop_queue('{queue}')),
	start_queue             => q(!SELECT scheduler.start_queue('default')),
	stop_queue              => q(!SELECT scheduler.stop_queue('default')),
	restart_queue           => q(!SELECT scheduler.restart_queue('default')),
	stop_all                => q(!SELECT scheduler.stop_all()),
	start_all               => q(!SELECT scheduler.start_all()),
	recover_queue           => q(!SELECT scheduler.recover_queue('{queue}')),
	_admin                  => q(SELECT scheduler._admin()),
	_role_sees              => q(SELECT scheduler._role_sees(10, 10)),
	_severity_rank          => q(SELECT scheduler._severity_rank('error')),
	resolve_alert           => q(SELECT scheduler.resolve_alert({alert})),
	resolve_alerts          => q(SELECT scheduler.resolve_alerts('dead_letter') FROM generate_series(1, {alert} / {alert})),
	clear_alerts            => q(SELECT scheduler.clear_alerts() FROM generate_series(1, {alert} / {alert})),
	alter_alert_rule        => q(!SELECT scheduler.alter_alert_rule('dead_letter', severity => 'error')),
	set_role_limits         => q(!SELECT scheduler.set_role_limits(CURRENT_USER::regrole, max_jobs => 100000)),
	reset_role_limits       => q(!SELECT scheduler.reset_role_limits(CURRENT_USER::regrole)),
	reset_alert_rule        => q(!SELECT scheduler.reset_alert_rule('timeouts')),
	_alert_rule_presets     => q(SELECT * FROM scheduler._alert_rule_presets()),
	_required               => q(SELECT scheduler._required('a', 'b')),
	_add_alert_check        => q(SELECT scheduler._add_alert_check('new {n}', {job}, 'true', 'error', 'm')),
	_report_alert_check     => q(SELECT scheduler._report_alert_check(job_id, true) FROM scheduler.jobs WHERE job_name = 'alert check {check}'),
	create_alert_check      => q(SELECT scheduler.create_alert_check('new {n}', 'true', '1 second')),
	drop_alert_check        => q(SELECT scheduler.drop_alert_check('{check}')),
	_add_alert_handler      => q(SELECT scheduler._add_alert_handler('new {n}', {job}, NULL, NULL, 'info', true)),
	_handler_command        => q(SELECT scheduler._handler_command('handle'::regproc)),
	create_alert_handler    => q(SELECT scheduler.create_alert_handler('new {n}', 'handle', min_severity => 'info', resolved => true)),
	create_alert_webhook    => q(SELECT scheduler.create_alert_webhook('new {n}', 'http://localhost/', min_severity => 'info')),
	create_alert_listener   => q(SELECT scheduler.create_alert_listener('new {n}', 'news', min_severity => 'info', resolved => true)),
	drop_alert_handler      => q(SELECT scheduler.drop_alert_handler('{handler}')),
	_job_id                 => q(SELECT scheduler._job_id('job {n}') + {job}),
	_hook_owner             => q(SELECT scheduler._hook_owner({job})),
	_hook_name              => q(SELECT scheduler._hook_name({job}, 'start')),
	_add_hook               => q(SELECT scheduler._add_hook({job}, 'start', {http}, 'q')),
	_drop_hook              => q(SELECT scheduler._drop_hook({hooked}, 'cleanup')),
	_report_health          => q(SELECT scheduler._report_health(job_id, false) FROM scheduler.jobs WHERE job_name = 'health check of job {hooked}'),
	set_hook                => q(SELECT scheduler.set_hook({failing}, 'cleanup', 'SELECT 2')),
	drop_hook               => q(SELECT scheduler.drop_hook({hooked}, 'cleanup')),
	set_health_check        => q(SELECT scheduler.set_health_check({job}, 'SELECT true', '1 second')),
	drop_health_check       => q(SELECT scheduler.drop_health_check({hooked})),
	set_recovery            => q(SELECT scheduler.set_recovery({hooked}, 1, '1 second', 100)),
	drop_recovery           => q(SELECT scheduler.drop_recovery({hooked})),
	recover                 => q(SELECT scheduler.recover({hooked})),
	_scheduler_health       => q(SELECT * FROM scheduler._scheduler_health()),
	_sum_buckets            => q(SELECT scheduler._sum_buckets('{1}')),
	_add_buckets            => q(SELECT scheduler._add_buckets('{1}', '{1}')),
	_quantile               => q(SELECT scheduler._quantile('{1}', 0.5)),
	_usecs                  => q(SELECT scheduler._usecs(1)),
	_quote_job_name         => q(SELECT scheduler._quote_job_name('a')),
	_is_over                => q(SELECT scheduler._is_over(j, s) FROM scheduler.job j JOIN scheduler.job_state s USING (job_id)),
	run_chain               => q(SELECT * FROM scheduler.run_chain({run})),
	status                  => q(SELECT scheduler.status()),
	_jobs_by_state          => q(SELECT scheduler._jobs_by_state()),
	_can_read_jobs          => q(SELECT scheduler._can_read_jobs()),
	set_monitoring          => q(!SELECT scheduler.set_monitoring(false)),
	_monitoring             => q(SELECT scheduler._monitoring()),
	_judge                  => q(!SELECT scheduler._judge('1 second')),
	check_now               => q(!SELECT scheduler.check_now('1 second')),
	health_summary          => q(SELECT scheduler.health_summary()),
	dashboard               => q(SELECT scheduler.dashboard()),
	_prometheus_label       => q(SELECT scheduler._prometheus_label('a')),
	_prometheus_database    => q(SELECT scheduler._prometheus_database('a 1')),
	_prometheus_family      => q(SELECT scheduler._prometheus_family('a', 'b', 'c', 'd')),
	_prometheus_histogram   => q(SELECT scheduler._prometheus_histogram('a', '{1}')),
	prometheus_metrics      => q(SELECT scheduler.prometheus_metrics()),
);

# For the installation and for upkeep: they do nothing without rights on tables.
# Others need the tables of other schedulers, or a key file, or commit themselves.
my %not_called = map { $_ => 1 } qw(stop_and_wait _create_partition _forget_default_privileges import_pg_cron import_pgagent _import_pgagent_job rotate_secret_key);

# Locks that a role with the right to read may take, and what the views do.
my %locks = (
	(map { ("lock of $_" => "LOCK TABLE scheduler.$_ IN ACCESS SHARE MODE") }
	  qw(jobs runs alerts queues pending_run run_history job job_state dependency run_after dead_letter)),
	(map { ("cursor on $_" => "DECLARE c CURSOR FOR SELECT * FROM scheduler.$_; FETCH 1 FROM c") }
	  qw(jobs runs alerts queues dead_letters job_health dependencies chains recovery_events)),
);

sub sql
{
	my ($sql, $role) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) if defined $role;
	return $node->safe_psql('postgres', $sql);
}

my %functions = map { $_ => 1 } split /\n/, sql(q(SELECT DISTINCT proname FROM pg_proc
	WHERE pronamespace = 'scheduler'::regnamespace AND prorettype <> 'trigger'::regtype));
is( join(' ', (map { "$_ has no call" } grep { !$calls{$_} && !$not_called{$_} } sort keys %functions),
		(map { "there is no $_" } grep { !$functions{$_} } sort keys %calls, keys %not_called)),
	'',
	'every function of the schema is in the table of calls');

# The victim, and those who leave transactions open.  Their jobs fail, so that
# there is always an alert, a dead letter, a retry to be written.
sql(q(
	CREATE ROLE victim LOGIN;
	CREATE ROLE greedy LOGIN;
	CREATE ROLE boss LOGIN;
	CREATE FUNCTION handle(jsonb) RETURNS void LANGUAGE SQL RETURN NULL;
	CREATE TABLE held (role text, job_name text);
	SELECT scheduler.schedule_job('beat', 'every 500 milliseconds', 'SELECT 1', run_as => 'victim',
		overlap => 'queue', misfire => 'run_all');
	SELECT scheduler.create_queue('their own');
));

sub make_objects
{
	my ($role) = @_;

	sql(qq(
		SELECT scheduler.schedule_job('noise', 'every 400 milliseconds', 'SELECT 1 / 0',
			max_retries => 1, retry_delay => '50 milliseconds');
		SELECT scheduler.create_alert_check('noise', 'random() < 0.5', 'every 500 milliseconds');
		SELECT scheduler.create_alert_listener('noise', 'noise', min_severity => 'info', resolved => true);
	), $role);
}
make_objects($_) foreach 'greedy', 'boss';

my $number = 0;
my %made;

# A call for a role, with what stands for objects put in.  Everything that it
# wants is made now.
sub prepare_call
{
	my ($role, $call) = @_;
	my $n      = ++$number;
	my $job    = sub { "SELECT scheduler.schedule_job('$_[0] $n', $_[1])" };
	my %make   = (
		job     => sub { $job->('job', q('@at 2199-12-31', 'SELECT 1')) },
		# one whose run is tried again each second
		failing => sub { $job->('failing', q('@at 2199-12-31', 'SELECT 1 / 0', max_retries => 1000,
			retry_delay => '1 second', backoff => 'fixed', retry_jitter => false)) },
		dying   => sub { $job->('dying', q('every 1 second', 'SELECT 1 / 0', max_retries => 1,
			retry_delay => '10 milliseconds')) },
		hooked  => sub { $job->('hooked', q('every 1 second', 'SELECT 1 / 0')) . ';' },
		http    => sub { "SELECT scheduler.schedule_http_job('http $n', '\@yearly', 'http://localhost/')" },
	);
	my %values = (n => $n);

	foreach my $what (qw(job failing dying hooked http))
	{
		my $wanted = $call =~ /\{$what\}/
		  || ($what eq 'job' && $call =~ /'job \{n\}'/)
		  || ($what eq 'failing' && $call =~ /\{run\}/)
		  || ($what eq 'dying'   && $call =~ /\{(letter|alert)\}/);
		$values{$what} = sql($make{$what}->(), $role) if $wanted;
	}
	$values{run} = sql("SELECT scheduler.run_job($values{failing})", $role) if $call =~ /\{run\}/;
	if ($values{hooked})
	{
		sql("SELECT scheduler.set_hook($values{hooked}, 'cleanup', 'SELECT 1'),
			scheduler.set_health_check($values{hooked}, 'SELECT true', 'every 1 second'),
			scheduler.set_recovery($values{hooked}, 1, '1 second', 1000)", $role);
	}
	foreach my $what (qw(letter alert))
	{
		next unless $call =~ /\{$what\}/;
		my $from = $what eq 'letter' ? 'dead_letter_id FROM scheduler.dead_letters' : 'alert_id FROM scheduler.alerts';
		wait_until(
			sub {
				$values{$what} = sql("SELECT $from WHERE job_id = $values{dying} LIMIT 1", $role);
				$values{$what} ne '';
			},
			"there is one: $what");
	}
	if ($call =~ /\{calendar\}/)
	{
		$values{calendar} = "calendar $n";
		sql("SELECT scheduler.create_calendar('calendar $n'), scheduler.add_calendar_dates('calendar $n', '{2029-01-01}');
			SELECT scheduler.schedule_job('in calendar $n', 'every 1 second', 'SELECT 1', calendar => 'calendar $n')", $role)
		  if $call !~ /drop_/;
		sql("SELECT scheduler.create_calendar('calendar $n')", $role) if $call =~ /drop_/;
	}
	if ($call =~ /\{queue\}/)
	{
		$values{queue} = "queue $n";
		sql("SELECT scheduler.create_queue('queue $n')");
	}
	if ($call =~ /\{secret\}/)
	{
		$values{secret} = "secret $n";
		sql("SELECT scheduler.set_secret('secret $n', 'old')", $role);
	}
	if ($call =~ /\{check\}/)
	{
		$values{check} = "check $n";
		sql("SELECT scheduler.create_alert_check('check $n', 'true', 'every 1 second')", $role);
	}
	if ($call =~ /\{handler\}/)
	{
		$values{handler} = "handler $n";
		sql("SELECT scheduler.create_alert_handler('handler $n', 'handle', min_severity => 'info', resolved => true)", $role);
	}
	$call =~ s/\{$_\}/$values{$_}/g foreach keys %values;
	return $call;
}

# Sessions that are told what to do line by line
my %sessions;    # by name: handle, file, role

sub open_session
{
	my ($name, $role, $statement) = @_;
	my $file = "$logs/" . ++$number;

	local $ENV{PGAPPNAME} = "open $number";
	open(my $psql, '|-', "psql -XAtq -d '" . $node->connstr('postgres') . " user=$role' >$file 2>&1")
	  or die "psql: $!";
	$psql->autoflush(1);
	# two that want the same row: the second has its turn later
	print $psql "SET lock_timeout = '3s'; BEGIN; $statement;\n";
	$sessions{$name} = { psql => $psql, file => $file, role => $role, app => "open $number", statement => $statement };
}

# All of them wait for their next command.
sub settle_sessions
{
	wait_until(
		sub {
			sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'open %'
				AND (state = 'idle in transaction' OR state = 'idle in transaction (aborted)'))) ==
			  keys %sessions;
		},
		'all transactions are left open')
	  or diag(sql(q(SELECT application_name, state, query FROM pg_stat_activity WHERE application_name LIKE 'open %'
			AND state NOT LIKE 'idle in%')));
}

# Those that had to wait for another one of these.
sub blocked_sessions
{
	return grep { slurp_file($sessions{$_}{file}) =~ /lock timeout/ } sort keys %sessions;
}

sub close_sessions
{
	foreach (values %sessions)
	{
		print { $_->{psql} } "ROLLBACK;\n";
		close($_->{psql});
	}
	%sessions = ();
}

# The scheduler reads everything again, and plans in another time zone.
my $zone = 'UTC';

sub make_scheduler_load
{
	$zone = $zone eq 'UTC' ? 'Europe/Paris' : 'UTC';
	$node->append_conf('postgresql.conf', "pg_scheduler.timezone = '$zone'");
	$node->reload;
}

sub restart_scheduler
{
	my $pid = sql(q(SELECT scheduler.status() ->> 'pid'));

	sql('SELECT scheduler.restart()');
	wait_until(sub { sql(qq(SELECT scheduler.status() ->> 'pid' <> '$pid' AND scheduler.status() ->> 'state' = 'healthy')) eq 't' },
		'there is another scheduler');
}

# The victim's job keeps its rate, and the victim can work.
my $others = 0;

sub victim_is_fine
{
	my ($what) = @_;
	my $since = sql('SELECT clock_timestamp()');
	my $n = ++$others;
	my ($status, $out, $err);

	$status = $node->psql('postgres', qq(
		SET statement_timeout = '20s';
		SELECT scheduler.schedule_job('lead $n', 'every 1 second', 'SELECT 1');
		SELECT scheduler.schedule_job('follow $n', NULL, 'SELECT 1', after => 'lead $n');
		SELECT scheduler.schedule_job('need $n', '1 minute', 'SELECT 1', depends_on => '{"job:lead $n"}');
		SELECT scheduler.alter_job('lead $n', schedule => 'every 2 seconds', queue => 'their own');
		SELECT scheduler.alter_job('need $n', depends_on => '{queue:default}', queue => 'their own');
		SELECT scheduler.alter_job('follow $n', after_on => 'any');
		SELECT scheduler.schedule_http_job('http $n', '\@yearly', 'http://localhost/', after => 'lead $n');
		SELECT scheduler.pause_job('lead $n'), scheduler.resume_job('lead $n');
		SELECT scheduler.set_recovery('lead $n'), scheduler.set_hook('lead $n', 'cleanup', 'SELECT 1');
		SELECT scheduler.create_alert_check('check $n', 'true'), scheduler.create_calendar('victim $n');
		SELECT scheduler.schedule_job('later $n', '\@at 2199-12-31', 'SELECT 1', calendar => 'victim $n');
		SELECT scheduler.pause_job('later $n');
		SELECT scheduler.run_job('later $n') AS run \\gset
		SELECT scheduler.cancel_run(:run);
		SELECT scheduler.clear_alerts();
		SELECT scheduler.unschedule_job('need $n');
		SELECT scheduler.unschedule_job('later $n', cancel => true), scheduler.drop_alert_check('check $n');
		SELECT scheduler.drop_calendar('victim $n');
		SELECT scheduler.unschedule_job('lead $n', cascade => true);
		SELECT scheduler.unschedule_job('follow $n'), scheduler.unschedule_job('http $n');
	), stdout => \$out, stderr => \$err, extra_params => [ '-U', 'victim', '-v', 'ON_ERROR_STOP=1' ]);
	is($status, 0, "$what: others define, alter, chain, cancel and drop") or diag($err);
	ok( wait_until(
			sub {
				sql("SELECT count(*) >= 8 FROM scheduler.run_history WHERE job_name = 'beat'
					AND status = 'succeeded' AND scheduled_at > '$since'") eq 't';
			},
			'the victim runs'),
		"$what: jobs of others run");
	my ($runs, $gaps, $latest) = split /\|/, sql("SELECT count(*), count(*) FILTER (WHERE gap <> '500 ms'),
		extract(epoch FROM max(started_at - scheduled_at)) FROM (SELECT started_at, scheduled_at,
			scheduled_at - lag(scheduled_at) OVER (ORDER BY scheduled_at) AS gap
			FROM scheduler.run_history WHERE job_name = 'beat' AND scheduled_at > '$since') b");
	# who waits for a lock until it gives up is 5 seconds late
	ok($gaps == 0 && $latest < 4, "$what: they keep their rate")
	  or diag("$runs runs, $gaps gaps, the latest $latest s late");
	note("$what: $runs runs, $gaps gaps, the latest " . $latest * 1000 . " ms late");
}

# Calls in waves: those that want what another one holds are in the next.
sub try_all
{
	my ($role, %statements) = @_;
	my @names = sort keys %statements;

	for (my $wave = 1; @names > 0; $wave++)
	{
		my $what = "$role, wave $wave";
		open_session($_, $role, prepare_call($role, $statements{$_})) foreach @names;
		settle_sessions();
		my @blocked = blocked_sessions();
		foreach my $name (@names)
		{
			my $said = slurp_file($sessions{$name}{file});

			next unless $said =~ /ERROR/ && $said !~ /lock timeout/;
			fail("$role calls $name");
			diag("$sessions{$name}{statement}: $said");
		}
		cmp_ok(scalar(@blocked), '<', scalar(@names), "$what: of " . @names . ' calls, ' . @blocked . ' wait for another') or last;
		victim_is_fine("$what left open");
		make_scheduler_load();
		victim_is_fine("$what left open, and the scheduler reads everything");
		print { $sessions{$_}{psql} } "PREPARE TRANSACTION '$_';\n" foreach @names;
		wait_until(sub { sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'open %'
			AND state <> 'idle')) eq '0' }, 'transactions are prepared');
		my $prepared = sql('SELECT count(*) FROM pg_prepared_xacts');
		note("$what: $prepared are prepared: " . sql(q(SELECT string_agg(gid, ', ' ORDER BY gid) FROM pg_prepared_xacts)));
		if ($prepared > 0)
		{
			victim_is_fine("$what prepared");
			restart_scheduler();
			victim_is_fine("$what prepared, and there is another scheduler");
		}
		sql("ROLLBACK PREPARED '$_'") foreach split /\n/, sql('SELECT gid FROM pg_prepared_xacts');
		close_sessions();
		@names = @blocked;
	}
}

victim_is_fine('nobody is in the way');
try_all('greedy', %locks, map { ($_ => $calls{$_}) } grep { $calls{$_} !~ /^!/ } keys %calls);
try_all('boss', map { ($_ => $calls{$_} =~ s/^!//r) } keys %calls);

$node->stop;
done_testing();
