"""Run the stand-in server: ``python -m standin --port 8765``, from the folder ``tests``."""

import argparse
from pathlib import Path

from standin.server import Server, parse_fault


def main() -> None:
    """Serve until interrupted, and say where."""
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--census-folder", type=Path, help="real boundary files to serve by their names")
    parser.add_argument(
        "--fault", action="append", default=[], type=parse_fault, metavar="KIND[:WHERE[:TIMES]]",
        help="strike the next requests whose address holds WHERE, for example 503:subset:2",
    )  # fmt: skip
    arguments = parser.parse_args()
    server = Server(*arguments.fault, port=arguments.port, census_folder=arguments.census_folder)
    print(f"raster.url (geocdl)  {server.url}")
    print(f"raster.url (prism)   {server.prism_url}")
    print(f"zones.url (census)   {server.census_url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(f"{server.count()} requests")


if __name__ == "__main__":
    main()
