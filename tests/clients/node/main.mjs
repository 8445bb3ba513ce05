// node main.mjs CLIENT: runs every scenario of that client with every model, and prints a line of JSON for each.
import { facts } from "./facts.mjs";

const AT_ONCE = 6;
const { scenarios } = await import(`./${process.argv[2]}.mjs`);
const waiting = Object.entries(scenarios).flatMap(([scenario, { run, models = "models" }]) =>
  facts[models].map((model) => ({ scenario, model, run })),
);

async function worker() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { scenario, model, run } = next;
    const failure = await run(model).then(() => null, describe);
    console.log(JSON.stringify({ scenario, model, failure }));
  }
}

function describe(error) {
  const cause = error.cause && `caused by ${error.cause.stack ?? error.cause}`;
  return [error.stack ?? String(error), error.responseBody, cause].filter(Boolean).join("\n");
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
