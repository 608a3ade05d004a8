"use strict";
/*
 * What NNI's web UI lacks; `manager_patch.js` has this file patch the manager. The page gets the script and the style of
 * web/, and what trials have left of their architectures (architecture.py).
 */
const fs = require("fs");
const path = require("path");

const WEB = path.join(__dirname, "web");
const PAGES = ["/", "/index.html", "/oview", "/detail", "/experiment"];
const HEAD = '<script src="./nasplus/page.js"></script><link href="./nasplus/page.css" rel="stylesheet">';
const SHOWN = ["architecture.html", "architecture.svg"];
const ALWAYS = ["parameters", "default"];
const LIST = "/api/v1/nni/trial-jobs";
const PROFILE = "/api/v1/nni/experiment";
/* Values of an axis on which each can stand: of more, NNI draws a scale, and has halves on short ones. */
const MOST = 12;

const described = new Map();

/* `axes` are those by which trials are compared, as far as they are known before the first of them. */
exports.patch = function (axes, onLoad, root) {
    onLoad("rest_server/index.js", ({ RestServer }) => {
        const start = RestServer.prototype.start;
        RestServer.prototype.start = function () {
            addTo(global.nni.rest.getExpressRouter(), axes, path.join(root, "static", "index.html"));
            return start.call(this);
        };
    });
};

/* The folder of a trial on this machine; undefined where there is none. */
exports.trialFolder = function (id) {
    return folders().map((folder) => path.join(folder, id)).find((folder) => fs.existsSync(folder));
};

/* Where trials have their folders, those that are there. */
function folders() {
    const environments = path.join(global.nni.paths.experimentRoot, "environments");
    return namesIn(environments).map((name) => path.join(environments, name, "trials"));
}

function namesIn(folder) {
    return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

function addTo(router, axes, index) {
    const page = fs.readFileSync(index, "utf8").replace("<head>", `<head>${HEAD}`);
    router.get(PAGES, (_request, response) => response.type("html").send(page));
    router.get("/nasplus/:file(page.js|page.css)", ({ params }, response) => response.sendFile(params.file, { root: WEB }));
    router.get("/nasplus/icons/*", (_request, response) => response.sendFile("icons.woff", { root: WEB }));
    router.get("/nasplus/axes", (_request, response) => response.json(chosen(axes ?? axesOfTrials())));
    router.get("/nasplus/trials/:id(\\w+)/:file", ({ params: { id, file } }, response) => {
        const root = SHOWN.includes(file) ? exports.trialFolder(id) : undefined;
        const missing = () => response.headersSent || response.sendStatus(404);
        return root === undefined ? missing() : response.sendFile(file, { root }, missing);
    });
    router.get(LIST, told((jobs) => (Array.isArray(jobs) ? jobs.map(withAxes) : jobs)));
    router.get(PROFILE, told((profile) => (profile?.params?.searchSpace ? withChoices(profile) : profile)));
    // The web UI's "customized trial" sends back all that it was given.
    router.post(LIST, (request, _response, next) => {
        delete request.body?.mutation_summary;
        next();
    });
}

/* Answers as the web UI gets them, which asks for axes. */
function told(change) {
    return (request, response, next) => {
        if ("axes" in request.query) {
            const send = response.send.bind(response);
            response.send = (answer) => send(change(answer));
        }
        next();
    };
}

/*
 * The search space as the web UI draws it: the axes of trials first, and numbers in their order. NNI has choices in the
 * order in which they are offered, and takes what it finds in trials alone for real numbers (searchspace.ts).
 */
function withChoices(profile) {
    describeTrials();
    const decisions = Object.entries(profile.params.searchSpace).map(([name, decision]) => [name, ordered(decision)]);
    const space = Object.fromEntries(decisions);
    const valuesOf = (name) => [...described.values()].map((axes) => axes[name]);
    const axes = axesOfTrials().map((name) => [name, space[name] ?? choice(valuesOf(name))]);
    const searchSpace = { ...Object.fromEntries(axes.filter(([, decision]) => decision !== undefined)), ...space };
    return { ...profile, params: { ...profile.params, searchSpace } };
}

function ordered(decision) {
    const areNumbers = decision._type === "choice" && decision._value.every((value) => typeof value === "number");
    return areNumbers ? { ...decision, _value: [...decision._value].sort((a, b) => a - b) } : decision;
}

/* What trials have of an axis, as a choice; undefined where they are best drawn on a scale. */
function choice(values) {
    if (values.every((value) => typeof value === "string")) {
        return { _type: "choice", _value: [...new Set(values)].sort() };
    }
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const areFew = values.every(Number.isInteger) && high - low < MOST;
    return areFew ? { _type: "choice", _value: Array.from({ length: high - low + 1 }, (_, i) => low + i) } : undefined;
}

function chosen(axes) {
    return axes.length ? [...axes, ...ALWAYS] : [];
}

function describeTrials() {
    folders().flatMap(namesIn).forEach(axesOf);
}

function axesOfTrials() {
    return Object.keys([...described.values()][0] ?? {});
}

/* A trial as NNI lists it, with the axes where the web UI looks for what NAS decided. */
function withAxes(job) {
    const axes = axesOf(job.trialJobId);
    if (axes === undefined || !job.hyperParameters) {
        return job;
    }
    const record = JSON.parse(job.hyperParameters[0]);
    record.parameters.mutation_summary = { ...axes, ...(record.parameters.mutation_summary ?? record.parameters) };
    return { ...job, hyperParameters: [JSON.stringify(record)] };
}

function axesOf(id) {
    if (!described.has(id)) {
        const file = path.join(exports.trialFolder(id) ?? "", "architecture.json");
        if (!fs.existsSync(file)) {
            return undefined;
        }
        described.set(id, JSON.parse(fs.readFileSync(file, "utf8")));
    }
    return described.get(id);
}
