"use strict";
/*
 * Workarounds for trials on other machines (NNI 3.0's training service `remote`); `manager_patch.js` has the others. A
 * machine that does not answer is dropped after about a minute: what it trained is tried again elsewhere, and it is
 * asked once a minute whether it is back.
 */
const LOST_PONGS = 3;
const AGAIN_MS = 60_000;
const LOST = ["ECONNRESET", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EPIPE", "ETIMEDOUT"];
const VERSION = "3.0";

const watched = new WeakSet();

exports.patch = function (onLoad, load) {
    onLoad("common/command_channel/websocket/connection.js", dropSilentConnections);
    onLoad("training_service/remote_v3/ssh.js", (exports) => {
        outliveConnections(exports);
        keepNni(exports);
    });
    onLoad("training_service/remote_v3/worker.js", (exports) => failWithTheChannel(exports, load("common/command_channel/rpc_util.js")));
    onLoad("training_service/remote_v3/remote.js", (exports) => {
        rememberLostTrials(exports);
        offerMachinesWithCode(exports, load("training_service/remote_v3/worker.js"));
        tryLostMachinesAgain(exports);
        outliveLostMachines(load("common/log.js"));
    });
};

/*
 * NNI takes a connection as alive as long as the system buffers what is sent, a quarter of an hour with a cable cut
 * (command_channel/websocket/connection.js, `heartbeat`). Its channels give a machine 30 s more to connect again.
 */
function dropSilentConnections({ WsConnection }) {
    const heartbeat = WsConnection.prototype.heartbeat;
    WsConnection.prototype.heartbeat = function () {
        if (watched.has(this.commandEmitter) && this.missingPongs > LOST_PONGS) {
            this.missingPongs = 0;
            this.terminate("no answer");
            this.emit("close", 4001, "no answer");
            return;
        }
        heartbeat.call(this);
    };
}

/* A machine that restarts resets its connection, an error that nobody hears and that ends NNI (remote_v3/ssh.js, `connect`). */
function outliveConnections({ Ssh }) {
    const connect = Ssh.prototype.connect;
    Ssh.prototype.connect = async function () {
        await connect.call(this);
        this.client.on("error", (error) => this.log.warning(`The connection to ${this.config.host} is lost:`, error.message));
    };
}

/* NNI upgrades itself on every machine at every start (remote_v3/worker.js, `start`), to whatever is newest. */
function keepNni({ Ssh }) {
    const run = Ssh.prototype.run;
    Ssh.prototype.run = async function (command) {
        const [python, isUpgrade] = command.split(" -m pip install nni --upgrade");
        if (isUpgrade === undefined) {
            return run.call(this, command);
        }
        const found = await this.exec(`${python} -c "import nni ; print(nni.__version__)"`);
        return found.code === 0 ? found.stdout.trim() : run.call(this, `${python} -m pip install nni==${VERSION}`);
    };
}

/* NNI waits for ever for the answer of a machine that is gone (command_channel/rpc_util.js, `waitResponse`). */
function failWithTheChannel({ Worker }, { getRpcHelper }) {
    const setChannel = Worker.prototype.setChannel;
    Worker.prototype.setChannel = function (channel) {
        watched.add(channel.emitter);
        channel.onError((error) => {
            for (const response of [...getRpcHelper(channel).responses.values()].filter((response) => !response.settled)) {
                response.resolve({ error: `${this.config.host} is lost: ${error.message}` });
            }
        });
        setChannel.call(this, channel);
    };
}

/* A trial is not to blame for the machine that is lost with it: `manager_patch.js` tries it again, however often. */
function rememberLostTrials({ RemoteTrainingServiceV3 }) {
    const stopWorker = RemoteTrainingServiceV3.prototype.stopWorker;
    RemoteTrainingServiceV3.prototype.stopWorker = function (lost, ...rest) {
        this.lostTrials ??= new Set();
        this.workersByTrial.forEach((worker, trialId) => worker === lost && this.lostTrials.add(trialId));
        stopWorker.call(this, lost, ...rest);
    };
}

/*
 * NNI sends trials to a machine that it is still connecting to (remote_v3/remote.js, `launchWorker`), where they fail at
 * once and are sent again at once, so that nothing else is ever done.
 */
function offerMachinesWithCode({ RemoteTrainingServiceV3 }, { Worker }) {
    const ready = new WeakSet();
    const upload = Worker.prototype.upload;
    const uploadDirectory = RemoteTrainingServiceV3.prototype.uploadDirectory;
    Worker.prototype.upload = async function (...file) {
        await upload.apply(this, file);
        ready.add(this);
    };
    RemoteTrainingServiceV3.prototype.uploadDirectory = async function (...directory) {
        await uploadDirectory.apply(this, directory);
        this.emitEnvUpdate();
    };
    RemoteTrainingServiceV3.prototype.emitEnvUpdate = function () {
        const workers = this.workers.filter((worker) => ready.has(worker));
        this.emitter.emit("env_update", workers.map((worker) => worker.env));
    };
}

/* NNI tries once to reach a machine again, and goes on sending it trials if it cannot (remote_v3/remote.js). */
function tryLostMachinesAgain({ RemoteTrainingServiceV3 }) {
    const { restartWorker, stop } = RemoteTrainingServiceV3.prototype;
    RemoteTrainingServiceV3.prototype.restartWorker = async function (lost) {
        this.log.error(`The machine ${lost.config.host} is lost; what it trained is tried again elsewhere`);
        await restartWorker.call(this, lost);
        const failed = this.workers.find((worker) => worker.config === lost.config && !worker.uploadDir);
        if (failed !== undefined && !this.stopping) {
            this.stopWorker(failed, true);
            setTimeout(() => this.stopping || this.restartWorker(failed), AGAIN_MS).unref();
        }
    };
    RemoteTrainingServiceV3.prototype.stop = function () {
        this.stopping = true;
        return stop.call(this);
    };
}

/* Of what else a machine that is gone leaves behind nobody hears either, and Node would end the manager. */
function outliveLostMachines({ getLogger }) {
    process.on("uncaughtException", (error) => {
        if (!LOST.includes(error.code)) {
            console.error(error);
            process.exit(1);
        }
        getLogger("remote").warning("A connection is lost:", error.message);
    });
}
