// What every client is asked to do, as scenarios.py has it; it comes as a file, with the address and the key.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";

export const facts = JSON.parse(readFileSync(process.env.SUPERGATE_FACTS, "utf8"));

export const Weather = z.object({ city: z.string(), days: z.number().int(), units: z.enum(["metric", "imperial"]) });
export const Clock = z.object({ zone: z.string() });
export const Forecast = z.object({
  city: z.string(),
  days: z.number().int(),
  rain: z.boolean(),
  readings: z.array(z.object({ kind: z.enum(["high", "low"]), celsius: z.number() })),
  note: z.string().nullable(),
});

/** The mock was given these results of tools, in this order and no others. */
export function tells(answer, results) {
  const at = answer.indexOf("results: ");
  assert.notEqual(at, -1, answer);
  const told = answer.slice(at).match(/="[^"]*"/g);
  assert.deepEqual(told, results.map((result) => `="${result}"`), answer);
}
