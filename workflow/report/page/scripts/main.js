// The first drawing: the map first, the rest in the next frames, so that a large study shows at once.

let drawing = 0;
function drawAll() {
  const mine = ++drawing;
  document.body.removeAttribute("data-drawn");
  showControls();
  drawCards();
  drawYear();
  maps.year.mark(state.zone, state.pins);
  const rest = [() => { drawZone(); drawTable(); }, drawMean, drawTrend, () => {
    for (const bar of document.querySelectorAll(".files[data-of]")) bar.hidden = $(bar.dataset.of).hidden || $(bar.dataset.of).closest("section").hidden;
    for (const link of document.querySelectorAll("nav a")) link.hidden = document.querySelector(link.getAttribute("href")).hidden;
    keepAddress();
    document.body.setAttribute("data-drawn", "");
  }];
  const next = () => {
    if (mine !== drawing) return; // something else has been chosen meanwhile
    rest.shift()();
    if (rest.length) setTimeout(next);
  };
  setTimeout(next);
}

addPatterns();
addFigureButtons();
maps.year = new ZoneMap($("year-map"), "year", "Map of one year");
state.zone = Math.max(0, extremes(current(), current().mean ?? current().values[last])[0]);
readAddress(location.hash);
listen();
drawAll();
