// Somebody else's mock of four providers' servers (npm @copilotkit/aimock), on
// loopback, for tests.
//
// `node aimock.mjs FOLDER`, where FOLDER/node_modules holds it. Prints its address on
// one line, then serves until its standard input ends: so it ends with whoever
// started it, however that one ends.

import { pathToFileURL } from "node:url";

const entry = `${process.argv[2]}/node_modules/@copilotkit/aimock/dist/index.js`;
const { LLMock } = await import(pathToFileURL(entry).href);

const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 5, logLevel: "silent" });
const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const add = (userMessage, response, options = {}) =>
  mock.addFixture({ match: { userMessage }, response, ...options });

mock.addFixture({
  match: { userMessage: "two cities", hasToolResult: true },
  response: { content: "Rain in both.", usage },
});
add("two cities", {
  content: "Let me look.",
  toolCalls: [
    { name: "weather", arguments: JSON.stringify({ city: "Oslo" }) },
    { name: "weather", arguments: JSON.stringify({ city: "Bergen" }) },
  ],
  usage,
});
add("hello", { content: "Hello, it is me – grüße!", usage });
add("too often", { error: { message: "Slow down.", type: "rate_limit_error" }, status: 429 });
add("too much", { error: { message: "Overloaded.", type: "overloaded_error" }, status: 529 });
add("cut", { content: "one two three four five six seven" }, { truncateAfterChunks: 3 });
add("gone", { content: "never" }, { chaos: { disconnectRate: 1 } });
add("garbled", { content: "never" }, { chaos: { malformedRate: 1 } });

await mock.start();
console.log(mock.url);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
