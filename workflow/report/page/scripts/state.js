// What is shown: one object, which the address keeps, so that a link shows the same.

const state = {
  variable: 0, layer: 0, period: "year", year: last, zone: 0, mode: "value", baseline: data.baseline, units: "metric",
  pins: [], sort: "mean", down: true, filter: "", all: false,
};
const MOST_PINS = 4;

/** Return the address of what is shown, without what is as the page opens. */
function addressOf() {
  const variable = data.variables[state.variable];
  const parts = { zone: zones.id[state.zone], year: years[state.year] };
  if (state.variable) parts.variable = variable.name;
  if (state.layer) parts.statistic = variable.layers[state.layer].stat;
  if (state.period !== "year") parts.month = state.period;
  if (state.mode !== "value") parts.show = "difference";
  if (state.baseline.join() !== data.baseline.join()) parts.baseline = `${state.baseline[0]}-${state.baseline.at(-1)}`;
  if (state.units !== "metric") parts.units = state.units;
  if (state.pins.length) parts.pins = state.pins.map((i) => zones.id[i]).join(",");
  return `#${new URLSearchParams(parts)}`;
}

/** Set the state from an address; what it does not name, or names wrongly, is as the page opens. */
function readAddress(hash) {
  if (!hash.includes("=")) return false; // the name of a section
  const parts = new URLSearchParams(hash.slice(1));
  const at = (list, value, otherwise) => Math.max(list.indexOf(value), -1) < 0 ? otherwise : list.indexOf(value);
  const text = (name) => parts.get(name) ?? "";
  state.zone = at(zones.id, text("zone"), state.zone);
  state.year = at(years, +text("year"), last);
  state.variable = at(data.variables.map((v) => v.name), text("variable"), 0);
  const { layers } = data.variables[state.variable];
  state.layer = at(layers.map((layer) => layer.stat), text("statistic"), 0);
  state.period = text("month") in layers[state.layer].periods ? text("month") : "year";
  state.mode = text("show") === "difference" && comparable() ? "difference" : "value";
  state.units = text("units") === "US" ? "US" : "metric";
  const [first, end] = text("baseline").split("-").map(Number);
  const chosen = years.filter((year) => year >= first && year <= end);
  state.baseline = chosen.length ? chosen : data.baseline;
  state.pins = text("pins").split(",").map((id) => zones.id.indexOf(id)).filter((i) => i >= 0).slice(0, MOST_PINS);
  return true;
}

function keepAddress() {
  if (location.hash !== addressOf()) history.replaceState(null, "", addressOf());
}

const currentLayer = () => data.variables[state.variable].layers[state.layer];
const comparable = () => years.length > 1 && currentLayer().kind !== "class";
