"use strict";
/*
 * Workarounds for the manager of NNI 3.0. `manager_environment` (manager.py) has node load this file before NNI's own;
 * NASPLUS_MANAGER holds its settings as JSON. Each workaround has a test that tells when NNI no longer needs it.
 */
const { spawn } = require("child_process");
const fs = require("fs");
const Module = require("module");
const net = require("net");
const os = require("os");
const path = require("path");

const web = require("./web_patch.js");

const settings = JSON.parse(process.env.NASPLUS_MANAGER || "null");
const PATIENCE = 60;
const AFTERTHOUGHT_MS = 10000;
const LOCAL = ["127.0.0.1", "localhost"];
const OVER = ["DONE", "ERROR", "STOPPING", "STOPPED"];
const EXCEPTION = /^[\w.]+(Error|Exception|Exit|Interrupt|Warning)\b(: .*)?$/;
const root = path.dirname(process.argv[1] || "");

if (settings !== null && path.basename(root) === "nni_node") {
    delete process.env.NASPLUS_MANAGER;
    process.env.NODE_OPTIONS = settings.node_options;
    listenOn(settings.bind);
    if (settings.home !== null) {
        onLoad("common/globals/paths.js", (exports) => listExperimentsIn(settings.home, exports));
    }
    require("./remote_patch.js").patch(onLoad, (file) => require(path.join(root, file)));
    web.patch(settings.axes, onLoad, root);
    onLoad("training_service/v3/compat.js", (exports) => {
        pinParameters(exports);
        findTensorboardFiles(exports);
    });
    onLoad("core/tuner_command_channel.js", waitForTheTuner);
    onLoad("common/utils.js", mendTheDispatcher);
    onLoad("extensions/nniTensorboardManager.js", (exports) => startTensorboard(settings.bind, exports));
    onLoad("core/nnimanager.js", (exports) => {
        pollEvery(settings.poll_s, exports);
        preload(settings.preload, exports);
        endWithTheDispatcher(exports);
        endWithTheSpace(exports);
        tryKilledTrialsAgain(exports);
        tryInterruptedTrialsAgain(settings.remaining, exports);
    });
}

/* Patch what a file of NNI exports, as soon as NNI has loaded it. */
function onLoad(name, patch) {
    const [load, file] = [Module._load, path.join(root, name)];
    let patched = false;
    Module._load = function (request, parent, isMain) {
        const exports = load.apply(this, arguments);
        if (!patched && Module._resolveFilename(request, parent, isMain) === file) {
            patched = true;
            patch(exports);
        }
        return exports;
    };
}

/*
 * NNI listens on all interfaces, without a password (rest_server/index.js, `app.listen(port)`). Its own parts connect to
 * localhost, so that is listened on beside any one address.
 */
function listenOn(host) {
    const listen = net.Server.prototype.listen;
    const everywhere = ["0.0.0.0", "::"].includes(host);
    net.Server.prototype.listen = function (port, ...rest) {
        if (typeof port !== "number" || typeof rest[0] === "string") {
            return listen.call(this, port, ...rest);
        }
        if (!everywhere && !LOCAL.includes(host)) {
            const second = net.createServer((socket) => this.emit("connection", socket));
            second.on("error", (error) => this.emit("error", error));
            this.on("close", () => second.close());
            listen.call(second, port, host);
        }
        return listen.call(this, port, everywhere ? host : LOCAL[0], ...rest);
    };
}

/*
 * NNI lists all experiments in the user's home directory (common/globals/paths.js, `createPaths`), which may be read-only,
 * and which not every user has.
 */
function listExperimentsIn(home, exports) {
    const create = exports.createPaths;
    exports.createPaths = (args) => {
        os.homedir = () => home;
        return { ...create(args), experimentsList: path.join(home, ".experiment") };
    };
}

/* NNI gives the oldest waiting parameter to whichever trial asks first (v3/compat.js, `onRequestParameter`). */
function pinParameters({ V3asV1 }) {
    const submit = V3asV1.prototype.submitTrialJob;
    V3asV1.prototype.submitTrialJob = async function (form) {
        if (this.submitted === undefined) {
            this.submitted = new Map();
            pinAtCreation(this);
        }
        this.submitted.set(form.sequenceId, form.hyperParameters.value);
        const trial = await submit.call(this, form);
        this.submitted.delete(form.sequenceId);
        this.parameters.length = 0;
        return trial;
    };
}

function pinAtCreation(service) {
    const { uniqueString } = require(path.join(root, "common", "utils.js"));
    const create = service.v3.createTrial.bind(service.v3);
    service.v3.createTrial = async (envId, command, directory, sequenceId, trialId) => {
        const id = trialId ?? uniqueString(5);
        service.allocatedParameters.set(id, addressed(service.submitted.get(sequenceId), id));
        const created = await create(envId, command, directory, sequenceId, id);
        if (created === null) {
            service.allocatedParameters.delete(id);
        }
        return created;
    };
}

/* Parameters that say whose they are, so that a trial on another machine can tell. */
function addressed(record, trialId) {
    return record.replace(/^\{(?=")/, `{"trial_job_id": "${trialId}", `);
}

/* NNI looks for TensorBoard files where no trial writes them (v3/compat.js, `getTrialOutputLocalPath`). */
function findTensorboardFiles({ V3asV1 }) {
    const fallback = V3asV1.prototype.getTrialOutputLocalPath;
    V3asV1.prototype.getTrialOutputLocalPath = async function (trialId) {
        return web.trialFolder(trialId) ?? fallback.call(this, trialId);
    };
}

/*
 * NNI gives a tuner ten seconds to start, too few on a busy machine (core/tuner_command_channel.js, `init`): here ten
 * minutes, for one that has ended is noticed at once (`endWithTheDispatcher`).
 */
function waitForTheTuner({ getTunerServer }) {
    const [server, later] = [getTunerServer(), global.setTimeout];
    const init = server.init.bind(server);
    server.init = () => {
        global.setTimeout = (call, ms, ...rest) => later(call, ms * PATIENCE, ...rest);
        try {
            return init();
        } finally {
            global.setTimeout = later;
        }
    };
}

/* The faults of the dispatcher that are its own (dispatcher/repairs.py). */
function mendTheDispatcher(utils) {
    const command = utils.getMsgDispatcherCommand;
    utils.getMsgDispatcherCommand = (config) =>
        command(config).map((word) => (word === "nni" ? "nni_nasplus.hosts.nni.dispatcher" : word));
}

/*
 * NNI does not look whether the dispatcher lives, and waits for ever for what it is to propose (core/nnimanager.js,
 * `setupTuner`); or ten seconds, where it could not start. Here the experiment ends in error, with what it last said.
 */
function endWithTheDispatcher({ NNIManager }) {
    const utils = require(path.join(root, "common", "utils.js"));
    const { getTunerServer } = require(path.join(root, "core", "tuner_command_channel.js"));
    const setup = NNIManager.prototype.setupTuner;
    NNIManager.prototype.setupTuner = async function (...settings) {
        const start = utils.getTunerProc;
        utils.getTunerProc = (...command) => start(...command).on("exit", () => {
            const error = new Error(`the tuner has ended: ${lastWords(utils.getLogDir())}`);
            if (!getTunerServer().connect.settled) {
                getTunerServer().connect.reject(error);
            } else if (!OVER.includes(this.status.status)) {
                this.criticalError(error);
            }
        });
        try {
            return await setup.apply(this, settings);
        } finally {
            utils.getTunerProc = start;
        }
    };
}

/*
 * NNI goes on for ever where the tuner has no more and maxTrialNumber is not reached (core/nnimanager.js,
 * `manageTrials`). Here what was tried is all that is asked for, once nothing runs and the tuner has thought it over.
 */
function endWithTheSpace({ NNIManager }) {
    const look = NNIManager.prototype.requestTrialJobsStatus;
    let idleSince = null;
    NNIManager.prototype.requestTrialJobsStatus = async function () {
        const ended = await look.call(this);
        const isIdle = this.status.status === "TUNER_NO_MORE_TRIAL" && this.trialJobs.size + this.waitingTrials.length === 0;
        idleSince = isIdle ? idleSince ?? Date.now() : null;
        if (isIdle && Date.now() - idleSince > AFTERTHOUGHT_MS) {
            this.experimentProfile.params.maxTrialNumber = this.currSubmittedTrialNum;
        }
        return ended;
    };
}

function lastWords(folder) {
    const log = path.join(folder, "dispatcher.log");
    const lines = fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("\n") : [];
    return lines.filter((line) => EXCEPTION.test(line)).pop() ?? `see ${log}`;
}

/* NNI starts whatever `tensorboard` is on the PATH, on all interfaces (extensions/nniTensorboardManager.js). */
function startTensorboard(host, { NNITensorboardManager }) {
    const command = NNITensorboardManager.prototype.getTensorboardStartCommand;
    NNITensorboardManager.prototype.getTensorboardStartCommand = async function (...trials) {
        const [, ...options] = await command.apply(this, trials);
        const python = `"${global.nni.args.pythonInterpreter}" -m tensorboard.main`;
        return [python, ...options.map((option) => option.replace("--bind_all", `--host ${host}`))];
    };
}

/* Not sooner than the manager answers, which it must in time. */
function preload(command, { NNIManager }) {
    const start = NNIManager.prototype.initTrainingService;
    NNIManager.prototype.initTrainingService = function (config) {
        if (command) {
            spawn(command, { shell: true, stdio: "ignore" });
        }
        return start.call(this, config);
    };
}

/* NNI looks twice a second, twice a trial, whether one has ended (core/nnimanager.js, `manageTrials`). */
function pollEvery(seconds, { NNIManager }) {
    const start = NNIManager.prototype.initTrainingService;
    NNIManager.prototype.initTrainingService = async function (config) {
        const service = await start.call(this, config);
        this.pollInterval = Math.min(this.pollInterval, seconds);
        return service;
    };
}

/*
 * NNI counts a trial that something killed as one that the user cancelled, or as failed, and its budget as spent. Here
 * it is marked as cancelled by the system, once for the same parameters unless its machine was lost, and one more trial
 * may be run: the search hands it out again. A process that a signal ended has no exit code; a shell or `nasplus-python`
 * says 128 + signal.
 */
function tryKilledTrialsAgain({ NNIManager }) {
    const start = NNIManager.prototype.initTrainingService;
    NNIManager.prototype.initTrainingService = async function (config) {
        const service = await start.call(this, config);
        const [settled, tried] = [settledTrials(service), new Set()];
        const listen = service.v3.onTrialEnd.bind(service.v3);
        service.v3.onTrialEnd = (callback) => listen(async (id, timestamp, exitCode) => {
            if (service.trialJobs[id].endTime !== undefined) {
                return; // NNI ends every trial that a lost machine ever ran
            }
            await callback(id, timestamp, exitCode);
            const submitted = JSON.parse(service.trialJobs[id].form.hyperParameters.value);
            const what = JSON.stringify(submitted?.parameters ?? id);
            const lost = service.v3.lostTrials?.has(id);
            const killed = exitCode === null || exitCode > 128;
            if (!settled.has(id) && (lost || (killed && !tried.has(what)))) {
                lost || tried.add(what);
                service.trialJobs[id].status = "SYS_CANCELED";
                allowOneMore(this.experimentProfile.params);
            }
        });
        return service;
    };
}

function allowOneMore(params) {
    if (typeof params.maxTrialNumber === "number") {
        params.maxTrialNumber += 1;
    }
}

/*
 * The trials that have reported their result, or that the user, the assessor or a time limit ends; NNI says which only
 * after they have ended.
 */
function settledTrials(service) {
    const settled = new Set();
    const cancel = service.cancelTrialJob.bind(service);
    service.cancelTrialJob = (id, isEarlyStopped) => {
        settled.add(id);
        service.trialJobs[id].isEarlyStopped = Boolean(isEarlyStopped);
        return cancel(id, isEarlyStopped);
    };
    service.addTrialJobMetricListener(({ id, data }) => JSON.parse(data).type === "FINAL" && settled.add(id));
    return settled;
}

/*
 * NNI runs what was interrupted again by itself and asks the tuner for as many new trials at once, so that the strategy
 * proposes before it knows those results, and never hears of those that fail. Here they are marked as cancelled; the
 * search hands them out again first. `remaining` trials are run, by default as many as had not finished, or "unlimited",
 * and sequence ids go on where they were.
 */
function tryInterruptedTrialsAgain(remaining, { NNIManager }) {
    NNIManager.prototype.addRecoveredTrialJob = function (jobs) {
        for (const job of jobs.filter((job) => ["WAITING", "RUNNING", "UNKNOWN"].includes(job.status))) {
            this.dataStore.storeTrialJobEvent("SYS_CANCELED", job.trialJobId, "");
            allowOneMore(this.experimentProfile.params);
        }
        this.experimentProfile.nextSequenceId = 1 + Math.max(-1, ...jobs.map((job) => job.sequenceId ?? -1));
        if (remaining === "unlimited") {
            delete this.experimentProfile.params.maxTrialNumber;
        } else if (remaining !== null) {
            this.experimentProfile.params.maxTrialNumber = jobs.length + remaining;
        }
        return 0;
    };
}
