"""A real Slurm on this machine: a controller and three nodes, with GPUs that Slurm counts and nobody uses."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from helpers.working_folder import ROOT, WorkingFolder

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")

# Name, partition, and a harmless device for each GPU. Slurm hands them out as if they were real.
NODES = (
    ("cpu1", "cpu", ()),
    ("gpu1", "gpu", ("/dev/null",)),
    ("gpu2", "gpu", ("/dev/null", "/dev/zero")),
)
CPUS, MEMORY = 12, 48000  # of each node; only Slurm believes in them

CONFIG = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
TaskProlog={folder}/prolog
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2
MpiDefault=none
GresTypes=gpu
ReturnToService=1
EnforcePartLimits=ALL
MinJobAge=900
KillWait=3
InactiveLimit=0
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
AccountingStorageType=accounting_storage/none
"""

# What Slurm runs before each task. Each node gets a disk of its own, and the devices that Slurm gave are written down.
PROLOG = """#!/bin/sh
echo "$SLURM_JOB_ID $SLURMD_NODENAME ${{CUDA_VISIBLE_DEVICES:-none}}" >> {folder}/tasks.txt
echo "export TMPDIR={folder}/disks/$SLURMD_NODENAME"
"""


@dataclass(frozen=True)
class Job:
    """What Slurm says of a job.

    Attributes:
        started, ended: seconds since the epoch.
        gpus: how many it held.
    """

    number: int
    state: str
    node: str
    started: float
    ended: float
    gpus: int
    folder: str


class Cluster:
    """Starts when made. Needs no root, no systemd, and nothing in /etc.

    Args:
        folder: for its files, with a short path: sockets are in there.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._processes = []
        for name in ("state", "bin", "spool", *(f"disks/{node}" for node, _, _ in NODES)):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        self._configure()
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            # For srun, which Snakemake calls without Slurm's variables.
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin",
        }
        self._start("munged", "--foreground", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key",
                    f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log",
                    f"--seed-file={folder}/munged.seed", "--num-threads=2")  # fmt: skip
        until((folder / "munge.socket").exists)
        self.start_controller()
        for node, _, _ in NODES:
            self._start("slurmd", "-D", "-N", node)
        until(lambda: set(self.ask("sinfo", "-h", "-N", "-o", "%T").split()) == {"idle"})

    @staticmethod
    def missing() -> str:
        """Why there can be none here; empty if there can."""
        path = f"{os.environ['PATH']}:/usr/sbin"
        if lacking := [program for program in PROGRAMS if not shutil.which(program, path=path)]:
            return f"needs {', '.join(lacking)}: Debian's slurm-wlm and munge"
        return "" if find_spec("snakemake_executor_plugin_slurm") else "needs requirements-cluster.txt"

    def start_controller(self) -> None:
        self._controller = self._start("slurmctld", "-D")
        until(lambda: "UP" in self.ask("scontrol", "ping"))

    def stop_controller(self) -> None:
        self._controller.terminate()
        self._controller.wait(30)

    def ask(self, *command: str) -> str:
        """Runs one of Slurm's commands; empty if it fails."""
        done = subprocess.run(command, env=self._all(), capture_output=True, text=True, timeout=30)
        return done.stdout if done.returncode == 0 else ""

    def build(self, working_folder: WorkingFolder, *arguments: str, limit: int = 400) -> subprocess.Popen:
        """Begins a build that Slurm carries out, and may take so many seconds; what it says goes to a file beside."""
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--workflow-profile", "slurm",
                   "--slurm-init-seconds-before-status-checks", "1", "--slurm-keep-successful-logs", *arguments]  # fmt: skip
        with (working_folder.folder / "said").open("w") as said:
            return subprocess.Popen(
                # In the foreground: timeout else hands a Ctrl-C on twice, and the second may cut the cancelling short.
                ["timeout", "--foreground", "-s", "INT", "-k", "60", str(limit), *command],
                cwd=working_folder.folder, env=self._all(), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

    def jobs(self, working_folder: WorkingFolder) -> list[Job]:
        """Those of a folder, as Slurm's controller has them on record."""
        found = []
        for text in self.ask("scontrol", "show", "job", "--oneliner").splitlines():
            said = dict(re.findall(r"(\S+?)=(\S*)", text))
            if said.get("WorkDir") == str(working_folder.folder):
                gpus = re.fullmatch(r"gres:gpu:(\d+)", said.get("TresPerJob", ""))
                found.append(
                    Job(int(said["JobId"]), said["JobState"], said["NodeList"], _seconds(said["StartTime"]),
                        _seconds(said["EndTime"]), int(gpus[1]) if gpus else 0, said["WorkDir"])
                )  # fmt: skip
        return found

    def devices(self) -> dict[int, set[str]]:
        """The CUDA_VISIBLE_DEVICES that the tasks of each job were given."""
        given = {}
        for line in (self.folder / "tasks.txt").read_text().splitlines():
            job, _, devices = line.split()
            given.setdefault(int(job), set()).add(devices)
        return given

    def workers(self) -> int:
        """How many workers there have been, on all nodes."""
        return len(list(self.folder.glob("disks/*/strata-*/worker-*.lock")))

    def processes(self, working_folder: WorkingFolder, number: int | None = None) -> dict[int, str]:
        """Those of one job or of all jobs of a folder: the command by the number. A worker is among them."""
        wanted = {str(number)} if number else {str(job.number) for job in self.jobs(working_folder)}
        config = f"SLURM_CONF={self.folder}/slurm.conf"
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "environ").read_bytes().decode(errors="replace")
                variables = dict(pair.partition("=")[::2] for pair in text.split("\0"))
                if variables.get("SLURM_JOB_ID") in wanted and (config in text or f"TMPDIR={self.folder}/" in text):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended meanwhile, or is somebody else's
        return found

    def stop(self) -> None:
        self.ask("scancel", "--user", str(os.getuid()))
        until(lambda: not self.ask("squeue", "-h"))
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(30)

    def _all(self) -> dict[str, str]:
        return os.environ | self.environment

    def _start(self, *command: str) -> subprocess.Popen:
        with (self.folder / "daemons.log").open("a") as log:
            process = subprocess.Popen(command, env=self._all(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def _configure(self) -> None:
        user, host = (
            os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip(),
            socket.gethostname(),
        )
        ports = _free_ports(1 + len(NODES))
        values = {"folder": self.folder, "user": user, "host": host.partition(".")[0], "port": ports[0]}
        lines, gpus = [CONFIG.format(**values)], []
        for (node, _, devices), port in zip(NODES, ports[1:], strict=True):
            gres = f" Gres=gpu:{len(devices)}" if devices else ""
            lines.append(
                f"NodeName={node} NodeHostname={values['host']} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} "
                f"RealMemory={MEMORY}{gres}"
            )
            if devices:
                gpus.append(f"NodeName={node} Name=gpu File={','.join(devices)}")
        for partition in ("cpu", "gpu"):
            members = ",".join(node for node, of, _ in NODES if of == partition)
            lines.append(f"PartitionName={partition} Nodes={members} MaxTime=1-0 DefMemPerCPU=100")
        (self.folder / "slurm.conf").write_text("\n".join(lines) + "\n")
        (self.folder / "gres.conf").write_text("\n".join(gpus) + "\n")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)
        for path, text in (
            ("prolog", PROLOG.format(folder=self.folder)),
            ("bin/srun", f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'),
        ):
            (self.folder / path).write_text(text)
            (self.folder / path).chmod(0o755)


def until(true, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def layers(working_folder: WorkingFolder) -> dict[int, set[str]]:
    """The layers that each of Slurm's jobs made, by what the job wrote down itself."""
    return {
        int(log.stem): set(re.findall(r"output: results/(\S+)\.png", log.read_text()))
        for log in working_folder.folder.glob(".snakemake/slurm_logs/**/*.log")
    }


def freeze(processes: dict[int, str]) -> None:
    """Stops the processes that paint, and the one that they were forked from: as if a pass hung."""
    painting = [process for process, command in processes.items() if "multiprocessing.forkserver" in command]
    assert painting, processes
    for process in painting:
        os.kill(process, signal.SIGSTOP)


def _seconds(time_told: str) -> float:
    return datetime.fromisoformat(time_told).timestamp() if time_told[:1].isdigit() else float("inf")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
