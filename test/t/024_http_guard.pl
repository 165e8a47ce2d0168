# Where requests may go, through real jobs: each class of addresses in each way
# to write it, directly, through a redirect, through a name and on a connection
# that is open; names that change their meaning; proxies.
#
# test/unit has the table of address ranges with their borders.  Here it is shown
# that nothing gets around it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Utils;
use Test::More;

my %names = (
	'rebind.test'  => '127.0.0.1',
	'never.test'   => 'never',
	'mixed.test'   => '127.0.0.2 10.0.0.1 127.0.0.1',
	'allowed.test' => '127.0.0.1',
	'refused.test' => '127.0.0.2');

#
# How an IPv4 address can be written, and those that are tried
#

sub forms_of
{
	my ($address) = @_;
	my ($a, $b, $c, $d) = split /\./, $address;
	my $number = (($a * 256 + $b) * 256 + $c) * 256 + $d;
	my $low = ($b * 256 + $c) * 256 + $d;
	my $hex = sprintf '%02x%02x:%02x%02x', $a, $b, $c, $d;

	return (
		$address,
		$number,
		sprintf('0%o', $number),
		sprintf('0x%x', $number),
		sprintf('0X%08X', $number),
		sprintf('0%o.0%o.0%o.0%o', $a, $b, $c, $d),
		sprintf('0x%x.0x%x.0x%x.0x%x', $a, $b, $c, $d),
		sprintf('%d.0x%x.0%o.%d', $a, $b, $c, $d),
		sprintf('%d.%d', $a, $low),
		sprintf('0x%x.0%o', $a, $low),
		sprintf('%d.%d.%d', $a, $b, $c * 256 + $d),
		sprintf('0X%x.%d', $a, $low),
		"$a%2e$b%2E$c.$d",
		"[::ffff:$address]",
		"[::ffff:$hex]",
		"[0:0:0:0:0:FFFF:$hex]",
		"[::$address]",
		"[64:ff9b::$address]",
		"[64:ff9b::$hex]",
		"[2002:$hex\::1]",
		"[::ffff:0:$address]");
}

my %special = (
	'127.0.0.2'       => 'loopback',
	'10.1.2.3'        => 'private',
	'172.16.5.4'      => 'private',
	'192.168.1.1'     => 'private',
	'169.254.169.254' => 'link-local',
	'100.64.0.1'      => 'carrier-grade NAT',
	'224.0.0.1'       => 'multicast',
	'0.0.0.0'         => 'unspecified',
	'255.255.255.255' => 'broadcast',
	'240.0.0.1'       => 'reserved',
	'192.0.2.1'       => 'documentation',
	'198.18.0.1'      => 'benchmarking',
	'168.63.129.16'   => 'cloud platform');
my %special6 = (
	'::1'                  => 'loopback',
	'0:0::0:1'             => 'loopback',
	'::'                   => 'unspecified',
	'fe80::1'              => 'link-local',
	'fe80::1%25lo'         => 'link-local',
	'fc00::1'              => 'unique-local',
	'fd12:3456::1'         => 'unique-local',
	'ff02::1'              => 'multicast',
	'fec0::1'              => 'private',
	'2001:db8::1'          => 'documentation',
	'64:ff9b:1::7f00:1'    => 'loopback',
	'64:ff9b:1::8.8.8.8'   => 'local translation',
	'2001:0:7f00:1::1'     => 'loopback',    # Teredo, by its server
	'2001:0:808:808:0:0:80ff:fffe' => 'loopback',    # and by its client
	'100::1'               => 'reserved',
	'4000::1'              => 'reserved');
my $have_names = use_names(%names,
	map { my $name = $_; $name =~ tr/.:/--/; ("at-$name.test" => $_) }
	  grep { !/%/ } keys %special, keys %special6);

# Proxies of the environment lead nowhere.
my $node;
{
	local @ENV{qw(http_proxy HTTP_PROXY https_proxy all_proxy ALL_PROXY)} = ('http://127.0.0.1:1') x 5;
	$node = http_node('guard', "pg_scheduler.http_allowed_networks = '127.0.0.1'\n");
}
my ($base) = start_hostile('127.0.0.1', '127.0.0.2');
my ($port) = $base =~ /:(\d+)$/;
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

is(call($node, "$base/echo", 'r.status'), 'succeeded', 'what is allowed is sent, and proxies of the environment are ignored');

#
# The table
#

sub escape
{
	my ($text) = @_;

	$text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

# Send a request to each host of a hash; all must be refused for the reason
# that goes with it, and not be tried again.
sub all_are_refused
{
	my ($name, $url_of, %hosts) = @_;
	my @rows = map { "('" . $url_of->($_) . "', '$_', '$hosts{$_}')" } sort keys %hosts;

	$sql->('CREATE TABLE request AS SELECT scheduler.http_request(url, max_retries => 3,
			follow_redirects => true) AS run_id, host, class
		  FROM (VALUES ' . join(', ', @rows) . ') AS v (url, host, class)');
	ok( wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'all is over'),
		"$name: each of " . @rows . ' requests ends');
	my $redirects = $name =~ /redirect/ ? 1 : 0;
	is( $sql->(
			qq{SELECT q.host, q.class, r.status, r.attempt, r.sqlstate, h.failure, r.error_message
				FROM request q LEFT JOIN scheduler.runs r USING (run_id)
				LEFT JOIN scheduler.http_responses h USING (run_id, attempt)
			   WHERE (r.status = 'failed' AND r.attempt = 1 AND r.sqlstate = '42501'
				AND h.failure = 'refused_address' AND h.redirects = $redirects
				AND r.error_message LIKE 'the address % (' || q.class || ') is not allowed') IS NOT TRUE}),
		'',
		"$name: none is sent, and the error names the class");
	$sql->('DROP TABLE request');
}

my %hosts = map { ("[$_]" => $special6{$_}) } keys %special6;
foreach my $address (keys %special)
{
	$hosts{$_} = $special{$address} foreach forms_of($address);
}

all_are_refused('literal', sub { "http://$_[0]:$port/echo" }, %hosts);
all_are_refused('redirect', sub { "$base/redirect-to?u=" . escape("http://$_[0]:$port/echo") }, %hosts);
is($sql->('SELECT count(*) FROM scheduler.http_responses WHERE http_status = 200'), 1, 'nobody has answered them');

SKIP:
{
	skip 'names cannot be made up here', 12 unless $have_names;
	my %by_name = map { my $name = $_; $name =~ tr/.:/--/; ("at-$name.test" => $special{$_} // $special6{$_}) }
	  grep { !/%/ } keys %special, keys %special6;

	all_are_refused('name', sub { "http://$_[0]:$port/echo" }, %by_name);
	all_are_refused('redirect to a name', sub { "$base/redirect-to?u=" . escape("http://$_[0]:$port/echo") }, %by_name);

	# of several addresses, one that may be used is
	is(call($node, "http://mixed.test:$port/echo", 'r.status, remote_address'), 'succeeded|127.0.0.1',
		'of several addresses the one that is allowed is used');

	# a name that is harmless until it is trusted
	my $rebind = "http://rebind.test:$port/echo";
	is(call($node, $rebind, 'r.status, remote_address'), 'succeeded|127.0.0.1', 'a name that is allowed at first');
	use_names(%names, 'rebind.test' => '127.0.0.2');
	is(call($node, $rebind, 'r.status, remote_address'), 'succeeded|127.0.0.1', 'its connection is good for as long as it lasts');
	$sql->('SELECT pg_terminate_backend(' . http_worker_pid($node) . ')');
	is( call_until($node, 'failed|refused_address|the address 127.0.0.2 (loopback) is not allowed', $rebind,
			'r.status, h.failure, r.error_message'),
		'failed|refused_address|the address 127.0.0.2 (loopback) is not allowed',
		'a new one is not opened when it leads elsewhere');
	is( call($node, "$base/redirect-to?u=" . escape($rebind), 'h.failure, h.redirects', follow_redirects => 'true'),
		'refused_address|1', 'nor by a redirect');

	# in between two hops of one request, and two attempts of one run
	use_names(%names, 'rebind.test' => '127.0.0.1 127.0.0.2');
	is( call($node, "http://allowed.test:$port/redirect-to?u=" . escape("http://refused.test:$port/echo"),
			'h.failure, h.redirects', follow_redirects => 'true'),
		'refused_address|1', 'from a name that is allowed to one that is not');
	is(call($node, "http://no-such.test:$port/", 'h.failure'), 'resolve', 'a name that is not there');
	is( call($node, "http://never.test:$port/", 'r.status, h.failure', timeout => q('200 ms')),
		'timed_out|timeout', 'a name server that does not answer');
}

#
# Connections that are open, under each of their names
#

my @open = grep { !/^\[(64:|2002:|::1|::ffff:0:)/ } forms_of('127.0.0.2');
configure($node, http_allowed_networks => '127.0.0.0/8');
is(call_until($node, 'succeeded', "http://127.0.0.2:$port/echo", 'r.status'), 'succeeded', 'more is allowed');
# twice, so that the second request finds a connection
foreach my $host (@open, @open)
{
	call($node, "http://$host:$port/echo", 'r.status');
}
is($sql->("SELECT count(*) > 0 FROM scheduler.http_responses WHERE reused_connection AND remote_address = '127.0.0.2'"),
	't', 'connections are open, and reused');
configure($node, http_allowed_networks => '127.0.0.1');
is(call_until($node, 'refused_address', "http://127.0.0.2:$port/echo", 'h.failure'), 'refused_address', 'less is allowed');
all_are_refused('reused connection', sub { "http://$_[0]:$port/echo" }, map { ($_ => 'loopback') } @open);
is(call($node, "$base/echo", 'r.status'), 'succeeded', 'what is still allowed goes on');

#
# URLs that are refused before anything is looked at, also when they come out
# of a template or of a redirect
#

foreach my $bad ("http://127.0.0.1:$port/a\\tb", "http://127.0.0.1:$port/a\\r\\nX: y", 'file:///etc/passwd',
	'gopher://127.0.0.1/', 'ftp://127.0.0.1/', 'http://user:pw@127.0.0.1/', "http://127.0.0.1:$port/a b",
	"http://127.0.0.1:$port\\\\@127.0.0.2/")
{
	my ($status, $out, $err) = $node->psql('postgres', "SELECT scheduler.http_request(E'$bad')");
	like($err, qr/invalid value for "url"/, "$bad is refused");
}
foreach my $bad ('file:///etc/passwd', 'gopher://127.0.0.1/', 'ftp://127.0.0.1/', 'http://user:pw@127.0.0.1/', '//')
{
	is( call($node, "$base/redirect-to?u=" . escape($bad), 'r.sqlstate, h.failure', follow_redirects => 'true'),
		'08P01|redirect', "a redirect to $bad is not followed");
}
is( call($node, 'http://{{args.host}}/', 'r.sqlstate', args => q('{"host": "127.0.0.1@10.0.0.1"}')),
	'22023', 'a template cannot leave its place in the URL');

#
# A proxy by setting
#

configure($node, http_proxy => $base);
is(call_until($node, 'succeeded|202', 'http://www.example.com/status/202', 'r.status, r.http_status'), 'succeeded|202',
	'a proxy by setting is used');
all_are_refused('proxy', sub { "http://$_[0]:$port/echo" }, %hosts, map { ("$_." => $special{$_}) } keys %special);

# characters that libcurl takes for digits and dots, where the locale has them
SKIP:
{
	my $request = "SELECT scheduler.http_request('http://%s/', max_retries => 0)";

	skip 'there is no such locale', 2
	  if $node->psql('postgres', "CREATE DATABASE wide TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'") != 0;
	$node->safe_psql('wide', 'CREATE EXTENSION pg_scheduler');
	foreach my $host ("10\x{3002}0\x{3002}0\x{3002}1", "\x{2460}\x{24ea}.\x{ff10}.0.1")
	{
		utf8::encode(my $bytes = $host);
		my $run = $node->safe_psql('wide', sprintf($request, $bytes));

		$node->safe_psql('wide', "SELECT scheduler.wait_for_run($run, '3 minutes')");
		is($node->safe_psql('wide', "SELECT error_message FROM scheduler.runs WHERE run_id = $run"),
			'the address 10.0.0.1 (private) is not allowed', 'proxy: digits and dots that are not ASCII');
	}
}
configure($node, http_proxy => undef);
isnt(call_until($node, 'failed', 'http://www.example.invalid/status/202', 'r.status'), 'succeeded', 'and no longer than that');

# nobody waits for a name server either
if ($have_names)
{
	my $run = $sql->("SELECT scheduler.http_request('http://never.test:$port/')");
	wait_for($node, "SELECT status = 'running' FROM scheduler.runs WHERE run_id = $run", 'it runs');
}
$node->stop('fast');
unlike(slurp_file($node->logfile),
	qr/(ERROR|PANIC|FATAL|WARNING):  (?!invalid value|terminating)|terminated by signal/,
	'nothing went wrong on the way');
done_testing();
