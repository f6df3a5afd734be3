// The tooltip.

function showTip(event, [head, ...lines]) {
  const tip = $("tip");
  tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: head }),
    ...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
}
function hideTip() { $("tip").hidden = true; }
addEventListener("scroll", hideTip, { passive: true });
