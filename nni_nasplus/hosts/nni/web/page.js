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

    // NNI's table of trials has these and `id` (components/experiment/trialdetail/table/TableList.tsx), and room for no more.
    const COLUMNS = ["sequenceId", "duration", "status", "latestAccuracy"];

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
        const inPlace = kept === null && (key.endsWith("_paraColumns") ? axes : key.endsWith("_columns") ? columns : null);
        return inPlace ? chosen(inPlace()) : kept;
    };

    /* A list as NNI keeps what the user has chosen; null where it is empty. */
    function chosen(list) {
        const kept = { value: JSON.stringify(list), time: Date.now(), expire: 60_000 };
        return list.length ? JSON.stringify(kept) : null;
    }

    /* The axes; none where they are not known yet. */
    function axes() {
        const request = new XMLHttpRequest();
        open.call(request, "GET", at("axes"), false);
        request.send();
        return request.status === 200 ? JSON.parse(request.responseText) : [];
    }

    /* Of trainings in parts the table also says how far a trial trains. */
    function columns() {
        return axes().includes("TRIAL_BUDGET") ? [...COLUMNS, "space/TRIAL_BUDGET"] : [];
    }

    function show(row) {
        row.dataset.nasplus = "";
        showPart(row, trialOf(row));
        showArchitecture(row, trialOf(row));
    }

    /* Of a training in parts, which of them the trial is, and which trials are the others. */
    async function showPart(row, trial) {
        const jobs = await (await fetch(new URL("api/v1/nni/trial-jobs", base.href.replace(/nasplus\/$/, "")))).json();
        const parts = jobs.map(partOf).filter((part) => part.epochs !== undefined && part.status !== "SYS_CANCELED");
        const own = parts.find((part) => part.id === trial);
        if (own === undefined) {
            return;
        }
        const others = parts.filter((part) => part.architecture === own.architecture && part.id !== trial);
        const before = others.filter((part) => part.epochs < own.epochs).sort((a, b) => b.epochs - a.epochs)[0];
        const after = others.filter((part) => part.epochs > own.epochs).sort((a, b) => a.epochs - b.epochs)[0];
        const said = [
            `Trains an architecture to ${counted(own.epochs)}`,
            before && `goes on from trial ${before.number}, which had ${counted(before.epochs)}`,
            after && `trial ${after.number} goes on from here, to ${counted(after.epochs)}`,
        ];
        const line = Object.assign(document.createElement("p"), { className: "nasplus-part" });
        line.textContent = `${said.filter(Boolean).join("; ")}.`;
        row.prepend(line);
    }

    function partOf({ trialJobId, sequenceId, status, hyperParameters }) {
        const parameters = hyperParameters?.length ? JSON.parse(hyperParameters[0]).parameters : {};
        const { TRIAL: architecture, TRIAL_BUDGET: epochs } = parameters;
        return { id: trialJobId, number: sequenceId, status, architecture, epochs };
    }

    function counted(epochs) {
        return epochs === 1 ? "1 epoch" : `${epochs} epochs`;
    }

    async function showArchitecture(row, trial) {
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
        document.querySelectorAll(".openRow:not([data-nasplus])").forEach(show);
        // Names in the list of experiments are cut, without a tooltip.
        document.querySelectorAll(".ms-DetailsRow-cell:first-child > div:not([title])").forEach((cell) => {
            cell.title = cell.textContent;
        });
    }).observe(document, { childList: true, subtree: true });
})();
