// The Vercel AI SDK with its provider for whatever is compatible with OpenAI.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { Clock, Forecast, Weather, facts, tells } from "./facts.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const supergate = createOpenAICompatible({
  name: "supergate",
  baseURL: facts.base_url,
  apiKey: facts.api_key,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const common = (model) => ({ model: supergate(model), maxRetries: 0 });
const tools = {
  weather: tool({ inputSchema: Weather, execute: async () => facts.found[0] }),
  clock: tool({ inputSchema: Clock, execute: async () => facts.found[1] }),
};
const both = [["weather", facts.weather], ["clock", facts.clock]];
const loop = (model, prompt) => ({ ...common(model), tools, prompt, stopWhen: stepCountIs(3) });

function expectUsage(usage) {
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0, JSON.stringify(usage));
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
}

/** Two steps: the calls, then the answer to what the tools returned. */
function expectSteps(steps, expected) {
  assert.deepEqual(steps.map((step) => step.finishReason), ["tool-calls", "stop"]);
  assert.deepEqual(steps[0].toolCalls.map((call) => [call.toolName, call.input]), expected);
  tells(steps[1].text, facts.found.slice(0, expected.length));
  steps.forEach((step) => expectUsage(step.usage));
}

/** OpenAI never shows what its models thought. */
function expectThought(model, thought) {
  if (model.startsWith("openai/")) assert.equal(thought, undefined);
  else assert.ok(thought?.startsWith(facts.thought), thought);
}

/** A stream hands its error to a callback and goes on as if nothing were. */
function failing() {
  const errors = [];
  return { onError: ({ error }) => errors.push(error), check: () => errors.forEach((error) => { throw error; }) };
}

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

export const scenarios = {
  a_call_is_made_and_its_result_answered: {
    run: async (model) => expectSteps((await generateText(loop(model, facts.call))).steps, both.slice(0, 1)),
  },
  parallel_calls_are_made_and_their_results_answered: {
    run: async (model) => expectSteps((await generateText(loop(model, facts.calls))).steps, both),
  },
  a_tool_that_must_be_called_is_called: {
    async run(model) {
      const toolChoice = { type: "tool", toolName: "clock" };
      const { toolCalls } = await generateText({ ...common(model), tools, toolChoice, prompt: "Lima" });
      assert.deepEqual(toolCalls.map((call) => [call.toolName, call.input]), both.slice(1));
    },
  },
  streamed_calls_are_made_and_their_results_answered: {
    async run(model) {
      const { onError, check } = failing();
      const result = streamText({ ...loop(model, facts.calls), onError });
      await result.consumeStream({ onError: () => {} });
      check();
      expectSteps(await result.steps, both);
    },
  },
  streamed_text_ends_with_usage: {
    async run(model) {
      const { onError, check } = failing();
      const result = streamText({ ...common(model), prompt: "Which rivers meet in Lyon?", onError });
      const pieces = await all(result.textStream);
      check();
      assert.match(pieces.join(""), /Which rivers meet in Lyon\?/);
      assert.ok(pieces.length > 1, "it was streamed");
      assert.equal(await result.finishReason, "stop");
      expectUsage(await result.usage);
    },
  },
  an_object_fits_its_schema: {
    async run(model) {
      const { object, finishReason } = await generateObject({ ...common(model), schema: Forecast, prompt: facts.place });
      assert.deepEqual(object, facts.forecast);
      assert.equal(finishReason, "stop");
    },
  },
  a_streamed_object_fits_its_schema: {
    async run(model) {
      const { onError, check } = failing();
      const result = streamObject({ ...common(model), schema: Forecast, prompt: facts.place, onError });
      const parts = await all(result.partialObjectStream);
      check();
      assert.ok(parts.length > 1, "it was streamed");
      assert.deepEqual(await result.object, facts.forecast);
    },
  },
  an_image_is_seen: {
    async run(model) {
      const content = [{ type: "text", text: "What is this?" }, { type: "image", image: facts.png_url }];
      const { text } = await generateText({ ...common(model), messages: [{ role: "user", content }] });
      assert.ok(text.includes(facts.png_seen), text);
    },
  },
  thoughts_are_shown_and_the_loop_goes_on: {
    models: "thinking_models",
    async run(model) {
      const providerOptions = { supergate: { reasoningEffort: "high" } };
      const { steps } = await generateText({ ...loop(model, facts.think_and_call), providerOptions });
      expectSteps(steps, both.slice(0, 1));
      expectThought(model, steps[0].reasoningText);
    },
  },
  streamed_thoughts_are_shown_and_the_loop_goes_on: {
    models: "thinking_models",
    async run(model) {
      const { onError, check } = failing();
      const providerOptions = { supergate: { reasoningEffort: "high" } };
      const result = streamText({ ...loop(model, facts.think_and_call), providerOptions, onError });
      await result.consumeStream({ onError: () => {} });
      check();
      const steps = await result.steps;
      expectSteps(steps, both.slice(0, 1));
      expectThought(model, steps[0].reasoningText);
    },
  },
};
