#
# http_endpoint.pl
#	  A tiny HTTP server on 127.0.0.1 for jobs to call.
#
# usage: perl http_endpoint.pl PORT_FILE
#
# It takes a free port and writes "PORT PID" to PORT_FILE.  A path that is a
# number, such as /503, is answered with that status, any other with 200; the
# body of the answer says what was asked for.
#
use strict;
use warnings;

use IO::Socket::INET;

my ($port_file) = @ARGV;

my $server = IO::Socket::INET->new(
	LocalAddr => '127.0.0.1',
	Proto => 'tcp',
	Listen => 128,
	ReuseAddr => 1) or die "cannot listen: $@\n";

open my $out, '>', "$port_file.new" or die "$port_file.new: $!\n";
print $out $server->sockport, " $$\n";
close $out or die "$port_file.new: $!\n";
rename "$port_file.new", $port_file or die "$port_file: $!\n";

# A client that goes away is no reason to end.
$SIG{PIPE} = 'IGNORE';

while (1)
{
	my $client = $server->accept or next;
	my $request = <$client> // '';
	my ($method, $path) = $request =~ m{^([A-Z]+) (/\S*) HTTP/1\.[01]\r?$};
	my ($length, $body) = (0, '');

	while (defined(my $header = <$client>))
	{
		last if $header =~ /^\r?$/;
		$length = $1 if $header =~ /^content-length:\s*(\d+)/i;
	}
	read($client, $body, $length) if $length > 0;

	my $status = !defined $path ? 400 : $path =~ m{^/(\d{3})$} ? $1 : 200;
	my $answer =
	  sprintf qq({"method": "%s", "path": "%s", "bytes": %d}\n), $method // '', $path // '',
	  length $body;

	print $client "HTTP/1.1 $status Answer\r\nContent-Type: application/json\r\n"
	  . 'Content-Length: ' . length($answer)
	  . "\r\nConnection: close\r\n\r\n$answer";
	close $client;
}
