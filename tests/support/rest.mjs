/* What every test in JavaScript needs: calls of the REST API, and waiting for what can be seen. */

/* A function that calls the API of this server; `key` null: nobody calls. */
export function makeRest(url, adminKey) {
  return async (method, route, { key = adminKey, body, headers = {} } = {}) => {
    const all = { ...headers };
    if (key !== null) all.Authorization = `Bearer ${key}`;
    if (body !== undefined) all["Content-Type"] = "application/json";
    const response = await fetch(`${url}/api/v1${route}`, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const json = text === "" ? null : JSON.parse(text);
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return json;
  };
}

/* Waits until `test` answers something true, and gives it back. */
export async function until(what, test, timeoutMs = 15_000) {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > endMs) throw new Error(`still not: ${what} (${timeoutMs} ms)`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
