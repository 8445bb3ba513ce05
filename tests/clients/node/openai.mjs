// The official OpenAI client for Node.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { Clock, Forecast, Weather, facts, tells } from "./facts.mjs";

const client = new OpenAI({ baseURL: facts.base_url, apiKey: facts.api_key, maxRetries: 0 });
const tools = [zodFunction({ name: "weather", parameters: Weather }), zodFunction({ name: "clock", parameters: Clock })];
const both = [["weather", facts.weather], ["clock", facts.clock]];
const include_usage = { stream_options: { include_usage: true } };

const ask = (content) => [{ role: "user", content }];
const callsOf = (message) => message.tool_calls.map(({ function: { name, arguments: text } }) => [name, JSON.parse(text)]);
const results = (message) =>
  message.tool_calls.map(({ id }, at) => ({ role: "tool", tool_call_id: id, content: facts.found[at] }));

function expectUsage({ usage }) {
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0 && usage.cost > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

async function callAndAnswer(model, prompt, expected) {
  const messages = ask(prompt);
  const asked = await client.chat.completions.create({ model, messages, tools });
  const [{ message, finish_reason }] = asked.choices;
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(callsOf(message), expected);
  expectUsage(asked);
  const conversation = [...messages, message, ...results(message)];
  const answered = await client.chat.completions.create({ model, messages: conversation, tools });
  assert.equal(answered.choices[0].finish_reason, "stop");
  tells(answered.choices[0].message.content, facts.found.slice(0, expected.length));
}

/** The client's own loop: it calls the functions and sends what they return until there is nothing left to call. */
async function runner(model, stream) {
  const seen = [];
  const found = (name, at) => (given) => (seen.push([name, given]), facts.found[at]);
  const runnable = (name, schema, at) => ({
    type: "function",
    function: { name, parameters: schema.toJSONSchema(), parse: JSON.parse, function: found(name, at) },
  });
  const run = client.chat.completions.runTools({
    model,
    messages: ask(facts.calls),
    tools: [runnable("weather", Weather, 0), runnable("clock", Clock, 1)],
    ...(stream && { stream: true }),
  });
  tells(await run.finalContent(), facts.found);
  assert.deepEqual(seen, both);
}

async function thinkAndAnswer(model, say) {
  const options = { model, tools, reasoning_effort: "high" };
  const messages = ask(facts.think_and_call);
  const message = await say({ ...options, messages });
  assert.deepEqual(callsOf(message), both.slice(0, 1));
  const { [model]: expected } = facts.details;
  if (expected) assert.equal(message.reasoning_details?.length, expected, JSON.stringify(message));
  const conversation = [...messages, message, ...results(message)];
  const answered = await client.chat.completions.create({ ...options, messages: conversation });
  tells(answered.choices[0].message.content, facts.found.slice(0, 1));
  return message;
}

export const scenarios = {
  a_call_is_made_and_its_result_answered: { run: (model) => callAndAnswer(model, facts.call, both.slice(0, 1)) },
  parallel_calls_are_made_and_their_results_answered: { run: (model) => callAndAnswer(model, facts.calls, both) },
  run_tools_goes_on_until_nothing_is_called: { run: (model) => runner(model, false) },
  run_tools_goes_on_in_streams: { run: (model) => runner(model, true) },
  streamed_text_ends_with_usage: {
    async run(model) {
      const messages = ask("Which rivers meet in Lyon?");
      const stream = client.chat.completions.stream({ model, messages, ...include_usage });
      let pieces = 0;
      stream.on("content", () => (pieces += 1));
      const whole = await stream.finalChatCompletion();
      assert.match(whole.choices[0].message.content, /Which rivers meet in Lyon\?/);
      assert.equal(whole.choices[0].finish_reason, "stop");
      assert.ok(pieces > 1, "it was streamed");
      expectUsage(whole);
    },
  },
  streamed_calls_are_put_together: {
    async run(model) {
      const stream = client.chat.completions.stream({ model, messages: ask(facts.calls), tools, ...include_usage });
      const whole = await stream.finalChatCompletion();
      assert.equal(whole.choices[0].finish_reason, "tool_calls");
      const { message } = whole.choices[0];
      assert.deepEqual(callsOf(message), both);
      const parsed = message.tool_calls.map((call) => call.function.parsed_arguments);
      assert.deepEqual(parsed, [facts.weather, facts.clock]);
      expectUsage(whole);
    },
  },
  an_answer_fits_a_schema: {
    async run(model) {
      const response_format = zodResponseFormat(Forecast, "forecast");
      const answer = await client.chat.completions.parse({ model, messages: ask(facts.place), response_format });
      assert.deepEqual(answer.choices[0].message.parsed, facts.forecast);
    },
  },
  a_streamed_answer_fits_a_schema: {
    async run(model) {
      const response_format = zodResponseFormat(Forecast, "forecast");
      const stream = client.chat.completions.stream({ model, messages: ask(facts.place), response_format });
      let pieces = 0;
      stream.on("content", () => (pieces += 1));
      assert.deepEqual((await stream.finalChatCompletion()).choices[0].message.parsed, facts.forecast);
      assert.ok(pieces > 1, "it was streamed");
    },
  },
  an_image_is_seen: {
    async run(model) {
      const parts = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: facts.png_url } }];
      const answer = await client.chat.completions.create({ model, messages: ask(parts) });
      assert.ok(answer.choices[0].message.content.includes(facts.png_seen), answer.choices[0].message.content);
    },
  },
  thoughts_go_back_with_the_results: {
    models: "thinking_models",
    async run(model) {
      const whole = async (options) => (await client.chat.completions.create(options)).choices[0].message;
      const { reasoning_content: thought } = await thinkAndAnswer(model, whole);
      // OpenAI never shows what its models thought.
      if (!model.startsWith("openai/")) assert.ok(thought?.startsWith(facts.thought), thought);
    },
  },
  streamed_thoughts_go_back_with_the_results: {
    models: "thinking_models",
    // The helper keeps only the last piece of a field that it does not know: what must go back comes in one.
    run: (model) => thinkAndAnswer(model, (options) => client.chat.completions.stream(options).finalMessage()),
  },
};
