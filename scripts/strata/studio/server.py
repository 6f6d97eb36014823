"""The studio's server: a few answers on loopback, each of which asks the rooms below."""

import contextlib
import json
import logging
import socket
import sys
import traceback
import webbrowser
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import uvicorn
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from strata.errors import StrataError
from strata.installation import LIBRARY
from strata.scene import paths
from strata.scene.description import SCHEMA
from strata.scene.edits import apply
from strata.scene.layers import Layers
from strata.scene.taking_back import find_edits
from strata.schema import Schema
from strata.state import STUDIO
from strata.studio import edit_requests, painted_masks, pictures, scene_views, strip, sweeps
from strata.studio.builds import Builder, read_job_log, read_preview
from strata.studio.guard import Guard, read_token
from strata.studio.memory import give_back
from strata.studio.project import ConflictError, Project
from strata.studio.scene_views import SceneViews
from strata.studio.sentences import describe_error
from strata.studio.watching import Watch
from strata.yaml_files import check_yaml

PAGE = LIBRARY / "studio/page"
SHARED = LIBRARY / "exports/page"

FILES = {
    **{path.name: path for path in PAGE.iterdir() if path.suffix in (".js", ".css", ".svg")},
    "colors.css": SHARED / "colors.css",
    "compositing.js": SHARED / "compositing.js",
    "slider.js": SHARED / "slider.js",
}
"""The files of the page by their names: its own, and what it shares with the page of a finished scene."""

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Of answers to questions that name the version of a file."""

PORT = 8425

SCHEMAS = ("scene", "runtime", "sweeps")

THREADS = CapacityLimiter(1)
"""Of answers: they take turns, since each thread would keep the memory of the largest picture that it was at."""

Handler = Callable[[Request, Any], Any]


class Studio:
    """Answers the page's questions about one folder."""

    def __init__(self, builder: Builder):
        self.project = Project()
        self.views = SceneViews(self.project)
        self.builder = builder

    def routes(self) -> list[Route]:
        """What can be asked for."""
        asked: list[tuple[str, str, Handler]] = [
            ("GET", "/api/schemas", self.schemas),
            ("GET", "/api/scene", self.scene),
            ("POST", "/api/scene", self.edited_scene),
            ("POST", "/api/save", self.save),
            ("GET", "/api/layer", self.layer),
            ("GET", "/api/picture", self.picture),
            ("GET", "/api/thumbnail", self.thumbnail),
            ("GET", "/api/preview", self.preview),
            ("GET", "/api/log", self.log),
            ("POST", "/api/mask", self.mask),
            ("POST", "/api/masks/{subject}", self.painted_mask),
            ("POST", "/api/build", self.build),
            ("POST", "/api/stop", self.stop),
            ("GET", "/api/strip/{id}", self.kept_picture),
            ("POST", "/api/strip/{id}", self.take_back),
            ("GET", "/api/sweeps", self.list_sweeps),
            ("POST", "/api/sweeps/{name}", self.pick),
            ("POST", "/api/seeds", self.more_seeds),
        ]
        return [
            Route("/", _send_page),
            Route("/page/{name}", _send_file),
            Route("/api/events", self.events),
            *(Route(path, _answering(handler), methods=[method]) for method, path, handler in asked),
        ]

    def schemas(self, request: Request, body: Any) -> Any:
        return {name: Schema(name).document for name in SCHEMAS}

    def scene(self, request: Request, body: Any) -> Any:
        name = request.query_params.get("scene", "")
        return {"scenes": self.project.names(), "view": self.views.describe(name)}

    def edited_scene(self, request: Request, body: Any) -> Any:
        """A scene with edits that are not saved, or what is wrong with them."""
        name, edits = _text(body, "scene"), edit_requests.parse(body.get("edits"))
        try:
            return {"view": self.views.describe(name, edits), "wrong": []}
        except StrataError as error:
            return {"view": None, "wrong": self.views.find_wrong(name, edits, error)}

    def save(self, request: Request, body: Any) -> Any:
        edits = edit_requests.parse(body.get("edits"))
        return {"version": self.project.save(_text(body, "scene"), _text(body, "version"), edits)}

    def layer(self, request: Request, body: Any) -> Any:
        name, asked = request.query_params.get("scene", ""), request.query_params
        how = _read_how(asked.get("how", "{}"))
        with self.project.working:
            scenes = self.project.scenes(name, self.project.read(name).file)
            folder = f"{name}/" if name else ""
            layers = Layers(scenes)
            scene = scenes.find(folder)
            width, height = scene.size
            scale = min(1.0, (scene_views.MOST_PIXELS / (width * height)) ** 0.5)
            placed = pictures.place_layer(scene, layers, folder, asked.get("layer", ""), how, scale)
        x, y = placed.position
        return Response(placed.png, media_type="image/png", headers=FOREVER | {"x-left": str(x), "x-top": str(y)})

    def picture(self, request: Request, body: Any) -> Any:
        return FileResponse(
            pictures.find_file(request.query_params.get("file", "")), media_type="image/png", headers=FOREVER
        )

    def thumbnail(self, request: Request, body: Any) -> Any:
        path = pictures.find_file(request.query_params.get("file", ""))
        longest = 480 if request.query_params.get("large") else pictures.THUMBNAIL
        return Response(pictures.shrink(path, longest), media_type="image/png", headers=FOREVER)

    def preview(self, request: Request, body: Any) -> Any:
        """The preview of a job at work; no content if it has just ended."""
        picture = read_preview(request.query_params.get("file", ""))
        return Response(picture, media_type="image/webp", headers=FOREVER) if picture else Response(status_code=204)

    def log(self, request: Request, body: Any) -> Any:
        layer = request.query_params.get("file", "")
        pictures.find_file(layer)
        return PlainTextResponse(read_job_log(layer))

    def mask(self, request: Request, body: Any) -> Any:
        """The mask of a subject as it would be drawn with some edits."""
        name, edits = _text(body, "scene"), edit_requests.parse(body.get("edits"))
        with self.project.working:
            edited = apply(self.project.read(name).file, edits)
            scenes = self.project.check(name, edited)
            folder = f"{name}/" if name else ""
            drawn = pictures.draw_mask(scenes.find(folder), Layers(scenes), folder, _text(body, "subject"))
        return Response(drawn, media_type="image/png")

    def painted_mask(self, request: Request, body: Any) -> Any:
        return {"file": painted_masks.save(body, request.path_params["subject"])}

    def build(self, request: Request, body: Any) -> Any:
        if sweep := body.get("sweep"):
            with self.project.working:
                target = sweeps.find_target(self.project, str(sweep))
        else:
            name = _text(body, "scene")
            self.project.path(name)
            target = f"{paths.RESULTS}/{paths.final(f'{name}/' if name else '')}"
        self.builder.build([target])
        return {}

    def stop(self, request: Request, body: Any) -> Any:
        if not self.builder.stop():
            raise StrataError("This studio has no build under way. One in a terminal is stopped there, by Ctrl-C.")
        return {}

    def kept_picture(self, request: Request, body: Any) -> Any:
        return FileResponse(strip.find_picture(request.path_params["id"]), media_type="image/jpeg", headers=FOREVER)

    def take_back(self, request: Request, body: Any) -> Any:
        """The edits that take the values of a picture of the strip back."""
        with self.project.working:
            file = self.project.read(_text(body, "scene")).file
            edits = find_edits(file, strip.find_scene(request.path_params["id"]))
        return {"edits": [edit_requests.describe(edit) for edit in edits]}

    def list_sweeps(self, request: Request, body: Any) -> Any:
        with self.project.working:
            return sweeps.describe(self.project)

    def pick(self, request: Request, body: Any) -> Any:
        """The edits that give a scene the values of a cell."""
        with self.project.working:
            edits = sweeps.find_pick(self.project, request.path_params["name"], body.get("cell", -1))
        return {"edits": [edit_requests.describe(edit) for edit in edits]}

    def more_seeds(self, request: Request, body: Any) -> Any:
        """Writes a sweep over more seeds of a layer, and begins to build it."""
        version = self.project.read("").version
        with self.project.working:
            name, edits = sweeps.plan_seeds(self.project, _text(body, "scene"), _text(body, "layer"))
        self.project.save("", version, edits)
        with self.project.working:
            target = sweeps.find_target(self.project, name)
        self.builder.build([target])
        return {"sweep": name}

    async def events(self, request: Request) -> Response:
        return StreamingResponse(Watch(self.project, self.builder).events(), media_type="text/event-stream")


def _answering(handler: Handler) -> Callable[[Request], Any]:
    """A function for a route: the body is JSON, or a picture; the answer is JSON, unless it is one already."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            body = await _read_body(request)
            answered = await run_sync(handler, request, body, limiter=THREADS)
            if not isinstance(answered, Response):
                return JSONResponse(answered)
            give_back()  # it is a picture
            return answered
        except ConflictError as error:
            return JSONResponse(describe_error(error), 409)
        except StrataError as error:
            return JSONResponse(describe_error(error), 422)
        except Exception as error:
            return JSONResponse({"error": _remember_failure(error), "key": None}, 500)

    return answer


async def _read_body(request: Request) -> Any:
    if request.method != "POST":
        return None
    content = await request.body()
    if request.headers.get("content-type") == "image/png":
        return content
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise StrataError("The body of a request must be JSON.")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise StrataError("The body of a request must be JSON.") from None
    if not isinstance(body, dict):
        raise StrataError("The body of a request must be a mapping.")
    return body


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key, "") if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise StrataError(f"{key} must be text.")
    return value


def _read_how(text: str) -> dict[str, Any]:
    """The blur, the position and the depth of an entry of the composite, checked as the config's are."""
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or not asked.keys() <= {"blur", "position", "depth"}:
        raise StrataError("How a layer is placed is its blur, its position and its depth.")
    described = {"background": {"prompt": "none"}, "composite": {"layers": [{"layer": "background", **asked}]}}
    entry: dict[str, Any] = SCHEMA.complete(described, "The page")["composite"]["layers"][0]
    return entry


def _remember_failure(error: Exception) -> str:
    """Writes a traceback into the studio's log, and says so in a sentence."""
    path = STUDIO / "server.log"
    with contextlib.suppress(OSError):
        STUDIO.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    return f"The studio failed unexpectedly: {type(error).__name__}: {error}. {path} holds the traceback."


async def _send_page(request: Request) -> Response:
    return FileResponse(PAGE / "index.html", media_type="text/html")


async def _send_file(request: Request) -> Response:
    path = FILES.get(request.path_params["name"])
    if path is None:
        return JSONResponse({"error": "The page has no such file.", "key": None}, 404)
    return FileResponse(path, media_type=TYPES[path.suffix], headers={"cache-control": "no-cache"})


def make_app(builder: Builder, token: str, port: int) -> ASGIApp:
    """The application behind its guard."""
    return Guard(Starlette(routes=Studio(builder).routes()), token, port)


def serve(scene: str, port: int | None, opens_browser: bool) -> None:
    """Serves the studio of the working directory until Ctrl-C.

    Args:
        scene: the name of the scene that is opened first; empty for config.yaml.
        port: on loopback; by default PORT, or a free one if that is taken.

    Raises:
        StrataError: there is no config or no such scene, or the port is taken.
    """
    check_yaml("config.yaml")
    Project().path(scene)
    with _listen(port) as listening:
        number = listening.getsockname()[1]
        token = read_token()
        address = f"http://127.0.0.1:{number}/?token={token}" + (f"#scene={scene}" if scene else "")
        print(f"The studio of {Path.cwd()}: {address}\nCtrl-C ends it.", file=sys.stderr, flush=True)
        for name in Project().names():
            strip.keep(name)
        builder = Builder()
        builder.start()
        config = uvicorn.Config(
            make_app(builder, token, number),
            log_level="critical",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        if opens_browser:
            webbrowser.open(address)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listening])
        finally:
            builder.end()


def _listen(port: int | None) -> socket.socket:
    for number in (PORT, 0) if port is None else (port,):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", number))
            listening.listen(128)  # a browser that is as quick as this waits for the first answer
            return listening
        except OSError as error:
            listening.close()
            reason = error.strerror or str(error)
        except OverflowError:
            listening.close()
            reason = "ports go from 0 to 65535"
    raise StrataError(f"The studio cannot listen on port {port}: {reason}. Choose another one by --port.")
