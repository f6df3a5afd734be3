"""The verdict on a finished study, by three checks that change nothing but ``verify.json``.

- every checksum of the manifest: what was fetched, the user's own files, the results;
- the intermediate files: the year tables, the prepared zones, the index;
- a sample of zones and years, drawn by a generator that the manifest's checksum seeds: the zones compared with the
  outlines of the user's own files by :mod:`zonalflow.verify.zones`, and the numbers of the tidy table with those that
  :mod:`zonalflow.verify.engines` computes from values that :mod:`zonalflow.verify.values` reads.
"""

import random
import shlex
from dataclasses import asdict
from typing import Any

from zonalflow.common.errors import VerificationError, ZonalflowError
from zonalflow.common.files import read_json, sha256, write_json
from zonalflow.study.ownership import config_changes
from zonalflow.study.study import Study
from zonalflow.verify.engines import TOLERANCE, engine_name
from zonalflow.verify.files import Mismatch, check_files
from zonalflow.verify.numbers import Comparison, compare_sample


def verify(study: Study) -> str:
    """Check a finished study, write its ``verify.json`` and return the verdict as one sentence.

    Raises:
        VerificationError: a file does not match or a number differs; the message names each and how to
            rebuild. ``verify.json`` is written all the same. Also, without it, when there is no usable manifest.
    """
    manifest = _manifest(study)
    seed = sha256(study.manifest)
    checked, mismatches = check_files(study, manifest)
    compared = compare_sample(study, random.Random(seed), {mismatch.path for mismatch in mismatches})
    passed = not (mismatches or compared.differences or compared.misplaced or compared.unreadable)
    write_json(
        study.verification,
        {
            "verdict": "passed" if passed else "failed",
            "largest_relative_difference": compared.largest,
            "tolerance": TOLERANCE[study.config["method"]],
            "engine": engine_name(study.config["method"]),
            "numbers_compared": compared.numbers,
            "points_compared": compared.points,
            "sample": compared.sample,
            "method_error": compared.method_error.to_dict(),
            "seed": seed[:16],
            "files_checked": checked,
            "files_that_do_not_match": len(mismatches),
            "manifest_sha256": seed,
            "mismatches": [asdict(mismatch) for mismatch in mismatches],
            "misplaced": compared.misplaced,
            "unreadable": compared.unreadable,
            "differences": [asdict(difference) for difference in compared.differences[:100]],
        },
    )
    summary = (
        f"{checked} files checked, {len(mismatches)} do not match; "
        f"zones compared with their files at {compared.points:,} points, {len(compared.misplaced)} misplaced; "
        f"{compared.numbers} numbers recomputed with "
        f"{engine_name(study.config['method'])}, largest relative difference {compared.largest:.2g}"
    )
    if not passed:
        raise VerificationError("\n".join([f"verification failed: {summary}.", *_advice(mismatches, compared)]))
    return f"verified: {summary}"


def _manifest(study: Study) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = read_json(study.manifest)
        manifest["results"], manifest["sources"]  # a KeyError if it is not a whole manifest
        changed = config_changes(manifest["config"], study.config)
    except (ZonalflowError, OSError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(
            f"{study.manifest} cannot be read ({error}), and without it nothing can be verified. "
            "Delete it, if it is there, and run the study first"
        ) from None
    if changed:
        raise VerificationError(
            f"the configuration has changed since {study.manifest} was written ({', '.join(changed)}): "
            "run the study first"
        )
    return manifest


def _advice(mismatches: list[Mismatch], compared: Comparison, limit: int = 20) -> list[str]:
    lines = [f"  {mismatch.path}: {mismatch.fault}" for mismatch in mismatches[:limit]]
    lines += [f"  {text}" for text in (*compared.misplaced[:limit], *compared.unreadable[:limit])]
    lines += [
        f"  {d.variable} {d.date}, zone {d.zone}: {d.statistic} is {d.ours}, the other engine says {d.theirs}"
        for d in compared.differences[:limit]
    ]
    hidden = sum(
        max(len(found) - limit, 0)
        for found in (mismatches, compared.misplaced, compared.unreadable, compared.differences)
    )
    lines += [f"  … and {hidden} more, in verify.json"] if hidden else []
    delete = list(dict.fromkeys(path for mismatch in mismatches for path in mismatch.delete))
    if delete:
        lines.append(f"To rebuild them, delete them and run the study again:\n  rm -rf {shlex.join(delete)}")
    if own := [mismatch.path for mismatch in mismatches if not mismatch.delete]:
        lines.append(f"Your own files, restore them or run the study again with what they are now: {', '.join(own)}")
    return lines
