"""`phasegate substrate …`: an embedded AWS that stays between sessions."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer

from infra.emulator.process import SubstrateProcess, default_state_dir, ensure_running, find, put_down
from infra.errors import InfraError, SubstrateError
from infra.names import DEFAULT_ACCOUNT

app = typer.Typer(
    help="The embedded AWS that the gates run against: keep one running between sessions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where the state file and the log lie (default: .phasegate/substrate)."),
]


def _telling_errors(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Turn an error of ours into its message and its exit code."""

    @wraps(command)
    def told(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except InfraError as error:
            for problem in error.problems:
                typer.echo(f"error: {problem.fact}", err=True)
                typer.echo(f"    at: {problem.place}", err=True)
                typer.echo(f"remedy: {problem.remedy}", err=True)
            raise typer.Exit(error.exit_code) from error

    return told


@app.command()
@_telling_errors
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on the loopback; 0 lets the system choose.")] = 0,
    no_stacks: Annotated[bool, typer.Option("--no-stacks", help="Start it empty, without the five stacks.")] = False,
    registry: Annotated[
        Path | None, typer.Option(help="The handle registry to repin (default: the platform's own).")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Start the substrate, or find it running, and build the five stacks in its default world."""
    from infra.emulator.edge.interpreters import mismatch  # noqa: PLC0415
    from infra.emulator.world import open_world  # noqa: PLC0415 - `status` needs none of it
    from infra.endpoints import local_url  # noqa: PLC0415
    from infra.ingress.package import RUNTIME  # noqa: PLC0415

    began = time.monotonic()
    folder = state_dir or default_state_dir()
    before = find(folder)
    process = ensure_running(folder, owner_pid=None, port=port)
    replaced = ", in place of one that ran other code" if before is not None and process.started_here else ""
    lines = [
        f"substrate  {'started' if process.started_here else 'already running'}, process {process.pid}{replaced}",
        f"endpoint   {process.endpoint_url}",
        f"account    {DEFAULT_ACCOUNT}",
    ]
    if not no_stacks:
        try:
            world = open_world(process, DEFAULT_ACCOUNT, registry or _platform_registry(), folder)
        except InfraError:
            if process.started_here:
                process.stop()  # a world half built would pass for one that somebody changed
            raise
        names = ", ".join(str(stack.get("stack")) for stack in world.stacks)
        lines.append(f"stacks     {names} ({'built now' if world.ensured_here else 'as they were'})")
        lines.append(f"registry   {world.registry_path}")
        lines.append(f"ingress    {local_url(str(world.handles['IG_BASE_URL']), process.endpoint_url)}")
        if (said := mismatch(RUNTIME)) is not None:
            lines.append(f"runtime    {said}")
        if world.without_line:
            lines.append(f"unpinned   no line in the registry: {', '.join(world.without_line)}")
    lines.append(f"took       {time.monotonic() - began:.2f} s")
    lines.append(f"try        {aws_command(process, DEFAULT_ACCOUNT)} s3 ls")
    typer.echo("\n".join(lines))


@app.command()
@_telling_errors
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print what the process says of itself.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Tell whether a substrate is running, where, for how long, and with which worlds; exit code 10 if none is."""
    from infra.emulator.edge.interpreters import mismatch  # noqa: PLC0415 - nothing runs, mostly
    from infra.ingress.package import RUNTIME  # noqa: PLC0415

    folder = state_dir or default_state_dir()
    process = find(folder)
    if process is None:
        typer.echo(json.dumps({"up": False, "state_dir": str(folder)}) if as_json else f"down ({folder})")
        raise typer.Exit(SubstrateError.exit_code)
    health = process.health()
    if as_json:
        report = {"up": True, "state_dir": str(folder), "current": process.runs_current_code, **health}
        typer.echo(json.dumps(report, indent=2))
        return
    lines = [
        f"up         process {process.pid}, for {_age(health['uptime_seconds'])}",
        f"endpoint   {process.endpoint_url}",
        f"worlds     {', '.join(health['worlds']) or 'none'}",
        f"ends       {_end(health)}",
    ]
    if (said := mismatch(RUNTIME)) is not None:
        lines.append(f"runtime    {said}")
    if not process.runs_current_code:
        lines.append("outdated   it runs other code than this checkout; `phasegate substrate up` replaces it")
    lines += [f"defect     {backend}: {reason}" for backend, reason in health["defects"].items()]
    typer.echo("\n".join(lines))


@app.command()
@_telling_errors
def down(state_dir: StateDir = None) -> None:
    """End the substrate and everything in it, and remove what it left; nothing to do if none is running."""
    folder = state_dir or default_state_dir()
    process = put_down(folder)
    if process is None:
        typer.echo(f"no substrate is running ({folder})")
        return
    typer.echo(f"ended process {process.pid} at {process.endpoint_url}")


def aws_command(process: SubstrateProcess, account_id: str) -> str:
    """The beginning of a shell line that points the AWS CLI at one world of a substrate."""
    environment = process.clients(account_id).environment()
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    return " ".join([*(f"{name}={shlex.quote(environment[name])}" for name in names), "aws"])


def _platform_registry() -> Path:
    import infra.handles  # noqa: PLC0415 - only a start needs the registry

    return Path(infra.handles.__file__).with_name("dev_full_handles.registry.v0.md")


def _age(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _end(health: dict[str, Any]) -> str:
    if health["kept"]:
        return "with `phasegate substrate down`"
    return f"with process {', '.join(map(str, health['owners']))}"


if __name__ == "__main__":
    app(prog_name="phasegate substrate")
