# HTTP jobs against a server that behaves badly: each attempt ends, is
# recorded with its cause, and the process goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = http_node('http', "pg_scheduler.http_max_response_size = 4kB\n");
my ($base) = start_hostile();
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

# path, status, failure, HTTP status, bytes kept, truncated
my @cases = (
	[ 'hang',               'timed_out', 'timeout',  '',    '',     'f' ],
	[ 'drip',               'timed_out', 'timeout',  '200', undef,  'f' ],
	[ 'endless-headers',    'failed',    'headers',  undef, undef,  'f' ],
	[ 'endless-100',        'failed',    'headers',  undef, undef,  'f' ],
	[ 'big',                'succeeded', '',         '200', '4096', 't' ],
	[ 'big-chunked',        'succeeded', '',         '200', '4096', 't' ],
	[ 'big?bytes=5000',     'succeeded', '',         '200', '4096', 't' ],
	[ 'gzip-bomb',          'succeeded', '',         '200', '4096', 't' ],
	[ 'wrong-length',       'failed',    'transfer', '200', '5',    'f' ],
	[ 'bad-chunks',         'failed',    'transfer', '200', undef,  'f' ],
	[ 'reset-request',      'failed',    'transfer', '',    '',     'f' ],
	[ 'reset-headers',      'failed',    'transfer', undef, undef,  'f' ],
	[ 'reset-body',         'failed',    'transfer', '200', '4',    'f' ],
	[ 'close-request',      'failed',    'transfer', '',    '',     'f' ],
	[ 'garbage',            'failed',    'transfer', undef, undef,  'f' ],
	[ '100-continue',       'succeeded', '',         '200', '2',    'f' ],
	[ '204-body',           'succeeded', '',         '204', '0',    'f' ],
	[ 'http10',             'succeeded', '',         '200', '3',    'f' ],
	[ 'no-reuse',           'succeeded', '',         '200', '2',    'f' ],
	[ 'nul',                'succeeded', '',         '200', '3',    'f' ],
	[ 'invalid-utf8',       'succeeded', '',         '200', '3',    'f' ]);

# all at once, so that they disturb each other if they can
my %runs;
foreach my $case (@cases)
{
	$runs{ $case->[0] } = $sql->(
		"SELECT scheduler.http_request('$base/$case->[0]', max_retries => 0, timeout => '3 seconds')");
}
ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'all is over'), 'each attempt ends');
foreach my $case (@cases)
{
	my ($path, @expected) = @$case;
	my @got = split /\|/,
	  $sql->("SELECT r.status, COALESCE(h.failure, ''), COALESCE(r.http_status::text, ''),
				COALESCE(length(h.body)::text, ''), h.truncated
			  FROM scheduler.runs r JOIN scheduler.http_responses h USING (run_id)
			 WHERE run_id = $runs{$path}"), -1;

	defined $expected[$_] or $got[$_] = undef foreach 0 .. 4;
	is_deeply(\@got, \@expected, $path) or diag(explain(\@got));
}
is( $sql->("SELECT headers FROM scheduler.http_responses WHERE run_id = $runs{'100-continue'}"),
	'[["X-Final", "1"], ["Transfer-Encoding", "chunked"]]',
	'neither interim headers nor trailers');
is($sql->("SELECT total_size FROM scheduler.http_responses WHERE run_id = $runs{'big?bytes=5000'}"),
	5000, 'the size of a body that was cut');
is($sql->("SELECT count(*) FROM scheduler.runs WHERE status = 'failed' AND (error_message IS NULL OR sqlstate IS NULL)"),
	0, 'each failure says why');
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'the process goes on');
unlike(slurp_file($node->logfile), qr/(ERROR|PANIC|FATAL|WARNING):|terminated by signal/, 'nothing went wrong on the way');
$node->stop('fast');
done_testing();
