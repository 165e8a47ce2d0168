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
	[ 'excess-length',      'succeeded', '',         '200', '2',    'f' ],
	[ 'two-lengths',        undef,       undef,      undef, undef,  'f' ],
	[ 'negative-length',    undef,       undef,      undef, undef,  'f' ],
	[ 'huge-length',        undef,       undef,      undef, undef,  undef ],
	[ 'bad-chunks',         'failed',    'transfer', '200', undef,  'f' ],
	[ 'huge-chunk',         'failed',    'transfer', '200', undef,  'f' ],
	[ 'cut-chunks',         'failed',    'transfer', '200', '4',    'f' ],
	[ 'reset-upload',       'failed',    'transfer', '',    '',     'f' ],
	[ 'reset-request',      'failed',    'transfer', '',    '',     'f' ],
	[ 'reset-headers',      'failed',    'transfer', undef, undef,  'f' ],
	[ 'reset-body',         'failed',    'transfer', '200', '4',    'f' ],
	[ 'close-request',      'failed',    'transfer', '',    '',     'f' ],
	[ 'garbage',            'failed',    'transfer', undef, undef,  'f' ],
	[ 'odd-headers',        undef,       undef,      undef, undef,  undef ],
	[ 'switch',             undef,       undef,      undef, undef,  undef ],
	[ 'no-status',          undef,       undef,      undef, undef,  undef ],
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
		"SELECT scheduler.http_request('$base/$case->[0]', max_retries => 0, timeout => '3 seconds',
			body => repeat('x', 200000))");
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

	note("$path: @got");
	defined $expected[$_] or $got[$_] = undef foreach 0 .. 4;
	is_deeply(\@got, \@expected, $path) or diag(explain(\@got));
}
is( $sql->("SELECT headers FROM scheduler.http_responses WHERE run_id = $runs{'100-continue'}"),
	'[["X-Final", "1"], ["Transfer-Encoding", "chunked"]]',
	'neither interim headers nor trailers');
is($sql->("SELECT total_size FROM scheduler.http_responses WHERE run_id = $runs{'big?bytes=5000'}"),
	5000, 'the size of a body that was cut');
is( $sql->("SELECT r.run_id, r.error_message, r.sqlstate, h.failure, h.error
	  FROM scheduler.runs r JOIN scheduler.http_responses h USING (run_id)
	 WHERE r.status <> 'succeeded' AND (r.error_message IS NULL OR
		num_nulls(r.sqlstate, h.failure, h.error) NOT IN (0, CASE WHEN r.http_status <> 200 THEN 3 ELSE 0 END))"),
	'', 'each failure says why');
is(call($node, "$base/echo", q(r.status, body_text LIKE 'POST /echo %'), body => q('mine')) , 'succeeded|t',
	'the process goes on, with answers to its own requests')
  foreach 1 .. 5;

# it is told nothing before it has read a handshake
(my $tls = $base) =~ s/^http/https/;
is(call($node, "$tls/", 'r.status, h.failure, h.http_status IS NULL', timeout => q('500 ms')), 'timed_out|timeout|t', 'no handshake');
unlike(slurp_file($node->logfile), qr/(ERROR|PANIC|FATAL|WARNING):|terminated by signal/, 'nothing went wrong on the way');
$node->stop('fast');
done_testing();
