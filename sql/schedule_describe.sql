-- Schedules said in English.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_scheduler;
RESET client_min_messages;

SELECT s AS schedule, scheduler.describe_schedule(s) AS description
FROM unnest(ARRAY[
    '* * * * *', '*/5 * * * *', '*/7 * * * *', '0 * * * *', '15 * * * *', '15,45 * * * *',
    '0 */2 * * *', '30 */2 * * *', '0 */5 * * *', '30 2 * * *', 'CRON_TZ=Europe/Berlin 30 2 * * 1-5',
    '0 8,12,18 * * *', '0 9-17 * * 1-5', '*/5 9-17 * * *', '0,10,20 8-10 * * *', '* 2 * * *', '*/15 */6 * * *',
    '* * * * * *', '*/10 * * * * *', '15 * * * * *', '15,45 * * * * *', '*/20 */5 * * * *', '*/10 * 9-17 * * *',
    '5,10 * 9 * * *', '30 15 2 * * *', '0-20 0 0 * * *',
    '0 0 1 * *', '0 0 1,15 * *', '0 0 L * *', '0 0 L-1 * *', '0 0 L-3,LW * *', '0 0 15W * *', '0 0 1,15W,L * *',
    '0 0 * * 0', '0 0 * * 1,3,5', '0 0 * * sat,sun', '0 0 * * friL', '0 0 * * fri#2', '0 0 * * mon#1,wed#3',
    '0 0 * * mon,friL', '0 0 13 * 5', '0 0 */2 * mon', '0 0 1-7 3 */7', '0 0 1 1 *', '0 0 1 1,7 *', '0 0 * 6-8 *',
    '0 0 29 2 *', '0 0 * 2 mon', '0 0 0 1 1 ? 2028', '0 0 0 ? 1-3 mon 2028,2030-2032', '*/5 * 13 * 5',
    '@yearly', '@monthly', '@weekly', '@daily', '@hourly', '@every_minute', '@every_second', '@reboot',
    '30 seconds', '500 ms', 'every day', '2 days', '1 hour 30 minutes', '1 month', '1 month 2 hours', '1 ms',
    '@after 10 minutes', '@after 1 month', 'TZ=+05:45 @daily',
    '@at 2026-12-24 18:00 Europe/Berlin', '@at 2026-12-24 18:00:00.5 +02:00', 'now']) s;
