# The process that the user started controls the run: one run at once, an orderly end, a clear account of it. None of
# this happens in the Snakemake inside a job, nor in a workflow that uses this one as a module. While the Snakefile is
# read, only checks are made and the summary is shown; what writes, locks or contacts waits until a run has started.

if IN_CONTROL:

    import time
    from contextlib import suppress
    from threading import Thread

    import psutil  # Snakemake needs it as well
    from zonalflow.common.disk import check_writable
    from zonalflow.cluster.commands import forget_foreign_settings
    from zonalflow.cluster.session import Session, check_cluster
    from zonalflow.run import console, controller, events, failures, signals, start, watch
    from zonalflow.study import ownership, preflight, where
    from zonalflow.study.changes import leftovers, mark
    from zonalflow.study.jobs import job_name, year_job
    from zonalflow.study.overview import describe_study

    BEGAN = time.monotonic()
    PREVIEW = workflow.output_settings.dryrun
    PROFILE = controller.profile_file(sys.argv[1:], os.environ)

    def written() -> list[str]:
        """Return what this process, or one of its jobs, will write: a preview what Snakemake writes of its own."""
        own = [] if PREVIEW and Path(".snakemake/locks").is_dir() else [".snakemake/locks/lock"]
        if PREVIEW:
            return own
        missing = [path for path in study_on_disk.receipts if not Path(path).exists()]
        return [*own, study_on_disk.manifest, f"{study_on_disk.logs}/log", *missing]

    or_refuse(check_writable, written())
    or_refuse(ownership.check_owner, study_on_disk, configfile_name())
    or_refuse(preflight.check_inputs, study_on_disk)
    QUIET = console.is_silent(workflow.output_settings.quiet, preview=PREVIEW)
    if not QUIET:
        print(f"zonalflow\n{describe_study(study_on_disk)}", file=sys.stderr)
        if workflow.resource_settings.nodes is not None:  # of a cluster, also in a preview
            print(f"  steps      {where.description(study_on_disk)}", file=sys.stderr)
        print(file=sys.stderr)

    def notify(text: str) -> None:
        """Tell the user, on the terminal and in Snakemake's log."""
        logger.info(f"\nzonalflow: {text}\n")

    follower = watch.Watch(failures.Failures(notify))
    control = session = None

    def begin() -> None:
        """Check what a server would refuse, take over the run, and follow its jobs; a list of datasets is no run."""
        global control
        if set(workflow.dag_settings.targets) == {"datasets"}:
            return
        forget_foreign_settings(os.environ)
        or_refuse(preflight.check_catalogue, study_on_disk)
        control = or_refuse(controller.take_over, study_on_disk.run, study_on_disk.receipts, sys.argv, notify)
        or_refuse(changes.remember)
        or_refuse(changes.settle)
        logger.addHandler(follower)

    # Snakemake tells of a start before it looks at its lock and at what there is to do, and `onstart` comes after both: a
    # former run's lock must be gone, and the jobs that it left running must have ended, by then.
    if not PREVIEW:
        logger.addHandler(events.CallOnce(events.STARTED, begin))

    def requests() -> dict:
        """Return what one job of each rule that SLURM runs asks for."""
        jobs = {job.rule.name: job for job in workflow.dag.needrun_jobs() if not workflow.is_local(job.rule)}
        return {rule: dict(job.resources.items()) for rule, job in jobs.items()}

    def begin_with_slurm(name: str) -> None:
        """Check what SLURM would refuse, and prepare for what it keeps waiting, before the first job is submitted."""
        global session
        defaults = {name: resource.raw for name, resource in workflow.resource_settings.default_resources.items()}
        or_refuse(check_cluster, defaults, requests(), PROFILE)
        control.note_runs([name])
        attempts = workflow.executor_settings.status_attempts
        session = or_refuse(Session, name, str(defaults["slurm_account"]), attempts, follower, notify)
        Thread(target=signals.end_when_forgotten, args=(name, lambda: follower.in_slurm, notify), daemon=True).start()

    def tidy_up() -> None:
        """Move aside what this study did not write, or no longer asks for."""
        is_right = lambda variable, year: changes.plan.state_of(year_job(study_on_disk, variable, year)).is_current
        moved = or_refuse(ownership.move_aside, study_on_disk, is_right, changes.edited_results())
        if moved:
            files = "1 file" if len(moved) == 1 else f"{len(moved)} files"
            why = "edited since they were written, or of a former configuration"
            notify(f"{files} moved to {study_on_disk.results}/superseded/: {why}")

    def note_state(now) -> None:
        """Write down which results are out of date; if none is, the results are of this configuration."""
        or_refuse(mark, now)
        if not now.out_of_date and any(state.present for state in now.states.values()):
            or_refuse(ownership.record_config, study_on_disk, configfile_name())

    def end_in_order() -> None:
        """End what runs here and in SLURM; Snakemake waits for it."""
        if session:
            session.end()
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.terminate()
        workflow.scheduler._executor.next_seconds_between_status_checks = -10  # the plugin adds 10 for no news

    def note_the_end() -> None:
        """Take note of a signal that ends the run, while Snakemake is anywhere: nothing is logged here."""
        follower.interrupted = True
        console.show_only_ours(logger)

    def conclude(failed: bool) -> None:
        """Say how the run ended, if one had begun."""
        if control is None:
            return
        follower.failures.flush()
        now = or_refuse(changes.now)
        is_current = lambda key: now.states[job_name("zonal_stats", key)].is_current
        whole = lambda key: watch.is_whole(study_on_disk.year_table(*key)) and is_current(key)
        planned = [(variable, str(year)) for variable, year in study.year_keys]
        jobs = [] if workflow.touch else follower.jobs.values()  # what was only touched is not done
        years = watch.sort_years(jobs, planned, whole)
        left = "" if only_verifies() else leftovers(now)
        if not only_verifies():
            note_state(now)
        if follower.interrupted and session:
            session.cancel()
        if follower.interrupted and not (session and session.refused):
            notify("\n".join(filter(None, [watch.interruption(years), left])))
            return
        others = watch.other_failures(follower.jobs.values(), watch.is_whole)
        if QUIET and not failed:  # what a part of the study, such as `verify`, reports itself
            return
        page = [study_on_disk.report] if Path(study_on_disk.report).exists() else []
        places = {
            "results": f"{study_on_disk.results}/",
            **({"report": page[0]} if page else {}),
            "logs": f"{study_on_disk.logs}/",
        }
        account = watch.summary(years, others, places, failed=failed)
        notify("\n".join(filter(None, [watch.heading(failed=failed, seconds=time.monotonic() - BEGAN), account, left])))

    onstart:
        start.end_planning()
        if control is None:
            return
        signals.end_in_order_on_signals(note_the_end, end_in_order)
        for executor in (workflow.scheduler._executor, workflow.scheduler._local_executor):
            if pool := getattr(executor, "pool", None):  # its threads, which start the jobs, are yet to begin
                pool._initializer = signals.shield_from_ctrl_c
        follower.failures.arguments = watch.without_targets(sys.argv[1:], workflow.dag_settings.targets)
        follower.failures.program = failures.program_of(sys.argv[0])
        follower.failures.tries = workflow.execution_settings.retries + 1
        if follower.slurm_run:
            begin_with_slurm(follower.slurm_run)
        if not only_verifies():
            tidy_up()

    onsuccess:
        if control is not None:
            control.note_runs([])
        conclude(failed=False)

    onerror:
        conclude(failed=True)
