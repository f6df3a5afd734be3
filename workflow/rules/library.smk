# The library, found relative to this file, and how a mistake ends a run. Read before the configuration is.

import sys
from pathlib import Path

WORKFLOW = Path(str(workflow.current_basedir)).parent  # this very folder, also when another workflow uses the rules
sys.path.insert(0, str(WORKFLOW / "scripts"))

from snakemake.exceptions import WorkflowError
from zonalflow.common.disk import describe_disk_error
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.memory import describe_memory_error
from zonalflow.common.text import printable


def or_refuse(function, *arguments):
    """Call a function; a mistake or fault that the user can act on ends the run with its one message."""
    try:
        return function(*arguments)
    except (ZonalflowError, OSError, MemoryError, ImportError) as error:
        message = describe_memory_error(error) or describe_disk_error(error) or str(error)
        if isinstance(error, ImportError) and message == str(error):
            raise
        raise WorkflowError(f"zonalflow: {printable(message)}") from None
