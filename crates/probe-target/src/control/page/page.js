// Shows state and journal, and flips by click. Names become text, never markup.
const $ = id => document.getElementById(id);
const tell = text => $("status").textContent == text || ($("status").textContent = text);
const join = (parts, mark = ", ") => parts.filter(Boolean).join(mark);
const seconds = micros => `${(micros / 1e6).toFixed(3)} s`;
const instead = action => event => (event.preventDefault(), action());
const MOST = 100, rows = new Map();
let token = "", instance, now, next, last;

async function call(method, path, body) {
  // A browser resolves dot segments: the call would reach another path.
  if (new URL(path, location).pathname != path.split("?")[0])
    throw Error(`a browser rewrites ${path}; use probe-target flip`);
  const headers = { authorization: "Bearer " + token, "probeflip-instance": instance };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  $("access").hidden = answer.status != 401;
  if (answer.ok) return answer;
  const { field, error } = await answer.json();
  throw Error(join([field, error], ": "));
}

async function change(name, method, path, body) {
  try {
    const ack = await (await call(method, path, body)).json();
    await refresh();
    tell(join([`${name} is ${ack.effective ?? "done"}`, ack.because], ": "));
  } catch (error) {
    tell("Error: " + error.message);
  }
}

function flip(name, path, word) {
  const field = !path.includes("/routes/") ? "state" : word > 0 ? "status" : "fault";
  const value = word > 0 ? +word : word;
  change(name, "PUT", path, { [field]: value, for: $("for").value || undefined });
}

const later = (what, at) => at && `${what} in ${seconds(at - now)}`;

// `503, for 30s, ends in 12.000 s`
function layer(of) {
  if (!of) return "";
  const { protocol, state, status, fault, ...rest } = of.set;
  const text = value => value.trim ? value : JSON.stringify(value);
  const details = Object.entries(rest).map(([name, value]) => name + " " + text(value));
  return join([protocol, state, status, fault, ...details,
    later("begins", of.opens), later("ends", of.until),
    of.left && `${of.left} requests left`]);
}

const notes = of => join([of.flipped && "flip", of.closed && `closed by ${of.closed}`]);

function counts(hits) {
  if (!hits) return "";
  const ended = hits.ended.map(of => join([`${of.count} × ${of.reply}`, notes(of)]));
  return join([...ended, hits.period && `one every ${seconds(hits.period)}`], "; ");
}

function show(name, path, ...cells) {
  let row = rows.get(name);
  if (!row) {
    row = $("row").content.firstChild.cloneNode(true);
    const form = row.querySelector("form"), [word, set, heal] = form.elements;
    const isRoute = path.includes("/routes/");
    word.setAttribute("list", isRoute ? "route" : "port");
    word.value = isRoute ? "503" : "closed";
    word.ariaLabel = `What ${name} becomes`;
    set.ariaLabel = `Flip ${name}`;
    heal.ariaLabel = `Heal ${name}`;
    word.hidden = set.hidden = path.startsWith("/v1/process/");
    form.onsubmit = instead(() => flip(name, path, word.value));
    heal.onclick = () => change(name, "DELETE", path);
    rows.set(name, row);
    last ? last.after(row) : $("rows").prepend(row);
  }
  last = row;
  [name, ...cells].forEach((text, place) => row.children[place].textContent = text);
}

async function refresh() {
  const state = await (await call("GET", "/v1/state")).json();
  if (state.instance != instance) {
    instance = state.instance;
    next = Math.max(0, state.journal.written - MOST);
    $("hits").replaceChildren();
  }
  now = state.uptime, last = null;
  const old = new Set(rows.keys());
  const add = (name, path, of, text) => {
    old.delete(name);
    show(name, path, layer(of?.base), layer(of?.flip), text);
  };
  for (const [number, port] of Object.entries(state.ports)) {
    add(number, "/v1/ports/" + number, port, port.error ?? counts(port.unread));
    for (const path of Object.keys({ ...port.routes, ...port.hits }))
      add(number + path, `/v1/ports/${number}/routes${path}`, port.routes[path],
        counts(port.hits?.[path]));
  }
  for (const [fault, of] of Object.entries(state.process ?? {}))
    add("process " + fault, "/v1/process/" + fault, of, "");
  for (const name of old) rows.get(name).remove(), rows.delete(name);
  $("about").textContent = join([state.container, state.pod, `instance ${instance}`,
    state.boot && `boot ${state.boot}`, `up for ${seconds(now)}`,
    later("lease ends", state.lease),
    state.draining && "SIGTERM received",
    state.traffic && `sends to ${state.traffic.address}`]);
}

function hit(of) {
  const row = $("hits").insertRow(0);
  for (const text of [seconds(of.at ?? of.sent), seconds(of.took), of.port,
    join([of.method, of.path], " "), join([of.reply ?? of.outcome, of.status, notes(of)]),
    of.agent ?? of.peer])
    row.insertCell().textContent = text;
}

async function follow() {
  await refresh();
  const { body } = await call("GET", `/v1/journal/stream?since=${next}&through=1s`);
  const stream = body.pipeThrough(new TextDecoderStream()).getReader();
  tell("Connected");
  for (let rest = "";;) {
    const { done, value } = await stream.read();
    if (done) throw Error("the connection ended");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    const of = kind => events.filter(event => event.startsWith(kind));
    const hits = of("id: ").map(event => JSON.parse(event.slice(event.indexOf("{"))));
    if (hits.length) next = hits.at(-1).seq + 1;
    if (!$("pause").checked) hits.slice(-MOST).forEach(hit);
    while ($("hits").rows.length > MOST) $("hits").deleteRow(-1);
    if (of("event: through").length && !document.hidden) await refresh();
  }
}

$("heal").onclick = () => change("Heal all", "POST", "/v1/heal");
$("add").onsubmit = instead(() => {
  const [, port, path] = /^(\d+)(.*)$/.exec($("path").value);
  flip(port + path, `/v1/ports/${port}/routes${path}`, $("becomes").value);
});
$("access").onsubmit = instead(() => token = $("token").value);
for (;;) {
  await follow().catch(error => tell("Not connected: " + error.message));
  await new Promise(retry => setTimeout(retry, 1000));
}
