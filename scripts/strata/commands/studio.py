"""Opens a local page to see a scene, edit it, know what an edit costs, and watch it paint.

    strata studio                    the scene of config.yaml
    strata studio --scene night      scenes/night.yaml
    strata studio --no-browser       prints the address alone

Whatever the page does is an edit of the scene's file, which keeps its comments. The page is on this machine alone: the address holds
a token, and nothing else may talk to it. Ctrl-C ends it; what is not saved stays in the browser.
"""

import argparse

from strata.studio.server import PORT, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scene", default="", metavar="NAME", help="the scene to open, a file in scenes/")
    parser.add_argument(
        "--port", type=int, help=f"the port on 127.0.0.1; by default {PORT}, or a free one if that is taken"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def run(arguments: argparse.Namespace) -> None:
    serve(arguments.scene, arguments.port, not arguments.no_browser)
