#
# tap_harness.pl
#	  Run TAP test files one after the other, show what the servers of a failed
#	  one logged, and end with the closing line of all test commands.
#
# usage: perl tap_harness.pl LOG_DIRECTORY FILE...
#
use strict;
use warnings;

use File::Basename;
use TAP::Harness;
use TAP::Parser::Aggregator;

my ($log_dir, @files) = @ARGV;

my $harness = TAP::Harness->new({ verbosity => 0, timer => 1 });
my $result = TAP::Parser::Aggregator->new;

$result->start;
foreach my $file (@files)
{
	# A file bails out when its server does not start: that is no reason to
	# leave out the others.
	eval { $harness->aggregate_tests($result, $file) };
}
$result->stop;
$harness->summary($result);

my $failed = $result->failed;

foreach my $file (@files)
{
	my ($parser) = $result->parsers($file);
	my $name = basename($file, '.pl');

	next unless $parser->has_problems;

	# A file that died, or ran another number of tests than it planned.
	$failed++ unless $parser->failed;

	foreach my $log ("$log_dir/regress_log_$name", glob("$log_dir/${name}_*.log"))
	{
		next unless -e $log;
		print "---- $log\n";
		system('tail', '-n', '100', $log);
	}
}

my $skipped = $result->skipped;
my $passed = $result->passed - $skipped;

print "$passed passed, $failed failed, $skipped skipped\n";
exit($failed > 0 ? 1 : 0);
