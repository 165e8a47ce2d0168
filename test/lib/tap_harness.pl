#
# tap_harness.pl
#	  Run TAP test files, JOBS at a time, show what the servers of a failed one
#	  logged, and end with the closing line of all test commands.
#
# usage: perl tap_harness.pl JOBS LOG_DIRECTORY FILE...
#
use strict;
use warnings;

use File::Basename;
use TAP::Harness;
use TAP::Parser::Aggregator;

my ($jobs, $log_dir, @files) = @ARGV;

my $result = TAP::Parser::Aggregator->new;
my %bailed_out;

sub run_files
{
	my ($at_a_time, @some) = @_;
	my $harness = TAP::Harness->new(
		{ verbosity => 0, timer => 1, jobs => $at_a_time });

	$harness->callback(
		made_parser => sub {
			my ($parser, $job) = @_;

			$parser->callback(bailout => sub { $bailed_out{ $job->[0] } = 1 });
		});

	# A file bails out when its server does not start, which ends the harness.
	eval { $harness->aggregate_tests($result, @some); 1 } or print "# $@";
	return $harness;
}

# Has the file been run, whatever came of it?
sub was_run
{
	my ($file) = @_;

	return $bailed_out{$file} || grep { $_ eq $file } $result->descriptions;
}

$result->start;
my $harness = run_files($jobs, @files);

# That is no reason to leave out the others.
my @left = grep { !was_run($_) } @files;
run_files(1, $_) foreach @left;
$result->stop;
$harness->summary($result);

my $failed = $result->failed;

foreach my $file (@files)
{
	my ($parser) = $bailed_out{$file} ? () : $result->parsers($file);
	my $name = basename($file, '.pl');

	next if $parser && !$parser->has_problems;

	# A file that bailed out, died, or ran another number of tests than it planned.
	$failed++ unless $parser && $parser->failed;

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
