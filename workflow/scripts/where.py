"""Log where the results of a run are: the last lines of `make demo`."""

import sys
from pathlib import Path

results = Path(sys.argv[1])
shapefiles = sorted(results.glob("*/stats_*.shp"))
maps = sorted(results.glob("maps/*.png"))
rows = {
    "shapefiles": f"{shapefiles[0]} … {shapefiles[-1].name}" if shapefiles else "",
    "tables": "  ".join(str(path) for path in sorted(results.glob("zonal_stats.*"))),
    "maps": f"{maps[0]} … {maps[-1].name}" if maps else "",
    "report": str(results / "report.html") if (results / "report.html").exists() else "",
    "provenance": str(results / "manifest.json"),
}
print("\nDone. The results:")
print("\n".join(f"  {name:<12}{where}" for name, where in rows.items() if where))
