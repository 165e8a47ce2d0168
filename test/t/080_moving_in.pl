#
# Jobs of pg_cron, of pgAgent and of crontabs are moved in by one call.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $installed = -e `$ENV{PG_CONFIG} --sharedir` =~ s/\n//r . '/extension/pg_cron.control';
my $node = new_node('moving', conf => $installed ? "shared_preload_libraries = 'pg_scheduler,pg_cron'\ncron.database_name = 'postgres'\n" : '');

sub sql { return $node->safe_psql('postgres', shift) }

# What an import says, a line for each job.
sub moved
{
	my ($call) = @_;

	return sql("SELECT concat_ws('|', name, ok, job_id IS NOT NULL, problem) FROM scheduler.import_$call");
}

sub error_of
{
	my ($call) = @_;
	my ($status, $out, $error) = $node->psql('postgres', "SELECT * FROM scheduler.import_$call");

	return $error;
}

like(error_of('pg_cron()'), qr/database "postgres" has no extension pg_cron\nHINT:  pg_cron keeps/, 'there is no pg_cron');
like(error_of('pgagent()'), qr/database "postgres" has no tables of pgAgent\nHINT: /, 'there is no pgAgent');

SKIP:
{
	skip 'pg_cron is not installed', 13 if !$installed;
	sql(q(
		CREATE EXTENSION pg_cron;
		CREATE ROLE app LOGIN; CREATE ROLE leaver LOGIN; GRANT USAGE ON SCHEMA cron TO app, leaver;
		CREATE TABLE made (n int);
		SELECT cron.schedule('nightly', '30 3 * * *', 'VACUUM'),
			cron.schedule('0 4 1 1 *', 'SELECT 1'),
			cron.schedule('block', '0 12 1 * *', 'begin; INSERT INTO made VALUES (1); INSERT INTO made VALUES (2); commit;'),
			cron.schedule('blocks', '0 0 1 * *', 'BEGIN; SELECT 1; COMMIT; SELECT 2'),
			cron.schedule('never', '0 0 31 2 *', 'SELECT 1'),
			cron.schedule('syntax', '0 0 3 2 *', 'SELEC 1'),
			cron.schedule('taken', '@hourly', 'SELECT 1'),
			cron.schedule('off', '@hourly', 'SELECT 1');
		SELECT scheduler.schedule_job('taken', '@yearly', 'SELECT 1');
		UPDATE cron.job SET active = false WHERE jobname = 'off';
		SELECT cron.schedule_in_database('there', '0 4 * * *', 'SELECT 1', 'template1');
		SET ROLE leaver; SELECT cron.schedule('of_nobody', '5 4 * * sun', 'SELECT 1');
		SET ROLE app; SELECT cron.schedule('mine', '5 4 * * sun', 'SELECT current_user');
		RESET ROLE; REVOKE ALL ON SCHEMA cron FROM leaver; DROP ROLE leaver));
	my $moved = qr{^nightly\|t\|t
cron\ job\ 2\|t\|t
block\|t\|t
blocks\|f\|f\|a\ job's\ command\ cannot\ contain\ transaction\ control\ statements:.*
never\|f\|f\|invalid\ schedule\ "0\ 0\ 31\ 2\ \*".*
syntax\|f\|f\|syntax\ error\ at\ or\ near\ "SELEC".*
taken\|f\|f\|role\ ".*"\ has\ a\ job\ "taken"\ already
off\|t\|t
there\|f\|f\|it\ is\ a\ job\ of\ database\ "template1"
of_nobody\|f\|f\|role\ "leaver"\ does\ not\ exist
mine\|t\|t$};
	my $dry = moved('pg_cron(dry_run => true)');
	unlike($dry, qr/\|t\|t/, 'a dry run schedules nothing');
	is($dry =~ s/\|t\|f/|t|t/gr, moved('pg_cron()'), 'it says what is going to happen');
	like(moved('pg_cron()'), $moved, 'what can be moved is moved, once, and the rest is listed');
	is(sql(q(SELECT string_agg(jobname, ' ' ORDER BY jobid) FROM cron.job WHERE active)),
		'blocks never syntax taken there of_nobody', 'what has been moved is off there');
	is(sql(q(SELECT string_agg(concat_ws('|', job_name, owner = 'app'::regrole, schedule, state, timezone, overlap, misfire), ', ' ORDER BY job_id)
			FROM scheduler.jobs WHERE starts_with(description, 'pg_cron job '))),
		'nightly|f|30 3 * * *|active|GMT|queue|skip, cron job 2|f|0 4 1 1 *|active|GMT|queue|skip, block|f|0 12 1 * *|active|GMT|queue|skip, '
		  . 'off|f|@hourly|paused|GMT|queue|skip, mine|t|5 4 * * sun|active|GMT|queue|skip', 'as they were there');
	my $run = sql(q(SELECT scheduler.run_job('block')));
	is(sql("SELECT scheduler.wait_for_run($run, '3 minutes')"), 'succeeded', 'a block is a command');
	is(sql(q(SELECT string_agg(n::text, ' ' ORDER BY n) FROM made)), '1 2', 'all of it was executed');

	sql(q(UPDATE cron.job SET active = true WHERE jobname = 'nightly'; SELECT scheduler.unschedule_job('nightly')));
	is(sql(q(SELECT count(*) FROM scheduler.import_pg_cron(disable_there => false) WHERE ok)), '5', 'they may stay on there');
	is(sql(q(SELECT active FROM cron.job WHERE jobname = 'nightly')), 't', 'it has stayed on');
	sql(q(SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs; UPDATE cron.job SET active = true));
	is(sql(q(SET ROLE app; SELECT string_agg(name || ' ' || problem, ', ') FROM scheduler.import_pg_cron())),
		'mine you may not switch it off there', 'a role that may not switch its jobs off there');
	sql(q(GRANT EXECUTE ON FUNCTION cron.alter_job TO app));
	is(sql(q(SET ROLE app; SELECT string_agg(name || ' ' || ok, ', ') FROM scheduler.import_pg_cron())), 'mine true', 'a role moves what it sees there');
	is(sql(q(SELECT string_agg(jobname, ' ') FROM cron.job WHERE NOT active)), 'mine', 'and switches it off');
	sql(q(SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs));
}

SKIP:
{
	skip 'pgAgent is not installed', 6 if !$node->safe_psql('postgres', q(SELECT count(*) FROM pg_available_extensions WHERE name = 'pgagent'));
	sql(q(
		CREATE EXTENSION pgagent;
		INSERT INTO pgagent.pga_job (jobjclid, jobname) SELECT 1, unnest('{steps, program, unscheduled, differing, elsewhere}'::text[]);
		INSERT INTO pgagent.pga_schedule (jscjobid, jscname, jscminutes, jschours, jscweekdays, jscmonthdays)
			SELECT jobid, 's', array_fill(false, array[5]) || true || array_fill(false, array[54]),
				array_fill(false, array[3]) || true || array_fill(false, array[20]), '{f,t,t,t,t,t,f}', array_fill(false, array[31]) || true
			FROM pgagent.pga_job WHERE jobname <> 'unscheduled';
		INSERT INTO pgagent.pga_schedule (jscjobid, jscname, jscend)
			SELECT jobid, 't', '2130-01-01' FROM pgagent.pga_job WHERE jobname = 'differing';
		INSERT INTO pgagent.pga_exception (jexscid, jexdate, jextime)
			SELECT jscid, date, time FROM pgagent.pga_schedule JOIN pgagent.pga_job ON jobid = jscjobid,
				(VALUES ('2126-12-25'::date, NULL::time), ('2126-12-26', '03:05'), (NULL, '04:05')) AS v (date, time)
			WHERE jobname = 'steps';
		INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstcode, jstdbname, jstonerror)
			SELECT jobid, n, 's', 'SELECT 1', CASE jobname WHEN 'elsewhere' THEN 'other' ELSE 'postgres' END,
				CASE n WHEN 'b' THEN 'i' ELSE 'f' END
			FROM pgagent.pga_job, unnest('{c,b,a}'::text[]) AS n WHERE jobname <> 'program';
		INSERT INTO pgagent.pga_jobstep (jstjobid, jstname, jstkind, jstcode)
			SELECT jobid, 'x', 'b', 'ls' FROM pgagent.pga_job WHERE jobname = 'program'));
	my $moved = "steps|t|t\nprogram|f|f|step \"x\" is a program\nunscheduled|f|f|it has no schedule that is enabled\n"
	  . "differing|f|f|its schedules differ in their start, their end or their exceptions\nelsewhere|f|f|step \"a\" runs in another database";
	is(moved('pgagent(dry_run => true)'), $moved =~ s/\|t\|t/|t|f/r, 'pgAgent: a dry run');
	is(sql(q(SELECT count(*) FROM scheduler.jobs)), '0', 'schedules nothing');
	is(moved('pgagent()'), $moved, 'what can be moved is moved');
	is(moved('pgagent()'), $moved, 'once');
	is(sql(q(SELECT string_agg(concat_ws('|', job_name, schedule, after, after_on, calendar), ', ' ORDER BY job_id) FROM scheduler.jobs)),
		'steps|5 3 L * &1,2,3,4,5|pgagent_job_1, steps: b|steps|success, steps: c|steps: b|any', 'steps are a chain');
	is(sql(q(SELECT string_agg(concat_ws('|', from_time, to_time, first_date, last_date), ', ' ORDER BY window_id) FROM scheduler.calendar_windows)),
		'2126-12-25|2126-12-25, 03:05:00|03:06:00|2126-12-26|2126-12-26, 04:05:00|04:06:00', 'exceptions are a calendar');
	is(sql(q(SELECT string_agg(jobname, ' ' ORDER BY jobid) FROM pgagent.pga_job WHERE jobenabled)),
		'program unscheduled differing elsewhere', 'what has been moved is off there');
	sql(q(SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs ORDER BY job_id DESC));
}

#
# crontab
#
my $crontab = <<'CRONTAB';
# a comment
PGDATABASE=postgres
CRON_TZ=Europe/Berlin
30 2 * * * psql -c 'CALL purge()' >> /var/log/purge 2>&1
@daily PGUSER=third psql -XAtq -U other -c "SELECT \"a b\" FROM t WHERE x = '5'"
*/5 * * * * psql elsewhere -c 'SELECT 1'
* * * * * /usr/bin/psql -d postgres -f /x.sql
* * * * * pg_dump postgres | gzip > /x.gz
* * * * * psql -c "SELECT $X"
* * * * * psql -c 'SELECT 1' -c 'SELECT 2'
* * * * * psql -X1c 'SELECT 1' --command='SELECT 2'
nonsense
0 0 * * * psql -c "SELECT to_char(now(), '\%Y')"
0 0 * * * psql -c '\d'
0 0 * * * psql --frobnicate
0 0 * * * vacuumdb
CRONTAB
sql('CREATE ROLE other LOGIN');
my $imported = sql("SELECT concat_ws('|', line, name, ok, problem) FROM scheduler.import_crontab(\$crontab\$$crontab\$crontab\$)");
is($imported, q(4|CALL purge()|t
5|SELECT "a b" FROM t WHERE x = '5'|t
6|f|it is a job of database "elsewhere"
7|f|it reads the file "/x.sql"
8|f|it needs a shell
9|f|it needs a shell
10|f|it has several commands, each of which is a transaction
11|SELECT 1; SELECT 2|t
12|f|it is no line of a crontab
13|SELECT to_char(now(), '%Y')|t
14|f|its command is one of psql, not SQL
15|f|option "--frobnicate" is not understood
16|f|it is no psql command), 'a crontab: what calls psql with SQL is moved');
is(sql("SELECT concat_ws('|', line, name, ok, problem) FROM scheduler.import_crontab(\$crontab\$$crontab\$crontab\$)"), $imported, 'once');
is(sql(q(SELECT string_agg(concat_ws('|', owner = 'other'::regrole, schedule, timezone, command), E'\n' ORDER BY job_id) FROM scheduler.jobs)),
	q(f|30 2 * * *|Europe/Berlin|CALL purge()
t|@daily|Europe/Berlin|SELECT "a b" FROM t WHERE x = '5'
f|* * * * *|Europe/Berlin|SELECT 1; SELECT 2
f|0 0 * * *|Europe/Berlin|SELECT to_char(now(), '%Y')), 'with what the shell made of it');

$node->stop('fast');
done_testing();
