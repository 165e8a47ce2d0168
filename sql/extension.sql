-- The extension installs, and leaves nothing behind when it is dropped.
CREATE EXTENSION pg_scheduler;
SELECT nspname FROM pg_namespace WHERE nspname = 'scheduler';
DROP EXTENSION pg_scheduler;
SELECT nspname FROM pg_namespace WHERE nspname = 'scheduler';
