#
# Jobs of several roles in several databases, with few workers and hardly any
# processes to spare, while databases, roles and the extension come and go,
# settings change, tables are locked, and processes are stopped and killed.
# After each round all goes quiet: nothing is lost, done twice or left over.
#
# TORTURE_SEED is the first seed, TORTURE_SEEDS how many there are,
# TORTURE_ROUNDS and TORTURE_STEPS how long each goes on.  What a step does
# depends on the seed and its number only, as far as that is possible.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Digest::MD5 qw(md5);
use HttpNode qw(start_hostile);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;
use Time::HiRes qw(usleep);

my $first_seed = $ENV{TORTURE_SEED}   || 2;
my $seeds      = $ENV{TORTURE_SEEDS}  || 2;
my $rounds     = $ENV{TORTURE_ROUNDS} || 1;
my $steps      = $ENV{TORTURE_STEPS}  || 25;
my @roles = map { "many_$_" } 1 .. 3;
my ($web) = start_hostile();

my $node;
my $seed;
my $serial;       # of names
my $workers;      # pg_scheduler.max_workers
my $crashed;      # so far, with this seed
my $longest_pause;    # between steps, in microseconds
my $most;         # how many databases may have the extension
my %databases;    # by OID: what is known of each
my @later;        # [step, function, database]: what has been begun, and is to be ended
my @children;     # pids
my $step;

# A statement that waits for ever is a failure, and says so in the log.
$ENV{PGOPTIONS} = '-c statement_timeout=60s';

# Jobs that every database has: name, role, schedule, command, options.  Those
# whose schedule begins with "every" are left as they are.
my @jobs = (
	[ 'tx_fast', 1, 'every 200 milliseconds', 'SELECT note_run()', "overlap => 'allow', max_instances => 3" ],
	[ 'tx_all', 2, 'every 400 milliseconds', 'SELECT note_run()', "misfire => 'run_all', overlap => 'queue'" ],
	[ 'tx_retry', 3, 'every 500 milliseconds',
		"SELECT note_run(), 1 / (current_setting('pg_scheduler.attempt')::int / 3)",
		"max_retries => 3, retry_delay => '40 milliseconds', backoff => 'linear'" ],
	[ 'tx_lead', 1, 'every 600 milliseconds', 'SELECT note_run()', '' ],
	[ 'tx_follow', 1, undef, 'SELECT note_run()', "after => 'tx_lead', overlap => 'queue'" ],
	[ 'tx_depends', 2, 'every 600 milliseconds', 'SELECT note_run()', "depends_on => '{job:tx_all}', priority => 3" ],
	[ 'tx_alter', 3, 'PT0.3S', 'SELECT note_run()', '' ],
	[ 'tx_narrow', 2, 'every 300 milliseconds', 'SELECT note_run()',
		"queue => 'narrow', overlap => 'allow', max_instances => 4" ],
	[ 'tx_narrow_all', 3, 'every 350 milliseconds', 'SELECT note_run()',
		"queue => 'narrow', misfire => 'run_all', overlap => 'queue'" ],
	[ 'tx_hooked', 2, 'every 450 milliseconds', 'SELECT note_run(), 1 / (random() * 3)::int',
		"max_retries => 1, retry_delay => '20 milliseconds'" ],
	[ 'failing', 2, 'every 700 milliseconds', 'SELECT 1 / 0', "max_retries => 1, retry_delay => '20 milliseconds'" ],
	[ 'procedure', 3, 'every 900 milliseconds', 'CALL commit_twice()', "on_lost => 'retry'" ],
	[ 'top_level', 1, 'every 1 second', 'CREATE TEMP TABLE t (a int); VACUUM t', '' ],
);

# What is like another seed or step is not to do the like.
sub seed_chance
{
	srand(unpack('L', md5("$seed $step")));
}

# By chance
sub pick
{
	return $_[ int(rand(@_)) ];
}

sub sql
{
	my ($database, $sql) = @_;

	return try_sql($node, $sql, $database);
}

# What is asked for until there is an answer.  Crashes are in the way.
sub insist
{
	my ($database, $sql) = @_;
	my $result;

	wait_until(sub { defined($result = sql($database, $sql)) }, $sql) or die "no answer to: $sql";
	return $result;
}

# Names of databases may have changed by a command whose answer was lost.
sub look_up
{
	wait_for_server($node);
	my %names = map { split /\|/ } split /\n/,
	  insist('postgres', "SELECT oid, datname FROM pg_database WHERE datname ~ '^many'");

	delete delete($databases{$_})->{name} foreach grep { !exists $names{$_} } keys %databases;
	$databases{$_}{name} = $names{$_} foreach keys %databases;
	return %names;
}

sub with_extension
{
	return grep { $_->{extension} } map { $databases{$_} } sort { $a <=> $b } keys %databases;
}

sub add_extension
{
	my ($database) = @_;
	my $text = q(BEGIN; SELECT scheduler.create_queue('narrow', max_concurrency => 1)
		WHERE NOT EXISTS (SELECT FROM scheduler.queues WHERE queue_name = 'narrow'););

	foreach my $job (@jobs)
	{
		my ($name, $role, $schedule, $command, $options) = @$job;

		$schedule = defined $schedule ? "'$schedule'" : 'NULL';
		$text .= "SET LOCAL ROLE many_$role; SELECT scheduler.schedule_job('$name', $schedule, \$\$$command\$\$"
		  . ($options ? ", $options" : '') . '); RESET ROLE;';
	}
	$text .= "SELECT scheduler.schedule_http_job('web', 'every 1 second', '$web/count/x', max_retries => 2,
		retry_delay => '50 milliseconds');
		SELECT scheduler.schedule_http_job('failing_web', 'every 1 second', '$web/status/503', max_retries => 2,
		retry_delay => '30 milliseconds', on_lost => 'fail');
		SET LOCAL ROLE many_2;
		SELECT scheduler.set_hook('tx_hooked', e, 'SELECT 1') FROM unnest('{start,stop,cleanup}'::text[]) e; COMMIT";
	insist('postgres', "ALTER ROLE $_ LOGIN") foreach @roles;
	# Each in its own transaction: with wal_level = minimal, what a sequence has
	# given out after the transaction that made and used it may be given out again
	# after a crash.
	insist($database->{name}, 'CREATE EXTENSION IF NOT EXISTS pg_scheduler');
	insist($database->{name}, $text);
	$database->{extension} = 1;
	$database->{once}      = {};
	$database->{manual}    = {};
}

# The effects go with the extension: ids of runs begin anew.
sub drop_extension
{
	my ($database) = @_;

	$database->{extension} = 0;
	insist($database->{name}, 'BEGIN; DROP EXTENSION IF EXISTS pg_scheduler; TRUNCATE effect; COMMIT');
}

sub add_database
{
	my $name = "many_" . ++$serial;

	sql('postgres', "CREATE DATABASE $name");
	my %names = reverse look_up();
	return unless $names{$name};
	$databases{ $names{$name} } = { name => $name };
	add_log_table($node, $name);
	$node->safe_psql(
		$name, q(
		CREATE PROCEDURE commit_twice() LANGUAGE plpgsql AS $$
		BEGIN
			COMMIT;
			PERFORM pg_sleep(0.02);
			COMMIT;
		END $$));
	return $databases{ $names{$name} };
}

sub copy_database
{
	my ($from) = @_;
	my $name = "many_" . ++$serial;

	return if with_extension() >= $most;
	sql('postgres', "CREATE DATABASE $name TEMPLATE $from->{name}");
	# What sequences of a copy give out before a checkpoint may be given out again
	# after a crash: they do not log what those of the original have logged.
	sql('postgres', 'CHECKPOINT');
	my %names = reverse look_up();
	return unless $names{$name};
	$databases{ $names{$name} } = {
		%$from,
		name   => $name,
		once   => { %{ $from->{once} } },
		manual => { %{ $from->{manual} } } };
	my $copy = $databases{ $names{$name} };
	# A copy holds until somebody says go.
	insist($name, 'SELECT scheduler.start()') if $from->{extension};
	soon($copy, sub { drop_database($copy) });
}

sub drop_database
{
	my ($database) = @_;

	return if $database->{extension} && with_extension() <= 2;
	insist('postgres', "DROP DATABASE IF EXISTS $database->{name}" . pick('', ' WITH (FORCE)'));
	look_up();
}

# End what a step begins some steps later, unless the database is gone then.
sub soon
{
	my ($database, $function) = @_;

	push @later, [ $step + 1 + int(rand(5)), $function, $database ];
}

sub end_what_is_due
{
	my @due = grep { $_->[0] <= $step } @later;

	@later = grep { $_->[0] > $step } @later;
	# one of them may drop the database of the next
	foreach my $due (@due)
	{
		$due->[1]->() if exists $due->[2]{name};
	}
}

# Do something beside the steps.
sub in_background
{
	my (@command) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or POSIX::_exit(1);
	}
	push @children, $pid;
}

sub lock_table
{
	my ($database, $table, $mode, $seconds) = @_;

	in_background('psql', '-Xq', '-d', $node->connstr($database->{name}), '-c',
		"BEGIN; LOCK TABLE scheduler.$table IN $mode MODE; SELECT pg_sleep($seconds); COMMIT");
}

sub stop_process
{
	my ($kind, $seconds) = @_;
	my $pid = signal_some($node, 'STOP', $kind);

	in_background('sh', '-c', "sleep $seconds; kill -CONT $pid") if $pid;
}

# Kill a process, and have the postmaster notice.
sub crash
{
	my ($kind) = @_;
	my $pid = signal_some($node, 'KILL', $kind);

	$crashed = 1;
	wait_until(sub { !kill(0, $pid) }, 'what was killed is reaped') if $pid;
}

sub restart_server
{
	my ($mode) = @_;

	$crashed = 1 if $mode eq 'immediate';
	stop_and_start($node, $mode);
}

# A job that is to run once, and has to.
sub schedule_once
{
	my ($database) = @_;
	my $kind = pick('tx', 'tx', 'tx', 'procedure', 'top', 'web', 'long');
	my $name = "${kind}_once_" . ++$serial;
	my $role = pick(@roles);
	my $more = 'priority => ' . int(rand(5)) . ', max_retries => ' . int(rand(3))
	  . ", retry_delay => '30 milliseconds'";
	my %commands = (
		tx => 'SELECT note_run()',
		procedure => 'CALL commit_twice()',
		top => 'VACUUM pg_catalog.pg_am',
		long => "SELECT pg_sleep(0.7)");

	my $done = sql($database->{name}, $kind eq 'web'
		? "SELECT scheduler.schedule_http_job('$name', 'now', '$web/" . pick('ok', 'status/503', 'delay?ms=300', 'close-request') . "', $more)"
		: "SELECT scheduler.schedule_job('$name', 'now', '$commands{$kind}', run_as => '$role', $more)");
	$database->{once}{$name} = 1 if defined $done;
}

# A role that owns jobs, and is dropped where nobody knows of them.
sub use_role
{
	my ($database) = @_;
	my $role = 'many_gone_' . ++$serial;

	return unless defined sql('postgres', "CREATE ROLE $role LOGIN");
	sql($database->{name}, "SELECT scheduler.schedule_job('gone_$role', 'PT0.15S', 'SELECT 1', run_as => '$role');
		SELECT scheduler.schedule_job('gone_now_$role', 'now', 'SELECT 1', run_as => '$role')");
	my $first = pick('SELECT', "DROP OWNED BY $role", "REASSIGN OWNED BY $role TO many_1", 'SELECT');
	soon($database, sub {
		sql($database->{name}, $first);
		sql($database->{name}, "DROP ROLE $role");
		sql('postgres', "DROP ROLE $role");
		sql('postgres', "CREATE ROLE $role LOGIN");
	});
}

# One of several who do this and that at the same time.
sub crowd
{
	my ($database) = @_;
	my $name = 'gone_' . ++$serial;
	my $seed = rand();

	in_background('psql', '-Xq', '-d', $node->connstr($database->{name}), '-c', "SELECT setseed($seed)", '-c', qq(
		DO \$\$
		BEGIN
			FOR i IN 1..60 LOOP
				BEGIN
					CASE (random() * 7)::int
						WHEN 0 THEN
							PERFORM scheduler.cancel_run(run_id) FROM scheduler.runs
							  WHERE status IN ('queued', 'running') ORDER BY random() LIMIT 3;
						WHEN 1 THEN
							PERFORM scheduler.pause_job(job_id, cancel => random() < 0.5) FROM scheduler.jobs
							  WHERE job_name ~ 'tx_(alter|narrow)' AND serves IS NULL ORDER BY random() LIMIT 1;
						WHEN 2 THEN
							PERFORM scheduler.resume_job(job_id) FROM scheduler.jobs
							  WHERE state = 'paused' AND serves IS NULL ORDER BY random() LIMIT 1;
						WHEN 3 THEN
							PERFORM scheduler.alter_job(job_id, run_as => ('many_' || 1 + (random() * 2)::int)::regrole)
							  FROM scheduler.jobs WHERE job_name ~ 'tx_(alter|narrow)' ORDER BY random() LIMIT 1;
						WHEN 4 THEN
							PERFORM scheduler.run_job(job_id) FROM scheduler.jobs
							  WHERE job_name ~ '^(tx_|procedure|web|gone)' AND serves IS NULL ORDER BY random() LIMIT 4;
						WHEN 5 THEN
							PERFORM scheduler.unschedule_job(job_id, random() < 0.5) FROM scheduler.jobs WHERE job_name = '$name';
						WHEN 6 THEN
							PERFORM scheduler.redrive_dead_letters(job_id) FROM scheduler.jobs
							  WHERE serves IS NULL ORDER BY random() LIMIT 2;
						ELSE
							PERFORM scheduler.schedule_job('$name', '10 milliseconds', 'SELECT note_run()',
								overlap => 'allow', max_instances => 3, max_retries => 1);
					END CASE;
				EXCEPTION WHEN OTHERS THEN
					NULL;
				END;
				COMMIT;
				PERFORM pg_sleep(random() * 0.01);
			END LOOP;
		END \$\$));
}

my %settings = (
	max_workers_per_role => [ 0, 1, 2 ],
	worker_max_runs => [ 1, 5, 1000 ],
	worker_idle_timeout => [ '0', '20ms', '60s' ],
	http_max_in_flight => [ 1, 100 ],
	log_runs => [ 'none', 'all' ],
	monitoring => [ 'on', 'off' ],
	shutdown_grace => [ '0', '1s' ],
	timezone => [ 'UTC', 'Europe/Berlin' ],
);

# Weight, and what it does to a database with the extension.
my %actions = (
	'one-off' => [ 14, \&schedule_once ],
	'run_job' => [
		6, sub {
			my ($database) = @_;
			my $id = sql($database->{name}, "SELECT scheduler.run_job(job_id) FROM scheduler.jobs
				WHERE job_name = '@{[ pick('tx_fast', 'tx_alter', 'procedure', 'web', 'top_level') ]}'");
			$database->{manual}{$id} = 1 if $id;
		}
	],
	'alter_job' => [
		5, sub {
			my ($database) = @_;
			my $what = pick("schedule => 'PT0.25S'", "schedule => 'PT0.45S'", "schedule => '* * * * * *'",
				'priority => 7', "run_as => 'many_1'", "run_as => 'many_2'", "timeout => '5 seconds'");
			sql($database->{name}, "SELECT scheduler.alter_job(job_id, $what) FROM scheduler.jobs
				WHERE job_name = 'tx_alter'");
		}
	],
	'unschedule_job' => [
		6, sub {
			my ($database) = @_;
			my $name = 'gone_' . ++$serial;
			my $role = pick(@roles);
			my $retries = "max_retries => 3, retry_delay => '@{[ pick('10 milliseconds', '1 hour') ]}'";
			my $command = pick("'SELECT pg_sleep(0.05)', run_as => '$role'", "'SELECT 1 / 0', $retries, run_as => '$role'",
				"'CALL commit_twice()', run_as => '$role'", "'$web/status/503', $retries", "'$web/delay?ms=300'");
			sql($database->{name}, 'SELECT scheduler.schedule' . ($command =~ /http/ ? '_http' : '')
				. "_job('$name', 'PT0.1S', $command)");
			my $cancel = pick('true', 'false');
			soon($database, sub { sql($database->{name}, "SELECT scheduler.unschedule_job(job_id, $cancel) FROM scheduler.jobs
				WHERE job_name = '$name'") });
		}
	],
	'unschedule_job meanwhile' => [
		2, sub {
			my ($database) = @_;
			my $id = sql($database->{name}, "SELECT scheduler.schedule_job('gone_@{[ ++$serial ]}', '\@yearly',
				'SELECT pg_sleep(0.01)', run_as => '@{[ pick(@roles) ]}')") or return;
			in_background('psql', '-Xq', '-d', $node->connstr($database->{name}), '-c',
				"DO 'BEGIN FOR i IN 1..50 LOOP PERFORM scheduler.run_job($id); COMMIT; END LOOP; END'");
			usleep(int(rand(50_000)));
			sql($database->{name}, "SELECT scheduler.unschedule_job($id)");
		}
	],
	# More than a transaction tells of one by one, or than there is room for.
	'burst' => [
		2, sub {
			my ($database) = @_;
			my $id = sql($database->{name}, "SELECT scheduler.schedule_job('gone_@{[ ++$serial ]}', '\@yearly',
				'SELECT 1', run_as => '@{[ pick(@roles) ]}')") or return;
			if (rand() < 0.5)
			{
				$database->{manual}{$_} = 1
				  foreach split /\n/, sql($database->{name}, "SELECT scheduler.run_job($id) FROM generate_series(1, 300)") // '';
			}
			else
			{
				stop_process('scheduler', rand(1));
				sql($database->{name}, "DO 'BEGIN FOR i IN 1..1100 LOOP PERFORM scheduler.run_job($id); COMMIT; END LOOP; END'");
			}
			soon($database, sub { sql($database->{name}, "SELECT scheduler.unschedule_job($id)") });
		}
	],
	'crowd' => [ 3, sub { crowd($_[0]) foreach 1 .. 3 } ],
	# Calling a URL is replaced by SQL, and that by a URL.
	'kind' => [
		2, sub {
			my ($database) = @_;
			my $name = 'gone_' . ++$serial;
			my $schedule = "'$name', 'every 50 milliseconds'";
			my @replace = ("SELECT scheduler.schedule_http_job($schedule, '$web/delay?ms=30', overlap => 'queue')",
				"SELECT scheduler.schedule_job($schedule, 'SELECT pg_sleep(0.03)', overlap => 'queue')");
			sql($database->{name}, join('; SELECT pg_sleep(0.06); ', map { pick(@replace) } 1 .. 6));
		}
	],
	'roll back' => [
		3, sub {
			my ($database) = @_;
			my $what = pick("cancel_run(run_id) FROM scheduler.runs WHERE status IN ('queued', 'running')",
				"unschedule_job(job_id) FROM scheduler.jobs WHERE job_name = 'tx_retry'",
				"pause_job(job_id, cancel => true) FROM scheduler.jobs WHERE job_name ~ '^(tx_narrow|web|failing)'",
				"alter_job(job_id, run_as => 'many_1') FROM scheduler.jobs WHERE job_name = 'tx_alter'");
			sql($database->{name}, "BEGIN; SELECT scheduler.$what; SELECT pg_sleep(0.2); ROLLBACK");
		}
	],
	'follower' => [
		2, sub {
			my ($database) = @_;
			my $name = 'gone_' . ++$serial;
			sql($database->{name}, "BEGIN; SET LOCAL ROLE many_2;
				SELECT scheduler.schedule_job('$name', NULL, 'SELECT pg_sleep(0.02)', after => 'tx_all', overlap => 'queue'); COMMIT");
			soon($database, sub { sql($database->{name}, "SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs
				WHERE job_name = '$name'") });
		}
	],
	'dead letters' => [
		3, sub {
			my ($database) = @_;
			sql($database->{name}, pick(
				"SELECT scheduler.redrive_dead_letters(job_id) FROM scheduler.jobs WHERE job_name ~ '^(failing|tx_retry)'",
				'SELECT scheduler.discard_dead_letter(dead_letter_id) FROM scheduler.dead_letters'));
		}
	],
	'narrow queue' => [
		4, sub {
			my ($database) = @_;
			my $timeout = pick("'0'", "'100 milliseconds'", 'NULL');
			my $limits = 'max_concurrency => ' . pick(0, 1, 3) . ', rate_limit => ' . pick(0, 4) . ', priority => ' . pick(0, 5);
			my $what = pick("stop_queue('narrow', $timeout)", "restart_queue('narrow', $timeout)",
				"alter_queue('narrow', $limits)");
			sql($database->{name}, "SELECT scheduler.$what");
			soon($database, sub { sql($database->{name}, "SELECT scheduler.start_queue('narrow')") });
		}
	],
	'pause_job' => [
		5, sub {
			my ($database) = @_;
			my $name = pick('tx_all', 'tx_retry', 'tx_alter', 'procedure', 'web');
			my $cancel = pick('true', 'false');
			sql($database->{name}, "SELECT scheduler.pause_job(job_id, cancel => $cancel) FROM scheduler.jobs
				WHERE job_name = '$name'");
			soon($database, sub { sql($database->{name}, "SELECT scheduler.resume_job(job_id) FROM scheduler.jobs
				WHERE job_name = '$name'") });
		}
	],
	'cancel_run' => [
		6, sub {
			my ($database) = @_;
			sql($database->{name}, "SELECT scheduler.cancel_run(run_id) FROM scheduler.runs
				WHERE status IN ('queued', 'running') ORDER BY random() LIMIT @{[ pick(1, 5) ]}");
		}
	],
	'stop()' => [
		3, sub {
			my ($database) = @_;
			sql($database->{name}, "SELECT scheduler.stop('@{[ pick(0, 100, 1000) ]} milliseconds')");
			soon($database, sub { sql($database->{name}, 'SELECT scheduler.start()') });
		}
	],
	'reload()' => [ 2, sub { sql($_[0]{name}, 'SELECT scheduler.reload()') } ],
	'restart()' => [ 2, sub { sql($_[0]{name}, 'SELECT scheduler.restart()') } ],
	'stop_queue' => [
		2, sub {
			my ($database) = @_;
			sql($database->{name}, "SELECT scheduler.stop_queue('default', '100 milliseconds')");
			soon($database, sub { sql($database->{name}, "SELECT scheduler.start_queue('default')") });
		}
	],
	'drop extension' => [
		3, sub {
			my ($database) = @_;
			return if with_extension() <= 2;
			drop_extension($database);
			soon($database, sub { add_extension($database) if !$database->{extension} && with_extension() < $most });
		}
	],
	'extension anew' => [
		2, sub {
			my ($database) = @_;
			$database->{extension} = 0;
			insist($database->{name}, 'BEGIN; DROP EXTENSION IF EXISTS pg_scheduler; TRUNCATE effect;
				CREATE EXTENSION pg_scheduler; COMMIT');
			add_extension($database);
		}
	],
	'update extension' => [ 1, sub { sql($_[0]{name}, 'ALTER EXTENSION pg_scheduler UPDATE') } ],
	'roll back drop' => [
		2, sub { sql($_[0]{name}, 'BEGIN; DROP EXTENSION pg_scheduler; SELECT pg_sleep(0.2); ROLLBACK') }
	],
	'copy database' => [ 3, \&copy_database ],
	'drop database' => [
		2, sub {
			drop_database(pick(map { $databases{$_} } sort { $a <=> $b } keys %databases));
			add_database() if keys %databases < 4;
		}
	],
	'rename database' => [
		3, sub {
			my ($database) = @_;
			sql('postgres', "ALTER DATABASE $database->{name} RENAME TO many_@{[ ++$serial ]}");
			look_up();
		}
	],
	'connections' => [
		2, sub {
			my ($database) = @_;
			my ($off, $on) = @{ pick([ 'CONNECTION LIMIT 0', 'CONNECTION LIMIT -1' ],
				[ 'ALLOW_CONNECTIONS false', 'ALLOW_CONNECTIONS true' ],
				[ 'IS_TEMPLATE true', 'IS_TEMPLATE false' ]) };
			sql('postgres', "ALTER DATABASE $database->{name} $off");
			usleep(int(rand(500_000)));
			signal_some($node, 'TERM', 'scheduler') if rand() < 0.5;
			look_up();
			insist('postgres', "ALTER DATABASE $database->{name} $on");
		}
	],
	'role' => [ 3, \&use_role ],
	'alter role' => [
		3, sub {
			my $role = pick(@roles);
			if (rand() < 0.5)
			{
				sql('postgres', "ALTER ROLE $role SET work_mem = '@{[ 1 + int(rand(8)) ]}MB'");
				return;
			}
			sql('postgres', "ALTER ROLE $role NOLOGIN");
			soon($_[0], sub { sql('postgres', "ALTER ROLE $role LOGIN") });
		}
	],
	'settings' => [
		4, sub {
			my $name  = pick(sort keys %settings);
			my $value = pick(@{ $settings{$name} });
			sql('postgres', "ALTER SYSTEM SET pg_scheduler.$name = '$value'");
			sql('postgres', 'SELECT pg_reload_conf()');
		}
	],
	'lock' => [
		5, sub {
			my ($database) = @_;
			lock_table($database,
				pick(qw(job job_state pending_run run_history job_minute queue scheduler_state scheduler_mark alert leader_end)),
				pick('SHARE', 'ACCESS EXCLUSIVE', 'ACCESS EXCLUSIVE'),
				rand(1));
		}
	],
	'stop a process' => [ 4, sub { stop_process(pick('worker', 'scheduler', 'launcher', 'http worker'), rand(1)) } ],
	'terminate' => [ 6, sub { signal_some($node, 'TERM', pick('worker', 'scheduler', 'launcher', 'http worker')) } ],
	'terminate all workers' => [ 1, sub { kill('TERM', scheduler_processes($node, 'worker')) } ],
	'interrupt' => [ 2, sub { signal_some($node, 'INT', 'worker') } ],
	'kill' => [ 2, sub { crash(pick('worker', 'worker', 'scheduler', 'launcher', 'http worker')) } ],
	'restart' => [ 1, sub { restart_server(pick('fast', 'smart', 'immediate')) } ],
);

sub do_step
{
	seed_chance();
	end_what_is_due();
	my $name     = choose_action(\%actions);
	my $database = pick(with_extension());
	my $pause    = rand($longest_pause);

	note("seed $seed step $step: $name in $database->{name}");
	$actions{$name}[1]->($database);
	usleep(int($pause));
}

sub resume_jobs
{
	my ($database) = @_;

	insist($database->{name}, "SELECT scheduler.resume_job(job_id) FROM scheduler.jobs
		WHERE state = 'paused' AND serves IS NULL");
}

# End what was begun, and let everything be as it was.
sub calm_down
{
	waitpid($_, 0) foreach splice(@children);
	wait_for_server($node);
	look_up();
	while (@later)
	{
		$step = $later[0][0];
		end_what_is_due();
		look_up();
	}
	insist('postgres', 'ALTER SYSTEM RESET ALL');
	insist('postgres', "ALTER ROLE $_ LOGIN") foreach @roles;
	insist('postgres', 'SELECT pg_reload_conf()');
	foreach my $database (with_extension())
	{
		insist($database->{name}, $_)
		  foreach 'SELECT scheduler.start()',
		  "SELECT scheduler.start_queue('default')",
		  "SELECT scheduler.start_queue('narrow')",
		  "SELECT scheduler.alter_queue('narrow', max_concurrency => 1, rate_limit => 0)",
		  "SELECT scheduler.unschedule_job(job_id, true) FROM scheduler.jobs WHERE job_name ~ '^gone'";
		resume_jobs($database);
	}
}

# Every job that has a schedule or a leader runs.
sub check_alive
{
	my ($what, $database) = @_;
	my $since = insist('postgres', 'SELECT clock_timestamp()');
	my $late  = "SELECT string_agg(job_name, ', ') FROM scheduler.jobs j
		 WHERE job_name !~ '_once_' AND serves IS NULL AND NOT EXISTS (SELECT FROM scheduler.run_history h
			WHERE h.job_id = j.job_id AND finished_at > '$since'
			  AND status = CASE WHEN job_name ~ '^failing' THEN 'failed' ELSE 'succeeded' END)";

	ok(wait_until(sub { (sql($database->{name}, $late) // '?') eq '' }, 'all jobs run'), "$what: all jobs run")
	  or diag(sql($database->{name}, $late),
		sql('postgres', "SELECT pid, datname, usename, backend_type, wait_event, state FROM pg_stat_activity
			WHERE backend_type ~ 'sched'"),
		sql($database->{name}, 'SELECT * FROM scheduler.workers'),
		sql($database->{name}, 'SELECT scheduler.status()'),
		sql($database->{name}, 'SELECT job_name, state, reason FROM scheduler.job_health'),
		sql($database->{name}, "SELECT * FROM scheduler.runs WHERE status IN ('queued', 'running')"));
}

# What came at all has come to an end, and what is left is nothing.
sub check_rest
{
	my ($what, $database) = @_;
	my $name = $database->{name};
	my $ask = sub { $node->safe_psql($name, $_[0]) };

	wait_for_quiet($node, $name);
	check_records($node, $what, $name);
	check_counters($node, $what, $name, crashed => $crashed);
	is($ask->("SELECT string_agg(job_name || ' ' || state, ', ') FROM scheduler.jobs
			WHERE state <> CASE WHEN job_name ~ '_once_' THEN 'finished' ELSE 'paused' END"),
		'', "$what: every job is at rest");
	is($ask->('SELECT (SELECT count(*) FROM scheduler.job_state s LEFT JOIN scheduler.job USING (job_id) WHERE job_name IS NULL)
			|| \' \' || (SELECT count(*) FROM scheduler.job j LEFT JOIN scheduler.job_state s USING (job_id) WHERE s.job_id IS NULL)'),
		'0 0', "$what: jobs and their states belong together");
	is($ask->("SELECT string_agg(n, ', ') FROM unnest('{" . join(',', sort keys %{ $database->{once} }) . "}'::text[]) n
			WHERE NOT EXISTS (SELECT FROM scheduler.run_history h WHERE job_name = n AND next_attempt_at IS NULL)"),
		'', "$what: no one-off job is lost");
	is($ask->("SELECT string_agg(n::text, ', ') FROM unnest('{" . join(',', sort keys %{ $database->{manual} }) . "}'::bigint[]) n
			WHERE NOT EXISTS (SELECT FROM scheduler.run_history h WHERE run_id = n AND next_attempt_at IS NULL)"),
		'', "$what: no run that was asked for is lost");
	is($ask->("SELECT string_agg(run_id::text || ' x ' || n, ', ') FROM (
			SELECT h.run_id, count(t.run_id) AS n FROM scheduler.run_history h
			  LEFT JOIN scheduler.run_trigger t ON t.trigger_run_id = h.run_id
			 WHERE h.job_name = 'tx_lead' AND h.status = 'succeeded' GROUP BY 1) s WHERE n <> 1"),
		'', "$what: each end of a leader has brought about one run");
	is($ask->("SELECT (SELECT count(*) FROM scheduler.run_history WHERE job_name = 'tx_hooked'
				AND status <> 'succeeded' AND started_at IS NOT NULL)
			- (SELECT count(DISTINCT run_id) FROM scheduler.run_history JOIN scheduler.jobs USING (job_id)
				WHERE serves = 'cleanup hook')"),
		'0', "$what: each attempt that did not succeed has been cleaned up after");
	is($ask->('SELECT count(*) FROM scheduler.leader_end'), '0', "$what: no end of a leader is left");
	is($ask->("SELECT string_agg(message, ', ') FROM scheduler.alerts
			WHERE kind = 'job_without_next_time' AND resolved_at IS NULL"),
		'', "$what: no job is without a next time");
}

# One process for each purpose, and nothing in shared memory.
sub check_processes
{
	my ($what) = @_;
	my $expected = 'launcher 1, scheduler ' . with_extension() . ', worker 0, http worker 0';
	my $found;

	wait_until(
		sub {
			$found = join ', ', map { "$_ " . scalar(my @pids = scheduler_processes($node, $_)) }
			  'launcher', 'scheduler', 'worker', 'http worker';
			$found eq $expected;
		},
		'idle workers leave');
	is($found, $expected, "$what: the processes there should be");
	foreach my $database (with_extension())
	{
		my $status;
		my $idle = join ' ', 'healthy 0 0 0', $workers, 0;

		wait_until(
			sub {
				$status = sql($database->{name}, "SELECT concat_ws(' ', s ->> 'state', s ->> 'ready_runs',
					s -> 'workers' ->> 'running', s -> 'workers' ->> 'busy', s -> 'workers' ->> 'free',
					s -> 'http' ->> 'in_flight') FROM scheduler.status() s") // '?';
				$status eq $idle;
			},
			'nothing is in shared memory');
		is($status, $idle, "$what: the scheduler of $database->{name} is idle");
	}
}

sub check_round
{
	my ($what) = @_;

	note("$what: calm down");
	calm_down();
	check_alive("$what $_->{name}", $_) foreach with_extension();
	foreach my $database (with_extension())
	{
		my $name = $database->{name};

		finish_jobs($node, "job_name !~ '_once_' AND job_name <> 'tx_follow' AND serves IS NULL", $name);
		$node->poll_query_until($name, 'SELECT count(*) = 0 FROM scheduler.leader_end')
		  or die 'ends of leaders are not taken up';
		finish_jobs($node, "job_name = 'tx_follow'", $name);
	}
	$node->safe_psql('postgres', "ALTER SYSTEM SET pg_scheduler.worker_idle_timeout = '20ms'");
	$node->reload;
	check_rest("$what $_->{name}", $_) foreach with_extension();
	check_processes($what);
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	$node->reload;
}

# What the log may not have, but for these.
my @unexpected = (
	qr/PANIC:/, qr/TRAP:/, qr/ XX\d\d\d /, qr/could not/, qr/ WARNING: .*pg_scheduler/, qr/pg_scheduler repair/,
	qr/was terminated by signal (?!9:)/, qr/statement timeout/);
my @expected = (
	qr/WARNING:  terminating connection because of crash of another server process/,
	qr/could not (send data to|receive data from) client/,
	qr/ startup 01000 .*could not open directory "base/,    # DROP DATABASE done again
);

sub check_log
{
	my ($what, @more) = @_;
	my @lines;

	foreach my $line (split /\n/, slurp_file($node->logfile))
	{
		next unless grep { $line =~ $_ } @unexpected;
		push @lines, $line unless grep { $line =~ $_ } @expected, @more;
	}
	is(join("\n", @lines), '', "$what: nothing unexpected in the log");
}

# Settings are by chance, too: so many databases have the extension, one more has
# not, and there may be no entry for all at once.
sub run_seed
{
	%databases = ();
	@later     = ();
	$crashed   = 0;
	$serial    = 0;
	$step      = 0;
	seed_chance();
	$workers   = pick(2, 3, 4);
	$most      = 3 + int(rand(2));
	my $short  = rand() < 0.5;
	my $processes = 1 + 2 * $most + ($short ? 1 : $workers + 5);    # schedulers look at all databases
	my $entries   = $most + pick(0, 0, 60);

	$longest_pause = pick(30_000, 200_000, 200_000);

	note("TORTURE_SEED=$seed: $workers workers, $processes processes, $entries entries, $most databases, pauses of $longest_pause us");
	$node = new_node(
		"many_$seed", extension => 0, conf => qq(
fsync = off
max_worker_processes = $processes
max_logical_replication_workers = 0
max_connections = 40
log_line_prefix = '%m [%p] %b %e %d '
pg_scheduler.max_workers = $workers
pg_scheduler.max_databases = $entries
pg_scheduler.crash_limit = 1000000
pg_scheduler.kill_after = '1s'
pg_scheduler.repair_interval = '1s'
pg_scheduler.monitor_interval = '200ms'
pg_scheduler.http_allowed_networks = '127.0.0.0/8'
));
	$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") foreach @roles;
	add_database() foreach 1 .. $most + 1;
	add_extension($databases{$_}) foreach (sort { $a <=> $b } keys %databases)[ 0 .. $most - 1 ];

	foreach my $round (1 .. $rounds)
	{
		resume_jobs($_) foreach with_extension();
		foreach (1 .. $steps)
		{
			$step++;
			do_step();
		}
		check_round("seed $seed round $round");
	}
	check_workers_usable($node, "seed $seed", $short ? 1 : $workers, map { $_->{name} } with_extension());
	$node->stop('fast');
	ok(wait_for_processes_gone($node), "seed $seed: no process is left after a stop");
	check_log("seed $seed",
		$short ? qr/pg_scheduler could not start/ : (),
		$entries == $most ? qr/pg_scheduler cannot serve all databases/ : ());
	$node->clean_node if Test::More->builder->is_passing;
}

foreach my $n (0 .. $seeds - 1)
{
	$seed = $first_seed + $n;
	run_seed();
}

done_testing();
