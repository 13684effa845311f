// A subscription over WebSocket, by the protocol graphql-transport-ws (github.com/enisdenjo/graphql-ws, PROTOCOL.md), for as
// long as it is wanted: a line that is cut is taken up again, after the last cursor when the operation takes one.

/** The service says nothing for so long: it is asked, and has so long to answer. */
const SILENCE = 30_000;
const PATIENCE = 10_000;
/** Before the next try, from the first to the longest. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;

/** What a connection closes with to be tried again; the other codes of the protocol would come again, and so would those for a
 *  message that is broken or too long. */
const COMES_BACK = [4408, 4430, 4499];
const BROKEN = [1002, 1007, 1009];
const comesBack = (code) => (code < 4000 && !BROKEN.includes(code)) || COMES_BACK.includes(code);
const REASONS = { 4403: 'la session ou le jeton ne vaut plus' };

/** Follows the operation of `request` ({ query, variables, operationName }) until it ends or `signal` is aborted; as `token`,
 *  or as whoever the cookie says. `on` hears of each `next` payload, and when the line is `opened` and `cut`. Gives the errors
 *  that ended it, none when it is complete. */
export async function follow({ request, token, resumes, signal, on }) {
  const variables = { ...request.variables };
  const next = (payload) => {
    const { cursor } = Object.values(payload.data ?? {})[0] ?? {};
    if (resumes && cursor) variables.after = cursor;
    on.next(payload);
  };
  for (let tries = 0; ; tries += 1) {
    const opened = () => {
      tries = 0;
      on.opened();
    };
    const end = await connect({ request: { ...request, variables }, token, signal, on: { opened, next } });
    signal.throwIfAborted();
    if (end.errors) return end.errors;
    if (!comesBack(end.code)) throw new Error(REASONS[end.code] ?? `la ligne est refusée (${end.code}, ${end.reason})`);
    on.cut();
    await wait(Math.min(FIRST_WAIT * 2 ** tries, LONGEST_WAIT), signal);
  }
}

/** One connection, until its end: { errors } of the operation, or { code, reason } of the line. */
function connect({ request, token, signal, on }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/graphql/ws`, 'graphql-transport-ws');
    const send = (message) => socket.send(JSON.stringify(message));
    let silence;
    const end = (how) => {
      clearTimeout(silence);
      signal.removeEventListener('abort', stop);
      Object.assign(socket, { onopen: null, onmessage: null, onclose: null });
      socket.close();
      resolve(how);
    };
    const stop = () => end({ code: 1000 });
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        if (socket.readyState === WebSocket.OPEN) send({ type: 'ping' });
        silence = setTimeout(() => end({ code: 4499 }), PATIENCE);
      }, SILENCE);
    };
    const readers = {
      connection_ack() {
        send({ type: 'subscribe', id: '1', payload: request });
        on.opened();
      },
      ping: () => send({ type: 'pong' }),
      next: ({ payload }) => on.next(payload),
      error: ({ payload }) => end({ errors: payload }),
      complete: () => end({ errors: [] }),
    };
    socket.onopen = () => send({ type: 'connection_init', payload: token ? { authorization: `Bearer ${token}` } : {} });
    socket.onmessage = ({ data }) => {
      heard();
      const message = JSON.parse(data);
      readers[message.type]?.(message);
    };
    socket.onclose = end;
    signal.addEventListener('abort', stop);
    heard();
  });
}

function wait(time, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, time);
    signal.addEventListener('abort', stop, { once: true });
  });
}
