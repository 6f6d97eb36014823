"""A forked script is like one that was started: its folder, its exit code, what it says, and how it is stopped."""

import os
import signal
import subprocess
import sys
import time

import pytest

from workshop import ROOT

SERVER = """
import os, sys
sys.path.insert(0, {scripts!r})
from strata.workflow.forked_jobs import Forks
forks = Forks(lambda: __import__("colorsys"))
for script in sys.argv[1:]:
    running = forks.start(script)
    print("process", running.number, flush=True)
    print("code", running.wait(), flush=True)
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
        ("import os; os.kill(os.getpid(), 9)", 137, ""),
        ("import sys; assert 'colorsys' in sys.modules", 0, ""),
        ("assert __name__ == '__main__'", 0, ""),
    ],
)
def test_codes(start, source, code, told):
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


def test_ctrl_c_reaches_the_script_alone(start):
    server = start("import time; print('at work', flush=True); time.sleep(60)", "print('the next')")
    while "at work" not in server.stdout.readline():
        pass
    # The server itself ignores it; whoever asked for the script decides, and here the test's program ends, too.
    os.killpg(server.pid, signal.SIGINT)
    server.communicate(timeout=20)
    assert _ends(server.pid)


def test_no_process_outlives_the_one_that_forked_it(start):
    server = start("print('at work', flush=True); import time; time.sleep(1)")
    while "at work" not in server.stdout.readline():
        pass
    server.kill()
    server.wait()
    assert _ends(server.pid)


def _ends(group: int) -> bool:
    """Whether all processes of a group end within seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
