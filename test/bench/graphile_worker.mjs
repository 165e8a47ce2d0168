// Run the jobs that are waiting in graphile-worker, eight at once, and print
// jobs per second from the first start to the last completion.
//
//   node graphile_worker.mjs plain|batch JOBS     node graphile_worker.mjs migrate

import { run, runMigrations, Logger } from "graphile-worker";

const [mode, jobs] = process.argv.slice(2);
const connectionString = `postgres://postgres@/postgres?host=${process.env.PGHOST}`;
const logger = new Logger(() => (level, message) => {
	if (level === "error") console.error(message);
});

if (mode === "migrate") {
	await runMigrations({ connectionString, logger });
	process.exit(0);
}

const batching = {
	localQueue: { size: 500 },
	completeJobBatchDelay: 0,
	failJobBatchDelay: 0,
};
const runner = await run({
	preset: {
		worker: {
			connectionString,
			concurrentJobs: 8,
			maxPoolSize: 10,
			...(mode === "batch" ? batching : {}),
		},
	},
	logger,
	noHandleSignals: true,
	taskList: {
		insert: (payload, { query }) => query("INSERT INTO bench.target VALUES (1)"),
	},
});

let begun = 0;
let done = 0;
runner.events.on("job:start", () => {
	begun ||= performance.now();
});
runner.events.on("job:complete", async () => {
	if (++done < Number(jobs)) return;
	const seconds = (performance.now() - begun) / 1000;
	await runner.stop();
	console.log((done / seconds).toFixed(1));
	process.exit(0);
});
