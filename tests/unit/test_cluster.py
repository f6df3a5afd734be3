"""What SLURM's answers mean, on answers as its commands gave them."""

import subprocess

import pytest

from zonalflow.cluster import slurm
from zonalflow.cluster.slurm import ClusterError, QueuedJob, check_account, check_requests, minutes, parse_queue

GOOD = {"slurm_account": "ceres_test", "slurm_partition": "ceres", "runtime": "30"}


@pytest.mark.parametrize("account", ["ceres_test", "Ceres_Test", "other, ceres_test"])
def test_a_known_account_passes(account):
    check_account(GOOD | {"slurm_account": account}, {"ceres_test", "other"}, "p/profile.yaml")


@pytest.mark.parametrize("account", ["", None, slurm.PLACEHOLDER])
def test_a_missing_account_gets_the_command_that_finds_yours(account):
    with pytest.raises(ClusterError, match=r"no SLURM account is set(.|\n)*p/profile\.yaml(.|\n)*sacctmgr show assoc"):
        check_account(GOOD | {"slurm_account": account}, None, "p/profile.yaml")


def test_an_unknown_account_is_named_beside_the_known_ones():
    with pytest.raises(ClusterError, match=r"no account 'typo'(.|\n)*now: a, ceres_test"):
        check_account(GOOD | {"slurm_account": "typo"}, {"ceres_test", "a"}, "p")


def test_unknown_accounts_are_not_refused():
    check_account(GOOD | {"slurm_account": "anything"}, None, "p")


def test_resources_from_the_command_line_that_replaced_the_profiles():
    with pytest.raises(ClusterError, match="--set-resources"):
        check_account({"mem_mb": "4000"}, None, "p")


def test_the_accounts_come_from_the_controller_when_accounting_is_down(monkeypatch):
    def answer(*command):
        if command[0] == "sacctmgr":
            raise ClusterError("Connection refused")
        return " root|\n  root|me\n  ceres_test|\n   ceres_test|me\n   foreign|you\n"

    monkeypatch.setattr(slurm, "ask", answer)
    assert slurm.known_accounts("me") == {"root", "ceres_test"}


def test_no_account_is_known_when_slurm_does_not_answer(monkeypatch):
    def answer(*command):
        raise ClusterError("silence")

    monkeypatch.setattr(slurm, "ask", answer)
    assert slurm.known_accounts("me") is None


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (FileNotFoundError(), "no squeue here"),
        (subprocess.TimeoutExpired("squeue", 60), "did not answer for 60 s"),
        (subprocess.CalledProcessError(1, "squeue", stderr="connect failure\n"), "squeue says: connect failure$"),
    ],
)
def test_a_command_that_fails_says_how(monkeypatch, failure, message):
    def run(*arguments, **options):
        raise failure

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ClusterError, match=message):
        slurm.ask("squeue", "--me")


def test_the_queue():
    text = "31|RUNNING|rule_zonal_stats_wildcards_ppt_2002\n32|PENDING|rule_combine_years\n\n"
    running, waiting = parse_queue(text)
    assert running == QueuedJob("31", "RUNNING", "zonal_stats ppt_2002")
    assert not running.waits
    assert waiting.what == "combine_years"
    assert waiting.waits


def test_without_a_run_slurm_is_not_asked(monkeypatch):
    monkeypatch.setattr(slurm, "ask", None)
    assert slurm.queued_jobs(()) == []


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("21-00:00:00", 21 * 1440), ("2:30:00", 150), ("30:00", 30), ("1-12:00:00", 2160), ("infinite", float("inf"))],
)
def test_a_time_limit_in_minutes(limit, expected):
    assert minutes(limit) == expected


ASKED = {"zonal_stats": {"slurm_partition": "short", "runtime": 30, "mem_mb": 500}}


def test_what_a_partition_allows_passes():
    check_requests(ASKED, {"short": 30}, "p")
    check_requests({"a": {"slurm_partition": "short,ceres", "runtime": "x"}}, {"short": 30, "ceres": 60}, "p")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"ceres": 60, "atlas": 60},
            r"no partition 'short', which rule zonal_stats.* in p. There are: atlas, ceres",
        ),
        ({"short": 20}, "zonal_stats asks for 30 minutes, and partition short allows 20: (.|\n)*never start"),
    ],
)
def test_what_a_partition_does_not_allow_is_refused(limits, message):
    with pytest.raises(ClusterError, match=message):
        check_requests(ASKED, limits, "p")


def test_a_foreign_qos_is_refused_if_slurm_tells():
    asked = {"zonal_stats": {"slurm_partition": "ceres", "qos": "express"}}
    check_requests(asked, {"ceres": 60}, "p")
    with pytest.raises(ClusterError, match=r"QOS 'express'(.|\n)*You may use: high, normal"):
        check_requests(asked, {"ceres": 60}, "p", {"normal", "high"})


def test_a_hidden_partition_is_known(monkeypatch):
    """SLURM lists partitions that only some groups may use, or that are hidden, when all are asked for."""
    monkeypatch.setattr(slurm, "ask", lambda *command: "ceres|21-00:00:00\n" + "own|1:00:00\n" * ("--all" in command))
    assert slurm.partition_limits() == {"ceres": 30240, "own": 60}
