"""The terminal: what went wrong is said, and a dry run is a plan."""

import logging

import pytest

from strata.workflow.console import Console


def make_record(message: str, level: int = logging.INFO, **more) -> logging.LogRecord:
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    vars(record).update(more)
    return record


def passes(record: logging.LogRecord, dry_run: bool = False) -> bool:
    return Console(lambda: dry_run, list).filter(record)


@pytest.mark.parametrize(
    ("message", "level", "event", "said"),
    [
        ("Building DAG of jobs...", logging.INFO, None, False),
        ("Select jobs to execute...", logging.INFO, None, False),
        ("Nothing to be done (all requested files are present and up to date).", logging.INFO, None, True),
        ("Congratulations, your workflow is in a good condition!", logging.INFO, None, True),
        ("Job 5 has been submitted with SLURM jobid 7", logging.INFO, None, True),
        ("Finished jobid: 2 (Rule: effect)", logging.INFO, "job_finished", False),
        ("No rule to produce results/nope.png", logging.ERROR, None, True),
        ("Cannot restore results/background.png: no backup found.", logging.WARNING, None, False),
        ("RuleException:\nCommand 'x' returned non-zero exit status 1.", logging.ERROR, None, False),
        (
            "RuleException:\nCalledProcessError in file \"/w/Snakefile\", line 134:\nCommand 'x' returned non-zero exit status 1.\n"
            '  File "/w/Snakefile", line 134, in __rule_paint\n  File "/w/internals.py", line 262, in execute\n',
            logging.ERROR,
            None,
            False,
        ),
        ("RuleException:\nCommand 'x' died with <Signals.SIGKILL: 9>.", logging.ERROR, None, True),
        ("Error in rule background:", logging.ERROR, "job_error", False),
        ("Exiting because a job execution failed. Look above for error messages", logging.ERROR, None, True),
        (" Rule: background, Jobid: 1", logging.INFO, "job_info", False),
    ],
)
def test_only_what_went_wrong_or_is_waited_for_is_said(message, level, event, said):
    assert passes(make_record(message, level, event=event)) == said


def test_a_dry_run_is_a_plan():
    console = Console(lambda: True, lambda: ["a plan", "of two lines"])
    assert not console.filter(make_record("Job stats:\n...", event="run_info"))
    closing = make_record("This was a dry-run (flag -n). The order of jobs does not reflect ...")
    assert console.filter(closing)
    assert closing.msg == "a plan\nof two lines"
