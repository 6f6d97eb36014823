"""A forked script is like one that was started: its folder, its exit code, what it says, and how it is stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.working_folder import ROOT
from strata.workflow import forked_jobs
from strata.workflow.forked_jobs import fork

SERVER = """
import sys
sys.path.insert(0, {scripts!r})
from multiprocessing.forkserver import _forkserver
from strata.workflow.forked_jobs import fork

if __name__ == "__main__":
    for script in sys.argv[1:]:
        process = fork(script)
        print("server", _forkserver._forkserver_pid, flush=True)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            code = process.wait()
        print("code", code, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts scripts, given by their source, one after the other in a process that forks them."""

    def start(*sources):
        (tmp_path / "server.py").write_text(SERVER.format(scripts=str(ROOT / "scripts")))
        for number, source in enumerate(sources):
            (tmp_path / f"{number}.py").write_text(source)
        names = [f"{number}.py" for number in range(len(sources))]
        return subprocess.Popen(
            [sys.executable, "server.py", *names],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.mark.parametrize(
    ("source", "code", "told"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('The config is wrong.')", 1, "The config is wrong."),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        (
            "import sys; assert {'numpy', 'yaml', 'PIL', 'strata.imaging.png', 'strata.workflow.job'} <= set(sys.modules)",
            0,
            "",
        ),
        ("import sys; assert 'torch' not in sys.modules", 0, ""),
        ("import sys; assert sys.argv == ['0.py'] and sys.path[0] == '.'", 0, ""),
        ("assert __name__ == '__main__'", 0, ""),
    ],
)
def test_a_script_ends_as_in_an_interpreter_of_its_own(start, source, code, told):
    said, wrong = start(source).communicate(timeout=60)
    assert f"code {code}\n" in said
    assert told in wrong
    assert "Traceback" not in wrong or told == "ZeroDivisionError"


def test_scripts_share_nothing(start, tmp_path):
    count = "import colorsys; colorsys.count = getattr(colorsys, 'count', 0) + 1; print('count', colorsys.count)"
    said, _ = start(count, "import os; os.chdir('/')", count + "; print(open('0.py').read() != '')").communicate(
        timeout=60
    )
    assert said.count("count 1\n") == 2
    assert "True" in said


def test_the_end_of_each_is_known_where_many_run_at_once(tmp_path):
    """multiprocessing reads the ends of all processes whenever it starts one: read twice, an end is unknown, and the job runs again."""
    script = tmp_path / "short.py"
    script.write_text("raise SystemExit(3)")

    def run(_: int) -> int:
        return fork(str(script)).wait()

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(run, range(120)))
    assert codes == [3] * 120


def test_ctrl_c_reaches_the_script_alone(start):
    server = start("import time; print('at work', flush=True); time.sleep(60)", "print('the next')")
    said = _read_until("at work", server)
    os.killpg(server.pid, signal.SIGINT)
    rest, wrong = server.communicate(timeout=60)
    assert "0.py was interrupted." in wrong
    assert "Traceback" not in wrong
    assert "code 1\n" in rest
    assert "the next\n" in rest
    assert len(set(re.findall(r"server \d+", said + rest))) == 1  # the process that forks ignores it
    assert _ends(server.pid)


INTERRUPTED_AT_ITS_BEGIN = """
import os, signal, sys, threading
sys.path.insert(0, {scripts!r})
signal.signal(signal.SIGINT, lambda *_: None)  # as Snakemake does
from strata.workflow.forked_jobs import fork
threading.Timer(float(sys.argv[2]), os.killpg, (0, signal.SIGINT)).start()
try:
    print("code", fork(sys.argv[1]).wait())
except OSError as error:  # then Snakemake starts the script itself
    print("refused", error)
"""


@pytest.mark.parametrize("seconds", [0.02, 0.2, 0.4])
def test_ctrl_c_while_the_process_that_forks_begins_is_no_traceback(tmp_path, seconds):
    (tmp_path / "job.py").write_text("import time; time.sleep(2)")
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_ITS_BEGIN.format(scripts=str(ROOT / "scripts")), "job.py", str(seconds)],
        cwd=tmp_path, capture_output=True, text=True, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"code [01]\n", done.stdout)
    assert "Traceback" not in done.stderr


def test_a_script_ends_with_the_build_that_it_works_for(start, tmp_path):
    """It would replace what the next build makes."""
    waits = "print('at work', flush=True); import time; time.sleep(3); open('made', 'w')"
    server = start(waits)
    _read_until("at work", server)
    server.kill()
    server.wait()
    time.sleep(4)
    assert not (tmp_path / "made").exists()


def test_no_process_outlives_the_one_that_forked_it(start):
    server = start("print('at work', flush=True); import time; time.sleep(1)")
    _read_until("at work", server)
    server.kill()
    server.wait()
    assert _ends(server.pid)


def _read_until(words: str, server: subprocess.Popen) -> str:
    """What it says, up to the line with these words."""
    said = ""
    while words not in said:
        line = server.stdout.readline()
        assert line, f"{words!r} was not said, but {said!r}"
        said += line
    return said


def _ends(group: int) -> bool:
    """Whether all processes of a group end within seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_starting_the_server_leaves_the_environment_alone(monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before:
        monkeypatch.setenv("PYTHONPATH", before)
    seen = []
    monkeypatch.setattr(forked_jobs.forkserver, "ensure_running", lambda: seen.append(os.environ["PYTHONPATH"]))
    forked_jobs._ensure_server()
    assert seen[0].split(os.pathsep) == [str(ROOT / "scripts"), *filter(None, [before])]
    assert os.environ.get("PYTHONPATH") == before
