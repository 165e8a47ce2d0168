# HTTP jobs over TLS and HTTP/2, against nginx: which certificates are accepted,
# what is recorded when one is not, and early answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Utils;
use Test::More;

#
# Certificates
#

my $dir = PostgreSQL::Test::Utils::tempdir();
my $new_key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';

sub openssl
{
	my ($command) = @_;

	return system("cd '$dir' && openssl $command >openssl.log 2>&1") == 0;
}

# One that the test authority has signed.
append_to_file("$dir/ca.cnf", "[ca]\ndefault_ca = test\n[test]\ndatabase = index.txt\nnew_certs_dir = .\n"
	  . "rand_serial = yes\ndefault_md = sha256\nunique_subject = no\npolicy = any\n[any]\ncommonName = supplied\n");
append_to_file("$dir/index.txt", '');

sub make_certificate
{
	my ($name, $subject, $validity) = @_;

	append_to_file("$dir/$name.ext", "subjectAltName=$subject\n");
	return openssl("req $new_key -keyout $name.key -out $name.csr -subj /CN=$name")
	  && openssl("ca -batch -config ca.cnf -cert ca.crt -keyfile ca.key $validity -extfile $name.ext -in $name.csr -out $name.crt -notext");
}

plan skip_all => 'there is no openssl' unless openssl('version');
foreach my $name ('ca', 'other_ca')
{
	openssl("req -x509 $new_key -keyout $name.key -out $name.crt -subj '/CN=$name' -days 2")
	  or die slurp_file("$dir/openssl.log");
}
(        make_certificate('good', 'IP:127.0.0.1', '-days 2')
	  && make_certificate('wrong', 'DNS:elsewhere.example,IP:127.0.0.9', '-days 2')
	  && make_certificate('expired', 'IP:127.0.0.1', '-startdate 20200101000000Z -enddate 20200102000000Z')
	  && openssl("req -x509 $new_key -keyout self.key -out self.crt -subj /CN=self -addext subjectAltName=IP:127.0.0.1 -days 2"))
  or die slurp_file("$dir/openssl.log");

#
# Servers
#

sub tls_server
{
	my ($name) = @_;

	return qq(listen 127.0.0.1:\$PORT ssl http2; ssl_certificate $dir/$name.crt; ssl_certificate_key $dir/$name.key;
		client_max_body_size 1k;
		location / { return 200 ok; }
		location /early { client_max_body_size 0; return 413 early; }
		location /down { return 302 http://127.0.0.1:1/; });
}

my @ports = start_nginx((map { tls_server($_) } qw(good wrong expired self)),
	'listen 127.0.0.1:$PORT; client_max_body_size 1k;
		location / { return 200 ok; } location /early { client_max_body_size 0; return 413 early; }');
plan skip_all => 'there is no nginx' unless @ports;
my %url;
@url{qw(good wrong expired self)} = map { "https://127.0.0.1:$_" } @ports[ 0 .. 3 ];
$url{plain} = "http://127.0.0.1:$ports[4]";

my $node = http_node('tls', "pg_scheduler.http_ca_file = '$dir/ca.crt'\n");
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

#
# Accepted
#

is(call($node, "$url{good}/", 'r.status, r.http_status, body_text'), "succeeded|200|ok", 'a certificate of a known authority');
is( call($node, "$url{good}/", 'http_version, remote_address, failure IS NULL, error IS NULL'),
	'20|127.0.0.1|t|t', 'HTTP/2 where it is offered');
is( $sql->('SELECT name_lookup <= connect AND connect <= tls AND tls <= first_byte AND first_byte <= total
	  FROM scheduler.http_responses ORDER BY run_id LIMIT 1'),
	't', 'the times of the handshake are kept');
request_all($node, 200, "$url{good}/");
ok(wait_for($node, 'SELECT count(*) = 0 FROM scheduler.pending_run', 'all is over'), 'many requests');
is( $sql->("SELECT count(*), bool_or(reused_connection), bool_and(http_version = 20) FROM scheduler.http_responses
	 WHERE http_status = 200"),
	'202|t|t', 'share connections');

#
# Refused
#

my $columns = 'r.status, r.attempt, r.sqlstate, h.failure, h.http_status IS NULL, r.error_message = h.error, r.error_hint, r.error_message';
my $hint = 'Certificates are verified; pg_scheduler.http_ca_file names other authorities to trust.';

sub is_refused
{
	my ($url, $words, $name) = @_;

	like(
		call($node, $url, $columns, max_retries => 1, retry_delay => q('1 ms')),
		qr/^failed\|2\|08001\|tls\|t\|t\|\Q$hint\E\|.*$words/,
		"$name: a recorded failure, tried again");
}

is_refused("$url{wrong}/", qr/no alternative certificate subject name matches/, 'another name');
is_refused("$url{expired}/", qr/certificate has expired/, 'expired');
is_refused("$url{self}/", qr/self[- ]signed certificate/, 'self-signed');
is_refused("https://127.0.0.1:$ports[4]/", qr/\w/, 'a server without TLS');
is( call($node, "$url{good}/down", 'h.failure, r.error_message', follow_redirects => 'true'),
	'redirect|the redirect leads from https to http',
	'no redirect to a connection without TLS');

#
# Authorities by setting; what was verified by another one is not reused
#

my $failure = 'r.status, h.failure';
configure($node, http_ca_file => "$dir/self.crt");
is(call_until($node, 'succeeded|', "$url{self}/", $failure), 'succeeded|', 'a self-signed certificate as its own authority');
is_refused("$url{good}/", qr/unable to get local issuer certificate/, 'an authority that is not the one of the setting');
configure($node, http_ca_file => "$dir/other_ca.crt");
is(call_until($node, 'failed|tls', "$url{self}/", $failure), 'failed|tls', 'nor is it trusted any more');
configure($node, http_ca_file => "$dir/missing.crt");
is_refused("$url{good}/", qr/missing\.crt|CA (file|cert)/i, 'a file that is not there')
  if call_until($node, 't', "$url{good}/", q(r.error_message LIKE '%missing.crt%')) eq 't';
configure($node, http_ca_file => undef);
is(call_until($node, 'succeeded|', "$url{good}/", $failure), 'succeeded|', 'back to the file of the server');
configure($node, http_ca_file => '');
is_refused("$url{good}/", qr/unable to get local issuer certificate/, 'the authorities of the system')
  if call_until($node, 'failed|tls', "$url{good}/", $failure) eq 'failed|tls';
configure($node, http_ca_file => undef);
is(call_until($node, 'succeeded|', "$url{good}/", $failure), 'succeeded|', 'and back');

#
# Answers that come before the request was read: HTTP/2 resets the stream
#

my $large = q(repeat('x', 1000000));
foreach my $kind (qw(good plain))
{
	is( call($node, "$url{$kind}/", 'r.status, r.http_status, r.sqlstate IS NULL, h.failure IS NULL, r.error_message', body => $large),
		'failed|413|t|t|the server answered with status 413', "$kind: 413 before the body is read");
	is( call($node, "$url{$kind}/early", 'r.status, r.http_status, h.failure IS NULL, body_text', body => $large),
		'failed|413|t|early', "$kind: ... by the choice of the server");
	is( call($node, "$url{$kind}/", 'r.status, r.http_status, body_text', body => q('small')),
		'succeeded|200|ok', "$kind: the next request is not harmed");
}

unlike(slurp_file($node->logfile), qr/(ERROR|PANIC|FATAL|WARNING):|terminated by signal/, 'nothing went wrong on the way');
$node->stop('fast');
done_testing();
