"use strict";
(() => {
  const STEP_MS = 700, DARKEST = 0.5;
  document.querySelectorAll("[data-road]").forEach((road) => {
    const { stages, pictures, epochs } = JSON.parse(road.querySelector("script").textContent);
    const slider = road.querySelector("input"), told = road.querySelector("output"), button = road.querySelector("button");
    const picture = road.querySelector("img"), cells = [...road.querySelectorAll("[data-weight]")];
    let timer = null;

    function show(place) {
      const { epoch, weights, picture: drawn } = stages[place];
      slider.value = place;
      told.textContent = `${epoch} of ${epochs}`;
      if (picture) picture.src = pictures[drawn];
      cells.forEach((cell, number) => {
        cell.textContent = weights[number].toFixed(2);
        cell.style.background = `rgb(29 78 216 / ${DARKEST * Math.min(1, weights[number])})`;
      });
    }

    function pause() {
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
    }

    function step() {
      const next = Number(slider.value) + 1;
      if (next >= stages.length) pause(); else show(next);
    }

    slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
    button.addEventListener("click", () => {
      if (timer !== null) return pause();
      if (Number(slider.value) === stages.length - 1) show(0);
      button.textContent = "Pause";
      timer = setInterval(step, STEP_MS);
    });
    show(stages.length - 1);
  });
})();
