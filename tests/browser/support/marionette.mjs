/*
 * Marionette, the protocol under geckodriver: JSON with its length before it, over TCP. One conversation a browser,
 * which knows one current window: what belongs together takes its turn as a whole.
 */
import { once } from "node:events";
import { connect } from "node:net";

/* Cuts what arrives into messages. */
function makeReader(onMessage) {
  let received = Buffer.alloc(0);
  return (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const colon = received.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(received.subarray(0, colon));
      if (received.length < end) return;
      const message = JSON.parse(received.subarray(colon + 1, end));
      received = received.subarray(end);
      onMessage(message);
    }
  };
}

/* `ask` answers with a command's result, or throws what the browser said; `inTurn` runs work that nobody may interrupt. */
export async function openMarionette(port) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const asked = new Map();
  let nextId = 1;
  let turn = Promise.resolve();
  let isLost = false;

  const onMessage = (message) => {
    // it introduces itself by an object; answers are [1, id, error, result]
    if (!Array.isArray(message)) return;
    const [, id, error, result] = message;
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve(result);
  };
  const lose = () => {
    isLost = true;
    for (const { reject } of asked.values()) reject(new Error("the browser is gone"));
    asked.clear();
  };
  socket.on("data", makeReader(onMessage));
  socket.on("error", lose);
  socket.on("close", lose);

  const ask = (command, parameters = {}) =>
    new Promise((resolve, reject) => {
      if (isLost) throw new Error("the browser is gone");
      const text = JSON.stringify([0, nextId, command, parameters]);
      asked.set(nextId++, { resolve, reject });
      socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  const inTurn = (work) => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  return { ask, inTurn, close: () => socket.destroy() };
}
