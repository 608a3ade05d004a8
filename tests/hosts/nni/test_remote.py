"""Trials on two other machines over SSH, cut off or restarted: hosts in network namespaces of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from nni_server import free_port, get, trials, wait
from places import ROOT
from processes import command_of

from nni_nasplus import Journal

BIN = Path(sys.executable).parent
MISSING = [program for program in ("ip", "sshd", "ssh-keygen") if shutil.which(program) is None]
NETWORK = "10.77.0"
MANAGER = f"{NETWORK}.1"
SSHD = """
Port 22
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/sshd.pid
PasswordAuthentication no
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
SetEnv HOME={folder}
"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.nni,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make network namespaces"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Host:
    """A machine of this machine: a network namespace with an SSH server, and a home of its own."""

    def __init__(self, number: int, folder: Path) -> None:
        self.name, self.cable = f"nasplus{number}", f"nasplus{number}"
        self.address = f"{NETWORK}.{10 + number}"
        self.folder = folder
        folder.mkdir()

    def start(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self.cable, "master", "nasplus", "up")
        for words in (["addr", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            ip("-n", self.name, *words)
        ip("-n", self.name, "link", "set", "lo", "up")
        for key in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key], check=True)
        (self.folder / "sshd_config").write_text(SSHD.format(address=self.address, folder=self.folder))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._serve()

    def _serve(self) -> None:
        sshd = [shutil.which("sshd"), "-f", self.folder / "sshd_config"]
        subprocess.run(["ip", "netns", "exec", self.name, *sshd], check=True)

    def crash(self) -> None:
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def come_back(self) -> None:
        time.sleep(1)
        self._serve()

    def cut_off(self) -> None:
        ip("link", "set", self.cable, "down")

    def processes(self) -> list[psutil.Process]:
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        processes = []
        for number in found.stdout.split():
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(int(number)))
        return processes

    def end(self) -> None:
        self.crash()
        subprocess.run(["ip", "netns", "del", self.name], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", self.cable], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def hosts(tmp_path) -> Iterator[list[Host]]:
    """Two machines at a switch that this one is at too; what tests that were killed have left of them is removed."""
    made = [Host(number, tmp_path / f"host{number}") for number in (1, 2)]
    take_down(made)
    try:
        ip("link", "add", "nasplus", "type", "bridge")
        ip("addr", "add", f"{MANAGER}/24", "dev", "nasplus")
        ip("link", "set", "nasplus", "up")
        for host in made:
            host.start()
        yield made
    finally:
        take_down(made)


def take_down(made: list[Host]) -> None:
    for host in made:
        host.end()
    subprocess.run(["ip", "link", "del", "nasplus"], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def project(tmp_path, hosts, monkeypatch) -> Path:
    """A copy of the examples, with these machines in the config and trials that take a moment."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("cache", "__pycache__"))
    path = tmp_path / "examples" / "remote" / "nnictl.yml"
    config = yaml.safe_load(path.read_text())
    for machine, host in zip(config["trainingService"]["machineList"], hosts, strict=True):
        key = str(host.folder / "key")
        machine |= {"host": host.address, "user": "root", "sshKeyFile": key, "pythonPath": str(BIN)}
    config["nniManagerIp"] = MANAGER
    path.write_text(yaml.safe_dump(config))
    trial = tmp_path / "examples" / "events" / "trial.py"
    start = "main() -> None:\n"
    trial.write_text(trial.read_text().replace(start, f"{start}    __import__('time').sleep(6)\n"))
    return tmp_path


def nnictl(project: Path, *words: str) -> None:
    done = subprocess.run(["nasplus", "nnictl", *words], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def experiment(project: Path, port: int) -> Iterator[None]:
    subprocess.run(["nasplus", "register"], check=True)
    config = "examples/remote/nnictl.yml"
    nnictl(project, "--bind", MANAGER, "create", "--config", config, "--port", str(port))
    try:
        yield
    finally:
        nnictl(project, "stop", "--port", str(port))


def keepers(hosts: list[Host]) -> list[psutil.Process]:
    """NNI's processes that keep trials on the workers."""
    found = []
    for process in [process for host in hosts for process in host.processes()]:
        if any(word.endswith("trial_keeper/main.js") for word in command_of(process)):
            found.append(process)
    return found


def running_on(port: int, host: Host) -> list[str]:
    jobs = get(port, "trial-jobs")
    return [job["trialJobId"] for job in jobs if job["status"] == "RUNNING" and host.address in job.get("logPath", "")]


def until(condition: Callable[[], object], what: str, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.1)


@pytest.mark.timeout(900)
def test_a_machine_that_is_cut_off_costs_no_trial(hosts, project):
    port = free_port()
    with experiment(project, port):
        until(lambda: sum(s == "SUCCEEDED" for s, *_ in trials(port)) > 1 and running_on(port, hosts[0]), "starts", 120)
        hosts[0].cut_off()
        assert wait(port, 400) == "DONE"
        records, folder = trials(port), project / "home" / "nni-experiments" / get(port, "experiment")["id"]
    done = [(parameters, metric) for status, parameters, metric in records if status == "SUCCEEDED"]
    lost = [parameters for status, parameters, _ in records if status == "SYS_CANCELED"]
    assert len(done) == 8
    assert 1 <= len(lost) <= 2
    assert all(parameters in [p for p, _ in done] for parameters in lost), "what was lost is trained elsewhere"
    history = Journal.read(folder / "nasplus" / "journal.jsonl").history
    assert [trial.status for trial in history.finished] == ["done"] * 8
    told = {history.trials.index(t): t.score for t in history.finished}
    assert len(told) == 8
    for parameters, metric in done:
        (trial,) = [t for t in history.finished if t.architecture == parameters]
        assert trial.score == metric["default"]
    assert "ERROR" not in (folder / "log" / "dispatcher.log").read_text()


@pytest.mark.timeout(900)
def test_machines_that_restart_all_at_once_cost_no_trial(hosts, project):
    port = free_port()
    with experiment(project, port):
        until(lambda: all(running_on(port, host) for host in hosts), "both start", 120)
        for host in hosts:
            host.crash()
        for host in hosts:
            host.come_back()
        assert wait(port, 400) == "DONE"
        folder = project / "home" / "nni-experiments" / get(port, "experiment")["id"]
        history = Journal.read(folder / "nasplus" / "journal.jsonl").history
    assert [trial.status for trial in history.finished] == ["done"] * 8


def test_the_manager_listens_where_the_workers_are_and_nowhere_else(hosts, project):
    port = free_port()
    with experiment(project, port):
        (manager,) = [c.pid for c in psutil.net_connections("inet") if c.laddr == ("127.0.0.1", port) and not c.raddr]
        listening = [c.laddr.ip for c in psutil.Process(manager).net_connections("inet") if not c.raddr]
        assert sorted(set(listening)) == [MANAGER, "127.0.0.1"]
        until(lambda: len(keepers(hosts)) == 2 and running_on(port, hosts[1]), "both start", 60)
        os.kill(manager, signal.SIGKILL)
        until(lambda: not keepers(hosts), "no worker outlives its manager", 60)
        until(lambda: not [p for host in hosts for p in host.processes() if "python" in p.name()], "nor a trial", 10)
