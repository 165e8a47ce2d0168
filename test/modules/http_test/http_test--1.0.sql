/* http_test--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION http_test" to load this file. \quit

CREATE FUNCTION http_test_headers(headers jsonb) RETURNS SETOF text
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION http_test_expand(template text, place text, args jsonb) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION http_test_body(content_type text, body bytea, truncated boolean) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION http_test_clean(bytes bytea) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION http_test_response_headers(VARIADIC headers bytea[]) RETURNS jsonb
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
CREATE FUNCTION http_test_get(url text, allowed_networks text) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
