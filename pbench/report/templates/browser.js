// The sample browser: filters over all answers, a list in pages, and the sample that is looked at.
const PAGE_ROWS = 100;

function runName(browser, run) {
  const { model, sampler, setting, fixed: settings } = browser.runs[run];
  const several = new Set(browser.runs.map((one) => one.model)).size > 1;
  return [several ? model : null, sampler, setting === "-" ? null : setting, settings].filter(Boolean).join(" · ");
}

function verdict(answer) {
  const kind = outcome(answer);
  const words = { right: "right", wrong: "wrong", partly: `${percent(answer[0])} %`, failed: "failed", unknown: "not scored" };
  return h("span", { class: `verdict ${kind}` }, words[kind]);
}

function outcome(answer) {
  if (!answer) return "absent";
  const [value, status] = answer;
  if (status === "error") return "failed";
  if (value === null) return "unknown";
  return value >= 1 ? "right" : value <= 0 ? "wrong" : "partly";
}

const OUTCOMES = [["all", "all"], ["right", "right"], ["wrong", "wrong"], ["partly", "in between"], ["failed", "failed"], ["unknown", "not scored"]];
const PAIRS = [["lost", "first right, second not"], ["won", "second right, first not"], ["differ", "different texts"]];

function drawBrowser(section, data, viewer) {
  const { browser } = data;
  const names = new Map((data.tasks ?? []).map((task) => [task.id, task.name]));
  const tasks = [...new Set(browser.samples.map((sample) => sample.task))];
  const state = { ...firstPair(browser), task: "all", outcome: "all", kind: "all", words: "", page: 0, sample: 0 };
  const lead = leadOf(browser);
  const body = h("tbody");
  const heads = h("tr");
  const tally = h("p", { class: "tally", role: "status" });
  const pager = h("div", { class: "pager" });
  let found = [];

  function matches(sample, i) {
    const [one, two] = [browser.answers[state.first][i], state.second < 0 ? null : browser.answers[state.second][i]];
    if (state.task !== "all" && sample.task !== state.task) return false;
    if (state.kind !== "all" && one?.[5] !== Number(state.kind)) return false;
    if (state.words && !textOf(sample, one, two).includes(state.words)) return false;
    if (state.outcome === "all") return true;
    const [a, b] = [outcome(one), outcome(two)];
    if (state.outcome === "lost") return a === "right" && b !== "right" && b !== "absent";
    if (state.outcome === "won") return b === "right" && a !== "right" && a !== "absent";
    if (state.outcome === "differ") return one && two && one[4] !== two[4];
    return a === state.outcome;
  }

  function textOf(sample, ...answers) {
    const numbers = [...sample.messages.slice(-1).map(([, text]) => text), ...answers.filter(Boolean).map((answer) => answer[4])];
    return [sample.id, ...numbers.map((number) => browser.texts[number])].join("\n").toLowerCase();
  }

  function filter() {
    found = browser.samples.map((sample, i) => i).filter((i) => matches(browser.samples[i], i));
    state.page = 0;
    drawList();
  }

  function drawList() {
    const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
    const runs = chosen();
    heads.replaceChildren(...["sample", "prompt", ...runs.flatMap((run) => [runName(browser, run), "steps"])].map((label) => h("th", { scope: "col" }, label)));
    body.replaceChildren(...found.slice(state.page * PAGE_ROWS, (state.page + 1) * PAGE_ROWS).map(rowOf));
    tally.textContent = `${count(found.length, "sample")} of ${browser.samples.length.toLocaleString("en")}` + (pages > 1 ? `, page ${state.page + 1} of ${pages}` : "");
    pager.replaceChildren(
      button("Previous", () => turn(-1), { disabled: state.page === 0 }),
      button("Next", () => turn(1), { disabled: state.page >= pages - 1 }));
    pager.hidden = pages === 1;
    mark();
  }

  function turn(by) {
    state.page += by;
    drawList();
  }

  function chosen() {
    return state.second < 0 ? [state.first] : [state.first, state.second];
  }

  function rowOf(i) {
    const sample = browser.samples[i];
    const last = sample.messages.at(-1);
    const short = names.has(sample.task) ? sample.id.replace(sample.task, names.get(sample.task)) : sample.id;
    return h("tr", { "data-sample": i, onclick: () => open(i) },
      h("th", { scope: "row" }, button(short, () => {}, { class: "link", "data-open": i, title: sample.id })),
      h("td", { class: "excerpt" }, last ? excerpt(lead(sample.task, browser.texts[last[1]])) : NONE),
      chosen().flatMap((run) => cellsOf(run, i)));
  }

  function cellsOf(run, i) {
    const answer = browser.answers[run][i];
    if (!answer) return [h("td", {}, NONE), h("td", {}, NONE)];
    const kind = answer[5] === null ? null : h("span", { class: "kind" }, browser.kinds[answer[5]]);
    return [h("td", { class: "excerpt" }, verdict(answer), kind, " ", excerpt(browser.texts[answer[4]])),
      h("td", { class: "number" }, answer[2] === null ? NONE : String(answer[2]))];
  }

  function open(i) {
    state.sample = i;
    mark();
    viewer.show(i, chosen());
  }

  function mark() {
    for (const row of body.children) {
      const on = Number(row.dataset.sample) === state.sample;
      row.setAttribute("aria-selected", String(on));
    }
  }

  // Up and down in the list open the neighbour.
  function onKey(event) {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const rows = [...body.querySelectorAll("button[data-open]")];
    const place = rows.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (!rows[place]) return;
    event.preventDefault();
    rows[place].focus();
    open(Number(rows[place].dataset.open));
  }

  function set(changes) {
    Object.assign(state, changes);
    filter();
    viewer.show(state.sample, chosen());
  }

  const runs = browser.runs.map((_, i) => [String(i), runName(browser, i)]);
  const search = h("input", { type: "search", placeholder: "words in prompt or answer", oninput: () => { state.words = search.value.toLowerCase(); filter(); } });
  const list = h("div", { class: "scroll list", onkeydown: onKey }, h("table", {}, h("caption", { class: "unseen" }, "Samples"), h("thead", {}, heads), body));
  section.append(
    h("div", { class: "fields" },
      choice("run", runs, String(state.first), (value) => set({ first: Number(value) }), { id: "run-first" }),
      choice("beside", [["-1", "none"], ...runs], String(state.second), (value) => set({ second: Number(value) }), { id: "run-second" }),
      choice("task", [["all", "all tasks"], ...tasks.map((task) => [task, names.get(task) ?? task])], "all", (value) => { state.task = value; filter(); }, { id: "filter-task" }),
      choice("answers", [...OUTCOMES, ...PAIRS], "all", (value) => { state.outcome = value; filter(); }, { id: "filter-outcome" }),
      browser.kinds.length ? choice("failure", [["all", "any"], ...browser.kinds.map((kind, i) => [String(i), kind])], "all", (value) => { state.kind = value; filter(); }) : null,
      h("label", { class: "field grow" }, h("span", {}, "search"), search)),
    tally, list, pager, h("p", { class: "note" }, coverage(browser)));
  filter();
  if (browser.samples.length) open(firstSample(browser, state));
}

// A prompt without the words that all prompts of its task begin with.
function leadOf(browser) {
  const common = new Map();
  for (const { task, messages } of browser.samples) {
    if (!messages.length) continue;
    const text = browser.texts[messages.at(-1)[1]];
    const [prefix, number] = common.get(task) ?? [text, 0];
    let same = 0;
    while (same < prefix.length && prefix[same] === text[same]) same += 1;
    common.set(task, [prefix.slice(0, same), number + 1]);
  }
  return (task, text) => {
    const [prefix, number] = common.get(task);
    const cut = number > 1 ? prefix.lastIndexOf(" ") + 1 : 0;
    return cut > 12 ? `… ${text.slice(cut)}` : text;
  };
}

function excerpt(text) {
  const line = text.replace(/\s+/g, " ");
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}

function coverage(browser) {
  const parts = [];
  if (browser.samples.length < browser.sample_count) parts.push(`${browser.samples.length.toLocaleString("en")} of ${browser.sample_count.toLocaleString("en")} samples are on this page, spread evenly over each task`);
  if (browser.points_left_out) parts.push(`answers of ${browser.points_left_out.toLocaleString("en")} further run points are not; a report on fewer runs has them`);
  if (browser.trace_count < browser.samples.length) parts.push(`traces are of ${count(browser.trace_count, "sample")} of each run`);
  return parts.length ? `${parts.join("; ")}.` : "";
}

// The slowest and the fastest run of the first series: what parallelism costs, at first sight.
function firstPair(browser) {
  const same = browser.runs.map((run, i) => [run, i]).filter(([run]) => run.model === browser.runs[0].model && run.sampler === browser.runs[0].sampler && run.fixed === browser.runs[0].fixed);
  const second = same.length > 2 ? same[Math.ceil((same.length - 1) / 2)][1] : same.at(-1)[1];
  return { first: 0, second: second || (browser.runs.length > 1 ? 1 : -1) };
}

// A sample with traces that the first run gets right and the second does not, if there is one.
function firstSample(browser, { first, second }) {
  const places = browser.samples.map((_, i) => i);
  const traced = places.filter((i) => browser.traces[first][i] && (second < 0 || browser.traces[second][i]));
  const telling = traced.find((i) => second >= 0 && outcome(browser.answers[first][i]) === "right" && outcome(browser.answers[second][i]) === "wrong");
  return telling ?? traced[0] ?? 0;
}
