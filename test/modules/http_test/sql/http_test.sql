--
-- Parts of HTTP jobs that need a server, but no worker
--
CREATE EXTENSION http_test;

-- headers of a request
SELECT * FROM http_test_headers(NULL);
SELECT * FROM http_test_headers('{}');
SELECT * FROM http_test_headers('{"A": "1", "B": ["2", "3"], "C": {"secret": "token"}, "D": []}');
SELECT * FROM http_test_headers('[]');
SELECT * FROM http_test_headers('"A: 1"');
SELECT * FROM http_test_headers('{"A": 1}');
SELECT * FROM http_test_headers('{"A": null}');
SELECT * FROM http_test_headers('{"A": ["x", 1]}');
SELECT * FROM http_test_headers('{"A": {"secret": 1}}');
SELECT * FROM http_test_headers('{"A": {"secret": ""}}');
SELECT * FROM http_test_headers('{"A": {"secret": "a", "more": "b"}}');
SELECT * FROM http_test_headers('{"A": {"other": "a"}}');
SELECT count(*) FROM http_test_headers((SELECT jsonb_object_agg('H' || i, 'v') FROM generate_series(1, 100) i));
SELECT count(*) FROM http_test_headers((SELECT jsonb_object_agg('H' || i, 'v') FROM generate_series(1, 101) i));

-- values of args
SELECT http_test_expand('{{args.a}} {{args.b.c}} {{args.d.1}} {{args.e}} {{args.f}} [{{args.n}}]', 'text',
                        '{"a": "text", "b": {"c": 1.50}, "d": [1, "two"], "e": true, "f": {"x": [null]}, "n": null}');
SELECT http_test_expand('{"s": {{args.s}}, "q": "{{args.s}}", "o": {{args.o}}, "n": {{args.n}}, "all": {{args}}}', 'json',
                        '{"s": "a\"b\u0001", "o": {"x": [1]}, "n": 1e100}')::jsonb;
SELECT http_test_expand('https://example.com/{{args.a}}', 'url', '{"a": "a/b?c&d=é"}');
SELECT http_test_expand('{{args.x}}', 'text', '{"a": 1}');
SELECT http_test_expand('{{args.a.b}}', 'text', '{"a": 1}');
SELECT http_test_expand('{{args.a.5}}', 'text', '{"a": [1]}');
SELECT http_test_expand('{{args.a.99999999999}}', 'text', '{"a": [1]}');
SELECT http_test_expand('{{args.0}}', 'text', '7');
SELECT http_test_expand('{{args}}', 'text', '7');
SELECT http_test_expand('{{args.a}}', 'text', NULL);
SELECT http_test_expand('{{args.a}}', 'header', '{"a": "x\r\nHost: y"}');

-- bodies as text
SELECT http_test_body('text/plain', 'abc', false);
SELECT http_test_body('text/plain', '', false);
SELECT http_test_body('text/plain', '\xc3a4', false) = 'ä' AS utf8;
SELECT http_test_body('text/plain; charset=ISO-8859-1', '\xe4', false) = 'ä' AS latin1;
SELECT http_test_body('text/plain; charset="utf-8"; x=y', '\xc3a4', false) = 'ä' AS quoted;
SELECT http_test_body('text/plain', '\xff', false) IS NULL AS invalid;
SELECT http_test_body('text/plain', '\x610062', false) IS NULL AS nul;
SELECT http_test_body('text/plain; charset=klingon', 'abc', false) IS NULL AS unknown;
SELECT http_test_body('text/plain; charset=sql_ascii', '\xff', false) IS NULL AS no_encoding;
SELECT http_test_body('text/plain', '\x61e282', true) = 'a' AS cut_short;
SELECT http_test_body('text/plain', '\x61e282', false) IS NULL AS not_cut_short;

-- anything else from outside
SELECT http_test_clean('\x61c3a4') = 'aä' AS valid, http_test_clean('\x61ff62') AS invalid;
SELECT http_test_response_headers('A', '1', 'B', '\xff', 'A', '2', 'C', '');
SELECT http_test_response_headers(VARIADIC '{}');

-- the client in a server process: these need no network
SELECT http_test_get('http://127.0.0.1:1/', '');
SELECT http_test_get('http://127.0.0.1:1/', '127.0.0.0/8');
SELECT http_test_get('http://2130706433:1/', '');
SELECT http_test_get('http://[::1]:1/', '');
SELECT http_test_get('ftp://127.0.0.1/', '');
SELECT http_test_get('http://127.0.0.1:1/', '127.0.0.1/8');

DROP EXTENSION http_test;

-- a database whose encoding lacks characters
CREATE DATABASE http_test_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c http_test_latin1
CREATE EXTENSION http_test;
SELECT http_test_clean('\xc3a4')::bytea AS has, http_test_clean('\xe282ac') AS lacks;
SELECT http_test_body('text/plain', '\xc3a4', false)::bytea AS has,
       http_test_body('text/plain', '\xe282ac', false) IS NULL AS lacks;
SELECT http_test_response_headers('A', '\xc3a4', 'B', '\xe282ac')::text::bytea;
SELECT http_test_expand('http://x/{{args.a}}', 'url', jsonb_build_object('a', chr(228)));
\c contrib_regression
DROP DATABASE http_test_latin1;
