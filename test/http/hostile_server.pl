#!/usr/bin/perl
#
# A small HTTP server that behaves badly on request.  One process, one event
# loop, core modules only.  What it does is chosen by the path:
#
#   /hang/NAME                reads the request and never answers; counts like /count
#   /drip                     a body of one byte a second
#   /endless-headers          header lines without end
#   /endless-100              100 Continue without end
#   /big?bytes=N              N bytes of body (default 2 GB), with a length
#   /big-chunked?bytes=N      the same without a length
#   /gzip-bomb                Content-Encoding: gzip, 10 MB of zeros in 10 kB
#   /wrong-length             announces more than it sends, and closes
#   /excess-length            sends more than it announces: another answer
#   /two-lengths              announces two lengths
#   /negative-length  /huge-length    announces no possible length
#   /bad-chunks               a chunk size that is no number
#   /huge-chunk               a chunk size that overflows
#   /cut-chunks               ends within a chunk
#   /reset-upload             connection reset before the body of the request is read
#   /reset-request            connection reset instead of an answer
#   /reset-headers            ... within the headers
#   /reset-body               ... within the body
#   /close-request            connection closed instead of an answer
#   /garbage                  an answer that is not HTTP
#   /odd-headers              a header without a colon, one with NUL, one folded
#   /switch                   101 Switching Protocols, that nobody asked for
#   /no-status                a status of no class
#   /redirect-loop            redirects to itself
#   /redirect-to?u=URL&code=N redirects to URL
#   /redirects/N              N redirects, then /echo
#   /invalid-utf8  /nul       bodies that are no text
#   /latin1  /bom             a body in Latin-1, that says so; one with a byte order mark
#   /dup-headers              X-Repeated: one, two, three; Set-Cookie twice
#   /100-continue             100, 103, then 200; and a trailer
#   /204-body                 204 with a body
#   /http10                   HTTP/1.0 without a length
#   /no-reuse                 answers, then resets the connection
#   /status/N                 that status
#   /retry-after?v=V&code=N   Retry-After: V
#   /echo                     the request, as it came, in the body
#   /delay?ms=N               answers after N milliseconds
#   /count/NAME               counts; keeps the Idempotency-Key
#   /counts/NAME              "<count> <distinct keys>\n" and the keys
#   anything else             200, "ok\n"
#
# usage: hostile_server.pl --port-file FILE [--ports 18000-18999]
#                          [--address 127.0.0.1]...
#
# Takes the first free port of the range, and writes it to the file when it
# listens on all addresses.  Ends with its parent, and on SIGTERM.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Getopt::Long;
use IO::Poll qw(POLLIN POLLOUT POLLHUP POLLERR);
use IO::Socket::IP;
use Socket qw(SOL_SOCKET SO_LINGER SOMAXCONN);
use Time::HiRes qw(time);

my $port_file;
my $ports     = '18000-18999';
my @addresses = ();
GetOptions(
	'port-file=s' => \$port_file,
	'ports=s'     => \$ports,
	'address=s'   => \@addresses) or die "bad options\n";
die "--port-file is missing\n" unless defined $port_file;
@addresses = ('127.0.0.1') unless @addresses;

my $parent = getppid();
my $poll   = IO::Poll->new;
my %connections;    # by file number
my @timers;         # [time, code], sorted
my %counts;         # name => { count, keys }

$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };

#
# Listening
#

sub listen_on
{
	my ($port) = @_;
	my @sockets;
	foreach my $address (@addresses)
	{
		my $socket = IO::Socket::IP->new(
			LocalHost => $address,
			LocalPort => $port,
			Listen    => SOMAXCONN,
			ReuseAddr => 1,
			Proto     => 'tcp') or return;

		# not before: new() with Blocking => 0 does not say that a port is taken
		$socket->blocking(0);
		push @sockets, $socket;
	}
	return @sockets;
}

my ($first, $last) = $ports =~ /^(\d+)-(\d+)$/ or die "bad range of ports\n";
my @listeners;
my $port = $first - 1;
@listeners = listen_on(++$port) while !@listeners && $port < $last;
die "no free port in $ports\n" unless @listeners;
my %is_listener = map { (fileno($_) => $_) } @listeners;
$poll->mask($_ => POLLIN) foreach @listeners;

open(my $handle, '>', "$port_file.new") or die "$port_file.new: $!\n";
print $handle "$port\n";
close($handle) or die;
rename("$port_file.new", $port_file) or die "$port_file: $!\n";

#
# Connections
#

sub at
{
	my ($time, $code) = @_;
	my $i = @timers;
	$i-- while $i > 0 && $timers[ $i - 1 ][0] > $time;
	splice(@timers, $i, 0, [ $time, $code ]);
	return;
}

sub drop
{
	my ($c) = @_;
	return if $c->{closed};
	$c->{closed} = 1;
	$poll->remove($c->{socket});
	delete $connections{ $c->{fd} };
	close($c->{socket});
	return;
}

sub reset_connection
{
	my ($c) = @_;
	return if $c->{closed};
	setsockopt($c->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
	drop($c);
	return;
}

sub watch
{
	my ($c) = @_;
	return if $c->{closed};
	my $wants_out = length($c->{out}) || $c->{more} || $c->{after};
	$poll->mask($c->{socket} => POLLIN | ($wants_out ? POLLOUT : 0));
	return;
}

# Send bytes; then, if given, call $after.
sub send_bytes
{
	my ($c, $bytes, $after) = @_;
	$c->{out} .= $bytes;
	$c->{after} = $after if $after;
	watch($c);
	return;
}

# Send what $more returns, until it returns undef.
sub send_stream
{
	my ($c, $head, $more, $after) = @_;
	$c->{more} = $more;
	send_bytes($c, $head, $after);
	return;
}

sub flush_out
{
	my ($c) = @_;
	while (!$c->{closed})
	{
		if (length($c->{out}) < 65536 && $c->{more})
		{
			my $next = $c->{more}->();
			if (defined $next)
			{
				$c->{out} .= $next;
			}
			else
			{
				$c->{more} = undef;
			}
		}
		last unless length $c->{out};
		my $sent = syswrite($c->{socket}, $c->{out});
		if (!defined $sent)
		{
			last if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
			drop($c);
			return;
		}
		substr($c->{out}, 0, $sent, '');
	}
	if (!$c->{closed} && !length($c->{out}) && !$c->{more} && $c->{after})
	{
		my $after = delete $c->{after};
		$after->($c);
	}
	watch($c);
	return;
}

sub answer
{
	my ($c, $status, $headers, $body, $after) = @_;
	my $head = "HTTP/1.1 $status Whatever\r\n";
	$head .= "$_\r\n" foreach @$headers;
	$head .= 'Content-Length: ' . length($body) . "\r\n" unless $status == 204 || $status == 304;
	$body = '' if $c->{method} eq 'HEAD';
	send_bytes($c, "$head\r\n$body", $after);
	return;
}

#
# Scenarios
#

my $GZIP_BOMB;

sub gzip_bomb
{
	require Compress::Zlib;
	$GZIP_BOMB //= Compress::Zlib::memGzip("\0" x 10_000_000);
	return $GZIP_BOMB;
}

sub stream_of
{
	my ($left, $frame) = @_;
	my $block = 'x' x 65536;
	return sub {
		return if $left <= 0;
		my $piece = $left >= 65536 ? $block : substr($block, 0, $left);
		$left -= length $piece;
		return $frame ? sprintf("%x\r\n%s\r\n%s", length $piece, $piece, $left > 0 ? '' : "0\r\n\r\n") : $piece;
	};
}

sub drip
{
	my ($c) = @_;
	return if $c->{closed};
	send_bytes($c, '.');
	at(time + 1, sub { drip($c) });
	return;
}

# Remember that NAME was called, and with what key.
sub count_call
{
	my ($name, $raw) = @_;
	my ($key) = $raw =~ /^Idempotency-Key: *(\S*)/mi;

	$counts{$name}{count}++;
	$counts{$name}{keys}{ $key // '' }++;
	return;
}

my %scenario = (
	'hang' => sub { count_call($_[1], $_[3]) },
	'drip' => sub {
		my ($c) = @_;
		send_bytes($c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
		drip($c);
	},
	'endless-headers' => sub {
		my $n = 0;
		send_stream($_[0], "HTTP/1.1 200 OK\r\n", sub { $n++; "X-Header-$n: " . 'h' x 100 . "\r\n" });
	},
	'endless-100' => sub {
		send_stream($_[0], '', sub { "HTTP/1.1 100 Continue\r\n\r\n" x 100 });
	},
	'big' => sub {
		my ($c, undef, $q) = @_;
		my $bytes = $q->{bytes} // 2 * 1024 * 1024 * 1024;
		send_stream($c, "HTTP/1.1 200 OK\r\nContent-Length: $bytes\r\n\r\n", stream_of($bytes));
	},
	'big-chunked' => sub {
		my ($c, undef, $q) = @_;
		send_stream(
			$c,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			stream_of($q->{bytes} // 2 * 1024 * 1024 * 1024, 1));
	},
	'gzip-bomb' => sub { answer($_[0], 200, ['Content-Encoding: gzip'], gzip_bomb()) },
	'wrong-length' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", \&drop);
	},
	'excess-length' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
			  . "okHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
	},
	'two-lengths' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nshort", \&drop);
	},
	'negative-length' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nbody", \&drop);
	},
	'huge-length' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nbody", \&drop);
	},
	'huge-chunk' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nbody\r\n0\r\n\r\n", \&drop);
	},
	'cut-chunks' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf", \&drop);
	},
	'bad-chunks' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\nbody\r\n0\r\n\r\n", \&drop);
	},
	'reset-upload'  => sub { reset_connection($_[0]) },
	'reset-request' => sub { reset_connection($_[0]) },
	'reset-headers' => sub { send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Le", \&reset_connection) },
	'reset-body'    => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", \&reset_connection);
	},
	'close-request' => sub { drop($_[0]) },
	'garbage'       => sub { send_bytes($_[0], "SSH-2.0-OpenSSH_9.2\r\n", \&drop) },
	'odd-headers' => sub {
		send_bytes($_[0], "HTTP/1.1 200 OK\r\nno colon\r\nX-Nul: a\0b\r\nX-Folded: one\r\n two\r\nContent-Length: 2\r\n\r\nok");
	},
	'switch'    => sub { send_bytes($_[0], "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes", \&drop) },
	'no-status' => sub { send_bytes($_[0], "HTTP/1.1 0 OK\r\nContent-Length: 2\r\n\r\nok", \&drop) },
	'redirect-loop' => sub { answer($_[0], 302, ['Location: /redirect-loop'], '') },
	'redirect-to'   => sub {
		my ($c, undef, $q) = @_;
		answer($c, $q->{code} // 302, ["Location: $q->{u}"], '');
	},
	'redirects' => sub {
		my ($c, $rest) = @_;
		my $left = $rest - 1;
		answer($c, 302, [ $left > 0 ? "Location: /redirects/$left" : 'Location: /echo' ], 'moved');
	},
	'invalid-utf8' => sub { answer($_[0], 200, ['Content-Type: text/plain', "X-Bad: \xff\xfe"], "\xff\xfe\x80") },
	'latin1'       => sub { answer($_[0], 200, ['Content-Type: text/plain; charset=iso-8859-1', "X-Name: M\xfcller"], "caf\xe9") },
	'bom'          => sub { answer($_[0], 200, ['Content-Type: text/plain', "X-Name: M\xc3\xbcller"], "\xef\xbb\xbfcaf\xc3\xa9") },
	'nul'          => sub { answer($_[0], 200, ['Content-Type: text/plain'], "a\0b") },
	'dup-headers'  => sub {
		answer($_[0], 200, [ (map { "X-Repeated: $_" } qw(one two three)), 'Set-Cookie: a=1', 'Set-Cookie: b=2' ], 'ok');
	},
	'100-continue' => sub {
		send_bytes($_[0],
				"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
			  . "HTTP/1.1 103 Early Hints\r\nX-Interim: 2\r\n\r\n"
			  . "HTTP/1.1 200 OK\r\nX-Final: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
			  . "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n");
	},
	'204-body' => sub {
		send_bytes($_[0], "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody", sub { });
	},
	'http10' => sub { send_bytes($_[0], "HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\nold", \&drop) },
	'no-reuse' => sub { answer($_[0], 200, [], 'ok', \&reset_connection) },
	'status' => sub {
		my ($c, $rest) = @_;
		answer($c, $rest, [], "status $rest\n");
	},
	'retry-after' => sub {
		my ($c, undef, $q) = @_;
		answer($c, $q->{code} // 503, ["Retry-After: $q->{v}"], 'later');
	},
	'echo' => sub {
		my ($c, undef, undef, $raw) = @_;
		answer($c, 200, ['Content-Type: text/plain'], $raw);
	},
	'delay' => sub {
		my ($c, undef, $q) = @_;
		at(time + $q->{ms} / 1000, sub { answer($c, 200, [], "ok\n") unless $c->{closed} });
	},
	'count' => sub {
		my ($c, $rest, undef, $raw) = @_;
		count_call($rest, $raw);
		answer($c, 200, [], "ok\n");
	},
	'counts' => sub {
		my ($c, $rest) = @_;
		my $keys = $counts{$rest}{keys} // {};
		answer($c, 200, [],
			join("\n", ($counts{$rest}{count} // 0) . ' ' . keys(%$keys), sort keys %$keys) . "\n");
	});

sub unescape
{
	my ($text) = @_;
	$text =~ s/\+/ /g;
	$text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
	return $text;
}

# Take one complete request off the input, and act on it.
sub serve
{
	my ($c) = @_;
	return if $c->{busy} || $c->{in} !~ /\r\n\r\n/;
	my $head_length = $+[0];
	my $head        = substr($c->{in}, 0, $head_length);
	my ($length)    = $head =~ /^Content-Length: *(\d+)/mi;
	$length //= 0;
	return reset_connection($c) if $head =~ m{^\S+ /reset-upload };
	return if length($c->{in}) < $head_length + $length;
	my $raw = substr($c->{in}, 0, $head_length + $length, '');

	my ($method, $target) = $head =~ m{^(\S+) (\S+) HTTP/1\.[01]\r\n} or return drop($c);
	$target =~ s{^https?://[^/]*}{};    # as a proxy would be asked
	my ($name, $rest, $query) = $target =~ m{^/([^/?]*)(?:/([^?]*))?(?:\?(.*))?$} or return drop($c);
	my %q = map { my ($k, $v) = split /=/, $_, 2; ($k => unescape($v // '')) } split /&/, $query // '';
	$c->{method} = $method;
	my $code = $scenario{$name};
	if ($code)
	{
		$code->($c, $rest // '', \%q, $raw);
	}
	else
	{
		answer($c, 200, [], "ok\n");
	}
	return;
}

sub read_in
{
	my ($c) = @_;
	my $got = sysread($c->{socket}, $c->{in}, 65536, length $c->{in});
	if (!defined $got)
	{
		return if $! == EAGAIN || $! == EINTR;
		return drop($c);
	}
	return drop($c) if $got == 0;
	serve($c);
	return;
}

sub accept_all
{
	my ($listener) = @_;
	while (my $socket = $listener->accept)
	{
		$socket->blocking(0);
		my $c = { socket => $socket, fd => fileno($socket), in => '', out => '', method => '' };
		$connections{ $c->{fd} } = $c;
		watch($c);
	}
	return;
}

while (1)
{
	my $wait = @timers ? $timers[0][0] - time : 1;
	$poll->poll($wait < 0 ? 0 : $wait > 1 ? 1 : $wait);
	exit 0 if getppid() != $parent;
	while (@timers && $timers[0][0] <= time)
	{
		(shift @timers)->[1]->();
	}
	foreach my $socket ($poll->handles(POLLIN | POLLOUT | POLLHUP | POLLERR))
	{
		my $fd = fileno($socket) // next;
		if ($is_listener{$fd})
		{
			accept_all($socket);
			next;
		}
		my $c      = $connections{$fd} or next;
		my $events = $poll->events($socket);
		flush_out($c) if $events & POLLOUT;
		read_in($c) if !$c->{closed} && $events & (POLLIN | POLLHUP | POLLERR);
	}
}
