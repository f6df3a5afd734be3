# The process that the user started controls the run: one at a time, an orderly end, a clear account of it.
# None of this happens in the Snakemake that runs inside a job, nor when nothing is to be run.

from threading import Thread

from snakemake.logging import logger
from zonalflow.run import controller as control_
from zonalflow.run import signals, slurm, watch
from zonalflow.study import ownership
from zonalflow.common.files import write_text
from zonalflow.jobs import describe_disk_error

PROFILE = control.profile_file(sys.argv[1:], os.environ)


def say(text: str) -> None:
    """Tell the user, on the terminal and in Snakemake's log."""
    logger.info(f"\nzonalflow: {text}\n")


def or_exit(function, *arguments):
    """Call a function; a mistake or fault that the user can act on ends the run with its message."""
    try:
        return function(*arguments)
    except (ZonalflowError, OSError) as error:
        sys.exit(f"zonalflow: {describe_disk_error(error) or error}")


def conclude() -> None:
    """Log how the run ended, and keep what its SLURM jobs used."""
    used, where = [], {"results": f"{study.results}/", "logs": f"{study.logs}/"}
    if follower.slurm_run:
        try:
            used = cluster.used_jobs(follower.slurm_run)
            where["SLURM jobs"] = f"{study.logs}/slurm/{follower.slurm_run}.csv"
            write_text(where["SLURM jobs"], watch.usage_table(used))
        except cluster.ClusterError as error:
            say(f"what the jobs used is not known: {error}")
    whole = lambda key: watch.is_whole(study.year_table(*key))
    years = watch.sort_years(follower.jobs.values(), [(v, str(y)) for v, y in study.year_keys], whole)
    say(f"\n{watch.summary(years, used, where)}")


if workflow.is_main_process and not (workflow.output_settings.dryrun or control.runs_nothing(sys.argv[1:])):
    controller = or_exit(control.take_over, study.run, study.receipts, sys.argv, say)
    follower = watch.Watch(say)
    logger.addHandler(follower)


def begin_with_slurm(run: str) -> None:
    """Check what SLURM would refuse, and prepare for what becomes of the jobs of `run`, before the first is submitted."""
    defaults = workflow.resource_settings.default_resources
    resources = {name: resource.raw for name, resource in defaults.items()}
    or_exit(cluster.check_account, resources, cluster.known_accounts(), PROFILE)
    controller.note_runs([run])
    Thread(target=control.end_when_forgotten, args=(run, lambda: follower.in_slurm, say), daemon=True).start()


onstart:
    control.end_in_order_on_signals()
    follower.arguments = watch.without_targets(sys.argv[1:], workflow.dag_settings.targets)
    if follower.slurm_run:
        begin_with_slurm(follower.slurm_run)
    moved = or_exit(ownership.claim, study, configfile_name())
    if moved:
        say(f"{len(moved)} results of the former configuration moved to {study.results}/superseded/")


onsuccess:
    controller.note_runs([])
    conclude()


onerror:
    conclude()
