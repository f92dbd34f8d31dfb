// Numbers to places: a log-2 axis for tokens per step, straight ones for the rest; and its ticks.
function logScale(low, high, from, to) {
  const first = Math.log2(low);
  const span = Math.log2(high) - first || 1;
  return (value) => from + ((Math.log2(value) - first) / span) * (to - from);
}

function lineScale(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

// Powers of two around the values, at least one doubling apart.
function powers(values) {
  const low = Math.floor(Math.log2(Math.min(...values)) + 1e-9);
  const high = Math.max(Math.ceil(Math.log2(Math.max(...values)) - 1e-9), low + 1);
  return Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
}

// About `most` round numbers that span low to high.
function roundTicks(low, high, most = 5) {
  const rough = (high - low || 1) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}
