"use strict";
/*
 * In the browser, ahead of NNI's web UI: `web_patch.js` puts it into the page. Icons come from this machine, trials are
 * compared by a few axes until the user chooses others, and the detail of a trial shows its architecture.
 */
(() => {
    const base = new URL(".", document.currentScript.src);
    const at = (path) => new URL(path, base).href;

    // Where Fluent UI loads fonts from; NNI leaves it at a server of Microsoft. No text font is better than waiting for one.
    window.FabricConfig = { fontBaseUrl: "", iconBaseUrl: at("icons/") };

    // Trials with their axes, which other clients of the REST API are not to see among parameters and decisions.
    const open = XMLHttpRequest.prototype.open;
    const isRead = (method, url) => method.toUpperCase() === "GET" && /\/v1\/nni\/(trial-jobs|experiment)$/.test(url);
    XMLHttpRequest.prototype.open = function (method, url, ...rest) {
        return open.call(this, method, isRead(method, url) ? `${url}?axes` : url, ...rest);
    };

    // NNI shows every decision where the user has chosen no axes (components/experiment/trialdetail/chart/Para.tsx).
    const getItem = Storage.prototype.getItem;
    Storage.prototype.getItem = function (key) {
        const kept = getItem.call(this, key);
        return kept === null && key.endsWith("_paraColumns") ? axes() : kept;
    };

    /* The axes as NNI keeps what the user has chosen; null where there are none yet. */
    function axes() {
        const request = new XMLHttpRequest();
        open.call(request, "GET", at("axes"), false);
        request.send();
        const isThere = request.status === 200 && request.responseText !== "[]";
        return isThere ? JSON.stringify({ value: request.responseText, time: Date.now(), expire: 60_000 }) : null;
    }

    async function showArchitecture(row) {
        row.dataset.nasplus = "";
        const trial = trialOf(row);
        const page = at(`trials/${trial}/architecture.html`);
        if (trial === undefined || !(await fetch(page, { method: "HEAD" })).ok) {
            return;
        }
        const link = document.createElement("a");
        Object.assign(link, { className: "nasplus-architecture", href: page, target: "_blank" });
        const picture = Object.assign(new Image(), { src: at(`trials/${trial}/architecture.svg`), alt: "architecture" });
        picture.onerror = () => picture.remove();
        link.append("The architecture on a page of its own", picture);
        row.append(link);
    }

    /* NNI's name for the trial whose detail this is: React knows it, and the table may leave it out. */
    function trialOf(row) {
        let part = row[Object.keys(row).find((key) => key.startsWith("__reactFiber$"))];
        while (part && part.memoizedProps?.trialId === undefined) {
            part = part.return;
        }
        return part?.memoizedProps.trialId;
    }

    new MutationObserver(() => {
        document.querySelectorAll(".openRow:not([data-nasplus])").forEach(showArchitecture);
        // Names in the list of experiments are cut, without a tooltip.
        document.querySelectorAll(".ms-DetailsRow-cell:first-child > div:not([title])").forEach((cell) => {
            cell.title = cell.textContent;
        });
    }).observe(document, { childList: true, subtree: true });
})();
