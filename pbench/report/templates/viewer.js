// The trace viewer: one sample, one or two runs, a slider that replays the unmasking.
function makeViewer(section, browser) {
  const prompt = h("div", { class: "prompt" });
  const panes = h("div", { class: "panes" });
  const slider = h("input", { type: "range", id: "step", min: 0, max: 0, step: 1, value: 0, "aria-label": "Step of the unmasking" });
  const output = h("output", { for: "step", id: "step-now" });
  const play = button("Play", () => (timer ? stop() : start()), { id: "play" });
  const controls = h("div", { class: "controls" },
    button("|←", () => go(0), { title: "Before the first step (Home)", "aria-label": "Before the first step" }),
    button("←", () => go(step - 1), { title: "One step back (arrow left)", "aria-label": "One step back" }),
    play,
    button("→", () => go(step + 1), { title: "One step on (arrow right)", "aria-label": "One step on" }),
    button("→|", () => go(last), { title: "The finished answer (End)", "aria-label": "The finished answer" }),
    slider, output);
  const scale = h("div", { class: "scale", "aria-hidden": "true" }, "first step", h("i"), "last step",
    h("span", { class: "token masked" }), "masked", h("span", { class: "token again taken" }), "taken back");
  let [strips, step, last, timer] = [[], 0, 0, null];
  slider.addEventListener("input", () => go(Number(slider.value)));
  section.append(
    h("p", { class: "note" }, "Arrow keys go step by step. The colour of a token is the step that wrote it, the line below it the model's confidence."),
    prompt, controls, scale, panes);
  document.addEventListener("keydown", onKey);

  function go(to) {
    step = Math.min(Math.max(to, 0), last);
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${step} of ${last}`);
    output.textContent = `step ${step} of ${last}`;
    strips.forEach((strip) => strip.show(step));
    if (step === last) stop();
  }

  function start() {
    if (step === last) go(0);
    timer = setInterval(() => go(step + 1), Math.max(120, Math.min(700, 6000 / Math.max(last, 1))));
    play.textContent = "Pause";
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  // Arrow keys work wherever the focus is, except where they mean something else already.
  function onKey(event) {
    if (section.hidden || controls.hidden || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("select, textarea, input, .chart, .list, .scroll")) return;
    const moves = { ArrowLeft: step - 1, ArrowRight: step + 1 };
    const near = section.contains(event.target) ? { Home: 0, End: last } : {};
    const to = { ...moves, ...near }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    stop();
    go(to);
  }

  function show(sample, runs) {
    stop();
    section.hidden = false;
    prompt.replaceChildren(...promptOf(browser, browser.samples[sample]));
    const found = runs.map((run) => paneOf(browser, sample, run));
    strips = found.map((pane) => pane.strip).filter(Boolean);
    last = Math.max(0, ...strips.map((strip) => strip.last));
    controls.hidden = scale.hidden = !strips.length;
    slider.max = last;
    panes.replaceChildren(...found.map((pane) => pane.element));
    panes.classList.toggle("two", found.length > 1);
    go(last);
  }

  return { show };
}

function promptOf(browser, sample) {
  const turns = sample.messages.map(([role, text]) => h("div", { class: "turn" }, h("span", { class: "role" }, role), h("p", {}, browser.texts[text])));
  const parts = [h("h3", {}, sample.id)];
  if (turns.length > 1) parts.push(h("details", {}, h("summary", {}, count(turns.length - 1, "earlier message")), turns.slice(0, -1)));
  if (turns.length) parts.push(turns.at(-1));
  if (sample.reference !== null) parts.push(h("div", { class: "turn" }, h("span", { class: "role" }, "reference"), h("p", {}, browser.texts[sample.reference])));
  return parts;
}

function paneOf(browser, sample, run) {
  const answer = browser.answers[run][sample];
  const trace = browser.traces[run][sample];
  const head = h("h3", {}, swatch(browser.runs[run].colour), runName(browser, run));
  const element = h("div", { class: "pane" }, head);
  if (!answer) {
    element.append(h("p", { class: "note" }, "This run has no answer to this sample."));
    return { element };
  }
  element.append(h("p", { class: "facts" }, verdict(answer), ` ${factsOf(answer, trace).join(" · ")}`));
  const strip = trace ? stripOf(trace, browser.tokens[browser.token_table[run]]) : null;
  if (strip) element.append(strip.said, strip.strip, strip.plot, browser.runs[run].note ? h("p", { class: "note" }, browser.runs[run].note) : "");
  else element.append(h("p", { class: "note" }, noTrace(browser, run, answer)));
  element.append(h("div", { class: "turn" }, h("span", { class: "role" }, "text"), h("p", {}, browser.texts[answer[4]])));
  if (strip) element.append(strip.commits);
  return { element, strip };
}

function noTrace(browser, run, answer) {
  if (answer[1] === "error") return "This sample failed; there is no answer to replay.";
  if (browser.runs[run].note) return `No trace: ${browser.runs[run].note}.`;
  if (browser.trace_count < browser.samples.length) return `No trace of this sample on this page, which holds those of ${count(browser.trace_count, "sample")}. The terminal has it: pbench trace RUN SAMPLE.`;
  return "No trace: this model does not unmask.";
}

function factsOf([, , nfe, content], trace) {
  const facts = [];
  if (nfe !== null) facts.push(count(nfe, "step"));
  if (trace && nfe) facts.push(`${fixed(trace.steps.length / nfe)} tokens per step`);
  if (content !== null) facts.push(`${count(content, "content token")}`);
  if (trace?.gap) facts.push(`gap ${bitsText(totalGap(trace.gap))}`);
  const order = trace ? kendall(trace.steps.slice(0, content ?? undefined)) : null;
  if (order !== null) facts.push(`order τ = ${fixed(order)}`);
  return facts;
}
