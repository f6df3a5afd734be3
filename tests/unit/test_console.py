"""The terminal's lines: one a job, in the order of the years, and nothing of what does not help."""

import io
import logging

from zonalflow.run.console import Brief, Lines, ProgressLine, install, is_silent, short_reason


def record(event, text="", **details):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, text, (), None)
    made.__dict__.update(details, event=event)
    return made


def job(number, year, reason="Missing output files: a.npz"):
    message = f"Zonal statistics: ppt, {year}"
    return record("job_info", jobid=number, rule_name="zonal_stats", rule_msg=message, reason=reason)


def written(*records, preview):
    stream = io.StringIO()
    handler = Lines(stream)
    handler.setFormatter(Brief(preview=preview))
    for each in records:
        handler.emit(each)
    return [line[10:] if line[2:3] == ":" else line for line in stream.getvalue().splitlines()]


def test_a_preview_gives_the_reasons_with_the_years_in_order():
    end = record(None, "This was a dry-run")
    changed = job(3, 2001, "Code has changed since last execution")
    lines = written(job(1, 2002), job(2, 2000), changed, end, preview=True)
    assert [line.split(":")[1].split()[1] for line in lines[:3]] == ["2000", "2001", "2002"]
    assert lines[0].endswith("output missing")
    assert lines[1].endswith("script changed")
    assert lines[3] == "Nothing was changed: this was a preview."


def test_a_run_shows_starts_ends_and_progress():
    done = record("job_finished", "Finished jobid: 1", job_id=1)
    lines = written(job(1, 2000), done, record("progress", done=3, total=21), preview=False)
    assert lines == ["start  Zonal statistics: ppt, 2000", "done   Zonal statistics: ppt, 2000  ( 3 of 21)"]


def test_what_does_not_help_is_left_out():
    assert written(record(None, "Select jobs to execute..."), record("job_error", "…"), preview=False) == []


def test_reasons_are_told_without_the_names_of_files():
    many = "Missing output files: a, b; Input files updated by another job: c, d"
    assert short_reason(many) == "output missing"
    params = "Params have changed since last execution: Params added or removed"
    assert short_reason(params) == "configuration or code changed"
    both = "Updated input files: a; Code has changed since last execution"
    assert short_reason(both) == "input newer, script changed"
    assert short_reason("Something new") == ""


def test_it_replaces_snakemakes_display_and_keeps_its_filters():
    logger = logging.Logger("test")
    old = logging.StreamHandler(io.StringIO())
    old.name = "DefaultStreamHandler"
    old.addFilter(lambda each: each.levelno >= logging.WARNING)
    logger.addHandler(old)
    install(logger, preview=False)
    logger.info("not shown")
    logger.warning("shown")
    assert old not in logger.handlers
    assert old.stream.getvalue() == "shown\n"


def test_progress_counts_done_running_and_failed_jobs():
    now = iter([100.0, 105.0, 3768.0, 3770.0])
    progress = ProgressLine(lambda: next(now))
    assert progress.text(80) == ""
    progress.note(job(1, 2000))  # at 100 s
    progress.note(job(2, 2001))
    assert progress.text(80) == "[....................] 0 of … jobs done, 2 running, 0:00:05"
    progress.note(record("job_finished", job_id=1))
    progress.note(record("progress", done=1, total=4))
    progress.note(record("job_error", jobid=2))
    # 1 of 4 is 5 of 20; 3668 s are 1 h 1 min 8 s
    assert progress.text(80) == "[#####...............] 1 of 4 jobs done, 0 running, 1 failed, 1:01:08"
    progress.note(job(2, 2001))  # another try
    assert progress.text(30) == "[#####...............] 1 of 4"  # 29 characters: one column stays free


def test_progress_ends_with_the_last_job():
    progress = ProgressLine()
    progress.note(job(1, 2000))
    progress.note(record("job_finished", job_id=1))
    progress.note(record("progress", done=1, total=1))
    assert progress.text(80) == ""


def test_a_terminal_shows_progress_below_complete_lines():
    stream = io.StringIO()
    handler = Lines(stream, ProgressLine())
    handler.setFormatter(Brief(preview=False))
    done = record("job_finished", "Finished jobid: 1", job_id=1), record("progress", done=1, total=2)
    for each in (job(1, 2000), record(None, "a"), *done, record(None, "b")):
        handler.emit(each)
    handler.close()
    # a terminal shows what is left of each line after its last "erase", and goes back at "\r"
    lines = [line.rpartition("\x1b[2K")[2] for line in stream.getvalue().split("\n")]
    shown = [line[10:] if line[2:3] == ":" else line for line in lines]
    assert shown == ["start  Zonal statistics: ppt, 2000", "a", "done   Zonal statistics: ppt, 2000  (1 of 2)", "b", ""]
    assert "] 1 of 2 jobs done, 0 running" in stream.getvalue()


def test_a_users_mistake_is_shown_without_the_snakefiles_line():
    text = 'WorkflowError in file "/x/common.smk", line 61:\nzonalflow: years: none\n  File "/x/common.smk", line 61'
    assert written(record("error", text), preview=False) == ["zonalflow: years: none"]
    assert written(record("error", "another error"), preview=False) == ["another error"]


def test_snakemakes_settings_are_hidden_but_not_its_advice():
    chatter = (
        "Assuming unrestricted shared filesystem usage.",
        "Using shell: /bin/sh",
        "Elapsed time: 1",
        "Provided cores: 2",
    )
    assert written(*(record(None, text) for text in chatter), preview=False) == []
    advice = "Provided cores: 1 (use --cores to define parallelism)"
    assert written(record(None, advice), preview=False) == [advice]


def test_the_complete_log_is_named_only_after_a_failure():
    log = record(None, "\nComplete log(s): .snakemake/log/a.log")
    assert written(log, preview=False) == []
    assert written(record("job_error", "…", jobid=1), log, preview=False) == [
        "",
        "Complete log(s): .snakemake/log/a.log",
    ]


def test_a_preview_shows_the_plan_once_and_no_empty_target():
    plan = record("run_info", "Job stats:\nall 1")
    target = record("job_info", jobid=9, rule_name="all", rule_msg=None, reason="")
    end = record(None, "This was a dry-run (flag -n).")
    lines = written(plan, target, plan, end, preview=True)
    assert lines == ["Job stats:", "all 1", "Nothing was changed: this was a preview."]


def test_one_blank_line_stands_between_two_blocks():
    blocks = record(None, "\nzonalflow: a\n"), record(None, "\nzonalflow: b\n")
    assert written(*blocks, preview=False) == ["", "zonalflow: a", "", "zonalflow: b", ""]


def test_starts_are_left_to_the_line_of_progress():
    brief = Brief(preview=False, starts=False)
    assert brief.format(job(1, 2000)) == ""
    assert Brief(preview=False).format(job(1, 2000)).endswith("start  Zonal statistics: ppt, 2000")


def test_quiet_all_asks_for_silence():
    assert is_silent(["Quietness.RULES", "Quietness.ALL"])
    assert not is_silent(["Quietness.RULES"])
    assert not is_silent(None)
    # a part of the study, as in `make demo`, repeats no head
    assert is_silent(["Quietness.RULES", "Quietness.PROGRESS"])
    assert not is_silent(["Quietness.RULES", "Quietness.PROGRESS"], preview=True)
