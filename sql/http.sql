-- HTTP jobs: definitions, bad input, secrets, roles, and the guard.  No server
-- is needed: whatever is sent here is refused before it leaves.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/lib/regress.sql
\set ECHO none
\i :helpers
\set ECHO all
CREATE ROLE regress_http_alice LOGIN;
CREATE ROLE regress_http_bob LOGIN;
\set VERBOSITY default

-- a definition as it is stored
SELECT scheduler.set_secret('token', 'Bearer sesame');
SELECT scheduler.set_secret('key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT scheduler.schedule_http_job('all', '0 0 1 1 *', 'https://example.com/{{args.id}}',
	method => 'PUT', headers => '{"X-Tag": ["a", "b"], "Authorization": {"secret": "token"}}',
	body => '{"run": {{run_id}}}', args => '{"id": 7}', content_type => 'application/json',
	success_codes => '200-299,304', signing_secret => 'key', follow_redirects => true,
	max_redirects => 3, connect_timeout => '2 seconds', timeout => '5 seconds',
	max_retries => 4) AS all_id \gset
SELECT jsonb_pretty(request) FROM scheduler.job WHERE job_id = :all_id;
SELECT kind, url, command, args, timeout, max_retries, on_lost FROM scheduler.jobs;

-- altered
SELECT scheduler.alter_http_job('all', method => 'DELETE', follow_redirects => false);
SELECT scheduler.alter_http_job(:all_id, url => 'https://example.org/');
SELECT scheduler.alter_job('all', timeout => '1 minute');
SELECT request ->> 'method' AS method, request ->> 'url' AS url,
	request ? 'follow_redirects' AS follows, timeout
FROM scheduler.job WHERE job_id = :all_id;

SELECT job_name, method, url, headers, body, content_type, args, success_codes, signing_secret,
	follow_redirects, max_redirects, timeout, connect_timeout, one_off
FROM scheduler.http_jobs \gx
-- what may be left out can be taken away
SELECT scheduler.alter_http_job('all', headers => '{}', body => '', content_type => '', signing_secret => '');
SELECT headers, body, content_type, signing_secret FROM scheduler.http_jobs;
SELECT scheduler.alter_http_job('all', headers => '{"Authorization": {"secret": "token"}}', signing_secret => 'key');

-- bad input
SELECT scheduler.schedule_http_job('bad', '@at 2020-01-01', 'https://example.com/');
SELECT scheduler.schedule_http_job('bad', '0 0 1 1 *', 'https://example.com/', ends_at => '2020-01-01');
SELECT scheduler.schedule_http_job('bad', '0 0 1 1 *', 'https://example.com/', starts_at => '2099-01-02', ends_at => '2099-01-03');
SELECT count(*) FROM scheduler.http_jobs WHERE job_name = 'bad';
SELECT scheduler.schedule_http_job('bad', '* * * * *', NULL);
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'ftp://example.com/');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://user:pass@example.com/');
SELECT scheduler.schedule_http_job('bad', '* * * * *', E'https://example.com/\nX: y');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/{{nonsense}}');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', method => 'get it');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', headers => '["a"]');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', headers => '{"X": 1}');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', headers => '{"Host": "x"}');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', headers => '{"X": "a\r\nY: b"}');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', headers => '{"X": {"secret": "none"}}');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', signing_secret => 'none');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', success_codes => '2xx');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', max_redirects => 1000);
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/', connect_timeout => '0 seconds');
SELECT scheduler.schedule_http_job('bad', '* * * * *', 'https://example.com/',
	headers => '{"content-type": "text/html"}', content_type => 'text/plain');
SELECT scheduler.schedule_http_job('bad', 'never', 'https://example.com/');
SELECT scheduler.alter_job('all', command => 'SELECT 1');
SELECT scheduler.alter_job('all', settings => '{"work_mem": "1MB"}');
SELECT scheduler.schedule_job('sql', '0 0 1 1 *', 'SELECT 1') AS sql_id \gset
SELECT scheduler.alter_http_job('sql', url => 'https://example.com/');
SELECT scheduler.alter_http_job('none', url => 'https://example.com/');

-- secrets: names are listed, values are not to be had
SELECT scheduler.set_secret('', 'x');
SELECT scheduler.set_secret('x', '');
SELECT scheduler.set_secret('x', NULL);
SELECT scheduler.set_secret(NULL, 'x');
\set VERBOSITY terse
SELECT scheduler.set_secret('x', E'two\nlines');
\set VERBOSITY default
SELECT name, owner = current_user::regrole AS mine FROM scheduler.secrets ORDER BY name;
SET ROLE regress_http_alice;
SELECT name FROM scheduler.secrets;
SELECT scheduler.set_secret('token', 'alice''s');
SELECT name, owner FROM scheduler.secrets;
SELECT value FROM scheduler.secret;
SELECT * FROM scheduler.secret;
SELECT scheduler.drop_secret('key');
SELECT scheduler.schedule_http_job('steal', '0 0 1 1 *', 'https://example.com/',
	headers => '{"X": {"secret": "key"}}');
SET ROLE regress_http_bob;
SELECT name FROM scheduler.secrets;
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
	AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
SELECT name FROM scheduler.secrets WHERE pg_temp.leak(name);
SELECT tablename FROM pg_stats WHERE tablename = 'secret' AND attname = 'value';
SELECT relname FROM pg_class WHERE relnamespace = 'scheduler'::regnamespace AND relispartition
	AND (has_table_privilege(oid, 'SELECT') OR has_any_column_privilege(oid, 'SELECT'));
RESET ROLE;
-- a dump has those that are encrypted
SELECT condition FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS c (class, condition)
WHERE e.extname = 'pg_scheduler' AND class = 'scheduler.secret'::regclass;
SELECT scheduler.drop_secret('key');
SELECT scheduler.drop_secret('key');

-- copied in, which the server does not log
CREATE ROLE regress_http_carol LOGIN;
CREATE ROLE regress_http_dave LOGIN;
SET ROLE regress_http_carol;
COPY scheduler.secret_values FROM STDIN;
token	Bearer of carol
key	whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
\.
COPY scheduler.secret_values (value, name) FROM STDIN CSV;
"other, longer",token
\.
SELECT name, owner, changed_at >= created_at AS ok FROM scheduler.secrets ORDER BY name;
INSERT INTO scheduler.secret_values VALUES (NULL, 'x');
INSERT INTO scheduler.secret_values VALUES ('x', NULL);
INSERT INTO scheduler.secret_values VALUES ('x', '');
SELECT * FROM scheduler.secret_values;
DELETE FROM scheduler.secret_values;
RESET ROLE;
SELECT s.value FROM scheduler.secret s WHERE s.owner = 'regress_http_carol'::regrole ORDER BY s.name;
SELECT scheduler._set_secrets();
CREATE TRIGGER mine BEFORE INSERT ON scheduler.secret FOR EACH ROW EXECUTE FUNCTION scheduler._set_secrets();
INSERT INTO scheduler.secret VALUES (10, 'a', 'b');
DROP TRIGGER mine ON scheduler.secret;

-- they go with the jobs of their owner, and with the owner
SET ROLE regress_http_dave;
SELECT scheduler.set_secret('token', 'dave''s');
RESET ROLE;
REASSIGN OWNED BY regress_http_carol TO regress_http_dave;
DROP OWNED BY regress_http_dave;
REASSIGN OWNED BY regress_http_carol TO regress_http_dave;
SELECT name, owner FROM scheduler.secrets WHERE owner <> current_user::regrole ORDER BY 1;
DROP ROLE regress_http_carol;
SELECT count(*) FROM scheduler.secrets WHERE owner <> current_user::regrole;
DROP ROLE regress_http_dave;
SELECT name, owner FROM scheduler.secrets WHERE owner <> current_user::regrole ORDER BY 1;

-- one-off requests: sent only if the transaction commits
BEGIN;
SELECT scheduler.http_request('http://127.0.0.1:9/') > 0 AS added;
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT scheduler.http_request('http://127.0.0.1:9/') > 0 AS added;
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM scheduler.job WHERE job_name LIKE 'http\_request\_%';
SELECT count(*) FROM scheduler.runs;

-- the guard: every class of address, however it is written
CREATE TABLE request (run_id bigint, url text);
INSERT INTO request
SELECT scheduler.http_request(url, max_retries => 0), url
FROM unnest(ARRAY[
	'http://127.0.0.1:9/', 'http://127.1:9/', 'http://2130706433:9/', 'http://0x7f.1:9/',
	'http://0177.0.0.1:9/', 'http://localhost:9/', 'http://0.0.0.0:9/', 'http://10.1.2.3:9/',
	'http://172.16.0.1:9/', 'http://192.168.1.1:9/', 'http://169.254.169.254/latest/meta-data/',
	'http://100.64.0.1:9/', 'http://224.0.0.1:9/', 'http://240.0.0.1:9/', 'http://255.255.255.255:9/',
	'http://[::1]:9/', 'http://[::]:9/', 'http://[::ffff:127.0.0.1]:9/', 'http://[::ffff:10.0.0.1]:9/',
	'http://[fe80::1]:9/', 'http://[fd00::1]:9/', 'http://[64:ff9b::7f00:1]:9/',
	'http://[2002:7f00:1::]:9/', 'http://[ff02::1]:9/']) AS url;
SELECT url, scheduler.wait_for_run(run_id) FROM request ORDER BY run_id;
SELECT q.url, r.status, r.sqlstate, r.http_status, h.failure,
	CASE WHEN q.url LIKE '%localhost%' THEN '(either)' ELSE r.error_message END AS error_message
FROM request q JOIN scheduler.runs r USING (run_id) JOIN scheduler.http_responses h USING (run_id)
ORDER BY run_id;
SELECT DISTINCT error_hint FROM scheduler.runs;

-- what can only be known when it is sent
SELECT scheduler.http_request('http://127.0.0.1:9/{{args.missing}}') AS run \gset
SELECT scheduler.wait_for_run(:run);
SELECT attempt, status, sqlstate, error_message, error_detail FROM scheduler.runs WHERE run_id = :run;
SELECT count(*) FROM scheduler.http_responses WHERE run_id = :run;

-- a spent request leaves no job behind, unless it became a dead letter
SELECT count(*) FROM scheduler.job WHERE request ? 'one_off';
SELECT count(*) FROM scheduler.dead_letters;

-- roles: bob sees nothing of alice
SET ROLE regress_http_alice;
SELECT scheduler.http_request('http://127.0.0.1:9/alice', headers => '{"X": {"secret": "token"}}',
	max_retries => 0) AS run \gset
SELECT scheduler.wait_for_run(:run);
SELECT count(*) FROM scheduler.http_responses;
SET ROLE regress_http_bob;
SELECT count(*) FROM scheduler.http_responses;
SELECT count(*) FROM scheduler.http_jobs;
SELECT count(*) FROM scheduler.runs;
SELECT run_id FROM scheduler.http_responses WHERE pg_temp.leak(final_url);
SELECT run_id FROM scheduler.http_response WHERE pg_temp.leak(final_url);
SELECT job_id FROM scheduler.http_jobs WHERE pg_temp.leak(url);
SELECT scheduler.cancel_run(:run);
SELECT scheduler.alter_http_job(:all_id, url => 'https://example.com/');
DROP FUNCTION pg_temp.leak(text);
RESET ROLE;

DROP TABLE request;
DROP EXTENSION pg_scheduler;
DROP ROLE regress_http_alice, regress_http_bob;
