# HTTP jobs of a database whose encoding is not UTF-8: what the server says
# is converted, and nothing of it can do harm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = http_node('encoding');
my ($base) = start_hostile();

foreach my $encoding ('UTF8', 'LATIN1', 'EUC_JP', 'SQL_ASCII')
{
	my $sql = sub { $node->safe_psql(lc $encoding, $_[0]) };
	my $get = sub {
		my ($path, $columns) = @_;
		my $run = $sql->("SELECT scheduler.http_request('$base/$path', max_retries => 0)");

		$sql->("SELECT scheduler.wait_for_run($run, '3 minutes')");
		return $sql->("SELECT $columns FROM scheduler.runs
			JOIN scheduler.http_responses USING (run_id) WHERE run_id = $run");
	};
	my $log = -s $node->logfile;

	$node->safe_psql('postgres', "CREATE DATABASE \L$encoding\E TEMPLATE template0
		ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	$sql->('CREATE EXTENSION pg_scheduler');
	is($get->('echo', 'status, body_text LIKE $$POST /echo %$$'), 'succeeded|t', "$encoding: an answer");
	is($get->('status/500', 'status, error_message'), 'failed|the server answered with status 500',
		"$encoding: a status that is no success");
	my ($what, $message) = split /\|/, $get->('garbage', 'failure, error_message');
	is($what, 'transfer', "$encoding: what is no HTTP");
	ok($node->wait_for_log(qr/DETAIL:  \Q$message\E/, $log), "$encoding: the log says so");
	is($get->('invalid-utf8', 'status, body_text IS NULL'), 'succeeded|t', "$encoding: a body that is no text");
	$get->('latin1', '1');
	$get->('bom', '1');
	my $texts = sub {
		return $sql->("SET client_encoding = 'UTF8'; SELECT $_[0] FROM scheduler.http_responses ORDER BY run_id");
	};
	my @bodies = split /\n/, $texts->(q(body_text));
	# Latin-1 has the letters, and whoever reads UTF-8 can read all
	my $eacute = "caf\xc3\xa9";
	is_deeply([ @bodies[ -2, -1 ] ], [ $eacute, $eacute ],
		"$encoding: text in another encoding, and without its byte order mark");
	my @headers = split /\n/, $texts->(q((SELECT string_agg(h ->> 1, ' ') FROM jsonb_array_elements(headers) h WHERE h ->> 0 IN ('X-Name', 'X-Bad'))));
	is_deeply([ @headers[ -3 .. -1 ] ], [ "\xc3\xbf\xc3\xbe", ("M\xc3\xbcller") x 2 ],
		"$encoding: headers in Latin-1 and in UTF-8");
}
unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process has crashed');

$node->stop('fast');
done_testing();
