#
# The documentation is true: every SQL example of a page works as it stands, in
# the order of the page, and every link leads somewhere.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $top   = "$FindBin::RealBin/../..";
my @pages = map { substr $_, length "$top/" } "$top/README.md", "$top/CHANGELOG.md", glob "$top/docs/*.md";

# What the examples take for granted: tables and code of their reader, ...
my $reader = q(
	CREATE TABLE session (expires timestamptz);
	CREATE TABLE sessions (expires timestamptz);
	CREATE TABLE imports (loaded_at timestamptz);
	CREATE TABLE orders (id int, state text);
	CREATE TABLE page (text text);
	CREATE PROCEDURE make_report() LANGUAGE sql AS '';
	CREATE FUNCTION clean_staging(jsonb) RETURNS void LANGUAGE sql AS '';
);

# ... the extension, where the page does not make it, and more on some pages.
my %given = (
	'README.md' => '',
	'docs/install.md' => '',
	'docs/migrating.md' => q(
		CREATE EXTENSION pg_scheduler;
		CREATE ROLE "Odd Name" LOGIN;
		CREATE SCHEMA cron
			CREATE TABLE job (jobid bigserial, schedule text, command text, nodename text, nodeport int,
				database text DEFAULT current_database(), username text DEFAULT current_user,
				active boolean DEFAULT true, jobname name);
		INSERT INTO cron.job (jobname, schedule, command, username, active) VALUES
			(NULL, '*/5 * * * *', 'SELECT 1', current_user, true),
			('vacuum', '0 10 $ * *', 'VACUUM', current_user, true),
			('boot', '@reboot', 'SELECT 2; SELECT 3', 'Odd Name', true),
			('off', '10 seconds', 'SELECT 4', current_user, false);
		INSERT INTO cron.job (jobname, schedule, command, database) VALUES
			('elsewhere', '@daily', 'SELECT 5', 'elsewhere');
		CREATE SCHEMA pgagent
			CREATE TABLE pga_job (jobid int, jobname text, jobenabled boolean)
			CREATE TABLE pga_jobstep (jstid int, jstjobid int, jstname text, jstenabled boolean, jstkind text, jstcode text,
				jstdbname text, jstonerror text)
			CREATE TABLE pga_exception (jexscid int, jexdate date, jextime time)
			CREATE TABLE pga_schedule (jscid int, jscjobid int, jscenabled boolean, jscstart timestamptz, jscend timestamptz,
				jscminutes boolean[], jschours boolean[], jscmonthdays boolean[], jscmonths boolean[],
				jscweekdays boolean[]);
		INSERT INTO pgagent.pga_job VALUES (1, 'nightly', true);
		INSERT INTO pgagent.pga_jobstep VALUES (1, 1, 'a step', true, 's', 'SELECT 6', current_database(), 'f');
		INSERT INTO pgagent.pga_schedule VALUES (1, 1, true, '2020-01-01', NULL,
			array_fill(false, '{60}'), array_fill(true, '{24}'), array_fill(false, '{31}') || true,
			array_fill(false, '{12}'), '{f,t,t,f,f,f,f}')),
	'docs/monitoring.md' => q(
		CREATE EXTENSION pg_scheduler;
		SELECT scheduler.schedule_job(name, '@daily', 'SELECT') FROM unnest('{import,load,"load, part 2"}'::text[]) name;
		INSERT INTO scheduler.alert (alert_id, kind, severity, subject, message, first_seen, last_seen, count)
			VALUES (42, 'check', 'info', 'life', 'the answer', now(), now(), 1)),
	'docs/reference-http.md' => q(
		CREATE EXTENSION pg_scheduler;
		SELECT scheduler.set_secret('hook-key', 'a key')),
);

# Anchors of a page, as they are made of its headings.
sub anchors
{
	my ($page) = @_;
	my $text = slurp_file("$top/$page");
	my %anchors;

	$text =~ s/^```.*?^```//msg;
	foreach my $heading ($text =~ /^#+ +(.*)$/mg)
	{
		$heading = lc $heading;
		$heading =~ s/[^\w\- ]//g;
		$anchors{ $heading =~ tr/ /-/r } = 1;
	}
	return \%anchors;
}

# The links of a page that lead nowhere.
sub broken_links
{
	my ($page) = @_;
	my $text = slurp_file("$top/$page");
	my @broken;

	$text =~ s/^```.*?^```//msg;
	foreach my $link ($text =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ /^https?:/;
		my ($file, $anchor) = split /#/, $link, 2;
		my $target = length $file ? (dirname($page) eq '.' ? '' : dirname($page) . '/') . $file : $page;

		push @broken, $link if !-e "$top/$target" || defined $anchor && !anchors($target)->{$anchor};
	}
	return @broken;
}

my $node = new_node('documentation', extension => 0);
my $sql = sub { $node->safe_psql('documentation', $_[0]) };

foreach my $page (@pages)
{
	my $examples = join '', slurp_file("$top/$page") =~ /^```sql\n(.*?)^```/msg;

	is(join(' ', broken_links($page)), '', "$page: links");
	next if $examples eq '';
	$node->safe_psql('postgres', 'CREATE DATABASE documentation');
	$sql->($reader . ($given{$page} // 'CREATE EXTENSION pg_scheduler'));
	my ($status, $out, $err) = $node->psql('documentation', $examples, on_error_stop => 1);
	is($status, 0, "$page: examples") or diag $err;
	if ($page eq 'docs/migrating.md')
	{
		is($sql->(q(SELECT job_name, owner, schedule, command, enabled FROM scheduler.jobs
				WHERE starts_with(description, 'pg_cron') ORDER BY job_id)),
			join("\n", 'cron job 1|postgres|*/5 * * * *|SELECT 1|t', 'vacuum|postgres|0 10 L * *|VACUUM|t',
				'boot|"Odd Name"|@reboot|SELECT 2; SELECT 3|t', 'off|postgres|10 seconds|SELECT 4|f'),
			'jobs of pg_cron have arrived');
		is($sql->('SELECT string_agg(jobname, $$ $$) FROM cron.job WHERE active'),
			'elsewhere', 'and are off there');
		is($sql->(q(SELECT schedule FROM scheduler.jobs WHERE job_name = 'nightly')), '* * L * &1,2', 'a job of pgAgent has arrived');
	}
	$node->safe_psql('postgres', 'DROP DATABASE documentation WITH (FORCE)');
}

done_testing();
