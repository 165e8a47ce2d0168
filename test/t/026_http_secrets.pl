# Secrets are encrypted: who sees ciphertext only, what a backup and a dump have,
# rotation of the key, and what happens without it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use HttpNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $value    = 'sesame-open-wide-7431';
my $dir      = PostgreSQL::Test::Utils::tempdir();
my $key_file = "$dir/keys";
# A recycled file of WAL has what was in it before, from when there was no key.
my $node     = http_node('secrets',
	"wal_level = replica\nmax_wal_senders = 4\nautovacuum = off\nwal_recycle = off\n");
my ($base)   = start_hostile();
my $sql      = sub { $node->safe_psql('postgres', $_[0]) };

# What a statement says on standard error
sub complaint
{
	my ($text, $on) = @_;
	my $err;

	($on // $node)->psql('postgres', $text, stderr => \$err);
	return $err;
}

sub write_keys
{
	my ($mode, @keys) = @_;

	unlink $key_file;
	append_to_file($key_file, join('', map { "$_\n" } @keys));
	chmod $mode, $key_file or die;
}

sub use_key_file
{
	my ($file) = @_;

	$node->append_conf('postgresql.conf', "pg_scheduler.secret_key_file = '$file'");
	$node->reload;
	$node->poll_query_until('postgres', "SHOW pg_scheduler.secret_key_file", $file) or die;
}

# Does any file of a directory have the value in it?
sub found_in
{
	my ($path) = @_;

	$node->safe_psql('postgres', 'CHECKPOINT');
	return system('grep', '-rqa', $value, $path) == 0 ? 1 : 0;
}

sub keys_of_file
{
	return split /\n/, slurp_file($key_file);
}

#
# Without a key: as they are, with a warning
#

like(complaint("SELECT scheduler.set_secret('token', '$value')"),
	qr/WARNING:  secret "token" is not encrypted\n.*\nHINT:  Set pg_scheduler.secret_key_file\./,
	'without a key file a secret is not encrypted, and that is said');
is($sql->('SELECT value FROM scheduler.secret'), $value, 'it is there as it is');
ok(found_in($node->data_dir), 'also in the files of the data directory');
like(complaint('SELECT scheduler.rotate_secret_key()'), qr/ERROR:  there is no secret key file\n.*HINT/s,
	'there is no key to rotate');
$sql->("SELECT scheduler.drop_secret('token'); VACUUM FULL scheduler.secret");

#
# Key files that are refused
#

use_key_file($key_file);
my $set = "SELECT scheduler.set_secret('token', '$value')";
like(complaint($set), qr/ERROR:  could not open secret key file ".*": No such file/, 'no file');
write_keys(0644, '0' x 64);
like(complaint($set), qr/ERROR:  cannot use secret key file.*\n.*Others may read or write it/, 'a file that others may read');
write_keys(0600, '0' x 63);
like(complaint($set), qr/DETAIL:  Each line is to have a key of 64 hexadecimal digits/, 'a key that is too short');
write_keys(0600, ('0' x 63) . 'g');
like(complaint($set), qr/DETAIL:  Each line is to have a key of 64/, 'one with another letter');
write_keys(0600, '# nothing', '');
like(complaint($set), qr/DETAIL:  It has no key/, 'a file without a key');
append_to_file($node->data_dir . '/keys', '0' x 64);
chmod 0600, $node->data_dir . '/keys';
use_key_file($node->data_dir . '/keys');
like(complaint($set), qr/DETAIL:  It is in the data directory/, 'a file that would be in each backup');
use_key_file('keys');
like(complaint($set), qr/DETAIL:  Its path is not an absolute one/, 'a file that is not named by an absolute path');
is($sql->('SELECT count(*) FROM scheduler.secret'), '0', 'nothing was stored');
use_key_file($key_file);

#
# With a key
#

$sql->('SELECT pg_switch_wal()');
my $wal = $sql->('CREATE TABLE in_wal (); SELECT pg_walfile_name(pg_current_wal_insert_lsn())');
my $old_key = '0123456789abcdef' x 4;
write_keys(0600, "$old_key # the first one");
is(complaint($set), '', 'with a key file there is no warning');
unlike($sql->('SELECT value FROM scheduler.secret'), qr/\Q$value\E/, 'what is stored is encrypted');
my $first = $sql->('SELECT value, key_id FROM scheduler.secret');
$sql->($set);
isnt($sql->('SELECT value, key_id FROM scheduler.secret'), $first, 'each time in another way');
$sql->('SELECT pg_switch_wal()');
ok(!found_in($node->data_dir . "/pg_wal/$wal"), 'what was set is not in the WAL');
like($sql->('SELECT key_id FROM scheduler.secrets'), qr/^[0-9a-f]{16}$/, 'the view says with which key');

$sql->("CREATE ROLE backup_role LOGIN BYPASSRLS IN ROLE pg_read_all_data");
unlike($sql->('SET ROLE backup_role; TABLE scheduler.secret'), qr/\Q$value\E/, 'a role that reads everything sees no value');
like(complaint('SET ROLE backup_role; SHOW pg_scheduler.secret_key_file'), qr/permission denied|must be superuser/,
	'nor where the key is');
like(complaint('SET ROLE backup_role; SELECT scheduler.rotate_secret_key()'), qr/permission denied/,
	'nor may it rotate the key');

$node->command_ok([ 'pg_basebackup', '-D', "$dir/backup", '-c', 'fast', '-X', 'fetch', '-h', $node->host, '-p', $node->port ],
	'a base backup');
ok(!found_in("$dir/backup"), 'has no value in it');

# A job that sends it, and one that says when it cannot be sent
$sql->(
	qq(SELECT scheduler.schedule_http_job('send', '\@yearly', '$base/echo/x', headers => '{"Authorization": {"secret": "token"}}')));

sub last_message
{
	my $id = $sql->("SELECT scheduler.run_job('send')");
	$sql->("SELECT scheduler.wait_for_run($id)");
	return $sql->("SELECT status, COALESCE(error_message, '') FROM scheduler.runs WHERE run_id = $id");
}

is(last_message(), 'succeeded|', 'a run sends it');
like($sql->('SELECT body_text FROM scheduler.http_responses ORDER BY run_id DESC LIMIT 1'), qr/^Authorization: \*+/m,
	'in the header that it is for, masked where the server sends it back');

#
# It belongs to its name and its owner
#

$sql->("SELECT scheduler.set_secret('other', 'nothing')");
$sql->("CREATE TEMP TABLE keep AS SELECT * FROM scheduler.secret;
	UPDATE scheduler.secret s SET value = k.value FROM keep k WHERE s.name = 'token' AND k.name = 'other'");
like(last_message(), qr/^failed\|secret "token" cannot be decrypted/, 'a value that was moved to another name is refused');
$sql->("SELECT scheduler.set_secret('token', '$value')");
$sql->("CREATE ROLE thief LOGIN; INSERT INTO scheduler.secret (owner, name, value, key_id)
	SELECT 'thief'::regrole, name, value, key_id FROM scheduler.secret WHERE name = 'token'");
like( complaint(
		qq(SET ROLE thief; SELECT scheduler.schedule_http_job('steal', '\@yearly', '$base/echo/x',
			headers => '{"Authorization": {"secret": "token"}}'))),
	qr/ERROR:  secret "token" cannot be decrypted\nDETAIL:  What is stored was not encrypted for this name and this owner/,
	'one that was moved to another owner, too');
$sql->("DELETE FROM scheduler.secret WHERE owner = 'thief'::regrole");
$sql->("UPDATE scheduler.secret SET value = overlay(value placing 'AAAA' from length(value) - 7) WHERE name = 'other'");
like(complaint("SELECT scheduler.schedule_http_job('x', '\@yearly', '$base/x', headers => '{\"X\": {\"secret\": \"other\"}}')"),
	qr/cannot be decrypted/, 'one that was changed, too');
$sql->("SELECT scheduler.drop_secret('other')");

$sql->("CREATE ROLE before_renaming LOGIN");
$sql->("SET ROLE before_renaming; SELECT scheduler.set_secret('own', 'x')");
$sql->("ALTER ROLE before_renaming RENAME TO renamed");
my $use_own = qq(SELECT scheduler.schedule_http_job('own', '\@yearly', '$base/x', headers => '{"X": {"secret": "own"}}'));
is(complaint("SET ROLE renamed; $use_own"), '', 'an owner who gets another name has his secrets still');
$sql->("CREATE ROLE heir LOGIN; REASSIGN OWNED BY renamed TO heir; SET ROLE heir; SELECT scheduler.unschedule_job('own')");
is(complaint("SET ROLE heir; $use_own"), '', 'REASSIGN OWNED gives them to another');

#
# Rotation
#

my $n = $sql->('SELECT count(*) FROM scheduler.secret');
my $old_id = $sql->("SELECT DISTINCT key_id FROM scheduler.secret");
is($sql->('SELECT scheduler.rotate_secret_key()'), $n, 'all secrets are encrypted anew');
my @keys = keys_of_file();
is(scalar(@keys), 2, 'there is another key');
is($keys[1], "$old_key # the first one", 'above the one that there was');
is((stat $key_file)[2] & 0777, 0600, 'which nobody else may read');
isnt($sql->("SELECT DISTINCT key_id FROM scheduler.secret"), $old_id, 'it is that of all secrets');
is(last_message(), 'succeeded|', 'which are as they were');
write_keys(0600, $keys[0]);
is(last_message(), 'succeeded|', 'the old key is needed no more');

write_keys(0600, 'f' x 64, $keys[0]);
is($sql->('SELECT scheduler.rotate_secret_key()'), $n, 'a key that somebody has put on top is taken');
is(scalar(keys_of_file()), 2, 'and none is made');
is(last_message(), 'succeeded|', 'the secrets are as they were');

# Killed at each point of a rotation: before, in the middle, after the commit
for my $round (1 .. 3)
{
	my ($in, $out, $timer) = ('', '', IPC::Run::timeout(180));
	my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', '/dev/null', $timer);

	$in = "BEGIN;\nSELECT scheduler.rotate_secret_key();\n" . ($round == 1 ? "COMMIT;\n" : '') . "\\echo done\n";
	$psql->pump until $out =~ /done/;
	$node->stop('immediate');
	eval { $psql->kill_kill };
	append_to_file("$key_file.new", 'half a k') if $round == 3;
	$node->start;
	wait_for($node, "SELECT scheduler.status() ->> 'state' = 'healthy'", 'the scheduler runs');
	is(last_message(), 'succeeded|', "killed in a rotation, round $round: secrets can be read");
}
is($sql->('SELECT scheduler.rotate_secret_key()'), $n, 'and rotated again');
is($sql->("SELECT count(DISTINCT key_id) FROM scheduler.secret"), '1', 'all to one key');
is(last_message(), 'succeeded|', 'and read');

#
# A key that is lost
#

@keys = keys_of_file();
write_keys(0600, 'e' x 64);
like(last_message(), qr/^failed\|secret "token" cannot be decrypted$/, 'with another key a run fails, and says why');
like($sql->("SELECT error_detail FROM scheduler.runs WHERE job_name = 'send' ORDER BY run_id DESC LIMIT 1"),
	qr/^It was encrypted with the key [0-9a-f]{16}, which is not in the secret key file\.$/, 'and which key is missing');
like(complaint('SELECT scheduler.rotate_secret_key()'), qr/ERROR:  secret ".*" cannot be decrypted/, 'nothing can be rotated');
use_key_file('');
like(last_message(), qr/^failed\|secret "token" cannot be decrypted$/, 'without a key file, too');
use_key_file($key_file);
write_keys(0600, @keys);
is(last_message(), 'succeeded|', 'with the key all is well');

#
# Dump and restore
#

my $new = http_node('restored');
$new->safe_psql('postgres', 'DROP EXTENSION pg_scheduler; CREATE ROLE filler; CREATE ROLE heir LOGIN');
$node->safe_psql('postgres', "DROP TABLE IF EXISTS keep; DROP OWNED BY backup_role, thief; DROP ROLE backup_role, thief");
$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", 'postgres' ], 'pg_dump');
my $dump = slurp_file("$dir/dump.sql");
like($dump, qr/COPY scheduler\.secret /, 'has the secrets');
unlike($dump, qr/\Q$value\E/, 'but not their values');
$new->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-d', $new->connstr('postgres'), '-f', "$dir/dump.sql" ],
	'it is restored into another cluster');
my $use = qq(SELECT scheduler.schedule_http_job('used', '\@yearly', '$base/x', headers => '{"X": {"secret": "token"}}'));
like(complaint($use, $new), qr/ERROR:  secret "token" cannot be decrypted\n.*there is no secret key file/,
	'where the key is missing, that is said');
$new->append_conf('postgresql.conf', "pg_scheduler.secret_key_file = '$key_file'");
$new->reload;
$new->poll_query_until('postgres', "SHOW pg_scheduler.secret_key_file", $key_file);
is(complaint($use, $new), '', 'with it they can be used');
is( complaint(
		qq(SET ROLE heir; SELECT scheduler.schedule_http_job('mine', '\@yearly', '$base/x', headers => '{"X": {"secret": "own"}}')), $new),
	'', 'by owners who have other OIDs, too');

done_testing();
