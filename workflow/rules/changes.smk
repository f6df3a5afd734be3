# What is out of date or missing: an empty file for each such result, which its job reads. Snakemake thus makes exactly
# these, in a preview as in a run, whatever its own notes and all time stamps say.

if changes and changes.new:

    rule note_changes:
        output:
            touch([path.removeprefix(study_on_disk.root) for path in changes.new.values()]),
        localrule: True
