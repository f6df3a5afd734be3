"""What SLURM's answers mean, on answers as its commands gave them."""

import subprocess

import pytest

from zonalflow.run import slurm
from zonalflow.run.slurm import ClusterError, QueuedJob, check_account, parse_queue

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


def test_nobody_can_tell_the_accounts():
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


def test_no_account_is_known_when_nobody_answers(monkeypatch):
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


def test_no_run_has_no_jobs_and_asks_nobody(monkeypatch):
    monkeypatch.setattr(slurm, "ask", None)
    assert slurm.queued_jobs(()) == []
