-- The extension installs, and leaves nothing behind when it is dropped.
SET client_min_messages = error;
DROP EXTENSION IF EXISTS pg_scheduler CASCADE;
RESET client_min_messages;
CREATE EXTENSION pg_scheduler;
SELECT nspname FROM pg_namespace WHERE nspname = 'scheduler';
DROP EXTENSION pg_scheduler;
SELECT nspname FROM pg_namespace WHERE nspname = 'scheduler';
