// Following runs that are still going on: the server says what changed, the page fetches it.

import { announce, byId } from "./dom.js";
import { data, nameOf, setData } from "./store.js";

/** Starts to listen. The browser connects again by itself when the server was away. */
export function startLive() {
  const label = byId("live");
  label.hidden = false;
  const say = (state, text) => {
    label.className = `live ${state}`;
    label.textContent = text;
  };
  say("waiting", "connecting …");
  let queue = Promise.resolve();
  const connect = () => {
    const events = new EventSource("events");
    events.addEventListener("open", () => say("on", "live"));
    events.addEventListener("versions", ({ data: text }) => {
      queue = queue.then(() => update(JSON.parse(text))).then(
        (at) => say("on", `live, ${at}`),
        () => say("waiting", "waiting for the server …"),
      );
    });
    events.addEventListener("error", () => {
      say("waiting", "waiting for the server …");
      if (events.readyState !== EventSource.CLOSED) return;
      // It gave up, as after an answer that was no stream.
      setTimeout(connect, 2000);
    });
  };
  connect();
}

/** Fetches the runs whose versions differ, and drops those that are gone. */
async function update({ root, readAt, runs: versions, rest: restVersion }) {
  const known = new Map(data.runs.map((run) => [run.id, run]));
  const wanted = versions.filter(([id, version]) => known.get(id)?.version !== version).map((
    [id],
  ) => id);
  const restToo = data.rest.version !== restVersion;
  const time = new Date(readAt).toLocaleTimeString();
  if (wanted.length === 0 && !restToo && versions.length === data.runs.length) return time;
  const response = await fetch("changes", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ runs: wanted, rest: restToo }),
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { runs: fetched, rest } = await response.json();
  for (const run of fetched) {
    const before = known.get(run.id);
    if (before && before.status !== run.status) announce(`${nameOf(before)} is now ${run.status}`);
    known.set(run.id, run);
  }
  const runs = versions.map(([id]) => known.get(id)).filter((run) => run !== undefined);
  setData({ root, readAt, runs, rest: rest ?? data.rest });
  return time;
}
