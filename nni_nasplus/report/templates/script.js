"use strict";
(() => {
  const source = document.getElementById("details"), viewer = document.getElementById("viewer");
  if (!source || !viewer) return;
  const details = JSON.parse(source.textContent), sides = viewer.querySelector(".sides");
  const boxes = [...document.querySelectorAll("[data-mark]")];
  const make = (tag, text, parent) => { const node = document.createElement(tag); node.textContent = text; parent.append(node); return node; };

  function side(number) {
    const row = details[number], box = make("div", "", sides);
    make("h3", `Trial ${number}: ${row.score}`, box);
    make("code", row.genotype, box);
    const picture = make("img", "", box);
    picture.src = document.querySelector(`[data-drawing="${number}"]`).src;
    picture.alt = `Architecture of trial ${number}`;
    make("p", `${row.parameters} weights, ${row.flops} FLOPs of one example, ${row.seconds} s of training`, box);
  }

  function differences(numbers) {
    const [one, other] = numbers.map((number) => details[number].decisions);
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name]);
    const box = make("div", "", sides), table = make("table", "", box);
    box.className = "differs";
    const line = (tag, cells) => { const row = make("tr", "", table); cells.forEach((cell) => make(tag, cell, row)); };
    line("th", [`${names.length} decisions differ`, ...numbers.map((number) => `trial ${number}`)]);
    names.forEach((name) => line("td", [name, one[name] ?? "–", other[name] ?? "–"]));
  }

  function open(numbers) {
    sides.replaceChildren();
    numbers.forEach(side);
    if (numbers.length === 2) differences(numbers);
    viewer.showModal();
  }

  document.querySelectorAll("[data-open]").forEach((button) => button.addEventListener("click", () => open([button.dataset.open])));
  boxes.forEach((box) => box.addEventListener("change", () => {
    const marked = boxes.filter((one) => one.checked).map((one) => one.dataset.mark);
    if (marked.length === 2) open(marked);
  }));
  viewer.addEventListener("close", () => boxes.forEach((box) => { box.checked = false; }));
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
})();
