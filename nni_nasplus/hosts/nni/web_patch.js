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
    const environments = path.join(global.nni.paths.experimentRoot, "environments");
    const names = fs.existsSync(environments) ? fs.readdirSync(environments) : [];
    return names.map((name) => path.join(environments, name, "trials", id)).find((folder) => fs.existsSync(folder));
};

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
    router.get(LIST, (request, response, next) => {
        if ("axes" in request.query) {
            const send = response.send.bind(response);
            response.send = (jobs) => send(Array.isArray(jobs) ? jobs.map(withAxes) : jobs);
        }
        next();
    });
    // The web UI's "customized trial" sends back all that it was given.
    router.post(LIST, (request, _response, next) => {
        delete request.body?.mutation_summary;
        next();
    });
}

function chosen(axes) {
    return axes.length ? [...axes, ...ALWAYS] : [];
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
