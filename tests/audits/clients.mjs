// A thread followed as front ends do: node clients.mjs <graphql-ws|urql> <address> <token> <thread> <tries>. One line of JSON for
// each event, for each connection that ends, and for the end.
import { Client, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { pipe, subscribe } from "wonka";
import WebSocket from "ws";

const [name, url, token, thread, tries] = process.argv.slice(2);
const query = `subscription Suivre($thread: ID!, $after: String) { threadEvents(threadId: $thread, after: $after) { __typename
  ... on StreamStart { cursor } ... on Gap { cursor } ... on PostAdded { cursor post { id } } } }`;
const tell = (what) => console.log(JSON.stringify(what));

const line = createClient({
  url: `${url.replace("http", "ws")}/graphql/ws`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: Number(tries),
  retryWait: () => new Promise((again) => setTimeout(again, 20)),
  // A line that cannot even be opened is tried again, too.
  shouldRetry: () => true,
  on: { closed: ({ code }) => tell({ closed: code }) },
});

/** What is sent anew after a cut is read again then: `after` is the last cursor by that time. */
function follow(operation, sink) {
  const variables = { ...operation.variables };
  const next = (result) => {
    const { cursor } = result.data?.threadEvents ?? {};
    if (cursor) variables.after = cursor;
    sink.next(result);
  };
  return line.subscribe({ query: operation.query, variables }, { ...sink, next });
}

const ended = (error) => tell({ ended: error?.code ?? String(error) });
const ways = {
  "graphql-ws"() {
    const next = ({ data }) => tell({ event: data.threadEvents });
    follow({ query, variables: { thread } }, { next, error: ended, complete: ended });
  },
  urql() {
    const forwardSubscription = (operation) => ({
      subscribe: (sink) => ({ unsubscribe: follow(operation, sink) }),
    });
    const client = new Client({ url: `${url}/graphql`, exchanges: [subscriptionExchange({ forwardSubscription })] });
    const heard = ({ data, error }) => (error ? ended(error) : tell({ event: data.threadEvents }));
    pipe(client.subscription(query, { thread }), subscribe(heard));
  },
};
ways[name]();
